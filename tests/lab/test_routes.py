"""A rule with a route in the whole stack, in both worlds: the cloud is a proxy, and the evidence shows it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.stage import MakeStage, Stage
from voxlab.base.datagram import Address, Flow
from voxlab.base.errors import VoxlabError
from voxlab.lab.call import CallFailed
from voxlab.sip.parser import Request, parse


def routed(stage: Stage) -> Stage:
    stage.shop.rule("direct", pattern="[a-z]+", route="users")
    return stage


@pytest.fixture(params=[False, True], ids=["simulated", "live"])
def both(request: pytest.FixtureRequest, make_stage: MakeStage) -> Stage:
    """One world after the other, with a rule that passes calls on."""
    return routed(make_stage(live=request.param))


def test_a_routed_call_is_one_dialog_from_end_to_end(both: Stage) -> None:
    call = both.alice.dial("bob")
    call.wait("connected")
    both.lab.run(0.2)
    call.hang_up()
    assert call.state == "ended"
    text = str(call.ladder())
    assert "alice → shop.direct → bob" in text
    messages = call.messages
    assert messages["call_id"].nunique() == 1
    assert messages["leg"].unique().tolist() == ["A"]
    names = list(zip(messages["src_name"], messages["dst_name"], strict=True))
    assert {("alice", "cloud"), ("cloud", "bob"), ("bob", "cloud"), ("cloud", "alice")} == set(names)
    methods = messages["method"].dropna().tolist()
    assert methods == ["INVITE", "ACK", "INVITE", "INVITE", "ACK", "ACK", "BYE", "BYE"]  # the first was challenged
    assert not both.lab.errors


def test_the_history_says_which_rule_and_that_no_script_ran(both: Stage) -> None:
    both.alice.dial("bob").wait("connected")
    row = both.lab.calls.loc[1]
    assert (row["caller"], row["callee"], row["destination"]) == ("alice", "bob", "bob")
    assert (row["application"], row["rule"], row.isna()["scenario"]) == (both.shop.domain, "direct", True)


def test_media_goes_from_device_to_device(both: Stage) -> None:
    call = both.alice.dial("bob")
    call.wait("connected")
    both.lab.run(0.5)
    call.hang_up()
    hosts = {name: both.machine(name).place.host for name in ("alice", "bob")}
    assert {(row["src"], row["dst"]) for _, row in call.media.iterrows()} == {
        (hosts["alice"], hosts["bob"]),
        (hosts["bob"], hosts["alice"]),
    }


def test_the_callee_hangs_up_through_the_cloud(both: Stage) -> None:
    call = both.alice.dial("bob")
    call.wait("connected")
    both.hang_up("bob")
    call.wait("ended")
    assert both.count("BYE sip:alice@") == 2


def test_a_busy_callee_is_said_by_the_callee(make_stage: MakeStage) -> None:
    stage = routed(make_stage(seed=3, bob={"busy": True}))
    with pytest.raises(CallFailed, match="486 Busy Here, said by bob"):
        stage.alice.dial("bob").wait("connected")


def test_nobody_of_that_name_is_404_and_nobody_at_home_is_480(make_stage: MakeStage) -> None:
    stage = routed(make_stage(seed=3))
    with pytest.raises(CallFailed, match="404"):
        stage.alice.dial("nobody").wait("connected")
    stage.shop.user("carol")
    with pytest.raises(CallFailed, match="480"):
        stage.alice.dial("carol").wait("connected")


def test_every_device_of_a_user_rings_and_the_others_hear_that_one_has_answered(make_stage: MakeStage) -> None:
    stage = routed(make_stage(seed=3, bob={"answer_after": 5.0}))
    stage.shop.user("bob").phone("mobile", answer_after=2.0)
    call = stage.alice.dial("bob")
    call.wait("connected")
    stage.lab.run(1)
    cancels = [m for m in map(parse, raw(stage)) if isinstance(m, Request) and m.method == "CANCEL"]
    assert [cancel.headers.get("Reason") for cancel in cancels] == ['SIP ;cause=200 ;text="Call completed elsewhere"']
    call.hang_up()
    assert not stage.lab.errors


def raw(stage: Stage) -> list[bytes]:
    return [message.data for message in stage.lab.journal.messages()]


def test_a_route_may_lead_to_a_gateway(make_stage: MakeStage) -> None:
    stage = make_stage(seed=3)
    heard: list[bytes] = []

    class Gateway:
        def rested(self) -> None: ...

        def received(self, flow: Flow, data: bytes, now: float) -> None:
            heard.append(data)

        def transport_error(self, flow: Flow, reason: str, now: float) -> None: ...

        def closed_flow(self, flow: Flow, now: float) -> None: ...

    attach = stage.lab.network.attach
    stage.lab.world.submit(lambda: attach("gateway", "198.51.100.7", 5060, Gateway(), ("UDP",)))
    stage.shop.rule("out", pattern=r"\+49.*", route="sip:198.51.100.7")
    stage.alice.dial("+4930555001")
    stage.lab.run(1)
    request = parse(heard[0])
    assert isinstance(request, Request)
    assert (request.uri_text, request.max_forwards) == ("sip:+4930555001@198.51.100.7", 69)


def test_scenarios_and_routes_live_side_by_side_and_a_rule_changes_from_one_to_the_other(make_stage: MakeStage) -> None:
    stage = make_stage(seed=3).forwards()
    stage.alice.dial("bob").wait("connected")
    assert stage.lab.calls.loc[1, "scenario"] == "forward"
    stage.lab.reset()
    stage.shop.rule("forward", route="users")
    assert "route users" in repr(stage.shop)
    stage.alice.dial("bob").wait("connected")
    assert stage.lab.calls.isna().iloc[-1]["scenario"]


@pytest.mark.parametrize("route", ["everywhere", "tel:+49", "sip:", 7, ""])
def test_a_wrong_route_is_refused_with_what_is_allowed(make_stage: MakeStage, route: Any) -> None:
    stage = make_stage(seed=3)
    with pytest.raises(VoxlabError, match=r"the route of rule 'x'.*'users'"):
        stage.shop.rule("x", route=route)
    assert stage.shop.rules == ()


def test_a_rule_leads_to_a_scenario_or_along_a_route_not_both(make_stage: MakeStage) -> None:
    stage = make_stage(seed=3).forwards()
    with pytest.raises(VoxlabError, match="give one of the two"):
        stage.shop.rule("x", scenario="forward", route="users")


def test_the_same_seed_gives_the_same_journal(make_stage: MakeStage) -> None:
    def digest() -> str:
        stage = routed(make_stage(seed=11))
        call = stage.alice.dial("bob")
        call.wait("connected")
        stage.lab.run(1)
        call.hang_up()
        return stage.lab.journal.digest()

    assert digest() == digest()


def test_a_stranger_relays_nothing_through_the_cloud(make_stage: MakeStage) -> None:
    stage = routed(make_stage(seed=3))
    answers: list[bytes] = []

    class Stranger:
        def rested(self) -> None: ...

        def received(self, flow: Flow, data: bytes, now: float) -> None:
            answers.append(data)

        def transport_error(self, flow: Flow, reason: str, now: float) -> None: ...

        def closed_flow(self, flow: Flow, now: float) -> None: ...

    attach = stage.lab.network.attach
    endpoint = stage.lab.world.submit(lambda: attach("stranger", "203.0.113.66", 5060, Stranger(), ("UDP",)))
    cloud = stage.lab.cloud.addresses["UDP"]
    flow = Flow("UDP", Address("203.0.113.66", 5060), cloud)
    for number, (method, uri, route) in enumerate(
        [
            ("INVITE", f"sip:bob@{stage.shop.domain}", ""),
            ("INVITE", "sip:victim@198.51.100.1", f"Route: <sip:{cloud};lr>\r\n"),
            ("BYE", "sip:victim@198.51.100.1", f"Route: <sip:0123456789abcdef@{cloud};lr>\r\n"),
            ("MESSAGE", f"sip:bob@{stage.shop.domain}", "Route: <sip:198.51.100.1;lr>\r\n"),
        ]
    ):
        tag = ";tag=x" if method == "BYE" else ""
        text = (
            f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.66:5060;branch=z9hG4bKs{number}\r\n{route}"
            f"Max-Forwards: 70\r\nFrom: <sip:x@evil.example>;tag=1\r\nTo: <{uri}>{tag}\r\nCall-ID: s{number}\r\n"
            f"CSeq: 1 {method}\r\nContact: <sip:x@203.0.113.66>\r\nContent-Length: 0\r\n\r\n"
        )
        stage.lab.world.submit(endpoint.send, flow, text.encode())
        stage.lab.run(0.2)
    statuses = {parse(answer).call_id: parse(answer).status for answer in answers}  # type: ignore[union-attr]
    assert statuses == {"s0": 403, "s1": 403, "s2": 403, "s3": 403}
    assert not any(b"victim" in data and b"SIP/2.0/UDP 192" in data for data in raw(stage) if data[:7] != b"SIP/2.0")
