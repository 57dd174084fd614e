"""Messages that should have come and did not: the ACK to a 200 (RFC 3261 s.13.3.1.4)."""

from __future__ import annotations

from collections.abc import Iterator

from voxlab.analysis.diagnosis.case import Case, Step
from voxlab.analysis.diagnosis.finding import Certainty, Finding

_GIVEN_UP_S = 31.0


def ack_lost(case: Case) -> Iterator[Finding]:
    """Find a 200 to an INVITE that is repeated and never acknowledged: its sender hangs up after 64*T1."""
    for first, again in _repeated_answers(case):
        acks = list(case.requests("ACK", leg=first.leg))
        after = [ack for ack in acks if ack.time_s >= first.time_s and ack.entry.cseq == first.entry.cseq]
        after = [ack for ack in after if ack.receiver == first.sender]
        span_s = again[-1].time_s - first.time_s
        evidence = (first.shows("Contact"), again[-1].shows("", f"{len(again)} repetitions in {span_s:.1f} s"))
        bye = next((step for step in case.requests("BYE", leg=first.leg) if step.sender == first.sender), None)
        if after and any(map(case.arrived, after)):
            came_s = next(ack.time_s for ack in after if case.arrived(ack))
            if came_s < again[0].time_s:
                continue  # in time: the repetition was under way already
            late_s = came_s - first.time_s
            yield Finding(
                "VX-ACK-LATE",
                Certainty.CERTAIN,
                f"the ACK of {first.receiver} came {late_s:.1f} s after the 200, which was repeated until then",
                "RFC 3261 s.13.3.1.4",
                "nothing: the repeated 200 is what cures it; look at what delays the ACK",
                (*evidence, after[0].shows()),
            )
            continue
        gone = bye is not None and bye.time_s - first.time_s > _GIVEN_UP_S
        yield Finding(
            "VX-ACK-LOST",
            Certainty.CERTAIN if gone else Certainty.LIKELY,
            f"the ACK of {first.receiver} never arrived, so {first.sender} "
            + (f"hung up after 64*T1, {bye.time_s - first.time_s:.0f} s" if bye and gone else "repeats its 200"),
            "RFC 3261 s.13.3.1.4",
            "let the ACK through: check the Contact of the 200, Record-Route and NAT on its way",
            evidence if bye is None else (*evidence, bye.shows()),
        )


def _repeated_answers(case: Case) -> Iterator[tuple[Step, list[Step]]]:
    """Yield each 200 to an INVITE that its callee sent more than once, with its repetitions; relayed ones are left
    out.
    """
    firsts: dict[tuple[str, int | None], Step] = {}
    repeated: dict[tuple[str, int | None], list[Step]] = {}
    for step in case.responses("INVITE", 200, 299):
        key = (step.leg, step.entry.cseq)
        first = firsts.setdefault(key, step)
        if step.entry.retransmission and step.sender == first.sender:
            repeated.setdefault(key, []).append(step)
    for key, again in repeated.items():
        yield firsts[key], again


RULES = (ack_lost,)
