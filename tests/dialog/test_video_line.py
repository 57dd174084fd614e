"""Video beside the sound: offered, answered, refused with port 0 (RFC 3264 s.6, s.8; RFC 6184 s.8.2.2)."""

from __future__ import annotations

import pytest

from voxlab.base.datagram import Address
from voxlab.dialog.offer_answer import Negotiation
from voxlab.dialog.video_line import VideoLine
from voxlab.sip.media_description import H264, VP8, Codec
from voxlab.sip.sdp import SessionDescription

A, B = Address("192.0.2.1", 4000), Address("192.0.2.2", 5000)
A_VIDEO, B_VIDEO = Address("192.0.2.1", 4002), Address("192.0.2.2", 5002)


def end(address: Address, video: Address | None = None, *codecs: Codec) -> Negotiation:
    made = Negotiation(address, 1)
    if video is not None:
        made.video = VideoLine(video, codecs)
    return made


def read(body: bytes) -> SessionDescription:
    return SessionDescription.parse(body)


def agree(a: Negotiation, b: Negotiation) -> SessionDescription:
    assert b.take_offer(read(a.offer()))
    answer = read(b.answer())
    assert a.take_answer(answer)
    return answer


def test_both_agree_on_what_both_show() -> None:
    a, b = end(A, A_VIDEO, H264, VP8), end(B, B_VIDEO, VP8)
    answer = agree(a, b)
    assert [(media.type, media.port) for media in answer.media] == [("audio", 5000), ("video", 5002)]
    for mine, remote in ((a, B_VIDEO), (b, A_VIDEO)):
        agreed = mine.video and mine.video.agreed
        assert agreed is not None
        assert (agreed.codec.encoding, agreed.remote, agreed.direction) == ("VP8", remote, "sendrecv")
        assert agreed.remote_rtcp == Address(remote.host, remote.port + 1)


@pytest.mark.parametrize("shows", [None, ()], ids=["no video", "nothing common"])
def test_video_that_is_not_wanted_is_refused_with_port_0(shows: tuple[Codec, ...] | None) -> None:
    a = end(A, A_VIDEO, H264)
    b = end(B) if shows is None else end(B, B_VIDEO, VP8)
    answer = agree(a, b)
    assert [(media.type, media.port) for media in answer.media] == [("audio", 5000), ("video", 0)]
    assert a.agreed is not None, "the sound does not suffer"
    assert a.video is not None
    assert a.video.agreed is None


def test_h264_in_another_packetization_mode_is_another_format() -> None:
    single = H264._replace(parameters="profile-level-id=42e01f; packetization-mode=0")
    unsaid = H264._replace(parameters="profile-level-id=42e01f")
    assert agree(end(A, A_VIDEO, H264), end(B, B_VIDEO, single)).media[1].port == 0
    assert agree(end(A, A_VIDEO, unsaid), end(B, B_VIDEO, single)).media[1].port == 5002


@pytest.mark.parametrize(
    "line",
    [
        "m=video 0 RTP/AVP 120\r\na=rtpmap:120 VP8/90000",
        "m=video 4002 RTP/SAVP 120\r\na=rtpmap:120 VP8/90000",
        "m=video 4002 UDP/TLS/RTP/SAVPF 120\r\na=rtpmap:120 VP8/90000",
        "m=video 4002 RTP/AVP 99\r\na=rtpmap:99 AV1/90000",
        "m=video 4002 RTP/AVP 120",
        "m=image 4002 udptl t38",
    ],
)
def test_what_cannot_be_shown_is_refused_in_its_place(line: str) -> None:
    b = end(B, B_VIDEO, VP8)
    body = (
        f"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n{line}\r\nm=audio 4000 RTP/AVP 0\r\n"
    )
    assert b.take_offer(read(body.encode()))
    answer = read(b.answer())
    assert [media.port for media in answer.media] == [0, 5000]
    assert b.video is not None
    assert b.video.agreed is None


def test_the_line_of_video_keeps_its_place_when_something_is_offered_anew() -> None:
    a, b = end(A, A_VIDEO, VP8), end(B, B_VIDEO, VP8)
    agree(a, b)
    assert a.take_offer(read(b.offer()))
    answer = read(a.answer())
    assert [(media.type, media.port) for media in answer.media] == [("audio", 4000), ("video", 4002)]
    a.holding = True
    assert b.take_answer(answer)
    held = read(a.offer())
    assert [media.direction for media in held.media] == ["sendonly", "sendonly"]
    assert b.take_offer(held)
    b.answer()
    assert b.video is not None
    assert b.video.agreed is not None
    assert b.video.agreed.direction == "recvonly"


def test_video_that_comes_to_a_call_later_and_goes_again() -> None:
    a, b = end(A), end(B, B_VIDEO, VP8)
    agree(a, b)
    a.video = VideoLine(A_VIDEO, [VP8])
    assert agree(a, b).media[1].port == 5002
    a.video.codecs = ()
    answer = agree(a, b)
    assert [media.port for media in answer.media] == [5000, 0]
    assert b.video is not None
    assert b.video.agreed is None


def test_an_answer_that_forgets_the_line_leaves_the_sound() -> None:
    a, b = end(A, A_VIDEO, VP8), end(B)
    assert b.take_offer(read(a.offer()))
    answer = read(b.answer())
    assert a.take_answer(answer._replace(media=answer.media[:1]))
    assert a.video is not None
    assert a.video.agreed is None
