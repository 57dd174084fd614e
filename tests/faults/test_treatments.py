"""The catalogue of faults, and what each does to the messages of a device."""

from __future__ import annotations

from pathlib import Path

import pytest

from voxlab import PeerProfile
from voxlab.analysis import diagnosis
from voxlab.base.datagram import Address, Flow, Transmit
from voxlab.base.errors import VoxlabError
from voxlab.faults.catalogue import CATALOGUE, NAMES, named, treatment
from voxlab.faults.fault import Fault
from voxlab.faults.temper import Temper
from voxlab.sip.message import Request, Response
from voxlab.sip.parser import parse

FLOW = Flow("UDP", Address("192.0.2.1", 5060), Address("192.0.2.2", 5060))
SDP = b"v=0\r\no=- 7 {v} IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\na={d}\r\n"


def sdp(version: int = 1, direction: str = "sendrecv") -> bytes:
    return SDP.replace(b"{v}", str(version).encode()).replace(b"{d}", direction.encode())


def request(method: str, *more: str, body: bytes = b"", branch: str = "z9hG4bK1", to_tag: str = "t") -> bytes:
    lines = [
        f"{method} sip:b@192.0.2.2 SIP/2.0", f"Via: SIP/2.0/UDP 192.0.2.1;branch={branch}", "Max-Forwards: 70",
        "From: <sip:a@b>;tag=f", "To: <sip:b@b>" + (f";tag={to_tag}" if to_tag else ""), "Call-ID: c",
        f"CSeq: 7 {method}", "Allow: INVITE, UPDATE, BYE", *more,
    ]  # fmt: skip
    lines += ["Content-Type: application/sdp"] if body else []
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


def response(status: int, method: str = "INVITE") -> bytes:
    lines = [
        f"SIP/2.0 {status} Word", "Via: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK9", "From: <sip:a@b>;tag=f",
        "To: <sip:b@b>;tag=t;x=1", "Call-ID: c", f"CSeq: 7 {method}", "Contact: <sip:b@192.0.2.1>",
        "Content-Length: 0", "", "",
    ]  # fmt: skip
    return "\r\n".join(lines).encode()


def with_faults(*names: str) -> Temper:
    temper = Temper()
    for name in names:
        fault = named(name, ("phone",))
        temper.switch_on(name, treatment(fault, fault.checked({})))
    return temper


def sent(temper: Temper, data: bytes, now: float = 0.0) -> list[Request | Response]:
    return [parse(transmit.data, strict=True) for transmit in temper.leaving([Transmit(FLOW, data)], now)]


def test_every_fault_says_its_symptom_its_section_and_its_cure() -> None:
    assert len(set(NAMES)) == len(CATALOGUE) >= 15
    assert all(f.symptom and f.where and f.rfc.startswith("RFC") and f.cure for f in CATALOGUE)


def test_a_wrong_name_gets_a_hint_and_a_wrong_place_says_where() -> None:
    with pytest.raises(VoxlabError, match=r"did you mean 'ack_lost'\?"):
        named("ack_list", ("phone",))
    with pytest.raises(VoxlabError, match=r"there is ack_lost, "):
        named("zzzzzz", ("phone",))
    with pytest.raises(VoxlabError, match=r"cannot be switched on at a trunk; it can at: phone"):
        named("ack_lost", ("trunk",))


def test_without_faults_everything_is_passed_on_untouched() -> None:
    data = request("BYE")
    assert Temper().leaving([Transmit(FLOW, data)], 0.0) == [Transmit(FLOW, data)]


@pytest.mark.parametrize(
    ("fault", "lost", "kept"),
    [
        ("no_prack", request("PRACK"), request("BYE")),
        ("bye_lost", request("BYE"), request("INFO")),
        ("silent", response(200), request("INVITE")),
        ("no_ringing", response(180), response(200)),
        ("ack_lost", request("ACK"), request("BYE")),
        (
            "notify_endless",
            request("NOTIFY", "Subscription-State: terminated;reason=noresource"),
            request("NOTIFY", "Subscription-State: active"),
        ),
    ],
)
def test_what_a_fault_loses_is_lost_and_the_rest_kept(fault: str, lost: bytes, kept: bytes) -> None:
    temper = with_faults(fault)
    assert sent(temper, lost) == []
    assert len(sent(temper, kept)) == 1


def test_the_ack_to_a_refusal_is_not_the_one_that_is_lost() -> None:
    temper = with_faults("ack_lost")
    sent(temper, request("INVITE", branch="z9hG4bKinvite", to_tag=""))
    assert len(sent(temper, request("ACK", branch="z9hG4bKinvite"))) == 1
    assert sent(temper, request("ACK", branch="z9hG4bKother")) == []


def test_a_late_ack_is_kept_for_four_seconds() -> None:
    temper = with_faults("late_ack")
    assert sent(temper, request("ACK"), 1.0) == []
    assert temper.next_timeout() == 5.0
    assert temper.leaving([], 4.9) == []
    assert [t.data for t in temper.leaving([], 5.0)] == [request("ACK")]
    assert temper.next_timeout() is None


def test_a_wrong_cseq_is_that_of_requests_inside_a_dialog() -> None:
    temper = with_faults("wrong_cseq")
    assert [sent(temper, request(method))[0].cseq for method in ("BYE", "ACK")] == [1, 7]
    assert sent(temper, request("INVITE", to_tag=""))[0].cseq == 7


def test_responses_lose_their_tag_or_their_contact() -> None:
    bare = sent(with_faults("no_to_tag"), response(180))[0]
    assert (bare.to_tag, bare.headers.get("To")) == (None, "<sip:b@b>;x=1")
    assert "contact" not in sent(with_faults("no_contact"), response(200))[0].headers


def test_everything_comes_twice() -> None:
    assert len(sent(with_faults("twice"), request("BYE"))) == 2


def test_allow_does_not_name_update() -> None:
    assert sent(with_faults("no_update"), request("INVITE"))[0].headers.split("Allow") == ["INVITE", "BYE"]


def test_a_hold_in_the_old_manner_is_an_address_of_zeros() -> None:
    held = sent(with_faults("hold_by_zero"), request("INVITE", body=sdp(2, "sendonly")))[0].sdp
    assert held is not None
    assert held.connection is not None
    assert (held.connection.address, held.media[0].direction) == ("0.0.0.0", None)
    assert sent(with_faults("hold_by_zero"), request("INVITE", body=sdp()))[0].body == sdp()


def test_the_version_of_a_description_never_changes() -> None:
    temper = with_faults("same_version")
    first = sent(temper, request("INVITE", body=sdp(1)))[0]
    later = sent(temper, request("INVITE", body=sdp(12, "sendonly")))[0]
    assert first.sdp is not None
    assert later.sdp is not None
    assert later.sdp.origin == first.sdp.origin
    assert later.sdp.media[0].direction == "sendonly"


def test_every_temperament_fits_on_one_thing_and_bears_parameters_that_there_are() -> None:
    for name in PeerProfile.presets():
        faults = [fault for fault in CATALOGUE if fault.name in PeerProfile.preset(name).faults]
        assert set.intersection(*(set(fault.where) for fault in faults)), name
    both = PeerProfile.preset("no_plus", "wants_identity", "identity_stripped")
    assert both.faults["number_format"]["style"] == "plain"
    assert set(both.faults) == {"number_format", "identity_required", "identity_stripped"}


def test_every_finding_of_the_catalogue_is_one_that_a_rule_makes() -> None:
    rules = "".join(path.read_text() for path in Path(diagnosis.__file__).parent.glob("*.py"))
    missing = [fault.finding for fault in CATALOGUE if fault.finding and f'"{fault.finding}"' not in rules]
    assert missing == []


READABLE = [each for each in CATALOGUE if each.name != "open_quote"]  # which is about what cannot be read


@pytest.mark.parametrize("fault", READABLE, ids=lambda each: each.name)
def test_no_fault_makes_anything_but_sip_of_a_message(fault: Fault) -> None:
    temper = Temper()
    temper.switch_on(fault.name, treatment(fault, fault.checked({})))
    options = request("OPTIONS", to_tag="")
    given = temper.arriving(FLOW, options, 0.0)
    assert given is None or parse(given, strict=True)
    for data in (options, request("INVITE", to_tag="", body=sdp()), response(200), response(401, "REGISTER")):
        sent(temper, data)
