"""What somebody who speaks and listens may rely on, on either media plane (RFC 3550 s.5.1, s.6.4; RFC 3264 s.8.4)."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from tests.contract.planes import Site, packet
from voxlab.base.records import MediaBlocked
from voxlab.dialog.media_profile import MediaProfile
from voxlab.media.codecs import PCMU
from voxlab.media.rtp import parse
from voxlab.media.sources import from_samples, tone
from voxlab.media.srtp import Srtp
from voxlab.sip.crypto_attribute import AES_80, Crypto


def grid(heard: list[bytes]) -> tuple[list[int], list[int]]:
    """Return sequence numbers and timestamps of packets, from the first on."""
    packets = [parse(data) for data in heard]
    first = packets[0]
    return (
        [(each.sequence - first.sequence) & 0xFFFF for each in packets],
        [(each.timestamp - first.timestamp) & 0xFFFFFFFF for each in packets],
    )


def test_a_source_is_spoken_packet_by_packet_in_order(here: Site) -> None:
    alice = here.peer()
    a = here.port(alice)
    samples = (np.arange(400) * 37 % 2000).astype(np.int16)
    here.world.submit(a.play, from_samples(samples, loop=True))
    heard = alice.bytes_heard(10)
    assert grid(heard) == (list(range(10)), [160 * k for k in range(10)])
    assert b"".join(data[12:] for data in heard) == PCMU.encode(np.resize(samples, 1600)).tobytes()
    assert [parse(data).marker for data in heard] == [True] + 9 * [False]


def test_silence_follows_a_source_that_has_ended(here: Site) -> None:
    alice = here.peer()
    a = here.port(alice)
    here.world.submit(a.play, from_samples(np.full(200, 1000, np.int16)))
    heard = b"".join(data[12:] for data in alice.bytes_heard(4))
    assert heard[200:] == bytes([PCMU.silence]) * 440


def test_another_source_goes_on_in_the_same_numbers(here: Site) -> None:
    alice = here.peer()
    a = here.port(alice)
    here.world.submit(a.play, tone(440.0))
    first = alice.bytes_heard(3)
    here.world.submit(a.play, tone(880.0))
    numbers, stamps = grid([*first, *alice.bytes_heard(5)])
    assert numbers == list(range(8))
    assert stamps == [160 * k for k in range(8)]


def test_after_a_pause_comes_a_marker_and_a_timestamp_of_its_instant(here: Site) -> None:
    alice = here.peer()
    a = here.port(alice)
    here.world.submit(a.play, tone(440.0))
    last = parse(alice.bytes_heard(3)[-1])
    here.world.submit(a.play, None)
    here.world.run(0.2)
    alice.rtp.setblocking(False)
    while True:  # what was under way
        try:
            last = parse(alice.rtp.recv(2048))
        except BlockingIOError:
            break
    alice.rtp.settimeout(30)
    here.world.submit(a.play, tone(880.0))
    resumed = parse(alice.bytes_heard()[0])
    assert resumed.marker
    assert resumed.sequence == (last.sequence + 1) & 0xFFFF
    assert (resumed.timestamp - last.timestamp) & 0xFFFFFFFF >= 2 * 160


def test_reports_tell_what_has_been_spoken(here: Site) -> None:
    alice = here.peer()
    a = here.port(alice)
    here.world.submit(a.play, tone(440.0))
    alice.hear(5)
    here.world.submit(a.stop)
    rtp = a._rtp
    assert rtp is not None
    alice.rtp.setblocking(False)
    more = 0
    here.world.run(0.1)
    while True:
        try:
            alice.rtp.recv(2048)
        except BlockingIOError:
            break
        more += 1
    assert (rtp.sent_packets, rtp.sent_octets) == (5 + more, 160 * (5 + more))
    [goodbye] = alice.bytes_heard(rtcp=True)
    assert int.from_bytes(goodbye[20:24], "big") == 5 + more  # the sender report's packet count (s.6.4.1)


def test_what_is_spoken_follows_a_re_invite(here: Site) -> None:
    alice, moved = here.peer(), here.peer()
    a = here.port(alice)
    here.world.submit(a.play, tone(440.0))
    before = parse(alice.bytes_heard(2)[1])

    def reinvite() -> None:
        assert a.take_offer(moved.offer())
        a.answer()

    here.world.submit(reinvite)
    after = parse(moved.bytes_heard()[0])
    assert after.ssrc == before.ssrc
    assert 1 <= (after.sequence - before.sequence) & 0xFFFF < 1000


def test_who_is_on_hold_by_a_null_address_hears_nothing_and_the_clock_goes_on(here: Site) -> None:
    alice = here.peer()
    a = here.port(alice)
    here.world.submit(a.play, tone(440.0))
    before = alice.bytes_heard(2)

    def describe(host: str | None) -> None:
        assert a.take_offer(alice.offer(host=host))
        a.answer()

    here.world.submit(describe, "0.0.0.0")
    rtp = a._rtp
    assert rtp is not None
    here.until(lambda: rtp.sent_packets > 10)
    here.world.submit(describe, None)
    seen = [parse(data) for data in (*before, *alice.bytes_heard(12))]
    steps = [
        ((after.sequence - before.sequence) & 0xFFFF, (after.timestamp - before.timestamp) & 0xFFFFFFFF)
        for before, after in pairwise(seen)
    ]
    assert max(numbers for numbers, _ in steps) > 1
    assert all(ticks == 160 * numbers for numbers, ticks in steps)


def test_a_phone_hears_and_speaks(here: Site) -> None:
    alice = here.peer()
    phone = here.terminal(alice, tone(440.0))
    numbers, stamps = grid(alice.bytes_heard(5))
    assert (numbers, stamps) == (list(range(5)), [160 * k for k in range(5)])
    loud = PCMU.encode(np.full(160, 8000, np.int16)).tobytes()
    alice.send(phone, *(packet(k, payload=loud) for k in range(10)))
    here.until(lambda: sum(seen.packets for _, seen in phone.streams()) == 10)
    heard = phone.heard()
    assert heard is not None
    assert len(heard) == 1600
    assert (abs(heard.astype(int) - 8000) < 400).all()


def test_a_phone_hears_no_stranger(here: Site) -> None:
    alice, mallory = here.peer(), here.peer()
    phone = here.terminal(alice, None)
    mallory.send(phone, packet(1, ssrc=666))
    alice.send(phone, packet(1))
    here.until(lambda: bool(phone.streams()))
    assert [seen.ssrc for seen in here.streams(phone)] == [7]


def test_keys_are_pressed_between_the_sound_and_on_its_grid(here: Site) -> None:
    alice = here.peer()
    phone = here.terminal(alice, tone(440.0), events=101)
    heard = alice.bytes_heard(3)
    here.world.submit(phone.send_digits, "1")
    while sum(parse(data).payload_type == 101 for data in heard) == 0 or parse(heard[-1]).payload_type == 101:
        heard += alice.bytes_heard()
    heard += alice.bytes_heard(5)
    numbers, stamps = grid(heard)
    kinds = [parse(data).payload_type for data in heard]
    pressed = [row for row, kind in enumerate(kinds) if kind == 101]
    assert numbers == list(range(len(heard)))
    assert pressed == list(range(pressed[0], pressed[-1] + 1))
    assert {stamps[row] for row in pressed} == {160 * pressed[0]}  # RFC 4733 s.2.2.1: the first one's, throughout
    assert [stamps[row] for row in range(len(heard)) if row not in pressed] == [
        160 * row for row in range(len(heard)) if row not in pressed
    ]


def test_another_codec_is_spoken_from_the_re_invite_on_and_the_first_again_after_the_next(here: Site) -> None:
    alice = here.peer()
    phone = here.terminal(alice, tone(440.0))
    heard = alice.bytes_heard(3)

    def describe(payload_type: int) -> None:
        assert phone.take_offer(alice.offer(payload_type=payload_type))
        phone.answer()

    for payload_type in (9, 0):  # G.722 has memory
        here.world.submit(describe, payload_type)
        while parse(heard[-1]).payload_type != payload_type:
            heard += alice.bytes_heard()
        heard += alice.bytes_heard(3)
    numbers, stamps = grid(heard)
    assert numbers == list(range(len(heard)))
    assert all(after - before >= 160 for before, after in pairwise(stamps))
    assert list(dict.fromkeys(parse(data).payload_type for data in heard)) == [0, 9]
    assert parse(heard[-1]).payload_type == 0


def test_what_is_spoken_is_encrypted_from_the_re_invite_on_that_agreed_on_keys(here: Site) -> None:
    alice = here.peer()
    phone = here.terminal(alice, tone(440.0), MediaProfile(srtp="offer"))
    plain = parse(alice.bytes_heard(3)[-1])
    crypto = Crypto(1, AES_80, bytes(range(30)))

    def describe() -> None:
        assert phone.take_offer(alice.offer(more=(f"a={crypto.text}",)))
        phone.answer()

    here.world.submit(describe)
    agreed = phone.negotiation.agreed
    assert agreed is not None
    assert agreed.keys is not None
    alices = Srtp(AES_80, agreed.keys.remote, agreed.keys.local)
    while len(sealed := alice.bytes_heard()[0]) == 172:  # what was under way
        plain = parse(sealed)
    opened = [parse(alices.open(data) or b"") for data in (sealed, *alice.bytes_heard(4))]
    assert [(each.sequence - plain.sequence) & 0xFFFF for each in opened] == [1, 2, 3, 4, 5]
    alice.send(phone, alices.protect(packet(1)), packet(2), alices.protect(packet(3)))
    here.until(lambda: sum(seen.packets for _, seen in phone.streams()) == 2)
    assert phone._srtp is not None
    assert sum(phone._srtp.refused.values()) == 1


def test_what_the_media_border_refuses_is_dropped_and_said_once(here: Site) -> None:
    alice, bob = here.peer(), here.peer()
    here.place = replace(here.place, lets_in=lambda host: host != alice.address.host)
    kept_out, let_in = here.terminal(alice, None), here.terminal(bob, None)
    alice.send(kept_out, packet(1), packet(2))
    bob.send(let_in, packet(1, ssrc=8))
    here.until(lambda: bool(let_in.streams()) and any(isinstance(each, MediaBlocked) for each in here.journal.notes))
    assert here.streams(kept_out) == []
    assert [each.src for each in here.journal.notes if isinstance(each, MediaBlocked)] == [alice.address]
