"""Messages that should have come and did not: the ACK to a 200 (RFC 3261 s.13.3.1.4)."""

from __future__ import annotations

from collections.abc import Iterator

from voxlab.analysis.diagnosis.case import Case, Step
from voxlab.analysis.diagnosis.finding import Certainty, Finding

_GIVEN_UP_S = 31.0
_CROSSING_S = 0.4  # less than T1: an ACK and a repetition may cross
_DEAF_AFTER = 4  # repetitions behind an ACK that arrived


def lost_ack(case: Case) -> Iterator[Finding]:
    """Find a 200 to an INVITE that is repeated: its ACK is lost, late, or not understood; after 64*T1 comes BYE."""
    for first, again in _repeated_answers(case):
        acks = list(case.requests("ACK", leg=first.leg))
        after = [ack for ack in acks if ack.time_s >= first.time_s and ack.entry.cseq == first.entry.cseq]
        arrived = next((ack for ack in after if ack.receiver == first.sender and case.arrived(ack)), None)
        bye = next((step for step in case.requests("BYE", leg=first.leg) if step.sender == first.sender), None)
        gone = bye if bye is not None and bye.time_s - first.time_s > _GIVEN_UP_S else None
        if arrived is None:
            yield _lost(first, again, gone)
            continue
        behind = sum(step.time_s > arrived.time_s + _CROSSING_S for step in again)
        if gone is not None or behind >= _DEAF_AFTER:
            yield _unheard(first, again, arrived, gone)
        elif again[0].time_s < arrived.time_s and arrived.time_s - first.time_s > _CROSSING_S:
            yield _late(first, again, arrived)


def _lost(first: Step, again: list[Step], gone: Step | None) -> Finding:
    evidence = (first.shows("Contact"), again[-1].shows("", _repetitions(first, again)))
    return Finding(
        "VX-ACK-LOST",
        Certainty.CERTAIN if gone else Certainty.LIKELY,
        f"the ACK of {first.receiver} never arrived, so {first.sender} {_what_then(first, gone)}",
        "RFC 3261 s.13.3.1.4",
        "let the ACK through: check the Contact of the 200, Record-Route and NAT on its way",
        evidence if gone is None else (*evidence, gone.shows()),
        covers=("VX-ACK-UNHEARD",),  # of a proxy whose own ACK was lost further on
    )


def _unheard(first: Step, again: list[Step], ack: Step, gone: Step | None) -> Finding:
    evidence = (ack.shows(), again[-1].shows("", _repetitions(first, again)))
    return Finding(
        "VX-ACK-UNHEARD",
        Certainty.CERTAIN if gone else Certainty.LIKELY,
        f"the ACK came to {first.sender}, which does not take it and {_what_then(first, gone)}",
        "RFC 3261 s.13.3.1.4, s.12.2.2",
        "match ACK by Call-ID and tags: it has a branch of its own; look for a firewall in front of the device",
        evidence if gone is None else (*evidence, gone.shows()),
    )


def _late(first: Step, again: list[Step], ack: Step) -> Finding:
    return Finding(
        "VX-ACK-LATE",
        Certainty.CERTAIN,
        f"the ACK of {first.receiver} came {ack.time_s - first.time_s:.1f} s after the 200, repeated until then",
        "RFC 3261 s.13.3.1.4",
        "nothing: the repeated 200 is what cures it; look at what delays the ACK",
        (first.shows("Contact"), again[-1].shows("", _repetitions(first, again)), ack.shows()),
    )


def _repetitions(first: Step, again: list[Step]) -> str:
    return f"{len(again)} repetitions in {again[-1].time_s - first.time_s:.1f} s"


def _what_then(first: Step, gone: Step | None) -> str:
    return f"hung up after 64*T1, {gone.time_s - first.time_s:.0f} s" if gone else "repeats its 200"


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


RULES = (lost_ack,)
