"""The flows of RFC 3665 s.3 that need no proxy, message by message; 3.1 is compared with an independent extraction."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.elements.rig import SDP, Rig, Side
from voxlab.dialog import events as ev
from voxlab.elements.user_agent import Incoming
from voxlab.sip.message import Request

FLOWS = Path(__file__).resolve().parents[2].parent / "shared" / "corpora" / "flows" / "rfc3665.json"


@pytest.fixture
def rig() -> Rig:
    return Rig()


@pytest.fixture
def alice(rig: Rig) -> Side:
    return rig.side("alice")


@pytest.fixture
def bob(rig: Rig, alice: Side) -> Side:
    return rig.side("bob")


def sequence(*sides: Side) -> list[tuple[str, str]]:
    """Return who sent what, in the order in which it was sent; a 100 is not part of these flows."""
    sent = [(at, index, side.name, message) for side in sides for index, (at, message, _) in enumerate(side.sent)]
    lines = [
        (name, message.method if isinstance(message, Request) else str(message.status))
        for _, _, name, message in sorted(sent, key=lambda each: each[:3])
    ]
    return [line for line in lines if line[1] != "100"]


def talk(rig: Rig, alice: Side, bob: Side) -> tuple[int, int]:
    out = rig.dial(alice, bob)
    into = bob.last(Incoming).leg
    bob.agent.ring(into, rig.now)
    rig.run(0.1)
    bob.agent.answer(into, rig.now, sdp=SDP)
    rig.run(0.1)
    return out, into


SESSION = [("alice", "INVITE"), ("bob", "180"), ("bob", "200"), ("alice", "ACK"), ("bob", "BYE"), ("alice", "200")]


def test_3_1_successful_session_establishment(rig: Rig, alice: Side, bob: Side) -> None:
    _, into = talk(rig, alice, bob)
    bob.agent.hang_up(into, rig.now)
    rig.run(1.0)
    assert sequence(alice, bob) == SESSION
    assert alice.last(ev.Ended).by_peer


def test_3_1_is_the_sequence_of_the_independent_extraction() -> None:
    if not FLOWS.exists():
        pytest.skip("the shared corpora are not beside the project: put them at ../shared/corpora")
    flows = {flow["section"]: flow for flow in json.loads(FLOWS.read_text())["flows"]}
    read = [(sender.lower(), str(what)) for sender, _, what in flows["3.1"]["sequence"]]
    assert read == SESSION


def test_3_7_session_with_re_invite_ip_address_change(rig: Rig, alice: Side, bob: Side) -> None:
    out, into = talk(rig, alice, bob)
    bob.agent.modify(into, rig.now, sdp=SDP.replace(b"192.0.2.99", b"192.0.2.100"))
    rig.run(0.1)
    alice.agent.answer_offer(out, rig.now, SDP)
    rig.run(0.1)
    bob.agent.hang_up(into, rig.now)
    rig.run(1.0)
    assert sequence(alice, bob) == [
        *SESSION[:4], ("bob", "INVITE"), ("alice", "200"), ("bob", "ACK"), ("bob", "BYE"), ("alice", "200"),
    ]  # fmt: skip


def test_3_8_unsuccessful_no_answer_as_the_two_user_agents_see_it(rig: Rig, alice: Side, bob: Side) -> None:
    out = rig.dial(alice, bob)
    bob.agent.ring(bob.last(Incoming).leg, rig.now)
    rig.run(10.0)
    alice.agent.hang_up(out, rig.now)
    rig.run(1.0)
    assert sequence(alice, bob) == [
        ("alice", "INVITE"), ("bob", "180"), ("alice", "CANCEL"), ("bob", "200"), ("bob", "487"), ("alice", "ACK"),
    ]  # fmt: skip
    assert alice.last(ev.Failed).status == 487


@pytest.mark.parametrize(("section", "status"), [("3.9 busy", 486), ("3.11 temporarily unavailable", 480)])
def test_3_9_and_3_11_unsuccessful_as_the_two_user_agents_see_it(
    rig: Rig, alice: Side, bob: Side, section: str, status: int
) -> None:
    rig.dial(alice, bob)
    bob.agent.reject(bob.last(Incoming).leg, rig.now, status)
    rig.run(1.0)
    assert sequence(alice, bob) == [("alice", "INVITE"), ("bob", str(status)), ("alice", "ACK")]
    assert alice.last(ev.Failed).by_peer


def test_3_10_unsuccessful_no_response_from_user_agent(rig: Rig, alice: Side, bob: Side) -> None:
    rig.wire = lambda _name, _message: None
    rig.dial(alice, bob)
    rig.run(40.0)
    assert sequence(alice, bob) == [("alice", "INVITE")] * 7
    assert alice.last(ev.Failed).status == 408
