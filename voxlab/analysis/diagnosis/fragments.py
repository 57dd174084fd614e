"""Datagrams that are too large for one packet (RFC 3261 s.18.1.1, RFC 791 s.2.3)."""

from __future__ import annotations

from collections.abc import Iterator

from voxlab.analysis.diagnosis.case import Case, Step
from voxlab.analysis.diagnosis.finding import Certainty, Finding
from voxlab.base.records import Fragmented

_LARGEST_BYTES = 1300


def fragments_lost(case: Case) -> Iterator[Finding]:
    """Find messages that travel in fragments and never arrive whole."""
    lost = [note for note in case.notes(Fragmented) if not note.arrived]
    if not lost:
        return
    first = lost[0]
    step = _step_of(case, first)
    yield Finding(
        "VX-FRAGMENTS-LOST",
        Certainty.CERTAIN if len(lost) > 1 else Certainty.LIKELY,
        f"{first.size_bytes} bytes are too many for one packet between {case.name_of(first.src)} and "
        f"{case.name_of(first.dst)}, and their fragments do not arrive",
        "RFC 3261 s.18.1.1",
        "send large messages over TCP, or raise the MTU of the path",
        () if step is None else (step.shows("", f"{first.size_bytes} bytes in {first.fragments} fragments"),),
        (f"{len(lost)} datagrams in fragments, none of them arrived whole",),
        ("VX-FRAGMENTS",),
    )


def large_datagrams(case: Case) -> Iterator[Finding]:
    """Find requests of more than 1300 bytes over UDP that did not try TCP first."""
    for step in case.requests("INVITE", "UPDATE", "REFER", "MESSAGE", "BYE", "REGISTER"):
        entry = step.entry
        if entry.transport != "UDP" or entry.size_bytes <= _LARGEST_BYTES or case.wire(step):
            continue
        if any(other.entry.branch == entry.branch and other.entry.transport != "UDP" for other in case.steps):
            continue
        yield Finding(
            "VX-FRAGMENTS",
            Certainty.CERTAIN,
            f"{step.sender} sends {entry.size_bytes} bytes over UDP: more than 1300 have to go over TCP",
            "RFC 3261 s.18.1.1",
            "move requests of more than 1300 bytes to TCP",
            (step.shows("", f"{entry.size_bytes} bytes over UDP"),),
        )
        return


def _step_of(case: Case, note: Fragmented) -> Step | None:
    for step in case.steps:
        if (step.entry.src, step.entry.dst, step.entry.size_bytes) == (note.src, note.dst, note.size_bytes):
            return step
    return None


RULES = (fragments_lost, large_datagrams)
