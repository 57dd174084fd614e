from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.media.wire import session
from tests.reference import srtp as naive
from voxlab.base.errors import VoxlabError
from voxlab.media import sources
from voxlab.media.rtcp import ReceiverReport, SourceDescription, pack_compound
from voxlab.media.rtp import RtpPacket, pack
from voxlab.media.rtp_events import TransmitBatch
from voxlab.media.srtp import Srtp, SrtpUnavailable

SUITE, SHORT = "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"
A, B = bytes(range(30)), bytes(range(100, 130))


def packet(number: int, payload: bytes = b"what alice says") -> bytes:
    return pack(RtpPacket(0, number & 0xFFFF, number * 160, 0xA11CE, payload))


def ends(suite: str = SUITE) -> tuple[Srtp, Srtp]:
    return Srtp(suite, A, B), Srtp(suite, B, A)


def test_the_reference_gives_the_vectors_of_rfc_3711(shared: Path) -> None:
    vectors = json.loads((shared / "corpora/media/srtp_rfc3711.json").read_text())["rfc3711"]
    kdf = vectors["kdf"]
    key, salt = bytes.fromhex(kdf["master_key"]), bytes.fromhex(kdf["master_salt"])
    assert naive.derive(key, salt, 0, 16).hex().upper() == kdf["cipher_key"]
    assert naive.derive(key, salt, 2, 14).hex().upper() == kdf["cipher_salt"]
    assert naive.derive(key, salt, 1, 94).hex().upper() == kdf["auth_key_94"]
    counter = vectors["aes_cm"]
    iv = int(counter["session_salt"], 16) << 16
    stream = naive.keystream(bytes.fromhex(counter["session_key"]), iv, 16 * 3)
    for at, block in [(n, counter["keystream_blocks"][str(n)]) for n in range(3)]:
        assert stream[16 * at : 16 * at + 16].hex().upper() == block


@pytest.mark.parametrize(("suite", "tag_bytes"), [(SUITE, 10), (SHORT, 4)])
def test_packets_are_protected_as_the_reference_does_across_the_wrap(suite: str, tag_bytes: int) -> None:
    sender, receiver = ends(suite)
    for number in range(65_533, 65_540):
        plain = packet(number)
        sealed = sender.protect(plain)
        assert sealed == naive.protect(plain, A, number >> 16, tag_bytes)
        assert receiver.open(sealed) == plain


def test_rtcp_is_protected_too() -> None:
    sender, receiver = ends()
    report = pack_compound([ReceiverReport(1), SourceDescription.of(1, "a@b")])
    sealed = sender.protect(report)
    assert sealed[8:] != report[8:]
    assert receiver.open(sealed) == report


def test_what_is_forged_replayed_or_short_is_counted_and_dropped() -> None:
    sender, receiver = ends()
    sealed = [sender.protect(packet(number)) for number in range(5)]
    assert receiver.open(sealed[0]) is not None
    assert receiver.open(sealed[0]) is None
    damaged = bytearray(sealed[1])
    damaged[20] ^= 1
    assert receiver.open(bytes(damaged)) is None
    assert receiver.open(packet(2)) is None, "plain RTP into an SRTP leg"
    assert receiver.open(b"\x80\x00\x01") is None
    assert receiver.open(sealed[3]) is not None
    assert dict(receiver.refused) == {"replay": 1, "authentication": 2, "malformed": 1}


@settings(max_examples=150, deadline=None)
@given(st.lists(st.binary(max_size=200), max_size=12))
def test_random_bytes_never_raise_and_never_pass(datagrams: list[bytes]) -> None:
    _, receiver = ends()
    assert [receiver.open(data) for data in datagrams] == [None] * len(datagrams)
    assert receiver.refused.total() == len(datagrams)


def test_batches_are_protected_packet_for_packet() -> None:
    talker = session(1, batch_s=1.0)
    talker.play(sources.tone(440), 0.0)
    talker.handle_timeout(0.5)
    (batch,) = [each.batch for each in talker.poll() if isinstance(each, TransmitBatch)]
    one, other = ends()
    again, _ = ends()
    sealed = one.protect_batch(batch)
    assert sealed is not None
    assert [row.tobytes() for row in sealed.wire()] == [again.protect(row.tobytes()) for row in batch.wire()]
    opened = other.open_batch(sealed.take(np.arange(batch.packets) != 3))
    assert opened is not None
    kept = batch.take(np.arange(batch.packets) != 3)
    np.testing.assert_array_equal(opened.payload, kept.payload)
    np.testing.assert_array_equal(opened.sent_ns, kept.sent_ns)
    assert other.open_batch(sealed.take(np.arange(3))) is None, "all of them came before"


def test_another_suite_and_short_keys_are_refused() -> None:
    for suite, key in (("AES_256_CM_HMAC_SHA1_80", A), (SUITE, A[:16])):
        with pytest.raises(VoxlabError, match="with two keys of 30 octets"):
            Srtp(suite, key, A)


def test_a_missing_library_is_named_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pylibsrtp", None)
    with pytest.raises(SrtpUnavailable, match="pip install pylibsrtp"):
        ends()


def test_what_is_too_long_is_counted_and_neither_opened_nor_sent() -> None:
    sender, receiver = ends()
    long = packet(1) + bytes(66_000)
    with pytest.raises(VoxlabError, match="cannot be protected"):
        sender.protect(long)
    assert sender.seal(long) is None
    assert receiver.open(long) is None
    assert (sender.refused["unsent"], receiver.refused["malformed"]) == (1, 1)
    assert receiver.open(sender.seal(packet(2)) or b"") == packet(2)
