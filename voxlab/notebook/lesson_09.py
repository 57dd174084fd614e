"""The exercises of lesson 9, RTP and jitter: a packet's clock, three ways to count, what a report says."""

from __future__ import annotations

from typing import Any, Final

from voxlab.notebook.course import Criterion, Exercise

_TALK_S: Final = 4.0
_FRACTIONS: Final = (25, 64, 250)


def to_phone(table: Any) -> Any:
    """Return the rows of a table that go to a phone: what the cloud sends."""
    return table[table.src_name == "cloud"]


def steps(call: Any) -> set[int]:
    """Return by how much timestamps grow from one packet to the next, over all streams to phones; voice alone."""
    found: set[int] = set()
    for _, packets in to_phone(call.packets).groupby(["dst_name", "ssrc", "payload_type"]):
        following = packets.sequence.diff() % 65536 == 1
        found |= {int(step) for step in (packets.timestamp.diff() % 2**32)[following]}
    return found


def step(call: Any) -> str:
    """Return the one step of all timestamps, "" if there are several."""
    found = steps(call)
    return str(found.pop()) if len(found) == 1 else ""


def talked(call: Any, seconds: float = _TALK_S) -> bool:
    """Whether both phones were sent sound for so long."""
    streams = to_phone(call.media)
    return len(streams) >= 2 and bool((streams.duration_s >= seconds).all())


def lost_by(call: Any, mode: str) -> int:
    """Return how many packets to phones were lost, as one mode counts them."""
    return int(to_phone(call.media_by(mode)).lost.sum())


def hides(call: Any) -> str:
    """Return "truth" or "rfc3550": the mode that shows fewer losses, "" where they show the same."""
    truth, rfc = lost_by(call, "truth"), lost_by(call, "rfc3550")
    return "" if truth == rfc else "truth" if truth < rfc else "rfc3550"


def told_by_bob(call: Any) -> Any:
    """Return bob's reports on a stream that loses."""
    reports = call.reports
    return reports[(reports.src_name == "bob") & (reports.fraction_lost > 0)]


def fraction(call: Any) -> str:
    """Return which of the numbers offered bob's reports come closest to, "" without a report of losses."""
    told = told_by_bob(call).fraction_lost
    return str(min(_FRACTIONS, key=lambda each: abs(each - told.median()))) if len(told) else ""


EXERCISES = (
    Exercise(
        "09.1",
        "Both phones put 40 ms of PCMU into a packet. By how much does the timestamp grow from one to the next?",
        step,
        (
            Criterion(
                "a packet holds 40 ms: 25 packets a second, 320 bytes each",
                lambda call: set(to_phone(call.packets).size_bytes) == {320},
                'both phones take it: shop.user("alice").phone(ptime_ms=40), and bob\'s alike, then dial',
            ),
            Criterion(
                "both spoke PCMU",
                lambda call: set(call.media.codec) == {"PCMU"},
                "leave codecs as they are: PCMU comes first",
            ),
            Criterion(
                f"they talked for {_TALK_S:g} seconds or more",
                talked,
                'call.wait("connected"), then lab.run(5)',
            ),
        ),
    ),
    Exercise(
        "09.2",
        'A link loses packets and doubles others. Which mode shows fewer losses, "truth" or "rfc3550"?',
        hides,
        (
            Criterion(
                "packets were lost",
                lambda call: lost_by(call, "truth") > 0,
                "give lab.link(bob) a path with loss=traces.GilbertElliott.of(0.05), after the call is connected",
            ),
            Criterion(
                "packets came twice",
                lambda call: int(to_phone(call.media_by("truth")).duplicates.sum()) > 0,
                "the same path takes duplicate=0.05",
            ),
            Criterion(
                "they talked for 20 seconds or more: a few packets prove nothing",
                lambda call: talked(call, 20.0),
                "lab.run(30) after the path is set",
            ),
        ),
    ),
    Exercise(
        "09.3",
        "The link to bob loses a quarter of all packets. What does fraction_lost in bob's reports say: 25, 64 or 250?",
        fraction,
        (
            Criterion(
                "bob reported losses, three times or more",
                lambda call: len(told_by_bob(call)) >= 3,
                "reports come every 5 seconds: let them talk for 30 over the bad link",
            ),
            Criterion(
                "about a quarter of what the cloud sent to bob was lost",
                lambda call: 0.18 < float(call.media[call.media.dst_name == "bob"].loss.max()) < 0.32,
                "traces.Path(loss=traces.GilbertElliott.of(0.25)) on lab.link(bob)",
            ),
            Criterion(
                "alice got to see the report: the cloud passed it on",
                lambda call: bool((call.reports[call.reports.dst_name == "alice"].fraction_lost > 0).any()),
                "look at call.reports: dst_name says to whom each was sent",
            ),
        ),
    ),
)
