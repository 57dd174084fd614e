"""RFC 6086 (INFO) and RFC 3428 (MESSAGE) inside a call, requirement by requirement."""

from __future__ import annotations

import pytest

from tests.elements.rig import Rig, Side
from voxlab.base.errors import VoxlabError
from voxlab.dialog import events as ev
from voxlab.elements.user_agent import Incoming


@pytest.fixture
def rig() -> Rig:
    return Rig()


@pytest.fixture
def alice(rig: Rig) -> Side:
    return rig.side("alice")


@pytest.fixture
def bob(rig: Rig, alice: Side) -> Side:
    return rig.side("bob")


@pytest.mark.parametrize("method", ["INFO", "MESSAGE"])
def test_it_is_answered_200_and_told_to_the_owner(rig: Rig, alice: Side, bob: Side, method: str) -> None:
    out, into = rig.connect(alice, bob)
    alice.agent.send(out, rig.now, method, "text/plain", b"hello")
    rig.run(0.1)
    assert bob.lines[-1] == f"200 {method}"
    assert (bob.last(ev.RequestReceived).leg, bob.last(ev.RequestReceived).request.body) == (into, b"hello")
    assert alice.last(ev.RequestAnswered) == ev.RequestAnswered(out, method, 200)
    assert ("contact" in alice.requests(method)[0].headers) is False  # RFC 3428 s.4; an INFO is no target refresh


def test_s4_2_2_a_package_that_nobody_asked_for_is_refused_with_469(rig: Rig, alice: Side, bob: Side) -> None:
    out, _ = rig.connect(alice, bob)
    alice.agent.send(out, rig.now, "INFO", "text/plain", b"x", [("Info-Package", "foo")])
    rig.run(0.1)
    refusal = bob.responses("INFO")[-1]
    assert (refusal.status, refusal.headers.get("Recv-Info")) == (469, "nil")
    assert not bob.events(ev.RequestReceived)
    alice.agent.send(out, rig.now, "INFO", "text/plain", b"x")  # and the call goes on
    rig.run(0.1)
    assert bob.lines[-1] == "200 INFO"


def test_it_needs_a_call_that_stands(rig: Rig, alice: Side, bob: Side) -> None:
    out = rig.dial(alice, bob)
    bob.agent.ring(bob.last(Incoming).leg, rig.now)
    rig.run(0.1)
    with pytest.raises(VoxlabError, match="needs to be connected"):
        alice.agent.send(out, rig.now, "INFO", "text/plain", b"x")
