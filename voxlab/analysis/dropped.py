"""Whether a call that stood was dropped: ended by a timer instead of a person (RFC 3261 s.13.3.1.4, s.12.2.1.2, RFC
4028 s.10).

Works on the messages of one call; must not know how that is worded for people, nor why it came so.
"""

from __future__ import annotations

from collections.abc import Sequence

from voxlab.analysis.entries import Entry
from voxlab.base.records import DELIVERED
from voxlab.dialog.session_timer import interval_of

NO_ACK = "no ACK came"
NOT_REFRESHED = "nobody refreshed it"
NO_ANSWER = "the other side no longer answered"

_SLACK_S = 1.5
_GIVEN_UP_S = 31.0
_WAITED_S = 10.0


def is_expiry(passed_s: float, interval_s: int) -> bool:
    """Whether a call that ends so long after its last refresh ends because its session interval is over (RFC 4028
    s.10: slightly before it is).
    """
    due_s = interval_s - min(32.0, interval_s / 3)
    return due_s - _SLACK_S <= passed_s <= interval_s + _SLACK_S


def dropped(entries: Sequence[Entry]) -> str:
    """Return why a call was dropped, "" for one that somebody hung up or that goes on."""
    bye = next((each for each in entries if each.kind == "request" and each.method == "BYE"), None)
    if bye is None:
        return ""
    before = [each for each in entries if each.call_id == bye.call_id and each.number < bye.number]
    if _was_never_acknowledged(before, bye):
        return NO_ACK
    if _has_expired(before, bye):
        return NOT_REFRESHED
    return NO_ANSWER if _waited_in_vain(before, bye) else ""


def _was_never_acknowledged(before: Sequence[Entry], bye: Entry) -> bool:
    answers = [e for e in before if e.method == "INVITE" and 200 <= (e.status or 0) < 300 and e.src == bye.src]
    if not answers or not any(each.retransmission for each in answers):
        return False
    first = next(each for each in answers if each.cseq == answers[-1].cseq)
    acks = (e for e in before if e.method == "ACK" and e.kind == "request" and e.cseq == first.cseq)
    came = any(ack.dst == first.src and ack.outcome == DELIVERED and ack.time_s >= first.time_s for ack in acks)
    return not came and bye.time_s - first.time_s > _GIVEN_UP_S


def _has_expired(before: Sequence[Entry], bye: Entry) -> bool:
    settled: tuple[float, int] | None = None
    for each in before:
        if each.method in {"INVITE", "UPDATE"} and 200 <= (each.status or 0) < 300 and not each.retransmission:
            interval = None if each.message is None else interval_of(each.message)
            settled = None if interval is None else (each.time_s, interval.seconds)
    return settled is not None and is_expiry(bye.time_s - settled[0], settled[1])


def _waited_in_vain(before: Sequence[Entry], bye: Entry) -> bool:
    """Whether the side that ends the call had asked for a change long before, and got no final response, or 408."""
    asked = [e for e in before if e.kind == "request" and e.method in {"INVITE", "UPDATE"} and e.src == bye.src]
    for each in asked:
        if each.message is None or not each.message.to_tag or bye.time_s - each.time_s < _WAITED_S:
            continue
        answered = (e for e in before if e.branch == each.branch and (e.status or 0) >= 200)
        if next(answered, None) is None:
            return True
    return False
