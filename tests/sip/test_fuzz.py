"""A hostile peer: 20,000 seeded mutations of valid messages; nothing but SipSyntaxError may come out."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from voxlab.base.errors import SipSyntaxError
from voxlab.sip.digest import Challenge, Credentials
from voxlab.sip.framing import StreamFramer
from voxlab.sip.message import Message, Request
from voxlab.sip.parser import parse, refusal
from voxlab.sip.sdp import SessionDescription
from voxlab.sip.validation import problems

from .corpora import CORPORA, SDP, invite, refusal_of

SEED = 4475
MUTATIONS = 20_000
PIECES = [
    b"\r\n", b"\n", b"\r", b"\0", b"\xff", b" ", b"\t", b":", b";", b",", b"<", b">", b'"', b"\\", b"@", b"%", b"%zz",
    b"=", b"?", b"[", b"]", b"/", b"\r\n ", b"\r\n\r\n", b"SIP/2.0", b"SIP/9", b"sip:", b"tel:",
    b"99999999999999999999", b"-1", b"*", b"Via: ", b"\r\nv: x", b"\xd9\xa3", b"\xc2\xb2", b"Content-Length: 5",
    b"\r\nCSeq: 1 A", b";tag=", b";branch=", b"a=", b"m=audio", b"c=IN IP4", b"--b", b"boundary=",
]  # fmt: skip


def seeds() -> list[bytes]:
    multipart = b"--b\r\nContent-Type: application/sdp\r\n\r\n" + SDP + b"\r\n--b--\r\n"
    own = [
        invite(),
        invite(extra="Route: <sip:p1;lr>, <sip:p2;lr>\r\nRecord-Route: <sip:[::1]:5060;lr>\r\nExpires: 5\r\n"),
        invite(body=multipart, replace=("application/sdp", "multipart/mixed;boundary=b")),
    ]
    parsed = parse(invite())
    assert isinstance(parsed, Request)
    own.append(
        parsed.response(
            183, to_tag="x", headers=[("Contact", "<sip:b@h>"), ("Content-Type", "application/sdp")], body=SDP
        ).raw
    )
    return own + [file.read_bytes() for file in sorted((CORPORA / "torture/rfc4475").glob("*.dat"))]


def mutations(count: int) -> Iterator[bytes]:
    draw, originals = random.Random(SEED), seeds()
    for _ in range(count):
        yield mutated(draw.choice(originals), draw)


def mutated(original: bytes, draw: random.Random) -> bytes:
    data = bytearray(original)
    for _ in range(draw.randint(1, 5)):
        at = draw.randrange(len(data) + 1)
        kind = draw.randrange(5)
        if kind == 0:
            data[at:at] = draw.choice(PIECES)
        elif kind == 1:
            del data[at : at + draw.randint(1, 12)]
        elif kind == 2:
            data[at : at + 1] = bytes([draw.randrange(256)])
        elif kind == 3:
            length = draw.randint(1, 40)
            data[at:at] = data[at : at + length]
        else:
            data[at : at + len(PIECES[0])] = draw.choice(PIECES)
    return bytes(data)


VIEWS = ["via", "vias", "from_", "to", "contacts", "routes", "record_routes", "content_type", "sdp", "uri"]
VIEWS += ["max_forwards"]


def touch_everything(message: Message) -> None:
    refusals = {view: refusal_of(getattr, message, view, None) for view in VIEWS}
    assert all(error is None or 400 <= error.status <= 699 for error in refusals.values())
    sdp = None if refusals["sdp"] else message.sdp
    if sdp is not None:
        assert all(0 <= codec.payload_type <= 127 for media in sdp.media for codec in media.codecs())
        assert SessionDescription.parse(str(sdp)).media == sdp.media


def use(message: Message) -> None:
    """Do with an accepted message whatever an element may do."""
    touch_everything(message)
    assert all(problem.reason for problem in problems(message))
    if isinstance(message, Request):
        assert message.response(400).raw.startswith(b"SIP/2.0 400 Bad Request\r\n")


def accepted(data: bytes) -> bool:
    error = refusal_of(parse, data)
    if error is None:
        use(parse(data))
        return True
    assert error.offset is None or 0 <= error.offset <= len(data)
    answer = refusal(data, error, to_tag="t")
    assert answer is None or answer.raw.startswith(b"SIP/2.0 ")
    return False


@pytest.mark.parametrize("part", range(4))
def test_no_mutation_of_a_valid_message_raises_anything_but_a_syntax_error(part: int) -> None:
    outcomes = [accepted(data) for number, data in enumerate(mutations(MUTATIONS)) if number % 4 == part]
    assert len(outcomes) == MUTATIONS / 4
    assert 0.1 < sum(outcomes) / len(outcomes) < 0.9  # else the mutations test nothing
    assert parse(invite()).call_id == "a84b4c76e66710@192.0.2.1"


def test_no_mutation_breaks_the_framing_of_a_stream() -> None:
    framer = StreamFramer()
    for data in mutations(3_000):
        try:
            framer.feed(data)
        except SipSyntaxError:
            assert framer.error is not None
        if framer.error is not None or framer.pending > 100_000:
            framer = StreamFramer()
    assert StreamFramer().feed(invite()) == [invite()]


def strictly(data: bytes) -> SessionDescription:
    return SessionDescription.parse(data, strict=True)


def test_no_mutation_of_a_session_description_raises_anything_but_a_syntax_error() -> None:
    draw, refused = random.Random(SEED), 0
    for _ in range(5_000):
        data = bytearray(SDP)
        for _ in range(draw.randint(1, 4)):
            at = draw.randrange(len(data))
            data[at : at + draw.randint(0, 4)] = draw.choice(PIECES)
        for error in (refusal_of(SessionDescription.parse, bytes(data)), refusal_of(strictly, bytes(data))):
            refused += error is not None
            assert error is None or error.status in {400, 413}
    assert refused > 1_000


def test_no_mutation_of_an_authorization_raises_anything_but_a_syntax_error() -> None:
    text = 'Digest username="a", realm="r", nonce="n", uri="sip:x", response="0", cnonce="c", qop=auth, nc=00000001'
    draw, refused = random.Random(SEED), 0
    for _ in range(5_000):
        at = draw.randrange(len(text))
        mutated = text[:at] + draw.choice(PIECES).decode("latin-1") + text[at + draw.randint(0, 9) :]
        refused += sum(refusal_of(read, mutated) is not None for read in (Credentials.parse, Challenge.parse))
    assert refused > 100
