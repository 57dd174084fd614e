"""What a bridge of encrypted legs may rely on, on either media plane (RFC 3711 s.3.1, s.3.3; RFC 4568 s.6.2)."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.contract.planes import Peer, Site, packet, report
from tests.contract.test_planes import blocks, on_thread
from voxlab.dialog.media_profile import MediaProfile
from voxlab.host.ends.cloud_port import CloudPort
from voxlab.media.rtp import RtpPacket, pack, parse
from voxlab.media.sources import tone
from voxlab.media.srtp import Srtp
from voxlab.sip.crypto_attribute import Crypto

AES_80, AES_32 = "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"


class Leg:
    """A peer with keys, and the cloud's port that has answered it."""

    def __init__(self, here: Site, number: int, suite: str | None = AES_80, **offer: Any) -> None:
        self.here = here
        self.peer: Peer = here.peer()
        more = () if suite is None else (f"a={Crypto(1, suite, bytes(range(number, number + 30))).text}",)
        self.port: CloudPort = here.port(self.peer, more=more, **offer)
        self.srtp = self._keys()

    def _keys(self) -> Srtp | None:
        agreed = self.port.negotiation.agreed
        assert agreed is not None
        return None if agreed.keys is None else Srtp(agreed.keys.suite, agreed.keys.remote, agreed.keys.local)

    def seal(self, data: bytes) -> bytes:
        return data if self.srtp is None else self.srtp.protect(data)

    def send(self, *plain: bytes, rtcp: bool = False) -> list[bytes]:
        """Send what these are on the wire, and return that."""
        sealed = [self.seal(each) for each in plain]
        self.peer.send(self.port, *sealed, rtcp=rtcp)
        return sealed

    def hear(self, count: int = 1, *, rtcp: bool = False) -> list[bytes | None]:
        """Return what the next datagrams hold."""
        heard = self.peer.bytes_heard(count, rtcp=rtcp)
        return [each if self.srtp is None else self.srtp.open(each) for each in heard]

    def rekey(self, number: int) -> None:
        """Offer another key, and take the answer."""
        crypto = Crypto(1, AES_80, bytes(range(number, number + 30)))

        def describe() -> None:
            assert self.port.take_offer(self.peer.offer(more=(f"a={crypto.text}",)))
            self.port.answer()

        self.here.world.submit(describe)
        self.srtp = self._keys()


def bridge(here: Site, *suites: str | None, **offer: Any) -> tuple[Leg, Leg]:
    alice, bob = (Leg(here, 10 * (1 + k), suite, **offer) for k, suite in enumerate(suites))
    here.world.submit(alice.port.join, bob.port)
    return alice, bob


@pytest.mark.parametrize("suites", [(AES_80, AES_80), (AES_80, AES_32), (AES_80, None), (None, AES_32)])
def test_what_packets_hold_passes_from_key_to_key(plane: str, here: Site, suites: tuple[str | None, ...]) -> None:
    alice, bob = bridge(here, *suites)
    assert (on_thread(alice.port), on_thread(bob.port)) == ((plane == "thread"),) * 2
    there, back = [packet(k) for k in range(40)], [packet(k, ssrc=8) for k in range(40)]
    alice.send(*there)
    bob.send(*back)
    assert bob.hear(40) == there
    assert alice.hear(40) == back
    alice.send(report(), rtcp=True)
    assert bob.hear(rtcp=True) == [report()]
    [seen] = here.streams(alice.port)
    assert (seen.packets, seen.lost, seen.octets) == (40, 0, 40 * 160)


def test_what_is_forged_repeated_or_in_the_clear_is_counted_and_goes_no_further(here: Site) -> None:
    alice, bob = bridge(here, AES_80, AES_80)
    first, second = alice.send(packet(0), packet(1))
    forged = bytearray(alice.seal(packet(2)))
    forged[-1] ^= 1
    alice.peer.send(alice.port, bytes(forged), first, packet(3), second)
    alice.send(packet(4))
    assert bob.hear(3) == [packet(0), packet(1), packet(4)]

    def refused() -> dict[str, int]:
        alice.port.catch_up()
        alice.port.streams()
        assert alice.port._srtp is not None
        return dict(alice.port._srtp.refused)

    here.until(lambda: sum(refused().values()) == 4)
    assert here.world.submit(refused) == {"authentication": 2, "replay": 2}
    assert here.streams(alice.port)[0].packets == 3


def test_keys_pressed_in_an_encrypted_stream_are_heard_by_the_cloud(here: Site) -> None:
    alice, bob = bridge(here, AES_80, AES_80, events=101)
    alice.send(packet(0))
    for k in range(1, 6):
        event = bytes([5, 0x80 if k > 2 else 0, 0, min(k, 3) * 16])
        alice.send(pack(RtpPacket(101, k, 160, 7, event, marker=k == 1)))
    bob.hear(6)
    here.streams(alice.port)
    pressed = [digit for stream in alice.port.side().receiver.streams.values() for digit in stream.events.heard]
    assert [each.key for each in pressed] == ["5"]


def test_another_key_counts_from_the_next_packet_on(here: Site) -> None:
    alice, bob = bridge(here, AES_80, AES_80)
    alice.send(packet(0))
    assert bob.hear() == [packet(0)]
    for number in (50, 90):
        alice.rekey(number)
        alice.send(packet(number))
        assert bob.hear() == [packet(number)]
        bob.send(packet(number, ssrc=8))
        assert alice.hear() == [packet(number, ssrc=8)]


def test_the_evidence_is_what_was_on_the_wire(here: Site) -> None:
    alice, bob = bridge(here, AES_80, AES_80)
    sent = alice.send(*(packet(k) for k in range(20)))
    heard = bob.peer.bytes_heard(20)
    here.streams(alice.port)
    here.world.submit(lambda: [port.flush() for port in (alice.port, bob.port)])
    came, left = alice.peer.address, bob.peer.address
    assert blocks(here) == {
        (came, alice.port.port.rtp_address): (list(range(20)), payloads(sent), {alice.port.call_id}),
        (bob.port.port.rtp_address, left): (list(range(20)), payloads(heard), {bob.port.call_id}),
    }


def payloads(datagrams: list[bytes]) -> bytes:
    return b"".join(data[12:] for data in datagrams)


def test_a_phone_with_keys_speaks_on_time_and_reports(plane: str, here: Site) -> None:
    peer = here.peer()
    crypto = Crypto(1, AES_80, bytes(range(30)))
    phone = here.terminal(peer, tone(440.0), MediaProfile(srtp="offer"), more=(f"a={crypto.text}",))
    agreed = phone.negotiation.agreed
    assert agreed is not None
    assert agreed.keys is not None
    theirs = Srtp(AES_80, agreed.keys.remote, agreed.keys.local)
    lane = getattr(phone, "lane", None)
    assert (lane is not None and lane.speaks) == (plane == "thread")
    opened = [parse(theirs.open(each) or b"") for each in peer.bytes_heard(10)]
    assert len({each.payload for each in opened}) > 1
    numbers = [each.sequence for each in opened]
    assert numbers == list(range(numbers[0], numbers[0] + 10))
    here.world.submit(phone.stop)
    assert theirs.open(peer.bytes_heard(rtcp=True)[0]) is not None


@pytest.mark.parametrize("rtcp", [False, True], ids=["rtp", "rtcp"])
def test_rubbish_from_the_peers_own_address_is_counted_and_never_passed_on(here: Site, rtcp: bool) -> None:
    alice, bob = bridge(here, AES_80, AES_80)
    chance = random.Random(5)
    good = packet(9_000)
    for size in (*range(60), 172, 182, 183, 1500, 2047, 2048, 2049, 4000):
        rubbish = chance.randbytes(size)
        alice.peer.send(
            alice.port, rubbish, b"\x80\xc8" + rubbish, b"\x80\x00" + rubbish, b"\xbf\x00" + rubbish, rtcp=rtcp
        )
        sealed = bytearray(alice.seal(packet(size + 1)))
        sealed[chance.randrange(len(sealed))] ^= 1 + chance.randrange(255)
        alice.peer.send(alice.port, bytes(sealed)[: chance.randrange(len(sealed))], bytes(sealed), rtcp=rtcp)
        if size % 20 == 0:  # let it be taken: a socket's buffer is no part of this
            here.streams(alice.port)
    alice.send(good)
    assert bob.hear() == [good]
    alice.send(report(), rtcp=True)
    assert bob.hear(rtcp=True) == [report()]
    assert here.streams(alice.port)[0].packets == 1
