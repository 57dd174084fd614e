"""The proxy flows of RFC 3665: user agents and proxies of ours play them, who says what to whom comes as printed.

A 100 and the INVITE that is forwarded at the same instant stand in either order in the RFC itself (s.3.2 and s.3.3), so
the 100s are compared apart from the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.elements.rig import SDP, Rig, Side, line_of
from tests.sip.corpora import NEEDS_CORPORA, vectors
from voxlab.base.datagram import Flow
from voxlab.base.ids import Ids
from voxlab.dialog import events as leg
from voxlab.elements.keyring import Keyring
from voxlab.elements.routing import Answer, Challenge, Route
from voxlab.elements.target_set import Target
from voxlab.elements.user_agent import Incoming
from voxlab.sip.digest import Challenge as DigestChallenge
from voxlab.sip.digest import Credentials
from voxlab.sip.message import Request
from voxlab.sip.uri import Uri

Step = tuple[str, str, str]
BILOXI = "sip:bob@biloxi.example.com"


class Domain:
    """The policy of one proxy: it may want a digest, then everything goes to one place."""

    def __init__(self, realm: str = "") -> None:
        self.realm = realm
        self.target = Target(BILOXI)

    def forwards(self, request: Request) -> bool:
        return True

    def route(self, request: Request, flow: Flow, now: float) -> Answer:
        shown = [Credentials.parse(text).realm for text in request.headers.get_all("Proxy-Authorization")]
        if self.realm and self.realm not in shown:
            text = str(DigestChallenge(self.realm, f"nonce of {self.realm}", "MD5", ("auth",), False))
            return Challenge(self.realm, (("Proxy-Authenticate", text),))
        return Route((self.target,))

    def redirected(self, uri: Uri, now: float) -> Sequence[Target]:
        return ()

    def serves(self, host: str) -> bool:
        return False


class Trapezoid:
    """Alice, her proxy, Bob's proxy and Bob."""

    def __init__(self, *realms: str) -> None:
        self.rig = Rig()
        first, second = Domain(*realms[:1]), Domain(*realms[1:2])
        self.alice = self.rig.side("alice")
        self.proxy_1 = self.rig.side("proxy 1", policy=first)
        self.proxy_2 = self.rig.side("proxy 2", policy=second)
        self.bob = self.rig.side("bob")
        first.target = Target(BILOXI, Flow("UDP", self.proxy_1.address, self.proxy_2.address))
        second.target = Target(f"sip:bob@{self.bob.address}")
        self.first = self.proxy_1

    def call(self) -> int:
        """Have Alice dial Bob through her proxy, and let it ring at Bob's."""
        keyring = Keyring("alice", "secret", Ids.seeded(9))
        flow = Flow("UDP", self.alice.address, self.first.address)
        number = self.alice.agent.dial(
            BILOXI,
            flow,
            from_="<sip:alice@atlanta.example.com>",
            offer=SDP,
            credentials=keyring,
            now=self.rig.now,
        )
        self.rig.run(0.15)
        return number

    def into(self) -> int:
        """Return Bob's leg."""
        return self.bob.last(Incoming).leg

    def bobs(self, command: str, **parts: Any) -> None:
        """Have Bob do something with his leg."""
        getattr(self.bob.agent, command)(self.into(), self.rig.now, **parts)
        self.rig.run(0.15)

    def sequence(self) -> list[Step]:
        """Return who said what to whom, in the order of time."""
        names = {host.address: host.name.title() for host in (self.alice, self.proxy_1, self.proxy_2, self.bob)}
        sent: list[tuple[float, Step]] = []
        for host in (self.alice, self.proxy_1, self.proxy_2, self.bob):
            for at_s, message, flow in host.sent:
                what = message.method if isinstance(message, Request) else str(message.status)
                sent.append((round(at_s, 6), (host.name.title(), names[flow.remote], what)))
        return [step for _, step in sorted(sent, key=lambda found: found[0])]


def without_100(steps: list[Step]) -> list[Step]:
    return [step for step in steps if step[2] != "100"]


def tryings(steps: list[Step]) -> list[Step]:
    return sorted(step for step in steps if step[2] == "100")


def as_printed(section: str) -> list[Step]:
    flows = {flow["section"]: flow for flow in vectors("flows/rfc3665.json", "flows")}
    return [(one, other, str(what)) for one, other, what in flows[section]["sequence"]]


def written(text: str) -> list[Step]:
    """Read ``A1 INVITE`` for Alice to Proxy 1, with A, 1, 2 and B for the four."""
    names = {"A": "Alice", "1": "Proxy 1", "2": "Proxy 2", "B": "Bob"}
    return [(names[word[0]], names[word[1]], word[3:]) for word in text.split(", ")]


def compare(played: list[Step], printed: list[Step]) -> None:
    assert without_100(played) == without_100(printed)
    assert tryings(played) == tryings(printed)


@NEEDS_CORPORA
def test_s3_2_session_establishment_through_two_proxies() -> None:
    street = Trapezoid("atlanta.example.com")
    street.call()
    street.bobs("ring")
    street.bobs("answer", sdp=SDP)
    street.bobs("hang_up")
    compare(street.sequence(), as_printed("3.2"))
    assert street.alice.last(leg.Ended)
    assert street.bob.last(leg.Ended)


@NEEDS_CORPORA
def test_s3_3_session_with_multiple_proxy_authentication() -> None:
    street = Trapezoid("atlanta.example.com", "biloxi.example.com")
    street.call()
    street.bobs("answer", sdp=SDP)
    compare(street.sequence(), as_printed("3.3"))
    assert street.alice.last(leg.Answered)


@NEEDS_CORPORA
def test_s3_4_the_part_of_the_second_proxy_in_a_session_whose_first_proxy_has_failed() -> None:
    street = Trapezoid("", "biloxi.example.com")
    street.first = street.proxy_2
    street.call()
    street.bobs("ring")
    street.bobs("answer", sdp=SDP)
    street.bobs("hang_up")
    printed = [step for step in as_printed("3.4") if "Proxy 1" not in step]
    compare(street.sequence(), printed)


@NEEDS_CORPORA
def test_s3_6_the_part_of_the_proxy_in_a_session_via_a_redirect_server_with_sdp_in_the_ack() -> None:
    street = Trapezoid()
    street.first = street.proxy_2
    flow = Flow("UDP", street.alice.address, street.proxy_2.address)
    number = street.alice.agent.dial(BILOXI, flow, from_="<sip:alice@atlanta.example.com>", now=0.0)
    street.rig.run(0.15)
    street.bobs("ring")
    street.bobs("answer", sdp=SDP)
    street.alice.agent.confirm(number, street.rig.now, SDP)
    street.rig.run(0.15)
    street.bobs("hang_up")
    rename = {"Proxy 3": "Proxy 2"}
    printed = [
        (rename.get(one, one), rename.get(other, other), what)
        for one, other, what in as_printed("3.6")
        if "Redirect Server" not in (one, other)
    ]
    compare(street.sequence(), printed)
    assert street.bob.last(leg.Confirmed)


def test_s3_8_unsuccessful_no_answer() -> None:
    street = Trapezoid()
    number = street.call()
    street.bobs("ring")
    street.alice.agent.hang_up(number, street.rig.now)
    street.rig.run(0.5)
    printed = (
        "A1 INVITE, 12 INVITE, 1A 100, 2B INVITE, 21 100, B2 180, 21 180, 1A 180, A1 CANCEL, 1A 200, 12 CANCEL, "
        "21 200, 2B CANCEL, B2 200, B2 487, 2B ACK, 21 487, 12 ACK, 1A 487, A1 ACK"
    )
    # CANCEL, its 200 and the 487 are hop by hop: which hop is first depends on delays alone.
    assert sorted(street.sequence()) == sorted(written(printed))
    assert [line_of(m) for _, m, _ in street.alice.sent] == ["INVITE", "CANCEL", "ACK"]
    assert street.alice.last(leg.Failed).status == 487


BUSY = "A1 INVITE, 12 INVITE, 1A 100, 2B INVITE, 21 100, B2 486, 2B ACK, 21 486, 12 ACK, 1A 486, A1 ACK"
UNAVAILABLE = (
    "A1 INVITE, 12 INVITE, 1A 100, 2B INVITE, 21 100, B2 180, 21 180, 1A 180, B2 480, 2B ACK, 21 480, 12 ACK, "
    "1A 480, A1 ACK"
)


@pytest.mark.parametrize(
    ("rings", "status", "printed"),
    [(False, 486, BUSY), (True, 480, UNAVAILABLE)],
    ids=["s3.9 busy", "s3.11 temporarily unavailable"],
)
def test_s3_9_and_s3_11_a_refusal_comes_back_hop_by_hop(rings: bool, status: int, printed: str) -> None:
    street = Trapezoid()
    street.call()
    if rings:
        street.bobs("ring")
    street.bobs("reject", status=status)
    compare(street.sequence(), written(printed))
    assert street.alice.last(leg.Failed).status == status


def test_s3_10_no_response_from_the_user_agent() -> None:
    street = Trapezoid()
    street.rig.wire = lambda sender, message: None if street.bob.address.host in flow_of(street, message) else 0.01
    street.call()
    street.rig.run(40.0)
    steps = without_100(street.sequence())
    assert steps.count(("Proxy 2", "Bob", "INVITE")) == 7  # F4, F6 to F11: Timer A doubles until Timer B fires
    # The RFC's proxy says 480; s.16.7 item 6 of RFC 3261 wants 408 where no final response came.
    assert [step for step in steps if step[2] not in {"INVITE", "ACK"}] == written("21 408, 1A 408")
    assert street.alice.last(leg.Failed).status == 408


def flow_of(street: Trapezoid, message: Any) -> str:
    """Return where a message goes: a request says it in its Request-URI."""
    return message.uri_text if isinstance(message, Request) else ""


def test_nothing_is_left_in_either_proxy_when_the_call_is_over() -> None:
    street = Trapezoid("atlanta.example.com")
    street.call()
    street.bobs("answer", sdp=SDP)
    street.bobs("hang_up")
    street.rig.run(100.0)
    for proxy in (street.proxy_1, street.proxy_2):
        assert isinstance(proxy, Side)
        assert repr(proxy.node.proxy) == "Proxy(0 requests, 0 branches)"
