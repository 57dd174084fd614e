"""What goes wrong with transfers (RFC 3515, RFC 3891)."""

from __future__ import annotations

from collections.abc import Iterator

from voxlab.analysis.diagnosis.case import Case, Step
from voxlab.analysis.diagnosis.finding import Certainty, Finding

_PATIENCE_S = 32.0


def refused(case: Case) -> Iterator[Finding]:
    """Find a REFER that is refused."""
    for refer in case.requests("REFER"):
        answer = case.final_answer(refer)
        if answer is None or answer.status < 300 or answer.entry.is_challenge:
            continue
        unknown = answer.status in (405, 501)
        yield Finding(
            "VX-REFER-REFUSED",
            Certainty.CERTAIN,
            f"{answer.sender} refuses to be transferred: {answer.status} {answer.entry.reason}"
            + (", it does not know REFER" if unknown else ""),
            "RFC 3515 s.2.4.2",
            "let the platform carry the transfer out (a rule with a scenario)"
            + ("; look at Allow before sending REFER" if unknown else ""),
            (refer.shows("Refer-To"), answer.shows("Allow" if unknown else "")),
        )


def endless(case: Case) -> Iterator[Finding]:
    """Find a transfer whose end is never told."""
    for refer in case.requests("REFER"):
        answer = case.final_answer(refer)
        if answer is None or answer.status >= 300 or answer.value("refer-sub").startswith("false"):
            continue
        told = [step for step in case.requests("NOTIFY", leg=refer.leg) if step.time_s >= refer.time_s]
        last = told[-1] if told else answer
        ended = any(step.value("subscription-state").startswith("terminated") for step in told)
        ended = ended or any(step.time_s > refer.time_s for step in case.requests("BYE", leg=refer.leg))
        if not ended and case.now - last.time_s > _PATIENCE_S:
            yield Finding(
                "VX-REFER-ENDLESS",
                Certainty.CERTAIN,
                f"{answer.sender} took the REFER and never said how the transfer ended",
                "RFC 3515 s.2.4.7, s.2.4.4",
                "end the subscription with Subscription-State: terminated",
                (refer.shows("Refer-To"), last.shows("Subscription-State" if told else "", "the last that was heard")),
            )


def replaces(case: Case) -> Iterator[Finding]:
    """Find an INVITE that is to replace a call which nobody knows, or the news of one."""
    for invite in case.requests("INVITE"):
        answer = case.final_answer(invite) if invite.has("replaces") else None
        if answer is not None and answer.status == 481:
            yield _unknown(
                f"{answer.sender} knows no call as Replaces names it: 481", (invite, "Replaces"), (answer, "")
            )
    for refer in case.requests("REFER"):
        for notify in case.requests("NOTIFY", leg=refer.leg) if "eplaces=" in refer.value("refer-to") else ():
            message = notify.request
            if message is not None and message.body.startswith(b"SIP/2.0 481"):
                yield _unknown(
                    "the call to be replaced was not found: the transfer failed with 481",
                    (refer, "Refer-To"),
                    (notify, "Subscription-State"),
                )


def _unknown(text: str, *shown: tuple[Step, str]) -> Finding:
    return Finding(
        "VX-REPLACES-UNKNOWN",
        Certainty.CERTAIN,
        text,
        "RFC 3891 s.3",
        "copy Call-ID and both tags of the call into Replaces, seen from who gets it",
        tuple(step.shows(part) for step, part in shown),
    )


RULES = (refused, endless, replaces)
