"""Every bound on what a peer may send, and that the refusal says which."""

from __future__ import annotations

import pytest

from voxlab.base.errors import SipSyntaxError
from voxlab.sip.limits import Limits
from voxlab.sip.multipart import find_part, split_parts
from voxlab.sip.parser import parse
from voxlab.sip.values import MediaType

from .corpora import SDP, invite, refusal_of


@pytest.mark.parametrize(
    ("limits", "status", "says"),
    [
        (Limits(message_bytes=500, header_bytes=100), 513, "500"),
        (Limits(head_bytes=200, header_bytes=100), 513, "200"),
        (Limits(body_bytes=100), 413, "100"),
        (Limits(header_bytes=40), 400, "40"),
        (Limits(header_count=5), 400, "5"),
        (Limits(uri_bytes=10), 414, "10"),
    ],
)
def test_what_is_larger_than_a_limit_is_refused_with_the_status_that_fits(
    limits: Limits, status: int, says: str
) -> None:
    with pytest.raises(SipSyntaxError, match=rf"\b{says}\b") as caught:
        parse(invite(), limits=limits)
    assert caught.value.status == status


def test_a_body_announced_larger_than_the_limit_is_413_before_it_is_there() -> None:
    with pytest.raises(SipSyntaxError) as caught:
        parse(invite(replace=("Content-Length: ", "Content-Length: 99999")))
    assert caught.value.status == 413


def test_a_header_of_a_megabyte_and_ten_thousand_headers_are_refused() -> None:
    for extra in (f"Subject: {'x' * 1_000_000}\r\n", "X: y\r\n" * 10_000, "Subject:\r\n" + " x\r\n" * 100_000):
        with pytest.raises(SipSyntaxError) as caught:
            parse(invite(extra=extra))
        assert caught.value.status in {400, 513}


@pytest.mark.parametrize(
    "filler",
    ['"' + '\\"' * 4000, "<" * 8000, ";" * 8000, "," * 8000, '"' * 8000, "\\" * 8000, ";a=" * 2500, "a" * 8000],
)
def test_hostile_values_cost_linear_time(filler: str) -> None:
    """A quadratic scan of these would take minutes and hit the test's time limit."""
    for name in ("Contact", "Subject", "Require", "Route"):
        message = parse(invite(extra=f"{name}: {filler}\r\n" * 7))
        for view in ("contacts", "routes", "vias"):
            error = refusal_of(getattr, message, view)
            assert error is None or error.status == 400
        with pytest.raises(SipSyntaxError):
            parse(message.raw[:-1], strict=True)


def multipart(depth: int, inner: bytes = SDP, kind: bytes = b"application/sdp") -> tuple[MediaType, bytes]:
    """Wrap a body in that many multiparts."""
    body, content_type = inner, kind
    for level in range(depth):
        mark = b"b%d" % level
        body = b"--" + mark + b"\r\nContent-Type: " + content_type + b"\r\n\r\n" + body + b"\r\n--" + mark + b"--\r\n"
        content_type = b"multipart/mixed;boundary=" + mark
    return MediaType.parse(content_type.decode()), body


def test_a_session_description_inside_multipart_is_found() -> None:
    content_type, body = multipart(2)
    assert find_part(content_type, body, "application", "sdp") == SDP
    assert find_part(content_type, body, "text", "plain") is None
    data = invite(body=body, replace=("application/sdp", "multipart/mixed; boundary=b1"))
    sdp = parse(data).sdp
    assert sdp is not None
    assert sdp.media[0].port == 49172


def test_nesting_and_number_of_parts_are_bounded() -> None:
    content_type, body = multipart(5)
    with pytest.raises(SipSyntaxError, match="nested deeper than 4"):
        find_part(content_type, body, "application", "sdp")
    many = b"--b\r\n\r\nx\r\n" * 100 + b"--b--"
    with pytest.raises(SipSyntaxError, match="more than 64 parts"):
        split_parts(MediaType.parse("multipart/mixed;boundary=b"), many)


def test_parts_keep_headers_and_bytes_and_lose_preamble_and_epilogue() -> None:
    described = b"Content-Type: text/plain\r\nContent-Disposition:\r\n render\r\n\r\na\0b\r\n"
    body = b"preamble\r\n--x\r\n" + described + b"\r\n--x  \r\n\r\nplain\r\n--x--\r\nepilogue --x"
    first, second = split_parts(MediaType.parse("multipart/mixed;boundary=x"), body)
    assert (first.body, str(first.content_type), first.headers.get("content-disposition")) == (
        b"a\0b\r\n",
        "text/plain",
        "render",
    )
    assert (second.body, str(second.content_type)) == (b"plain", "text/plain")


@pytest.mark.parametrize("body", [b"", b"--x", b"--x\r\n\r\nnever closed", b"--y\r\n\r\n--y--"])
def test_a_multipart_body_without_its_delimiters_is_refused(body: bytes) -> None:
    with pytest.raises(SipSyntaxError, match="delimiter"):
        split_parts(MediaType.parse("multipart/mixed;boundary=x"), body)
    with pytest.raises(SipSyntaxError, match="boundary"):
        split_parts(MediaType.parse("multipart/mixed"), body)
