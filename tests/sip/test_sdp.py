"""Session descriptions: values against an unrelated parser, strict order, building (RFC 8866, RFC 3605, RFC 3551)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxlab.base.errors import SipSyntaxError
from voxlab.sip.limits import Limits
from voxlab.sip.sdp import G722, PCMA, PCMU, TELEPHONE_EVENT, Codec, Connection, Media, Origin, SessionDescription

from .corpora import CORPORA, NEEDS_CORPORA, SDP, vectors

VECTORS = [pytest.param(entry, id=entry["file"]) for entry in vectors("sdp/expected.json")]


def text_of(entry: dict[str, Any]) -> bytes:
    return (CORPORA / "sdp/files" / entry["file"]).read_bytes()


def media_fields(media: Media) -> dict[str, Any]:
    maps = (value.partition(" ") for value in media.attribute_values("rtpmap"))
    rtp = [(int(payload), *rest.split("/")) for payload, _, rest in maps]
    fmtp = [value.partition(" ") for value in media.attribute_values("fmtp")]
    return {
        "type": media.type,
        "port": media.port,
        "protocol": media.protocol,
        "payloads": " ".join(media.formats),
        "rtp": [(payload, name, int(rate[0]) if rate else None) for payload, name, *rate in rtp],
        "fmtp": [(int(payload), config) for payload, _, config in fmtp],
        "direction": media.direction,
        "connection": media.connection and media.connection.address,
    }


def expected_media_fields(media: dict[str, Any]) -> dict[str, Any]:
    same = {name: media[name] for name in ("type", "port", "protocol")}
    return same | {
        "payloads": str(media["payloads"]),
        "rtp": [(line["payload"], line["codec"], line.get("rate")) for line in media["rtp"]],
        "fmtp": [(line["payload"], line["config"]) for line in media["fmtp"]],
        "direction": media.get("direction"),
        "connection": media.get("connection", {}).get("ip"),
    }


@NEEDS_CORPORA
@pytest.mark.parametrize("entry", VECTORS)
def test_values_are_those_that_an_unrelated_parser_reads(entry: dict[str, Any]) -> None:
    expected = entry["expected"]
    if "origin" not in expected:
        with pytest.raises(SipSyntaxError):
            SessionDescription.parse(text_of(entry))
        return
    sdp, origin = SessionDescription.parse(text_of(entry)), expected["origin"]
    assert sdp.origin == Origin(
        origin["username"], origin["sessionId"], origin["sessionVersion"],
        origin["netType"], f"IP{origin['ipVer']}", origin["address"]
    )  # fmt: skip
    assert sdp.name.strip() == (expected["name"].strip() if b"\ns=" in text_of(entry) else "-")
    assert (sdp.connection and sdp.connection.address) == expected.get("connection", {}).get("ip")
    assert [media_fields(media) for media in sdp.media] == [expected_media_fields(media) for media in expected["media"]]


@NEEDS_CORPORA
@pytest.mark.parametrize("entry", VECTORS)
def test_what_is_read_is_written_again_and_reads_the_same(entry: dict[str, Any]) -> None:
    try:
        sdp = SessionDescription.parse(text_of(entry))
    except SipSyntaxError:
        assert "origin" not in entry["expected"]
        return
    assert SessionDescription.parse(str(sdp)) == sdp
    if b"\ns=" in text_of(entry) and b"\nt=" in text_of(entry):
        assert str(sdp).splitlines() == text_of(entry).decode().rstrip().splitlines()


FULL = (
    "v=0\r\no=jdoe 3724394400 3724394405 IN IP6 2001:db8::1\r\ns=Call to John Smith\r\ni=SDP Offer #1\r\n"
    "u=http://www.jdoe.example.com/home.html\r\ne=Jane Doe <jane@jdoe.example.com>\r\np=+1 617 555-6011\r\n"
    "c=IN IP4 233.252.0.1/127/3\r\nb=CT:128\r\nt=3724394400 3724398000\r\n"
    "r=7d 1h 0 25h\r\nt=0 0\r\nz=2882844526 -1h\r\nk=clear:x\r\n"
    "a=recvonly\r\na=group:BUNDLE a v\r\n"
    "m=audio 49170/2 RTP/SAVP 0 96 97 18\r\ni=voice\r\nc=IN IP6 2001:db8::2\r\nb=AS:64\r\nk=prompt\r\n"
    "a=rtpmap:96 L16/44100/2\r\n"
    "a=rtpmap:97 broken\r\na=fmtp:18 annexb=no\r\na=rtcp:53020 IN IP6 2001:db8::3\r\n"
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:secret\r\n"
    "m=video 0 RTP/AVP 31\r\nm=message 9 TCP/MSRP *\r\na=rtcp-mux\r\n"
)


@pytest.mark.parametrize("strict", [False, True])
def test_a_full_description_keeps_every_line_in_order(strict: bool) -> None:
    sdp = SessionDescription.parse(FULL, strict=strict)
    assert str(sdp) == FULL
    assert sdp.to_bytes() == FULL.encode()
    audio, video, message = sdp.media
    assert (audio.number_of_ports, audio.title, audio.bandwidths, audio.key) == (2, "voice", ("AS:64",), "prompt")
    assert audio.codecs() == (PCMU, Codec(96, "L16", 44100, 2), Codec(18, "G729", 8000, 1, "annexb=no"))
    assert (audio.rtcp, audio.rtcp_mux, len(audio.crypto)) == ((53020, "2001:db8::3"), False, 1)
    assert sdp.connection == Connection("IN", "IP4", "233.252.0.1", "/127/3")
    assert (sdp.direction_of(audio), sdp.attribute("group"), sdp.attribute("recvonly"), sdp.attribute("x")) == (
        "recvonly",
        "BUNDLE a v",
        "",
        None,
    )
    assert (sdp.rtp_address(audio), sdp.rtcp_address(audio)) == (("2001:db8::2", 49170), ("2001:db8::3", 53020))
    assert (sdp.rtp_address(video), sdp.rtcp_address(video)) == (None, None)
    assert (message.codecs(), message.rtcp_mux, message.formats) == ((), True, ("*",))


def test_the_usual_offer_reads_quickly_and_the_same_as_by_the_careful_way() -> None:
    usual = SessionDescription.parse(SDP)
    careful = SessionDescription.parse(SDP.replace(b"\r\n", b"\n"))
    assert usual == careful
    assert usual.media[0].codecs() == (PCMU, PCMA, TELEPHONE_EVENT)
    assert (usual.media[0].ptime_ms, usual.media[0].direction, usual.rtcp_address(usual.media[0])) == (
        20,
        "sendrecv",
        ("192.0.2.1", 49173),
    )


def test_a_line_of_another_type_does_not_hide_behind_attributes() -> None:
    hidden = SDP.replace(b"a=ptime:20\r\n", b"a=ptime:20\r\nb=AS:64\r\nc=IN IP4 192.0.2.9\r\n")
    media = SessionDescription.parse(hidden).media[0]
    assert (media.bandwidths, media.connection) == (("AS:64",), Connection.to("192.0.2.9"))
    assert media.attribute("ptime") == "20"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"v=0", b"v=1"),
        (b"v=0\r\n", b""),
        (b"o=alice 2890844526 2890844526 IN IP4 192.0.2.1\r\n", b""),
        (b"o=alice 2890844526", b"o=alice x"),
        (b"c=IN IP4 192.0.2.1", b"c=IN IP4"),
        (b"m=audio 49172", b"m=audio -1"),
        (b"m=audio 49172", b"m=audio 65536"),
        (b"m=audio 49172", b"m=audio 49172/"),
        (b" RTP/AVP 0 8 101", b" RTP/AVP"),
        (b"s=-", b"nonsense"),
    ],
)
def test_a_malformed_line_is_refused_with_its_offset(old: bytes, new: bytes) -> None:
    data = SDP.replace(old, new, 1)
    with pytest.raises(SipSyntaxError) as caught:
        SessionDescription.parse(data)
    assert caught.value.status == 400
    assert caught.value.offset is not None
    assert 0 <= caught.value.offset <= len(data)
    assert caught.value.rfc.startswith("RFC 8866 s.5")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"s=-\r\n", b""),
        (b"t=0 0\r\n", b""),
        (b"c=IN IP4 192.0.2.1\r\n", b""),
        (b"s=-\r\nc=IN IP4 192.0.2.1\r\n", b"c=IN IP4 192.0.2.1\r\ns=-\r\n"),
        (b"a=sendrecv\r\n", b"a=sendrecv\r\nb=AS:1\r\n"),
        (b"a=sendrecv\r\n", b"a=sendrecv\r\ny=1\r\n"),
        (b"\r\n", b"\n"),
    ],
)
def test_strict_refuses_what_lenient_lets_pass(old: bytes, new: bytes) -> None:
    data = SDP.replace(old, new)
    assert SessionDescription.parse(data).media[0].port == 49172
    with pytest.raises(SipSyntaxError):
        SessionDescription.parse(data, strict=True)


def test_too_many_lines_are_413() -> None:
    for limit in (5, 11):
        with pytest.raises(SipSyntaxError) as caught:
            SessionDescription.parse(SDP, limits=Limits(sdp_lines=limit))
        assert caught.value.status == 413


def test_a_built_offer_is_strictly_valid_and_reads_back() -> None:
    sdp = SessionDescription.build_audio(
        "2001:db8::7",
        4000,
        [G722, TELEPHONE_EVENT],
        session_id=7,
        session_version=8,
        direction="sendonly",
        more=["rtcp-mux"],
    )
    assert SessionDescription.parse(sdp.to_bytes(), strict=True) == sdp
    assert sdp.connection == Connection("IN", "IP6", "2001:db8::7")
    assert sdp.media[0].attributes == (
        "rtpmap:9 G722/8000", "rtpmap:101 telephone-event/8000", "fmtp:101 0-16", "ptime:20", "rtcp-mux", "sendonly",
    )  # fmt: skip
    held = sdp.with_media(0, sdp.media[0].with_direction("inactive"))
    assert held.direction_of(held.media[0]) == "inactive"
    assert "sendonly" not in str(held)


def test_nonsense_in_attributes_reads_as_absent() -> None:
    media = Media("audio", 1, "RTP/AVP", ("0", "x", "200"), ("ptime:soon", "rtcp:x", "rtpmap:0 /8000"))
    assert (media.ptime_ms, media.rtcp, media.codecs()) == (None, None, ())


CODECS = st.builds(
    Codec,
    st.integers(96, 127),
    st.from_regex(r"[A-Za-z0-9-]{1,10}", fullmatch=True),
    st.integers(1, 96_000),
    st.integers(1, 8),
    st.none() | st.from_regex(r"[a-z0-9=;-]{1,20}", fullmatch=True),
)


@given(
    st.lists(CODECS, min_size=1, max_size=6, unique_by=lambda codec: codec.payload_type),
    st.integers(0, 65_535),
    st.integers(0, 2**63),
)
def test_codecs_read_back_as_they_were_offered(codecs: list[Codec], port: int, version: int) -> None:
    sdp = SessionDescription.build_audio("192.0.2.1", port, codecs, session_version=version)
    again = SessionDescription.parse(sdp.to_bytes())
    assert again == sdp
    assert again.media[0].codecs() == tuple(codecs)
