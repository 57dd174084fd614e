"""Bridges between codecs, by the media thread and a process that translates (RFC 3550 s.7.1)."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import numpy as np
import pytest

from tests.contract.planes import Peer, Site, packet, site
from tests.contract.test_secure_planes import AES_80, Leg
from voxlab.host.ends.cloud_port import CloudPort
from voxlab.host.ends.plane_cloud_port import PlaneCloudPort
from voxlab.kernels import g711
from voxlab.media.codecs import codec
from voxlab.media.rtp import parse
from voxlab.net.plane import build, translator
from voxlab.net.plane import cells as c
from voxlab.net.plane.lane import Lane


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    if not build.warm() or not translator.available():
        pytest.skip(f"there is no compiled plane here: {build.why_not()}; cure: Linux, without NUMBA_DISABLE_JIT")
    monkeypatch.delenv("VOXLAB_PLANE", raising=False)
    with site() as made:
        yield made


def on_thread(*ports: CloudPort) -> bool:
    return all(isinstance(port, PlaneCloudPort) and port._relayed for port in ports)


def bridge(here: Site, there: int, back: int) -> tuple[Peer, CloudPort, CloudPort, Peer]:
    """Join two peers that speak different payload types, and wait until the process translates between them."""
    alice, bob = here.peer(), here.peer()
    a, b = here.port(alice, payload_type=there), here.port(bob, payload_type=back)
    here.world.submit(a.join, b)
    here.until(lambda: on_thread(a, b))
    return alice, a, b, bob


def pid_of(port: CloudPort) -> int:
    assert isinstance(port, PlaneCloudPort)
    assert port.lane is not None
    found = port.lane.thread.known_translator
    assert found is not None
    return found.pid


def voice(count: int) -> list[bytes]:
    """Return packets of a tone in PCMU."""
    samples = (8000 * np.sin(2 * np.pi * 440 / 8000 * np.arange(160 * count))).astype(np.int16)
    octets = g711.encode_ulaw(samples)
    return [packet(k, payload=octets[160 * k : 160 * (k + 1)].tobytes()) for k in range(count)]


def test_one_codec_becomes_another_in_the_same_numbers(here: Site) -> None:
    alice, a, b, bob = bridge(here, 0, 9)
    sent = voice(30)
    alice.send(a, *sent)
    heard = [parse(data) for data in bob.bytes_heard(30)]
    assert [each.sequence for each in heard] == list(range(30))
    assert {(each.payload_type, each.ssrc, len(each.payload)) for each in heard} == {(9, 7, 160)}
    assert [each.timestamp for each in heard] == [160 * k for k in range(30)]
    decoder = codec("G722").make_decoder()
    sound = np.concatenate([decoder.frame(each.payload) for each in heard])[3200:]
    spectrum = np.abs(np.fft.rfft(sound))
    assert abs(np.argmax(spectrum) * 16000 / len(sound) - 440) < 5
    [seen] = here.streams(a)
    assert (seen.packets, seen.lost, seen.codec) == (30, 0, "PCMU")
    assert here.side(b).packets == 0


def test_the_evidence_has_what_came_and_what_left(here: Site) -> None:
    alice, a, b, bob = bridge(here, 0, 8)
    alice.send(a, *voice(20))
    heard = bob.bytes_heard(20)
    here.streams(a)
    here.world.submit(lambda: [port.flush() for port in (a, b)])
    left = [block for block in here.journal.rtp_blocks if block.src == b.port.rtp_address]
    assert b"".join(block.payload or b"" for block in left) == b"".join(data[12:] for data in heard)
    came = [block for block in here.journal.rtp_blocks if block.dst == a.port.rtp_address]
    assert sum(len(block.sequence) for block in came) == 20


def test_keys_and_codecs_differ_at_once(here: Site) -> None:
    alice, bob = Leg(here, 10, AES_80), Leg(here, 20, AES_80, payload_type=8)
    here.world.submit(alice.port.join, bob.port)
    here.until(lambda: on_thread(alice.port, bob.port))
    alice.send(*voice(10))
    assert [parse(data or b"").payload_type for data in bob.hear(10)] == [8] * 10
    bob.send(packet(3, kind=8))
    assert parse(alice.hear()[0] or b"").payload_type == 0


def test_when_the_process_dies_the_labs_thread_goes_on(here: Site) -> None:
    alice, a, b, bob = bridge(here, 0, 9)
    sent = voice(12)
    alice.send(a, *sent[:5])
    bob.hear(5)
    os.kill(pid_of(a), signal.SIGKILL)
    here.until(lambda: not on_thread(a, b))
    alice.send(a, *sent[5:])
    heard = [parse(data) for data in bob.bytes_heard(7)]
    assert [(each.sequence, each.payload_type) for each in heard] == [(k, 9) for k in range(5, 12)]
    assert here.streams(a)[0].packets == 12


def test_what_comes_while_the_relay_changes_hands_is_passed_on_and_the_thread_goes_on(
    here: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = here.peer(), here.peer()
    a, b = here.port(alice), here.port(bob, payload_type=8)
    here.world.submit(a.join, b)
    between, sent = voice(3), []
    join = Lane.join

    def slow_join(lane: Lane, other: Lane) -> None:
        drain = lane.thread.drain

        def drain_and_wait() -> None:
            drain()
            if not sent:
                sent.append(between[0])
                alice.send(a, between[0])
                while not lane.thread.state.books[c.URGENT, c.COUNT]:
                    pass

        monkeypatch.setattr(lane.thread, "drain", drain_and_wait)
        join(lane, other)
        monkeypatch.setattr(lane.thread, "drain", drain)

    monkeypatch.setattr(Lane, "join", slow_join)
    here.until(lambda: on_thread(a, b))
    assert [parse(data).sequence for data in bob.bytes_heard()] == [0]
    alice.send(a, *between[1:])
    assert [parse(data).sequence for data in bob.bytes_heard(2)] == [1, 2]
    assert on_thread(a, b)


def test_a_process_that_has_died_is_started_again_but_not_for_ever(here: Site) -> None:
    alice, a, b, bob = bridge(here, 0, 9)
    sent = voice(20)
    for death in range(4):
        alice.send(a, *sent[4 * death : 4 * death + 4])
        heard = [parse(data) for data in bob.bytes_heard(4)]
        assert [(each.sequence, each.payload_type) for each in heard] == [(4 * death + k, 9) for k in range(4)]
        before = pid_of(a)
        os.kill(before, signal.SIGKILL)
        here.until(lambda: not on_thread(a, b))
        if death < 3:
            here.until(lambda: on_thread(a, b))
            assert pid_of(a) != before
    alice.send(a, *sent[16:])
    assert [parse(data).sequence for data in bob.bytes_heard(4)] == [16, 17, 18, 19]
    assert not on_thread(a, b)
    assert here.streams(a)[0].packets == 20


def test_a_new_description_changes_what_packets_become(here: Site) -> None:
    alice, a, b, bob = bridge(here, 0, 9)
    alice.send(a, *voice(3))
    bob.hear(3)

    def describe() -> None:
        assert b.take_offer(bob.offer(payload_type=8))
        b.answer()

    here.world.submit(describe)
    alice.send(a, *voice(6)[3:])
    assert [parse(data).payload_type for data in bob.bytes_heard(3)] == [8] * 3


def test_nothing_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    if not build.warm() or not translator.available():
        pytest.skip(f"there is no compiled plane here: {build.why_not()}; cure: Linux, without NUMBA_DISABLE_JIT")
    monkeypatch.delenv("VOXLAB_PLANE", raising=False)
    with site() as made:
        _, a, _, _ = bridge(made, 0, 9)
        pid = pid_of(a)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_bridge_that_needs_no_translation_starts_no_process(here: Site) -> None:
    alice, a, _, bob = here.bridge()
    alice.send(a, packet(1))
    bob.hear()
    assert isinstance(a, PlaneCloudPort)
    assert a.lane is not None
    assert a.lane.thread.known_translator is None


def test_where_no_process_can_be_watched_the_labs_thread_translates(
    here: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: int, flags: int = 0) -> int:
        raise OSError("not in this sandbox")

    monkeypatch.setattr(os, "pidfd_open", refused)
    alice, bob = here.peer(), here.peer()
    a, b = here.port(alice), here.port(bob, payload_type=9)
    here.world.submit(a.join, b)
    alice.send(a, *voice(3))
    assert [parse(data).payload_type for data in bob.bytes_heard(3)] == [9] * 3
    assert not on_thread(a, b)
