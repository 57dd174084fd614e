"""Many calls leave nothing behind but evidence."""

from __future__ import annotations

import gc
from collections import Counter
from typing import Any

import pytest

from tests.lab.stage import MakeStage, Stage
from voxlab.base.errors import CallEnded
from voxlab.elements.legs import Leg as WireLeg
from voxlab.host.ends.cloud_port import CloudPort
from voxlab.host.ends.terminal import Terminal
from voxlab.host.phone import CALLS_REMEMBERED
from voxlab.lab.call import Call
from voxlab.media.rtp_session import RtpSession
from voxlab.net.ordered import OrderedTask
from voxlab.net.sockets import LiveNetwork
from voxlab.scenario.leg import Leg
from voxlab.scenario.session import Session

KINDS: tuple[type, ...] = (Leg, Session, WireLeg, CloudPort, Terminal, RtpSession, OrderedTask, Call)


def alive() -> Counter[str]:
    """Count the live objects of the kinds that calls are made of."""
    gc.collect()
    return counted()


def counted() -> Counter[str]:
    """Count them with those that only wait for the garbage collector."""
    return Counter(type(each).__qualname__ for each in gc.get_objects() if type(each) in KINDS)


def one(stage: Stage) -> None:
    stage.alice.dial("bob").wait("connected").hang_up()


def sizes(stage: Stage) -> dict[str, Any]:
    """Look into every box that grows with calls."""
    lab = stage.lab
    nodes = {"cloud": lab.cloud.node, "alice": stage.machine("alice").node, "bob": stage.machine("bob").node}
    found: dict[str, Any] = {
        "sessions": len(lab.exchange.sessions),
        "exchange legs": len(lab.exchange._legs),
        "open ports": sum(not port.released for port in lab.cloud.ports),
        "dialled": len(lab.dialled),
        "calls": len(stage.alice._calls) + len(stage.bob._calls),
        "media addresses": len(lab.installation.media_addresses),
    }
    for name, node in nodes.items():
        legs = node.user_agent._legs
        found[f"{name} legs"] = len(legs)
        found[f"{name} legs by key"] = len(legs.clients) + len(legs.servers) + len(legs._invites) + len(legs._by_dialog)
        found[f"{name} transactions"] = len(node.layer)
        found[f"{name} registering"] = len(node._registering)
    return found


def test_after_the_last_timer_nothing_of_a_call_is_left(make_stage: MakeStage) -> None:
    stage = make_stage(seed=1, bob={"answer_after": 0.1, "audio": "silence"}).forwards()
    one(stage)
    stage.lab.run(70)
    before = sizes(stage)
    for _ in range(100):
        one(stage)
    stage.lab.run(70)  # past 64*T1, timer D, and the ports' linger
    assert sizes(stage) == before
    assert len(stage.machine("bob").terminals) <= CALLS_REMEMBERED
    assert stage.is_idle
    assert not stage.lab.errors
    assert not stage.lab.world.errors


def test_memory_does_not_grow_with_the_calls(make_stage: MakeStage) -> None:
    stage = make_stage(seed=1, bob={"answer_after": 0.1, "audio": "silence"}).forwards()
    for _ in range(70):  # past every bound on what is remembered
        one(stage)
    stage.lab.run(70)
    before = alive()
    for _ in range(100):
        one(stage)
    stage.lab.run(70)
    assert alive() - before <= Counter(CloudPort=64)  # a batch of closed ones that the next call sweeps


@pytest.mark.parametrize("outcome", ["busy", "cancelled", "unanswered", "scenario error", "nobody"])
def test_calls_that_fail_leave_nothing_either(make_stage: MakeStage, outcome: str) -> None:
    bob = {"busy": True} if outcome == "busy" else {}
    stage = make_stage(seed=1, bob=bob).forwards()
    stage.shop.user("bob").phone("mobile", busy=outcome == "busy")
    if outcome == "scenario error":

        @stage.shop.scenario("forward")
        async def forward(call: Any) -> None:
            await call.session.call_user("bob")
            raise ValueError("mine")

    stage.lab.run(70)
    before, ports = sizes(stage), len(stage.lab.network._media) if hasattr(stage.lab.network, "_media") else 0
    for _ in range(3):
        call = stage.alice.dial("bob")
        if outcome == "cancelled":
            call.wait("ringing").hang_up()
        else:
            call.wait("ended", timeout=None)
        stage.lab.run(70)
    assert sizes(stage) == before
    assert (len(stage.lab.network._media) if hasattr(stage.lab.network, "_media") else 0) == ports


def test_a_live_lab_gives_every_socket_back(make_stage: MakeStage) -> None:
    from tests.leaks import open_sockets

    before = open_sockets()
    stage = make_stage(live=True).forwards()
    for _ in range(3):
        one(stage)
    stage.lab.close()
    assert set(open_sockets()) <= set(before)


def test_many_live_calls_give_their_ports_back(make_stage: MakeStage) -> None:
    from tests.leaks import open_sockets

    stage = make_stage(live=True).forwards()

    network = stage.lab.network
    assert isinstance(network, LiveNetwork)

    def five_calls() -> int:
        for _ in range(5):
            one(stage)
            # Ports are given back a moment after the call: a call that began before would bind others.
            stage.lab.run(until=lambda: not network._media)
        return len(open_sockets())

    # Ports stay bound for the next leg: there are as many as were ever in use at once, not as there were calls.
    most = five_calls()
    assert five_calls() <= most


def test_a_call_that_is_over_is_gone_without_the_garbage_collector(make_stage: MakeStage) -> None:
    stage = make_stage(seed=1, bob={"answer_after": 0.1, "audio": "silence"}).forwards()
    for _ in range(70):
        one(stage)
    stage.lab.run(70)
    gc.collect()
    gc.disable()
    try:
        before = counted()
        for _ in range(100):
            one(stage)
        stage.lab.run(70)
        assert counted() - before <= Counter(CloudPort=64)
    finally:
        gc.enable()


def test_legs_that_somebody_keeps_know_each_other_and_their_session_when_it_is_over(make_stage: MakeStage) -> None:
    stage = make_stage(seed=1, bob={"answer_after": 0.1, "audio": "silence"})
    kept: list[Leg] = []

    @stage.shop.scenario()
    async def forward(call: Leg) -> None:
        kept.append(call)
        await call.forward_to_user()

    one(stage)
    stage.lab.run(70)
    (leg,) = kept
    assert (leg.state, leg.session.finish_reason != "", leg.session.legs) == ("TERMINATED", True, [leg])
    kept.clear()
    session = leg.session
    del leg
    assert session.legs == []
    with pytest.raises(CallEnded, match="the session is over"):
        _ = session.first_leg
