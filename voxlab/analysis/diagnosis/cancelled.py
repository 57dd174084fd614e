"""What goes wrong when a caller hangs up before the answer (RFC 3261 s.9)."""

from __future__ import annotations

from collections.abc import Iterator

from voxlab.analysis.diagnosis.case import Case, Step
from voxlab.analysis.diagnosis.finding import Certainty, Finding

_GIVEN_UP_S = 31.0
_ANSWERED_S = 1.0


def crossed(case: Case) -> Iterator[Finding]:
    """Find a 200 that comes although its INVITE was cancelled: both were under way."""
    for cancel in reversed(list(case.requests("CANCEL"))):  # where the two met: at the last hop
        answer = _answer_to_invite(case, cancel)
        if answer is None or not 200 <= answer.status < 300 or answer.time_s < cancel.time_s:
            continue
        bye = next((s for s in case.requests("BYE", leg=cancel.leg) if s.time_s >= answer.time_s), None)
        yield Finding(
            "VX-CANCEL-CROSSED",
            Certainty.CERTAIN,
            f"{answer.sender} answered although {cancel.sender} had hung up: 200 and CANCEL crossed"
            + ("" if bye is not None else ", and nobody sent BYE: the call goes on unheard"),
            "RFC 3261 s.9.1, s.15",
            "nothing: the caller has to ACK the 200, and then to hang up by BYE",
            tuple(step.shows() for step in (cancel, answer, bye) if step is not None),
            covers=("VX-ACK-LATE",),
        )


def waits(case: Case) -> Iterator[Finding]:
    """Find an INVITE that could not be cancelled, for nothing had come back yet."""
    for cancel in case.requests("CANCEL"):
        for invite in case.requests("INVITE"):
            if invite.sender != cancel.receiver or invite.entry.retransmission or invite.time_s > cancel.time_s:
                continue
            answers = list(case.answers(invite))
            if any(step.status < 200 or step.time_s < cancel.time_s for step in answers):
                continue
            after = answers[0] if answers else None
            if (case.now if after is None else after.time_s) - cancel.time_s < _ANSWERED_S:
                continue  # an answer is under way, or the call was another one's
            yield Finding(
                "VX-CANCEL-WAITS",
                Certainty.CERTAIN,
                f"{cancel.sender} hung up, but {invite.sender} may not cancel what {invite.receiver} never said a word "
                "to: it goes on ringing there",
                "RFC 3261 s.9.1",
                "answer INVITE with 100 at once, with 180 when it rings",
                tuple(step.shows() for step in (invite, cancel, after) if step is not None),
                covers=("VX-CANCEL-CROSSED",),
            )


def never_ends(case: Case) -> Iterator[Finding]:
    """Find a cancelled INVITE that gets no final answer."""
    for cancel in case.requests("CANCEL"):
        taken = case.final_answer(cancel)
        if taken is None or taken.status >= 300 or _answer_to_invite(case, cancel) is not None:
            continue
        waited_s = case.now - cancel.time_s
        if waited_s > _ANSWERED_S:
            yield Finding(
                "VX-CANCEL-NO-487",
                Certainty.CERTAIN if waited_s > _GIVEN_UP_S else Certainty.LIKELY,
                f"{cancel.receiver} took the CANCEL and never answered the INVITE: {cancel.sender} has to wait 64*T1",
                "RFC 3261 s.9.2, s.9.1",
                "answer the INVITE with 487 when CANCEL comes",
                (cancel.shows(), taken.shows("", "and no 487 behind it")),
            )


def _answer_to_invite(case: Case, cancel: Step) -> Step | None:
    """Return the final answer to the INVITE that a CANCEL is for: it has the same branch (s.9.1)."""
    for step in case.responses("INVITE", 200, leg=cancel.leg):
        if step.entry.branch == cancel.entry.branch and step.sender == cancel.receiver:
            return step
    return None


RULES = (crossed, waits, never_ends)
