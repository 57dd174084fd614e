"""Flaws of RTP: in columns as in the simulated world, and packet by packet as in the live one, they do the same."""

from __future__ import annotations

import numpy as np
import pytest

from voxlab.faults.catalogue import CATALOGUE, treatment
from voxlab.faults.flaws import Flaw, NoReports
from voxlab.faults.temper import Temper
from voxlab.faults.treatment import Treatment
from voxlab.media.batch import PacketBatch
from voxlab.media.telephone_event import frames_of_digits

NS = 1_000_000_000
FLAWS = [fault.name for fault in CATALOGUE if isinstance(treatment(fault, fault.checked({})), Flaw)]


def sound(first: int, frames: int, pause_s: float = 0.0) -> PacketBatch:
    """Return frames of G.711 from a frame's number on."""
    number = np.arange(first, first + frames)
    time_ns = number * 20_000_000 + round(pause_s * NS)
    marker = number == first
    payload = np.full((frames, 160), 0xFF, np.uint8)
    stamps = (number * 160 + round(pause_s * 8000)).astype(np.uint32)
    return PacketBatch(7, 0, time_ns, number.astype(np.uint16), stamps, marker, payload)


def key(first: int) -> PacketBatch:
    """Return the packets of a key that is pressed in a frame."""
    frames = dict(frames_of_digits("5", first, 160, 0.02))
    number = np.array(sorted(frames))
    payload = np.frombuffer(b"".join(frames[int(each)].payload for each in number), np.uint8).reshape(-1, 4)
    stamps = np.full(len(number), first * 160, np.uint32)
    marker = np.array([frames[int(each)].marker for each in number])
    return PacketBatch(7, 101, number * 20_000_000, number.astype(np.uint16), stamps, marker, payload)


def story() -> list[PacketBatch]:
    """Return what a sender sends: talk, a key, talk, a pause of two seconds, talk."""
    pressed = key(120)
    return [sound(0, 120), pressed, sound(120 + pressed.packets, 150), sound(270 + pressed.packets, 100, pause_s=2.0)]


def sent(name: str, batches: list[PacketBatch]) -> list[tuple[int, bytes]]:
    """Return when which packets leave a device with that fault."""
    fault = next(each for each in CATALOGUE if each.name == name)
    temper = Temper()
    temper.switch_on(name, treatment(fault, fault.checked({})))
    left = [each for batch in batches for each in temper.rtp(batch, "call")]
    return [pair for each in left for pair in zip(each.time_ns.tolist(), map(bytes, each.wire()), strict=True)]


def in_pieces(batches: list[PacketBatch], length: int) -> list[PacketBatch]:
    return [batch._rows(slice(begin, begin + length)) for batch in batches for begin in range(0, batch.packets, length)]


@pytest.mark.parametrize("length", [1, 7, 50])
@pytest.mark.parametrize("name", FLAWS)
def test_a_flaw_does_the_same_however_packets_are_bundled(name: str, length: int) -> None:
    assert sent(name, in_pieces(story(), length)) == sent(name, story())


@pytest.mark.parametrize("name", [name for name in FLAWS if name != "no_rtcp"])
def test_a_flaw_changes_something(name: str) -> None:
    plain = [pair for batch in story() for pair in zip(batch.time_ns.tolist(), map(bytes, batch.wire()), strict=True)]
    assert sent(name, story()) != plain


def test_packets_leave_in_the_order_of_their_time() -> None:
    for name in FLAWS:
        times = [at for at, _ in sent(name, story())]
        assert times == sorted(times), name


def test_calls_do_not_know_of_each_other() -> None:
    temper = Temper()
    fault = next(each for each in CATALOGUE if each.name == "ssrc_changes")
    temper.switch_on("ssrc_changes", treatment(fault, {"after_s": 1.0}))
    first = [each.ssrc for each in temper.rtp(sound(0, 100), "one")]
    other = [each.ssrc for each in temper.rtp(sound(60, 100), "two")]
    assert (len(set(first)), len(set(other))) == (2, 2)
    assert {each.packets for each in temper.rtp(sound(160, 10), "two")} == {10}


def test_reports_are_kept_back_by_the_one_flaw_that_does_so() -> None:
    temper = Temper()
    assert temper.rtcp(b"report", "call") == b"report"
    temper.switch_on("twice", Treatment())
    assert temper.flaws == []
    temper.switch_on("no_rtcp", NoReports())
    assert temper.rtcp(b"report", "call") is None
    temper.switch_off()
    assert temper.rtcp(b"report", "call") == b"report"
