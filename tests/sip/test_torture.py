"""The 49 messages of RFC 4475 and the archive's test.dat, byte for byte."""

from __future__ import annotations

from typing import Any

import pytest

from voxlab.base.errors import SipSyntaxError
from voxlab.sip.parser import parse, refusal
from voxlab.sip.validation import problems

from .corpora import CORPORA, NEEDS_CORPORA, vectors

pytestmark = NEEDS_CORPORA
MESSAGES = {entry["name"]: entry for entry in vectors("torture/rfc4475/index.json", "messages")}
# What an element, not the parser, answers: 501, 404, 405, 406, 415, 416, 420, 401, 483.
REFUSED_BY_ANY_PARSER = {
    "badinv01", "clerr", "ncl", "scalar02", "scalarlg", "badvers", "mismatch01", "mismatch02",
    "bigcode", "insuf", "multi01", "mcl01", "test",
}  # fmt: skip
REFUSED_WHEN_STRICT = REFUSED_BY_ANY_PARSER | {
    "quotbal", "ltgtruri", "lwsruri", "lwsstart", "trws", "escruri", "baddate", "regbadct", "badaspec", "baddn",
}  # fmt: skip


def data(name: str) -> bytes:
    return (CORPORA / "torture/rfc4475" / MESSAGES[name]["file"]).read_bytes()


def allowed_statuses(entry: dict[str, Any]) -> set[int]:
    answers = {code for codes in (entry["strict_answer"] or {}).values() for code in codes}
    return {
        400 if code in {"4xx_error", "discard"} else code
        for code in answers
        if code in {"4xx_error", "discard"} or isinstance(code, int)
    }


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_strict_refuses_what_is_malformed_with_the_status_of_the_rfc_and_accepts_the_rest(name: str) -> None:
    if name not in REFUSED_WHEN_STRICT:
        assert problems(parse(data(name), strict=True)) == []
        return
    with pytest.raises(SipSyntaxError) as caught:
        parse(data(name), strict=True)
    assert caught.value.status in (allowed_statuses(MESSAGES[name]) or {400})
    assert caught.value.rfc.startswith("RFC 3261 s.")


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_lenient_accepts_whatever_a_liberal_element_may(name: str) -> None:
    if name in REFUSED_BY_ANY_PARSER:
        assert not MESSAGES[name]["liberal_allowed"]
        with pytest.raises(SipSyntaxError):
            parse(data(name))
        return
    message = parse(data(name))
    assert message.call_id.encode() in data(name)
    assert bool(problems(message)) == (name in REFUSED_WHEN_STRICT)


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_typed_views_of_what_lenient_accepts_raise_nothing(name: str) -> None:
    if name in REFUSED_BY_ANY_PARSER:
        with pytest.raises(SipSyntaxError) as caught:
            parse(data(name))
        assert caught.value.offset is None or 0 <= caught.value.offset <= len(data(name))
        return
    message = parse(data(name))
    views = (message.via, message.vias, message.from_, message.to, message.contacts, message.routes, message.sdp)
    assert len(views) == 7
    assert message.vias[0] == message.via


@pytest.mark.parametrize("name", sorted(REFUSED_WHEN_STRICT & MESSAGES.keys()))
def test_a_refused_request_gets_an_answer_and_a_refused_response_silence(name: str) -> None:
    with pytest.raises(SipSyntaxError) as caught:
        parse(data(name), strict=True)
    answer = refusal(data(name), caught.value, to_tag="x1")
    if name in {"scalarlg", "bigcode", "test"}:  # responses, and what has not even a Via
        assert answer is None
        return
    assert answer is not None
    assert answer.raw.startswith(f"SIP/2.0 {caught.value.status} ".encode())
    assert answer.headers.get("call-id", "") in data(name).decode()
    assert ";tag=" in answer.headers.get("to", "") or name == "insuf"  # which has no To


def test_wsinv_reads_through_folds_escapes_and_compact_names() -> None:
    message = parse(data("wsinv"))
    assert (message.cseq, message.cseq_method, message.to_tag, message.from_tag) == (
        9,
        "INVITE",
        "1918181833n",
        "98asjd8",
    )
    assert message.from_.display_name == 'J Rosenberg \\"'
    assert message.max_forwards == 68  # type: ignore[union-attr]
    assert [(via.transport, via.host, via.branch) for via in message.vias] == [
        ("UDP", "192.0.2.2", "390skdjuw"),
        ("TCP", "spindle.example.com", "z9hG4bK9ikj8"),
        ("UDP", "192.168.255.111", "z9hG4bK30239"),
    ]
    contact = message.contacts[0]
    assert (contact.display_name, dict(contact.params)) == (
        'Quoted string ""',
        {"newparam": "newvalue", "secondparam": None, "q": "0.33"},
    )
    assert dict(message.routes[0].uri.params) == {"lr": None, "unknownwith": "value", "unknown-no-value": None}
    assert message.headers.get("NewFangledHeader") == "newfangled value continued newfangled value"
    assert message.headers.get("Subject") == ""
    assert message.headers.get("UnknownHeaderWithUnusualValue") == ";;,,;;,;"


def test_escaped_nulls_and_escapes_in_display_names_stay_apart() -> None:
    assert [contact.uri.user for contact in parse(data("escnull")).contacts] == ["\0", "\0\0"]
    assert len(parse(data("esc02")).contacts) == 2
    assert parse(data("esc02")).method == "RE%47IST%45R"  # type: ignore[union-attr]


def test_semicolons_and_escaped_signs_belong_to_the_user_part() -> None:
    assert parse(data("semiuri")).uri.user == "user;par=u@example.net"  # type: ignore[union-attr]
    assert parse(data("esc01")).uri.user == "sips:user@example.com"  # type: ignore[union-attr]


def test_octets_behind_content_length_are_no_part_of_the_message() -> None:
    message = parse(data("dblreq"))
    assert message.body == b""
    assert message.raw.count(b"REGISTER sip:example.com SIP/2.0") == 1


def test_parameters_without_brackets_belong_to_the_contact_and_with_brackets_to_the_uri() -> None:
    bare, bracketed = parse(data("cparam01")).contacts[0], parse(data("cparam02")).contacts[0]
    assert (dict(bare.params), dict(bare.uri.params)) == ({"unknownparam": None}, {})
    assert (dict(bracketed.params), dict(bracketed.uri.params)) == ({}, {"unknownparam": None})


def test_liberal_repairs_do_not_leave_the_fault_in_the_request_uri() -> None:
    uris = {name: parse(data(name)).uri_text for name in ("ltgtruri", "lwsruri", "lwsstart", "trws", "escruri")}  # type: ignore[union-attr]
    assert uris == {
        "ltgtruri": "sip:user@example.com",
        "lwsruri": "sip:user@example.com;lr",
        "lwsstart": "sip:user@example.com",
        "trws": "sip:remote-target@example.com",
        "escruri": "sip:user@example.com",
    }


def test_missing_quotes_and_brackets_are_inferred() -> None:
    assert parse(data("quotbal")).to.display_name == "Mr. J. User"
    assert parse(data("baddn")).from_.display_name == "Bell, Alexander"
    assert parse(data("badaspec")).to.uri.host == "example.org"
    assert parse(data("regbadct")).contacts[0].uri.headers == (("Route", "<sip:sip.example.com>"),)


def test_a_header_in_a_contact_uri_stays_in_the_contact() -> None:
    message = parse(data("regescrt"))
    assert message.routes == ()
    assert message.contacts[0].uri.headers == (("Route", "<sip:sip.example.com>"),)


def test_unknown_transports_and_binary_bodies_are_accepted() -> None:
    assert [via.transport for via in parse(data("transports")).vias] == ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]
    assert len(parse(data("mpart01")).body) == 553


def test_a_request_of_rfc_2543_has_no_branch_and_a_body_to_the_end() -> None:
    message = parse(data("inv2543"))
    assert (message.branch, message.from_tag) == ("", None)
    assert message.sdp is not None
    assert message.sdp.media[0].port == 49217
