"""Which legs the media thread moves, and which it leaves to the lab's thread; what changes hands with them."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.contract.planes import Peer, Site, packet, report, site
from tests.contract.test_secure_planes import Leg
from voxlab.base.records import RtcpRecord
from voxlab.host.ends.plane_cloud_port import PlaneCloudPort
from voxlab.host.ends.plane_sender import PlaneSender
from voxlab.media.codecs import codec
from voxlab.media.rtp import parse
from voxlab.media.sources import tone
from voxlab.net.plane import build


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.delenv("VOXLAB_PLANE", raising=False)
    if not build.warm():
        pytest.skip(f"there is no compiled plane here: {build.why_not()}; cure: Linux, without NUMBA_DISABLE_JIT")
    with site() as made:
        yield made


def relayed(*ports: Any) -> list[bool]:
    """Whether the media thread relays for each port."""
    return [isinstance(port, PlaneCloudPort) and port._relayed for port in ports]


def test_keys_that_the_media_thread_cannot_use_are_left_to_the_labs_thread(
    here: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voxlab.media.srtp.Srtp.handles", lambda _: None)  # a library of another make
    alice, bob = Leg(here, 10), Leg(here, 20)
    here.world.submit(alice.port.join, bob.port)
    assert relayed(alice.port, bob.port) == [False, False]
    alice.send(packet(1))
    assert bob.hear() == [packet(1)]
    alice.send(report(), rtcp=True)
    assert bob.hear(rtcp=True) == [report()]


def test_an_encrypted_key_that_the_other_leg_numbers_differently_is_opened_by_the_labs_thread(here: Site) -> None:
    alice, bob = Leg(here, 10, events=101), Leg(here, 20, events=96)
    here.world.submit(alice.port.join, bob.port)
    assert relayed(alice.port, bob.port) == [True, True]
    alice.send(packet(1))
    assert bob.hear() == [packet(1)]
    alice.send(packet(2, kind=101, payload=bytes(4)))
    assert bob.hear() == [packet(2, kind=96, payload=bytes(4))]
    here.until(lambda: relayed(alice.port, bob.port) == [False, False])
    alice.send(packet(3))
    assert bob.hear() == [packet(3)]
    assert here.side(alice.port).packets == 3


def test_two_legs_that_speak_differently_are_left_to_the_labs_thread(here: Site) -> None:
    alice, bob = here.peer(), here.peer()
    a, b = here.port(alice), here.port(bob, payload_type=8)
    here.world.submit(a.join, b)
    assert relayed(a, b) == [False, False]


def test_when_a_key_is_pressed_that_the_other_leg_numbers_differently_the_relay_changes_hands(here: Site) -> None:
    alice, bob = here.peer(), here.peer()
    a, b = here.port(alice, events=101), here.port(bob, events=96)
    here.world.submit(a.join, b)
    assert relayed(a, b) == [True, True]
    alice.send(a, *(packet(k) for k in range(40)))
    bob.hear(40)
    here.peer().send(a, packet(7, ssrc=666, kind=101, payload=bytes(4)))  # a stranger's changes nothing
    alice.send(a, packet(40, kind=101, payload=bytes(4)), packet(41))
    here.until(lambda: relayed(a, b) == [False, False])
    heard = bob.bytes_heard(2)
    assert sorted(heard, key=lambda data: data[2:4]) == [packet(40, kind=96, payload=bytes(4)), packet(41)]
    alice.send(a, packet(42, kind=101, payload=bytes(4)))
    assert bob.bytes_heard() == [packet(42, kind=96, payload=bytes(4))]
    side = here.side(a)
    assert (side.packets, side.rtp.strangers) == (43, 1)
    assert [(seen.packets, seen.lost) for seen in here.streams(a)] == [(43, 0)]


def test_what_a_leg_may_send_besides_is_translated_when_it_comes(here: Site) -> None:
    alice, bob = here.peer(), here.peer()
    a, b = here.port(alice), here.port(bob, also=8)
    here.world.submit(a.join, b)
    assert relayed(a, b) == [True, True]
    bob.send(b, packet(1))
    assert alice.bytes_heard() == [packet(1)]
    bob.send(b, packet(2, kind=8, payload=b"\xd5" * 160))
    [heard] = alice.bytes_heard()
    assert (heard[1], heard[:1], len(heard)) == (0, b"\x80", 172)
    assert relayed(a, b) == [False, False]


def test_two_legs_that_number_telephone_events_alike_are_the_media_threads(here: Site) -> None:
    alice, bob = here.peer(), here.peer()
    a, b = here.port(alice, events=101), here.port(bob, events=101)
    here.world.submit(a.join, b)
    assert relayed(a, b) == [True, True]


def test_rtcp_on_the_rtp_port_leaves_from_there(here: Site) -> None:
    alice, bob = here.peer(), here.peer()
    a, b = here.port(alice, more=("a=rtcp-mux",)), here.port(bob, more=("a=rtcp-mux",))
    here.world.submit(a.join, b)
    assert relayed(a, b) == [True, True]
    alice.send(a, report())
    [(data, source, _)] = bob.hear()
    assert (data, source) == (report(), b.port.rtp_address)
    here.side(a)
    assert [(each.src, each.dst) for each in here.journal.notes if isinstance(each, RtcpRecord)] == [
        (alice.address, a.port.rtp_address),
        (b.port.rtp_address, bob.address),
    ]


def test_a_phone_speaks_by_the_media_thread_except_while_a_key_is_down(here: Site) -> None:
    alice = here.peer()
    phone = here.terminal(alice, tone(440.0), events=101)
    alice.hear()
    rtp = phone._rtp
    assert rtp is not None
    sender = rtp.sender
    assert isinstance(sender, PlaneSender)
    assert (sender.next_ns, phone.port.lane.speaks) == (None, True)  # type: ignore[attr-defined]
    here.world.submit(phone.send_digits, "1")
    assert sender.next_ns is not None
    here.until(lambda: sender.next_ns is None)
    assert phone.port.lane.speaks  # type: ignore[attr-defined]


WITH_A_MEMORY = pytest.mark.parametrize(
    ("name", "payload_type", "more"), [("G722", 9, ()), ("opus", 111, ("a=rtpmap:111 opus/48000/2",))]
)


@WITH_A_MEMORY
def test_a_codec_with_a_memory_is_spoken_while_the_labs_thread_computes(
    here: Site, name: str, payload_type: int, more: tuple[str, ...]
) -> None:
    alice = here.peer()
    phone = here.terminal(alice, tone(440.0), payload_type=payload_type, more=more)
    rtp = phone._rtp
    assert rtp is not None
    assert isinstance(rtp.sender, PlaneSender)
    ahead = rtp.sender._ahead
    here.until(lambda: ahead.end - ahead.first > 150)  # three seconds
    done = threading.Event()
    here.world.loop.call_soon_threadsafe(done.wait)
    heard = [parse(data) for data in alice.bytes_heard(100)]
    done.set()
    heard += [parse(data) for data in alice.bytes_heard(50)]
    assert {(each.payload_type, each.ssrc) for each in heard} == {(payload_type, rtp.ssrc)}
    assert [(each.sequence - heard[0].sequence) & 0xFFFF for each in heard] == list(range(150))
    step = heard[1].timestamp - heard[0].timestamp
    assert [(each.timestamp - heard[0].timestamp) & 0xFFFFFFFF for each in heard] == [step * k for k in range(150)]
    assert [each.marker for each in heard] == [True] + [False] * 149
    spoken = codec(name)
    decoder = spoken.make_decoder()
    sound = np.concatenate([decoder.frame(each.payload) for each in heard])
    for part in np.split(sound[: len(sound) // 5 * 5], 5)[1:]:
        spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part))))
        assert abs(np.argmax(spectrum) * spoken.sample_rate_hz / len(part) - 440) < 5
        assert spectrum.max() ** 2 > 0.4 * (spectrum**2).sum()  # the tone, and no clicks where portions meet


@WITH_A_MEMORY
def test_a_key_is_pressed_amid_what_was_encoded_ahead(
    here: Site, name: str, payload_type: int, more: tuple[str, ...]
) -> None:
    alice = here.peer()
    phone = here.terminal(alice, tone(440.0), payload_type=payload_type, more=more, events=101)
    alice.hear(20)
    here.world.submit(phone.send_digits, "1")
    heard = [parse(data) for data in alice.bytes_heard(60)]
    assert [(each.sequence - heard[0].sequence) & 0xFFFF for each in heard] == list(range(60))
    keys = [k for k, each in enumerate(heard) if each.payload_type == 101]
    assert keys == list(range(keys[0], keys[-1] + 1))
    assert {each.payload_type for each in heard[keys[-1] + 1 :]} == {payload_type}
    assert here.world.submit(lambda: phone.port.lane.speaks)  # type: ignore[attr-defined]


def test_what_comes_too_late_is_begun_anew_with_a_marker(here: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voxlab.host.ends.plane_sender.AHEAD_S", 0.0)
    alice = here.peer()
    phone = here.terminal(alice, tone(440.0), payload_type=9)
    assert phone._rtp is not None
    alice.hear()
    done = threading.Event()
    here.world.loop.call_soon_threadsafe(done.wait)
    first = [parse(data) for data in until_silence(alice)]
    assert len(first) < 100
    done.set()
    later = [parse(data) for data in alice.bytes_heard(10)]
    assert [each.marker for each in later] == [True] + [False] * 9
    assert later[0].sequence == (first[-1].sequence + 1) & 0xFFFF
    passed = (later[0].timestamp - first[-1].timestamp) & 0xFFFFFFFF
    assert passed > 160
    assert passed % 160 == 0


def until_silence(peer: Peer) -> list[bytes]:
    """Return what a peer hears until it hears nothing any more."""
    heard: list[bytes] = []
    patience_s = peer.rtp.gettimeout()
    peer.rtp.settimeout(0.2)
    with contextlib.suppress(TimeoutError):
        while True:
            heard += peer.bytes_heard()
    peer.rtp.settimeout(patience_s)
    return heard


def test_when_a_leg_changes_its_codec_the_relay_changes_hands_and_the_counts_go_along(here: Site) -> None:
    alice, a, b, bob = here.bridge()
    here.peer().send(a, packet(0, ssrc=666))
    alice.send(a, packet(1))
    bob.hear()

    def reinvite(payload_type: int) -> None:
        assert b.take_offer(bob.offer(payload_type=payload_type))
        b.answer()

    here.world.submit(reinvite, 8)
    assert relayed(a, b) == [False, False]
    alice.send(a, packet(2))
    bob.hear()
    here.world.submit(reinvite, 0)
    assert relayed(a, b) == [True, True]
    alice.send(a, packet(3))
    bob.hear()
    side = here.side(a)
    assert (side.packets, side.rtp.strangers) == (3, 1)
    assert [(seen.packets, seen.lost) for seen in here.streams(a)] == [(3, 0)]


def test_a_phone_with_keys_takes_packet_by_packet(here: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voxlab.host.ends.on_plane.keyed", lambda agreed: True)
    taken: list[bytes] = []
    alice = here.peer()
    phone = here.terminal(alice, tone(440.0))
    alice.hear()  # spoken by the lab's thread
    monkeypatch.setattr(phone, "datagram", lambda data, *_, **__: taken.append(data))
    alice.send(phone, packet(1), packet(2))
    here.until(lambda: len(taken) == 2)
    assert taken == [packet(1), packet(2)]


def test_a_bridge_of_a_port_on_each_plane_is_the_labs(here: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    alice, bob = here.peer(), here.peer()
    a = here.port(alice)
    monkeypatch.setattr(here.network._plane, "thread", lambda: None)
    b = here.port(bob)
    here.world.submit(a.join, b)
    assert (a.port.lane is None, b.port.lane is None) == (False, True)  # type: ignore[attr-defined]
    alice.send(a, packet(1))
    bob.send(b, packet(1, ssrc=8))
    assert bob.bytes_heard() == [packet(1)]
    assert alice.bytes_heard() == [packet(1, ssrc=8)]
    assert [seen.packets for seen in here.streams(a)] == [1]
