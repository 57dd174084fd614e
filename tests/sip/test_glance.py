"""A glance tells what the parser tells, or leaves the message to it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxlab.base.errors import SipSyntaxError
from voxlab.dialog.session_timer import Interval, interval_of
from voxlab.sip.glance import GlancedRequest, GlancedResponse, glance_at_request, glance_at_response
from voxlab.sip.parser import Request, Response, parse
from voxlab.sip.splice import passed_on, respelled, without_top_via

OUR_VIAS = (b"\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=",)
OUR_ROUTES = (b"@192.0.2.1:5060;lr>",)
RESPONSE = (
    b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa.;rport=5060\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKb\r\nFrom: <sip:a@b.example>;tag=1\r\n"
    b"To: <sip:c@d.example>;tag=2\r\nCall-ID: 1@b\r\nCSeq: 7 INVITE\r\n"
    b"Contact: <sip:c@192.0.2.3>\r\nContent-Length: 4\r\n\r\nbody"
)
REQUEST = (
    b"BYE sip:c@192.0.2.3 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKb;rport\r\n"
    b"Route: <sip:token@192.0.2.1:5060;lr>\r\nMax-Forwards: 70\r\nFrom: <sip:a@b.example>;tag=1\r\n"
    b"To: <sip:c@d.example>;tag=2\r\nCall-ID: 1@b\r\nCSeq: 8 BYE\r\nContent-Length: 4\r\n\r\nbody"
)


def at_response(raw: bytes) -> GlancedResponse | None:
    return glance_at_response(raw, OUR_VIAS)


def at_request(raw: bytes) -> GlancedRequest | None:
    return glance_at_request(raw, OUR_ROUTES)


def test_a_response_is_found_its_transaction_by() -> None:
    glanced, parsed = at_response(RESPONSE), parse(RESPONSE)
    assert glanced is not None
    assert isinstance(parsed, Response)
    for name in ("status", "branch", "cseq_method", "top_via", "raw"):
        assert getattr(glanced, name) == getattr(parsed, name)
    # and what is asked for later is read
    assert (glanced.reason, glanced.call_id, glanced.to_tag, glanced.body) == ("OK", "1@b", "2", b"body")
    assert glanced.contacts == parsed.contacts


@pytest.mark.parametrize("tag", ["2", "a-b.c~d", '"quoted"', "x;lr", "a b"])
@pytest.mark.parametrize("name", ["To", "to", "t"])
def test_the_to_tag_of_a_glanced_response_is_that_of_the_parsed_one(tag: str, name: str) -> None:
    data = RESPONSE.replace(b"\r\nTo: ", f"\r\n{name}: ".encode()).replace(b";tag=2", f";tag={tag}".encode())
    assert data.count(tag.encode()) >= 1
    glanced = at_response(data)
    assert glanced is not None
    try:
        wanted = parse(data).to_tag
    except SipSyntaxError:
        return  # nobody knows it then
    assert glanced.to_tag == wanted


@pytest.mark.parametrize("line", [b"Session-Expires: 90", b"session-expires:90", b"x: 90", b"X : 90;refresher=uac"])
def test_an_interval_is_seen_however_it_is_spelled(line: bytes) -> None:
    glanced = at_response(RESPONSE.replace(b"\r\nCall-ID", b"\r\n" + line + b"\r\nCall-ID"))
    assert glanced is not None
    assert not glanced.has_no_interval
    assert interval_of(glanced) == Interval(90, "uac" if b"uac" in line else "")


def test_a_response_without_an_interval_is_not_read_for_it() -> None:
    glanced = at_response(RESPONSE)
    assert glanced is not None
    assert interval_of(glanced) is None
    with pytest.raises(AttributeError):
        object.__getattribute__(glanced, "headers")


def test_a_response_loses_its_top_via_whether_it_was_parsed_or_glanced_at() -> None:
    glanced, parsed = at_response(RESPONSE), parse(RESPONSE)
    assert glanced is not None
    assert isinstance(parsed, Response)
    assert without_top_via(glanced) == without_top_via(parsed)


@pytest.mark.parametrize("comma", [b",", b", ", b",  "])
def test_vias_that_are_joined_by_commas_as_sipp_does_lose_the_first_of_them(comma: bytes) -> None:
    glanced = at_response(RESPONSE.replace(b"rport=5060\r\nVia: ", b"rport=5060" + comma))
    assert glanced is not None
    assert glanced.top_via == "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa.;rport=5060"
    assert without_top_via(glanced) == RESPONSE.replace(
        b"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa.;rport=5060\r\n", b""
    )


def test_a_request_is_passed_on_alike_whether_it_was_parsed_or_glanced_at() -> None:
    for raw in (REQUEST, REQUEST.replace(b"Max-Forwards: 70\r\n", b"").replace(b"CSeq", b"Max-Forwards: 9\r\nCSeq")):
        glanced, parsed = at_request(raw), parse(raw)
        assert glanced is not None
        assert isinstance(parsed, Request)
        for name in ("method", "uri_text", "branch", "cseq_method", "cseq", "call_id", "to_tag", "from_tag", "top_via"):
            assert getattr(glanced, name) == getattr(parsed, name), name
        for uri in (None, "sip:other@192.0.2.9"):
            ours = passed_on(glanced, ("Via: SIP/2.0/UDP 192.0.2.1;branch=x",), uri, ())
            assert ours == passed_on(parsed, ("Via: SIP/2.0/UDP 192.0.2.1;branch=x",), uri, ())
            assert parse(ours).headers.get("route") is None


def test_the_top_via_of_a_glanced_request_can_be_stamped() -> None:
    glanced, parsed = at_request(REQUEST), parse(REQUEST)
    assert glanced is not None
    assert isinstance(parsed, Request)
    stamped = "SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKb;received=192.0.2.2;rport=40000"
    for request in (glanced, parsed):
        request.set_via(stamped, request.branch)
    assert glanced.raw == parsed.raw
    on_top = ("Via: SIP/2.0/UDP 192.0.2.1;branch=x",)
    assert passed_on(glanced, on_top, None, ()) == passed_on(parsed, on_top, None, ())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Via: SIP/2.0/UDP 192.0.2.1", b"v: SIP/2.0/UDP 192.0.2.1"),
        (b"Via: SIP/2.0/UDP 192.0.2.1", b"Via: SIP/2.0/UDP 192.0.2.77"),
        (b"200 OK", b"486 Busy Here"),
        (b"Content-Length: 4", b"Content-Length: 3"),
        (b"Content-Length: 4", b"Content-Length: 5"),
        (b"Content-Length: 4", b"l: 4"),
        (b"CSeq: 7 INVITE", b"CSEQ: 7 INVITE"),
        (b"CSeq: 7 INVITE", b"CSeq: 7\r\n INVITE"),
        (b"Via: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKb\r\n", b""),
    ],
)
def test_an_unusual_response_is_left_to_the_parser(old: bytes, new: bytes) -> None:
    assert at_response(RESPONSE.replace(old, new, 1)) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Route: <sip:token@192.0.2.1:5060;lr>", b"Route: <sip:token@192.0.2.77:5060;lr>"),
        (b"Route: <sip:token@", b"Route: <sip:x@192.0.2.77;lr>, <sip:token@"),
        (b"Max-Forwards", b"Route: <sip:192.0.2.9;lr>\r\nMax-Forwards"),
        (b"Max-Forwards", b"Proxy-Require: foo\r\nMax-Forwards"),
        (b"Max-Forwards: 70\r\n", b""),
        (b"Max-Forwards: 70", b"Max-Forwards: many"),
        (b"Max-Forwards", b"Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKc\r\nMax-Forwards"),
        (b"tag=2", b"x=2"),
        (b"CSeq: 8 BYE", b"CSeq: 8 INVITE"),
        (b"BYE sip:c@192.0.2.3 SIP/2.0", b"BYE  sip:c@192.0.2.3 SIP/2.0"),
        (b"BYE sip:c@192.0.2.3 SIP/2.0", b"BYE sip:c@192.0.2.3 SIP/3.0"),
        (b"Content-Length: 4", b"Content-Length: 40"),
        (b"\r\nCall-ID: 1@b", b""),
        (b"BYE sip", b"CANCEL sip"),
    ],
)
def test_an_unusual_request_is_left_to_the_parser(old: bytes, new: bytes) -> None:
    assert at_request(REQUEST.replace(old, new)) is None


@given(st.data())
def test_whatever_is_glanced_at_is_what_the_parser_says_or_what_it_refuses(data: st.DataObject) -> None:
    raw = bytearray(data.draw(st.sampled_from([RESPONSE, REQUEST])))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 3))] = data.draw(
            st.sampled_from([b"", b"\r\n", b" ", b",", b";", b":", b"x", b"\xff"])
        )
    message = at_response(bytes(raw)) or at_request(bytes(raw))
    if message is None:
        return
    try:
        parsed = parse(bytes(raw))
    except Exception:  # noqa: BLE001 - a proxy passes on what it need not understand
        return
    assert message.top_via == parsed.top_via
    assert message.branch == parsed.branch
    assert message.cseq_method == parsed.cseq_method


def test_respelling_changes_the_spelling_of_hop_fields_only() -> None:
    raw = b"BYE sip:c@d SIP/2.0\r\nv: SIP/2.0/UDP a;branch=z9hG4bK1 , SIP/2.0/UDP b;branch=z9hG4bK2\r\n"
    raw += b"route:<sip:x;lr>\r\nf: <sip:a@b>;tag=1\r\nt: <sip:c@d>\r\ni:  1\r\nCSEQ: 8 BYE\r\nmax-forwards:5\r\n\r\n"
    lines = respelled(parse(raw)).split(b"\r\n")
    assert lines[1:4] == [
        b"Via: SIP/2.0/UDP a;branch=z9hG4bK1",
        b"Via: SIP/2.0/UDP b;branch=z9hG4bK2",
        b"Route: <sip:x;lr>",
    ]
    assert lines[4:] == [b"f: <sip:a@b>;tag=1", b"t: <sip:c@d>", b"i:  1", b"CSEQ: 8 BYE", b"Max-Forwards: 5", b"", b""]
