"""URIs, addresses and Vias against vectors of other projects, and the rules of RFC 3261 s.19.1.4 and s.25.1."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxlab.base.errors import SipSyntaxError
from voxlab.sip import uri as uri_module
from voxlab.sip.grammar import parameters, quoted, split_list, split_parameters, unfold, unquoted
from voxlab.sip.headers import STAR, Headers, MediaType, NameAddr, Uri, Via, canonical
from voxlab.sip.validation import address_fault, uri_fault

from .corpora import NEEDS_CORPORA, refusal_of, vectors


def agreed(file: str) -> list[Any]:
    return [pytest.param(entry, id=entry["input"][:60]) for entry in vectors(f"grammar/{file}") if entry["agree"]]


def uri_fields(uri: Uri) -> dict[str, Any]:
    fields = {"scheme": uri.scheme, "user": uri.user, "password": uri.password, "host": uri.host, "port": uri.port}
    return fields | {"params": dict(uri.params)}


def without_brackets(fields: dict[str, Any]) -> dict[str, Any]:
    return fields | {"host": fields["host"].strip("[]")}


# Both parsers take port 0 for none and 65536 for a port; the RFC's grammar says otherwise.
PORTS_NO_PARSER_SHOULD_READ_SO = {"sip:localhost@atlanta.org:0", "sip:localhost:0", "sip:localhost:65536"}
# Asserted by one project against the ABNF: maddr takes a host, + only begins a number (RFC 3966 s.3), a path is no
# part of a SIP URI.
ASSERTED_AGAINST_THE_RFC = {
    "sip:atlanta.com;maddr=example.com",
    "tel:(44).1234-*#+Deaf",
    "sip:192.168.43.83:443/wss/;transport=wss",
}


@NEEDS_CORPORA
@pytest.mark.parametrize("entry", agreed("uri_consensus.shared.json"))
def test_uris_mean_what_two_unrelated_parsers_agree_on(entry: dict[str, Any]) -> None:
    text = entry["input"]
    if text == "sip:localhost:65536":
        with pytest.raises(SipSyntaxError, match="65535"):
            Uri.parse(text)
        return
    expected = without_brackets(entry["expected"]) | ({"port": 0} if text in PORTS_NO_PARSER_SHOULD_READ_SO else {})
    assert uri_fields(Uri.parse(text)) == expected
    assert str(Uri.parse(text)) == text


@NEEDS_CORPORA
@pytest.mark.parametrize("entry", agreed("nameaddr_consensus.shared.json"))
def test_addresses_mean_what_two_unrelated_parsers_agree_on(entry: dict[str, Any]) -> None:
    address, expected = NameAddr.parse(entry["input"]), entry["expected"]
    assert address.display_name == (expected["display"] or "")
    assert uri_fields(address.uri) == without_brackets(expected["uri"])
    assert dict(address.params) == {name: value and unquoted(value) for name, value in expected["params"].items()}


@NEEDS_CORPORA
@pytest.mark.parametrize("entry", agreed("via_consensus.shared.json"))
def test_vias_mean_what_two_unrelated_parsers_agree_on(entry: dict[str, Any]) -> None:
    via, expected = Via.parse(entry["input"]), entry["expected"]
    sent_by = (expected["transport"], expected["host"].strip("[]").lower(), expected["port"])
    assert (via.transport, via.host, via.port) == sent_by
    assert via.branch == expected["params"].get("branch")
    assert via.received == expected["params"].get("received")


@NEEDS_CORPORA
@pytest.mark.parametrize("entry", [pytest.param(e, id=e["input"][:60]) for e in vectors("grammar/asserted.json")])
def test_what_other_projects_accept_is_accepted_and_what_they_reject_the_strict_grammar_rejects(
    entry: dict[str, Any],
) -> None:
    text = entry["input"]
    if text in ASSERTED_AGAINST_THE_RFC:
        assert bool(uri_fault(text)) == entry["valid"]
    elif text == "*":
        assert STAR.text == text
    elif entry["valid"]:
        assert (
            NameAddr.parse(text).uri.scheme in {"sip", "sips", "tel"}
            if entry["kind"] != "uri"
            else Uri.parse(text).scheme
        )
    else:
        assert uri_fault(text) if entry["kind"] == "uri" else uri_fault(text) and address_fault(text)


@pytest.mark.parametrize(
    ("left", "right"),
    [  # the examples of RFC 3261 s.19.1.4
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        ),
        (
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
        ),
        ("tel:+1-201-555-0123", "tel:+12015550123"),
        ("tel:7042;phone-context=Example.com", "tel:7042;phone-context=example.com"),
    ],
)  # fmt: skip
def test_equivalent_uris(left: str, right: str) -> None:
    assert Uri.parse(left).equivalent(Uri.parse(right))
    assert Uri.parse(right).equivalent(Uri.parse(left))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
        ("sip:bob@biloxi.com", "sips:bob@biloxi.com"),
        ("tel:+12015550123", "tel:12015550123"),
        ("http://a", "http://A"),
    ],
)
def test_uris_that_differ(left: str, right: str) -> None:
    assert not Uri.parse(left).equivalent(Uri.parse(right))


@pytest.mark.parametrize(
    "text",
    ["", "bob", "sip:", "sip:@host", "sip:bob@", "sip:bob@host:99999", "sip:a@[::1::2]", "sip:a@b@c d", "tel:", ":x"],
)
def test_what_is_no_uri_is_refused_with_400(text: str) -> None:
    with pytest.raises(SipSyntaxError) as caught:
        Uri.parse(text)
    assert caught.value.status == 400


def test_a_built_uri_escapes_its_user_and_brackets_its_host() -> None:
    uri = Uri.build("2001:db8::1", "a b@c", 5070, params=";lr")
    assert str(uri) == "sip:a%20b%40c@[2001:db8::1]:5070;lr"
    assert (uri.user, uri.host, uri.port, dict(uri.params)) == ("a b@c", "2001:db8::1", 5070, {"lr": None})


@pytest.mark.parametrize(
    ("text", "is_number"),
    [
        ("tel:+4930555001", True),
        ("sip:+4930555001@gw", True),
        ("sip:0815@gw;user=phone", True),
        ("sip:alice@gw", False),
        ("sip:gw", False),
    ],
)
def test_phone_numbers_are_told_from_names(text: str, is_number: bool) -> None:
    assert Uri.parse(text).is_phone_number is is_number


def test_the_cache_of_uris_does_not_grow_without_bound() -> None:
    for number in range(10_000):
        Uri.parse(f"sip:user{number}@example.com")
    assert len(uri_module._cache) <= uri_module._CACHE_ENTRIES


def test_lists_are_split_outside_quotes_and_brackets() -> None:
    text = '"a,b" <sip:x?y=1,2>;q="c,d" , <sip:z> ,, w'
    assert split_list(text) == ['"a,b" <sip:x?y=1,2>;q="c,d"', "<sip:z>", "", "w"]
    assert split_parameters('a;b="c;\\";d";e') == ["a", 'b="c;\\";d"', "e"]


def test_parameters_are_unquoted_and_a_flag_has_no_value() -> None:
    assert dict(parameters(';Lr;foo="a \\"b\\"";Bar = 1')) == {"lr": None, "foo": 'a "b"', "bar": "1"}
    for broken in (';foo="a', ";<b>=1"):
        with pytest.raises(SipSyntaxError):
            parameters(broken)


def test_folds_become_one_space() -> None:
    assert unfold("a \r\n\t b\n c") == "a b c"


def test_header_names_are_known_in_any_spelling() -> None:
    headers = Headers(["v: SIP/2.0/UDP a", "VIA: SIP/2.0/UDP b, SIP/2.0/UDP c", "x-Own : 1", "Subject:"])
    assert headers.get_all("Via") == ["SIP/2.0/UDP a", "SIP/2.0/UDP b, SIP/2.0/UDP c"]
    assert headers.split("via") == ["SIP/2.0/UDP a", "SIP/2.0/UDP b", "SIP/2.0/UDP c"]
    assert (headers.get("X-OWN"), headers.get("s"), headers.get("To"), headers.get("To", "none")) == (
        "1",
        "",
        None,
        "none",
    )
    assert "V" in headers
    assert [canonical(name) for name in ("i", "CALL-id", "X-y ")] == ["call-id", "call-id", "x-y"]
    assert headers.items()[2] == ("x-Own", "1")


def test_a_media_type_has_lower_case_names_and_parameters() -> None:
    assert MediaType.parse('Multipart/Mixed;boundary="a b"') == MediaType("multipart", "mixed", {"boundary": "a b"})
    with pytest.raises(SipSyntaxError):
        MediaType.parse("text")


def test_a_via_reads_received_and_rport() -> None:
    via = Via.parse("SIP/2.0/UDP [2001:DB8::9]:5060;rport=40000;received=[2001:db8::1];branch=z9hG4bKx")
    assert (via.host, via.port, via.received, via.rport, via.branch) == (
        "2001:db8::9",
        5060,
        "2001:db8::1",
        40000,
        "z9hG4bKx",
    )
    empty = Via.parse("SIP / 2.0 / udp host ;rport")
    assert (empty.transport, empty.host, empty.rport, "rport" in empty.params, empty.branch) == (
        "UDP",
        "host",
        None,
        True,
        None,
    )
    with pytest.raises(SipSyntaxError) as caught:
        Via.parse("SIP/3.0/UDP host")
    assert caught.value.status == 505


USERS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
HOSTS = st.from_regex(r"[a-z][a-z0-9]{0,8}(\.[a-z][a-z0-9]{0,8}){0,2}", fullmatch=True) | st.just("2001:db8::1")
PORTS = st.none() | st.integers(0, 65_535)


@given(USERS, HOSTS, PORTS)
def test_a_built_uri_reads_back_as_its_parts(user: str, host: str, port: int | None) -> None:
    uri = Uri.build(host, user, port)
    assert (uri.user, uri.host, uri.port) == (user, host, port)
    assert Uri.parse(str(uri)) == uri
    assert uri_fault(str(uri)) == ""


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=30), USERS, HOSTS)
def test_a_built_address_reads_back_as_its_parts(name: str, user: str, host: str) -> None:
    address = NameAddr.build(Uri.build(host, user), name, {"tag": "x1", "lr": None})
    again = NameAddr.parse(str(address))
    assert (again.display_name, again.uri, again.tag, dict(again.params)) == (
        name,
        address.uri,
        "x1",
        {"tag": "x1", "lr": None},
    )


@given(st.text(max_size=40))
def test_a_quoted_string_says_what_was_quoted(text: str) -> None:
    assert unquoted(quoted(text)) == text


@given(st.text(max_size=80))
def test_no_text_makes_a_value_parser_raise_anything_but_a_syntax_error(text: str) -> None:
    for read in (Uri.parse, NameAddr.parse, Via.parse, MediaType.parse, parameters):
        error = refusal_of(read, text)
        assert error is None or error.status in {400, 505}
