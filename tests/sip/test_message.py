"""Messages as bytes plus an index: parsing, typed views, building, answering and the wire form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxlab.base.errors import SipSyntaxError, VoxlabError
from voxlab.sip.headers import STAR
from voxlab.sip.message import Request, Response
from voxlab.sip.parser import parse, refusal
from voxlab.sip.validation import problems

from .corpora import SDP, invite


def request(data: bytes) -> Request:
    message = parse(data)
    assert isinstance(message, Request)
    return message


def test_the_scan_fills_the_fields_that_match_a_message() -> None:
    message = request(invite())
    assert (message.method, message.uri_text) == ("INVITE", "sip:bob@example.com")
    assert (message.call_id, message.cseq, message.cseq_method) == ("a84b4c76e66710@192.0.2.1", 314159, "INVITE")
    assert (message.from_tag, message.to_tag, message.branch) == ("1928301774", None, "z9hG4bK776asdhds")
    assert (message.body, message.raw, message.max_forwards) == (SDP, invite(), 70)


def test_typed_views_are_parsed_once() -> None:
    message = request(invite())
    assert message.via is message.via
    assert message.from_ is message.from_
    assert message.contacts is message.contacts
    assert message.sdp is message.sdp
    assert message.uri is message.uri
    assert (message.via.host, message.via.port, message.from_.display_name) == ("192.0.2.1", 5060, "Alice")
    assert message.sdp is not None
    assert message.sdp.media[0].port == 49172


def test_absent_things_are_none_or_empty() -> None:
    message = request(invite(body=b"", replace=("Max-Forwards: 70\r\n", "")))
    assert (message.max_forwards, message.sdp, message.routes, message.record_routes) == (None, None, (), ())


@pytest.mark.parametrize(
    ("piece", "instead"),
    [
        ("Via: ", "v:"),
        ("Via: ", "VIA :  "),
        (";branch=z9hG4bK776asdhds;rport", "; rport ; branch = z9hG4bK776asdhds"),
        ("From: ", "f: "),
        (
            '"Alice" <sip:alice@example.com>;tag=1928301774',
            '"A\\">;tag=no" <sip:alice@example.com> ; x=">;tag=y" ; tag=1928301774',
        ),
        ('"Alice" <sip:alice@example.com>;tag=1928301774', "sip:alice@example.com;tag=1928301774"),
        ('From: "Alice" ', 'From:\r\n "Alice"\r\n\t'),
        ("Call-ID: ", "i:\t"),
        ("CSeq: 314159 INVITE", "CSEQ : 0000314159\t INVITE"),
        ("INVITE sip:bob@example.com SIP/2.0\r\n", "\r\n\r\nINVITE sip:bob@example.com SIP/2.0\r\n"),
        ("To: <sip:bob@example.com>\r\n", "To: <sip:bob@example.com>\nX: y\n"),
        ("Call-ID: a84b", "Call-ID: a84b4c76e66710@192.0.2.1\r\nCall-ID: a84b"),
    ],
)
def test_other_ways_of_writing_the_same_give_the_same_fields(piece: str, instead: str) -> None:
    message = request(invite(replace=(piece, instead)))
    assert (message.call_id, message.cseq, message.cseq_method) == ("a84b4c76e66710@192.0.2.1", 314159, "INVITE")
    assert (message.from_tag, message.to_tag, message.branch) == ("1928301774", None, "z9hG4bK776asdhds")
    assert message.from_.uri.user == "alice"
    assert message.via.branch == message.branch


@pytest.mark.parametrize("key", ["Via", "From", "To", "Call-ID", "CSeq"])
def test_a_message_without_a_mandatory_field_is_refused_and_the_field_named(key: str) -> None:
    line = next(line for line in invite().decode().split("\r\n") if line.startswith(key))
    with pytest.raises(SipSyntaxError, match="missing") as caught:
        parse(invite(replace=(f"{line}\r\n", "")))
    assert (caught.value.status, caught.value.header) == (400, key)


@pytest.mark.parametrize(
    ("piece", "instead", "status", "header"),
    [
        ("SIP/2.0\r\n", "SIP/3.0\r\n", 505, None),
        ("SIP/2.0/UDP", "SIP/9.0/UDP", 505, "Via"),
        ("192.0.2.1:5060;branch", "192.0.2.1:99999;a b;branch", 400, "Via"),
        ("314159 INVITE", "2147483648 INVITE", 400, "CSeq"),
        ("314159 INVITE", "-1 INVITE", 400, "CSeq"),
        ("314159 INVITE", "314159 BYE", 400, "CSeq"),
        ("314159 INVITE", "314159", 400, "CSeq"),
        ("314159 INVITE", "٣١٤ INVITE", 400, "CSeq"),
        ("Call-ID: a84b4c76e66710@192.0.2.1", "Call-ID: ", 400, "Call-ID"),
        ("<sip:bob@example.com>", "<sip:bob@example.com>;tag=a b", 400, "To"),
        ("To: <sip:bob@example.com>", "To: nobody", 400, "To"),
        ("To: <", "To: <sip:x>\r\nTo: <", 400, "To"),
        ("Contact: <", "Contact <", 400, None),
        ("Contact: <", "Con tact: <", 400, None),
        ("Contact: <", "Contact: \r<", 400, None),
        ("Content-Length: ", "Content-Length: 9", 400, "Content-Length"),
        ("Content-Length: ", "Content-Length: +", 400, "Content-Length"),
        ("sip:bob@example.com SIP", " SIP", 400, None),
    ],
)  # fmt: skip
def test_what_no_element_can_read_is_refused_with_status_and_place(
    piece: str, instead: str, status: int, header: str | None
) -> None:
    data = invite(replace=(piece, instead))
    with pytest.raises(SipSyntaxError) as caught:
        parse(data)
    assert (caught.value.status, caught.value.header) == (status, header)
    assert caught.value.offset is not None
    assert 0 <= caught.value.offset <= len(data)


def test_the_offset_points_at_the_value_at_fault() -> None:
    data = invite(replace=("314159 INVITE", "x INVITE"))
    with pytest.raises(SipSyntaxError) as caught:
        parse(data)
    assert data[caught.value.offset :].startswith(b"x INVITE")


def test_a_bad_value_raises_when_its_view_is_read_and_says_where() -> None:
    data = invite(replace=("Contact: <sip:alice", "Contact: <sip:@:alice"))
    message = request(data)
    with pytest.raises(SipSyntaxError) as caught:
        _ = message.contacts
    assert (caught.value.status, caught.value.header) == (400, "Contact")
    assert caught.value.offset is not None
    assert caught.value.offset >= data.index(b"Contact: ")


def test_a_bad_request_uri_and_a_bad_hop_count_raise_on_use() -> None:
    message = request(invite(replace=("INVITE sip:bob@example.com", "INVITE sip:bob@")))
    with pytest.raises(SipSyntaxError) as caught:
        _ = message.uri
    assert caught.value.offset == len("INVITE sip:")
    with pytest.raises(SipSyntaxError, match="Max-Forwards"):
        _ = request(invite(replace=("Forwards: 70", "Forwards: 256"))).max_forwards


def test_a_bad_session_description_raises_on_use_with_an_offset_in_the_message() -> None:
    data = invite(body=SDP.replace(b"m=audio 49172", b"m=audio 4917x"))
    with pytest.raises(SipSyntaxError) as caught:
        _ = parse(data).sdp
    assert data[caught.value.offset :].startswith(b"m=audio 4917x")


def test_bytes_that_are_not_utf8_survive() -> None:
    message = request(invite(extra="Subject: caf\udce9\r\n"))
    message.push_via("SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx")
    assert b"Subject: caf\xe9\r\n" in message.raw


def test_vias_joined_by_commas_are_told_apart() -> None:
    message = request(
        invite(
            replace=(
                "rport\r\n",
                "rport, SIP/2.0/TCP [::1]:9;branch=z9hG4bKb\r\nVia: SIP/2.0/TLS c;branch=z9hG4bKc\r\n",
            )
        )
    )
    assert [via.branch for via in message.vias] == ["z9hG4bK776asdhds", "z9hG4bKb", "z9hG4bKc"]
    assert message.via == message.vias[0]
    message.set_via("SIP/2.0/UDP new;branch=z9hG4bKnew")
    assert [via.branch for via in parse(message.raw).vias] == ["z9hG4bKnew", "z9hG4bKb", "z9hG4bKc"]


def test_a_pushed_via_is_on_top_of_the_wire_form_and_a_set_via_replaces_it() -> None:
    message = request(invite())
    assert message.via.port == 5060
    message.push_via("SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx")
    assert (message.branch, message.via.host, len(message.vias)) == ("z9hG4bKx", "192.0.2.9", 2)
    message.set_via("SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx;received=192.0.2.10")
    again = parse(message.raw)
    assert [via.received for via in again.vias] == ["192.0.2.10", None]
    assert again.headers.get_all("via") == message.headers.get_all("via")
    assert again.body == SDP


def test_star_contacts_and_lists_of_contacts() -> None:
    assert request(invite(replace=("<sip:alice@192.0.2.1:5060>", "*"))).contacts == (STAR,)
    two = request(invite(extra='m: "B, C" <sip:b@c;x=1>;q=0.5, sip:d@e;q=1\r\n')).contacts
    assert [(c.display_name, c.uri.user, c.params.get("q")) for c in two] == [
        ("", "alice", None),
        ("B, C", "b", "0.5"),
        ("", "d", "1"),
    ]


def test_a_built_request_has_the_fields_of_the_parsed_one() -> None:
    parsed = request(invite())
    pairs = [pair for pair in parsed.headers.items() if pair[0] != "Content-Length"]
    built = Request.build("INVITE", "sip:bob@example.com", pairs, SDP)
    assert (built.branch, built.from_tag, built.to_tag, built.cseq, built.cseq_method, built.call_id) == (
        parsed.branch, parsed.from_tag, None, 314159, "INVITE", parsed.call_id,
    )  # fmt: skip
    assert built.raw == invite()
    assert built.raw is built.raw
    assert problems(built) == []


def test_a_request_without_a_via_gets_one_pushed() -> None:
    pairs = [
        ("Max-Forwards", "70"),
        ("From", "<sip:a@b>;tag=1"),
        ("To", "<sip:c@d>"),
        ("Call-ID", "x"),
        ("CSeq", "1 OPTIONS"),
    ]
    built = Request.build("OPTIONS", "sip:d", pairs)
    with pytest.raises(SipSyntaxError, match="missing"):
        _ = built.branch
    built.push_via("SIP/2.0/TCP h;branch=z9hG4bK1")
    assert built.raw.startswith(b"OPTIONS sip:d SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n")
    assert (parse(built.raw).branch, built.branch) == ("z9hG4bK1", "z9hG4bK1")


@pytest.mark.parametrize("value", ["x\r\nEvil: 1", "x\nEvil: 1"])
def test_a_line_end_in_a_part_cannot_smuggle_in_a_header(value: str) -> None:
    built = Request.build("OPTIONS", "sip:d", [("Subject", value)])
    with pytest.raises(VoxlabError, match="line end"):
        _ = built.raw


def test_a_response_copies_what_rfc_3261_says_and_adds_the_tag_once() -> None:
    message = request(invite(extra="Record-Route: <sip:p;lr>\r\nTimestamp: 5\r\n"))
    ok = message.response(200, to_tag="bob1", headers=[("Contact", "<sip:bob@h>")], body=b"x")
    assert isinstance(parse(ok.raw), Response)
    again = parse(ok.raw)
    assert (again.branch, again.call_id, again.cseq, again.from_tag, again.to_tag) == (
        message.branch, message.call_id, message.cseq, message.from_tag, "bob1",
    )  # fmt: skip
    assert (ok.branch, ok.to_tag, ok.cseq_method) == (again.branch, "bob1", "INVITE")
    assert [name for name, _ in again.headers.items()] == [
        "Via", "From", "To", "Call-ID", "CSeq", "Record-Route", "Contact", "Content-Length",
    ]  # fmt: skip
    trying = message.response(100)
    assert ("timestamp" in trying.headers, "record-route" in trying.headers, trying.to_tag) == (True, False, None)
    busy = request(invite(replace=("To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=old"))).response(
        486, to_tag="new"
    )
    assert (busy.to_tag, busy.reason, busy.status) == ("old", "Busy Here", 486)
    assert b";tag=new" not in busy.raw


def test_a_response_to_a_folded_and_compact_request_has_no_folds() -> None:
    message = request(invite(replace=("Via: SIP/2.0/UDP ", "v: SIP/2.0/UDP\r\n ")))
    assert parse(message.response(404, "Gone\tFishing").raw).headers.get("via") == message.headers.get("via")


def test_unknown_statuses_get_the_phrase_of_their_class() -> None:
    assert Response.build(299, None, []).reason == "OK"
    assert Response.build(499, None, []).start_line == "SIP/2.0 499 Client Error"


def test_an_ack_and_a_response_are_refused_in_silence() -> None:
    error = SipSyntaxError(400, "no good")
    assert refusal(invite().replace(b"INVITE", b"ACK"), error) is None
    assert refusal(request(invite()).response(200).raw, error) is None
    assert refusal(b"garbage", error) is None
    answer = refusal(invite(), error, to_tag="t1")
    assert answer is not None
    assert (answer.status, answer.reason, answer.to_tag) == (400, "no good", "t1")


def test_repr_names_the_message() -> None:
    message = request(invite())
    assert repr(message) == "<Request INVITE sip:bob@example.com>"
    assert repr(message.response(180)) == "<Response 180 Ringing to 314159 INVITE>"


TOKENS = st.from_regex(r"[A-Za-z0-9.!%*_+`'~-]{1,12}", fullmatch=True)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp", "Zs"]), max_size=30)


@given(
    TOKENS,
    TOKENS,
    st.integers(0, 2**31 - 1),
    st.lists(st.tuples(TOKENS.map("X-{}".format), TEXTS), max_size=5),
    st.binary(max_size=60),
)
def test_what_is_built_reads_back_the_same(
    tag: str, call_id: str, cseq: int, extra: list[tuple[str, str]], body: bytes
) -> None:
    fixed = [("Via", f"SIP/2.0/UDP h;branch=z9hG4bK{tag}"), ("From", f"<sip:a@b>;tag={tag}"), ("To", "<sip:c@d>")]
    built = Request.build(
        "MESSAGE", "sip:c@d", [*fixed, ("Call-ID", call_id), ("CSeq", f"{cseq} MESSAGE"), *extra], body
    )
    again = parse(built.raw)
    assert (again.branch, again.from_tag, again.call_id, again.cseq, again.body) == (
        f"z9hG4bK{tag}",
        tag,
        call_id,
        cseq,
        body,
    )
    assert again.headers.items()[5:-1] == extra
    assert again.raw == built.raw
