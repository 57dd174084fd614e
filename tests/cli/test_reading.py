"""A message read field by field, as text and as a page: nothing in it breaks out, nothing secret is shown."""

from __future__ import annotations

import pytest

from voxlab.display.meanings import HEADERS
from voxlab.display.reading import Reading, read
from voxlab.sip.headers import COMPACT
from voxlab.sip.parser import parse

HEAD = (
    b"INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1;rport\r\n"
    b"From: <script>alert(1)</script> <sip:alice@example.com>;tag=1\r\nTo: <sip:bob@example.com>\r\n"
    b"Call-ID: 1@192.0.2.1\r\nCSeq: 1 INVITE\r\n"
)


def reading(body: bytes, content_type: bytes = b"application/sdp") -> Reading:
    length = b"Content-Length: %d\r\n\r\n" % len(body)
    return read(parse(HEAD + b"Content-Type: " + content_type + b"\r\n" + length + body))


def test_a_peer_cannot_put_markup_into_the_page() -> None:
    page = reading(b"<b>bold</b>", b"text/plain").html()
    assert "<script>" not in page
    assert "<b>" not in page
    assert "&lt;b&gt;bold" in page


def test_media_keys_are_shown_nowhere() -> None:
    said = reading(b"k=clear:hush\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0|2^20|1:4\r\n")
    for shown in (said.text(), said.html()):
        assert "hush" not in shown
        assert "c2VjcmV0" not in shown
        assert "inline:" in shown


@pytest.mark.parametrize(
    ("body", "content_type", "sentence"),
    [
        (b"nonsense", b"application/sdp", "body"),
        (b"--x\r\n\r\nnever closed", b"multipart/mixed;boundary=x", "closing delimiter"),
        (b"\x00\xff\xfe", b"application/octet-stream", "3 bytes"),
        (b"hello", b"@@@", "media type"),
    ],
)
def test_a_body_that_cannot_be_read_is_said_not_raised(body: bytes, content_type: bytes, sentence: str) -> None:
    assert sentence in reading(body, content_type).text()


def test_parts_of_a_multipart_body_are_read_each() -> None:
    body = b"--x\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n--x\r\n\r\nhello\r\n--x--\r\n"
    lines = [field.line for field in reading(body, b"multipart/mixed;boundary=x").body]
    assert "v=0" in lines
    assert "hello" in lines


def test_every_compact_form_has_a_meaning() -> None:
    assert {name.lower() for name in COMPACT.values()} <= set(HEADERS)
