"""What is remembered or said beforehand, so that nobody reads it twice, is what reading would have found."""

from __future__ import annotations

import pytest

from voxlab.base.errors import SipSyntaxError
from voxlab.dialog.dialog import Dialog
from voxlab.sip.media_description import PCMA, PCMU, TELEPHONE_EVENT, Media
from voxlab.sip.message import Request
from voxlab.sip.parser import parse
from voxlab.sip.remembered import Remembered
from voxlab.sip.scan import branch_of
from voxlab.sip.values import NameAddr
from voxlab.transaction.hop_by_hop import ack_to_failure, cancel_of

from .corpora import invite

VIA = "SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKours;rport"
HOT = ("call_id", "cseq", "cseq_method", "from_tag", "to_tag", "branch")


def assert_says_what_it_sends(request: Request) -> None:
    read = parse(request.raw)
    assert [getattr(request, name) for name in HOT] == [getattr(read, name) for name in HOT]


def dialog() -> Dialog:
    return Dialog(
        "call@192.0.2.9",
        local="<sip:a@192.0.2.9>;tag=ours",
        local_tag="ours",
        remote="<sip:b@192.0.2.1>;tag=theirs",
        remote_tag="theirs",
        remote_target="sip:b@192.0.2.1",
        route_set=(),
        local_cseq=4,
        remote_cseq=-1,
        contact="<sip:a@192.0.2.9>",
    )


@pytest.mark.parametrize("method", ["BYE", "INVITE", "ACK"])
def test_a_request_made_in_a_dialog_says_what_it_sends(method: str) -> None:
    request = dialog().request(method)
    assert request.branch == ""
    request.push_via(VIA, "z9hG4bKours")
    assert_says_what_it_sends(request)


def test_an_ack_and_a_cancel_made_of_an_invite_say_what_they_send() -> None:
    sent = parse(invite())
    assert isinstance(sent, Request)
    via = sent.headers.get("via", "")
    assert_says_what_it_sends(cancel_of(sent, via, ()))
    assert_says_what_it_sends(ack_to_failure(sent, via, sent.response(486, to_tag="theirs")))


def test_a_request_built_of_plain_headers_is_read_when_it_is_asked() -> None:
    sent = parse(invite())
    assert isinstance(sent, Request)
    headers = [pair for pair in sent.headers.items() if pair[0] != "Content-Length"]
    built = Request.build("INVITE", sent.uri_text, headers)
    assert_says_what_it_sends(built)
    assert isinstance(built, Request)
    with pytest.raises(AttributeError, match="colour"):
        built.colour  # type: ignore[attr-defined]  # noqa: B018 - reading it is the test


def test_a_text_is_read_once_and_a_refusal_each_time() -> None:
    asked = []

    def read(text: str) -> int:
        asked.append(text)
        return int(text)

    numbers = Remembered(read)
    assert [numbers["7"], numbers["7"]] == [7, 7]
    for _ in range(2):
        with pytest.raises(ValueError, match="x"):
            numbers["x"]
    assert asked == ["7", "x", "x"]


def test_neither_many_texts_nor_long_ones_fill_the_memory() -> None:
    lengths = Remembered(len, entries_max=8, characters_max=10)
    for number in range(100):
        assert lengths[str(number)] == len(str(number))
        assert lengths["x" * (11 + number)] == 11 + number
    assert len(lengths) <= 8
    assert all(len(text) <= 10 for text in lengths)


def test_a_second_branch_in_a_via_does_not_hide_behind_one_that_was_seen() -> None:
    """The last one counts, whatever was read before."""
    for first, second in (("z1", "z1"), ("z2", "z1"), ("z3", "z4")):
        assert branch_of(f"SIP/2.0/UDP 192.0.2.77;branch={first};branch={second}") == second


def test_a_branch_that_is_no_token_is_refused_also_where_the_rest_was_seen() -> None:
    start, end = "SIP/2.0/UDP 192.0.2.78;branch=", ";rport"
    assert branch_of(f"{start}z9hG4bK1{end}") == "z9hG4bK1"
    with pytest.raises(SipSyntaxError):
        branch_of(f'{start}z9h"G4b K1{end}')


def test_an_address_without_a_tag_is_read_once_and_one_with_a_tag_each_time() -> None:
    plain, tagged = "<sip:alice@192.0.2.1>", "<sip:alice@192.0.2.1>;tag=1"
    assert NameAddr.parse(plain) is NameAddr.parse(plain)
    assert NameAddr.parse(tagged) == NameAddr.parse(tagged)
    assert NameAddr.parse(tagged).tag == "1"


def test_media_on_other_ports_say_the_same() -> None:
    first, second = (Media.audio(port, (PCMU, PCMA, TELEPHONE_EVENT)) for port in (4000, 4002))
    assert first.codecs() == second.codecs() == (PCMU, PCMA, TELEPHONE_EVENT)
    assert (first.ptime_ms, first.direction, first.rtcp) == (20, "sendrecv", None)
    held = second.with_direction("sendonly")
    assert (held.direction, held.codecs()) == ("sendonly", first.codecs())


def test_a_header_field_that_nobody_knows_does_not_slow_down_nor_hide_the_others() -> None:
    message = parse(invite().replace(b"Call-ID:", b"X-Colour: red\r\nX-COLOUR: blue\r\nCall-ID:"))
    assert message.headers.get_all("x-colour") == ["red", "blue"]
    assert message.call_id == "a84b4c76e66710@192.0.2.1"
