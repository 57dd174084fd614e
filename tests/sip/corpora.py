"""Where the independent test material lies, and messages that several tests start from."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from voxlab.base.errors import SipSyntaxError

CORPORA = Path(__file__).resolve().parents[2] / "../shared/corpora"
NEEDS_CORPORA = pytest.mark.skipif(
    not CORPORA.is_dir(), reason="the corpora are not there: put shared/corpora beside the checkout"
)


def vectors(path: str, key: str = "vectors") -> list[Any]:
    """Return the list ``key`` of a corpus file, empty where the corpora are absent (the tests then say so)."""
    file = CORPORA / path
    return list(json.loads(file.read_text("utf-8"))[key]) if file.is_file() else []


def refusal_of(read: Callable[..., object], *arguments: object) -> SipSyntaxError | None:
    """Return the SipSyntaxError of a reader that may accept or refuse, None if it accepts; nothing else is caught."""
    try:
        read(*arguments)
    except SipSyntaxError as error:
        return error
    return None


SDP = (
    b"v=0\r\no=alice 2890844526 2890844526 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    b"m=audio 49172 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
    b"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n"
)


def invite(*, extra: str = "", body: bytes = SDP, replace: tuple[str, str] = ("", "")) -> bytes:
    """Return an INVITE; ``extra`` are further header lines, ``replace`` changes one piece of the head."""
    head = (
        "INVITE sip:bob@example.com SIP/2.0\r\n"
        "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK776asdhds;rport\r\n"
        "Max-Forwards: 70\r\n"
        'From: "Alice" <sip:alice@example.com>;tag=1928301774\r\n'
        "To: <sip:bob@example.com>\r\n"
        "Call-ID: a84b4c76e66710@192.0.2.1\r\n"
        "CSeq: 314159 INVITE\r\n"
        "Contact: <sip:alice@192.0.2.1:5060>\r\n"
        f"{extra}"
        "Content-Type: application/sdp\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    if replace[0]:
        assert replace[0] in head
        head = head.replace(*replace)
    return head.encode("utf-8", "surrogateescape") + body
