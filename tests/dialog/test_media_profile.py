"""SRTP keys in SDP, rtcp-mux, XR, packet time and telephone events of several clocks, offered and answered."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxlab.base.datagram import Address
from voxlab.dialog.media_profile import MediaProfile
from voxlab.dialog.offer_answer import MediaAgreed, Negotiation
from voxlab.sip.crypto_attribute import AES_32, AES_80, Crypto, read_crypto
from voxlab.sip.media_description import G722, OPUS, PCMA, PCMU, TELEPHONE_EVENT, TELEPHONE_EVENT_OPUS, Codec
from voxlab.sip.sdp import SessionDescription

HERE, THERE = Address("192.0.2.1", 4000), Address("192.0.2.2", 6000)
KEY = bytes(range(30))
INLINE = base64.b64encode(KEY).decode()


def end(at: Address = HERE, *codecs: Codec, **options: object) -> Negotiation:
    keys = iter(bytes([seed + at.port % 7] * 30) for seed in range(1, 200))
    profile = MediaProfile(new_key=lambda: next(keys), **options)  # type: ignore[arg-type]
    return Negotiation(at, 7, codecs or (PCMU, PCMA, TELEPHONE_EVENT), profile)


def agree(one: Negotiation, other: Negotiation) -> tuple[MediaAgreed, MediaAgreed]:
    assert other.take_offer(SessionDescription.parse(one.offer()))
    assert one.take_answer(SessionDescription.parse(other.answer()))
    assert one.agreed is not None
    assert other.agreed is not None
    return one.agreed, other.agreed


def media_of(body: bytes) -> list[str]:
    return str(SessionDescription.parse(body).media[0]).split("\r\n")


def test_each_end_gets_the_others_key() -> None:
    one, other = agree(end(HERE, srtp="sdes"), end(THERE, srtp="sdes"))
    assert one.keys is not None
    assert other.keys is not None
    assert (one.keys.suite, one.keys.local, one.keys.remote) == (AES_80, other.keys.remote, other.keys.local)
    assert one.keys.local != one.keys.remote
    assert repr(one.keys) == f"SrtpKeys({AES_80})", "a repr shows no key"


def test_the_profile_is_savp_where_srtp_is_a_must_and_avp_where_plain_will_do() -> None:
    assert media_of(end(srtp="sdes").offer())[0].startswith("m=audio 4000 RTP/SAVP ")
    assert media_of(end(srtp="offer").offer())[0].startswith("m=audio 4000 RTP/AVP ")
    assert media_of(end().offer())[0].startswith("m=audio 4000 RTP/AVP ")


def test_keys_beside_plain_rtp_are_taken_by_who_can_and_left_by_who_cannot() -> None:
    secure, plain = agree(end(HERE, srtp="offer"), end(THERE, srtp="sdes")), agree(end(HERE, srtp="offer"), end(THERE))
    assert all(each.keys for each in secure)
    assert not any(each.keys for each in plain)


def test_plain_and_secure_alone_do_not_come_together() -> None:
    for one, other in ((end(HERE, srtp="sdes"), end(THERE)), (end(HERE), end(THERE, srtp="sdes"))):
        assert not other.take_offer(SessionDescription.parse(one.offer()))
        assert other.agreed is None


def test_an_answer_without_a_key_to_an_offer_that_insists_is_none() -> None:
    one = end(HERE, srtp="sdes")
    one.offer()
    bare = "v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\nm=audio 6000 RTP/SAVP 0\r\n"
    assert one.take_answer(SessionDescription.parse(bare)) is None
    wrong_tag = bare + f"a=crypto:9 {AES_80} inline:{INLINE}\r\n"
    assert one.take_answer(SessionDescription.parse(wrong_tag)) is None


def test_a_key_stays_for_the_call_and_a_new_offer_says_the_same() -> None:
    one, other = end(HERE, srtp="sdes"), end(THERE, srtp="sdes")
    first, _ = agree(one, other)
    second, _ = agree(one, other)
    assert first.keys == second.keys


def test_the_short_tag_is_answered_with_itself() -> None:
    other = end(THERE, srtp="sdes")
    offer = media_of(end(HERE, srtp="sdes").offer())
    text = "\r\n".join(offer).replace(AES_80, AES_32)
    head = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    assert other.take_offer(SessionDescription.parse(head + text))
    assert f"a=crypto:1 {AES_32} inline:" in other.answer().decode()


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (f"1 {AES_80} inline:{INLINE}", Crypto(1, AES_80, KEY)),
        (f"4 {AES_32} inline:{INLINE}|2^20", Crypto(4, AES_32, KEY)),
        (f"1 {AES_80} inline:{INLINE}|2^20|1:4", None),
        (f"1 {AES_80} inline:{INLINE}|1:4", None),
        (f"1 {AES_80} inline:{INLINE} KDR=1", None),
        (f"1 F8_128_HMAC_SHA1_80 inline:{INLINE}", None),
        (f"1 {AES_80} inline:c2hvcnQ=", None),
        (f"1 {AES_80} inline:***", None),
        (f"x {AES_80} inline:{INLINE}", None),
        ("", None),
    ],
)
def test_crypto_lines_are_read_or_passed_over(value: str, read: Crypto | None) -> None:
    assert read_crypto(value) == read
    if read is not None and "|" not in value:
        assert read.text == f"crypto:{value}"


@given(st.text(max_size=80))
def test_any_text_is_a_crypto_line_or_none(text: str) -> None:
    assert read_crypto(text) is None or len(text) > 40


def test_rtcp_shares_the_port_only_where_both_want_it() -> None:
    one, other = agree(end(HERE, rtcp_mux=True), end(THERE))
    assert one.rtcp_mux
    assert other.rtcp_mux, "who answers accepts it"
    assert one.remote_rtcp == THERE
    one, other = agree(end(HERE), end(THERE, rtcp_mux=True))
    assert not one.rtcp_mux
    assert one.remote_rtcp == Address(THERE.host, THERE.port + 1)


def test_metrics_are_sent_to_who_asks() -> None:
    one, other = agree(end(HERE, xr=True), end(THERE))
    assert (one.xr, other.xr) == (True, True), "who is asked asks back"
    one, other = agree(end(HERE), end(THERE))
    assert (one.xr, other.xr) == (False, False)


@pytest.mark.parametrize(
    ("attributes", "codec", "ptime_ms"),
    [
        ("a=ptime:40", PCMU, 40),
        ("a=ptime:40\r\na=maxptime:30", PCMU, 30),
        ("a=maxptime:10", PCMU, 10),
        ("a=ptime:30", OPUS, 20),
        ("a=ptime:100", OPUS, 60),
        ("a=ptime:5000", PCMU, 20),
        ("a=maxptime:nonsense", PCMU, 20),
    ],
)
def test_packets_hold_what_was_asked_for_and_the_codec_can(attributes: str, codec: Codec, ptime_ms: int) -> None:
    other = end(THERE, codec)
    head = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    media = f"m=audio 4000 RTP/AVP {codec.payload_type}\r\na={codec.rtpmap}\r\n{attributes}\r\n"
    assert other.take_offer(SessionDescription.parse(head + media))
    other.answer()
    assert other.agreed is not None
    assert other.agreed.ptime_ms == ptime_ms


def test_payload_types_are_each_sides_own() -> None:
    one = end(HERE, OPUS._replace(payload_type=96))
    one.offer()
    head = "v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n"
    answer = head + "m=audio 6000 RTP/AVP 120\r\na=rtpmap:120 OPUS/48000/2\r\n"
    agreed = one.take_answer(SessionDescription.parse(answer))
    assert agreed is not None
    assert (agreed.codec.payload_type, agreed.sends[0].payload_type, agreed.receives[0].payload_type) == (120, 120, 96)


def test_g722_says_8000_and_needs_no_rtpmap() -> None:
    other = end(THERE, G722)
    bare = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 9\r\n"
    assert other.take_offer(SessionDescription.parse(bare))
    assert "a=rtpmap:9 G722/8000" in other.answer().decode()


def test_events_are_on_the_clock_of_the_sound() -> None:
    codecs = (OPUS, PCMU, TELEPHONE_EVENT, TELEPHONE_EVENT_OPUS)
    one, _ = agree(end(HERE, *codecs), end(THERE, *codecs))
    assert one.event_payload_type == TELEPHONE_EVENT_OPUS.payload_type
    one, _ = agree(end(HERE, PCMU, TELEPHONE_EVENT, TELEPHONE_EVENT_OPUS), end(THERE, *codecs))
    assert one.event_payload_type == TELEPHONE_EVENT.payload_type


def test_comfort_noise_alone_is_no_codec_to_speak() -> None:
    other = end(THERE, PCMU)
    bare = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 13\r\n"
    assert not other.take_offer(SessionDescription.parse(bare))
