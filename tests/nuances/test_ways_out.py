"""Nuances 24, 31, 35 and 38, between operators: symptom, finding, cure."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from tests.lab.operators import DID, OMA, MakeOperators, Operators
from voxlab.base.errors import CallFailed, VoxlabError
from voxlab.lab.call import Call

BUSY = "+4930555900"


@pytest.fixture
def friends(make_operators: MakeOperators) -> Operators:
    return befriended(make_operators(seed=7))


def befriended(operators: Operators) -> Operators:
    operators.account.trunk("gigafon", gateway=operators.giga.address, trusts_from=True)

    @operators.shop.scenario(pattern=r"\+49(?!30999).*")
    async def out(call: Any) -> None:
        await call.forward_to_pstn()

    operators.giga.import_addresses(operators.lab.media_resources)
    operators.giga.telephone(BUSY, cause_of_failure=17)
    return operators


def dial(operators: Operators, number: str = OMA, **options: Any) -> Call:
    call = operators.alice.dial(number, **options)
    with suppress(CallFailed):
        call.wait("connected")
        operators.lab.run(2.0)
        call.hang_up()
    operators.lab.run(1.0)
    return call


@pytest.mark.parametrize("live", [False, True], ids=["simulated", "live"])
def test_an_sbc_that_is_not_on_the_list_any_more_gets_403(make_operators: MakeOperators, live: bool) -> None:
    friends = befriended(make_operators(live=live))
    assert dial(friends).explain().ids == ()
    friends.giga.fault("stale_sbcs")
    refused = dial(friends)
    (finding,) = refused.explain().findings
    assert (finding.id, finding.certainty.word) == ("VX-TRUNK-STALE", "certain")
    assert finding.text.startswith("gigafon does not know the address")
    assert finding.evidence[-1].line == "403 Forbidden"
    friends.giga.import_addresses(friends.lab.media_resources)
    assert dial(friends).explain().ids == ()


def test_a_moved_sbc_is_told_by_both_addresses(friends: Operators) -> None:
    dial(friends)
    before = friends.lab.media_resources()["sbcs"][0]["ip"]
    now = friends.lab.move_sbc()
    (finding,) = dial(friends).explain().findings
    assert f"{now} of cloud any more: calls from {before} were taken earlier" in finding.text


def test_a_media_server_that_is_not_on_the_list_is_one_way_audio(friends: Operators) -> None:
    friends.giga.fault("stale_media")
    call = dial(friends)
    assert set(call.media["dst_name"]) == {"alice", "cloud"}
    (finding,) = call.explain().findings
    assert (finding.id, "oma hears nothing" in finding.text) == ("VX-MEDIA-STALE", True)
    friends.giga.import_addresses(friends.lab.media_resources)
    assert dial(friends).explain().ids == ()


def test_healing_a_stale_list_does_not_undo_an_import(friends: Operators) -> None:
    friends.giga.fault("stale_sbcs")
    friends.giga.import_addresses(friends.lab.media_resources)
    friends.giga.heal()
    assert dial(friends).explain().ids == ()
    with friends.giga.fault("stale_sbcs"):
        pass
    assert dial(friends).explain().ids == ()


def test_a_lone_503_fails_the_call_and_a_second_gateway_is_the_cure(friends: Operators) -> None:
    friends.giga.fault("overloaded", retry_after_s=5)
    call = dial(friends)
    (finding,) = call.explain().findings
    assert finding.id == "VX-GATEWAY-503"
    assert finding.evidence[1].line == "Retry-After: 5"
    other = friends.lab.carrier("telco", network="203.0.113.0/24", numbers="+4930555*")
    other.phone(OMA, name="twin", answer_after=0.1)
    other.import_addresses(friends.lab.media_resources)
    friends.account.trunk("gigafon", gateway=[friends.giga.address, other.address])
    cured = dial(friends)
    assert "connected" in cured.verdict
    assert cured.explain().ids == ()


def test_a_cause_that_is_not_mapped_hides_who_was_busy(friends: Operators) -> None:
    friends.giga.fault("cause_unmapped")
    call = dial(friends, BUSY)
    assert "500" in call.verdict
    (finding,) = call.explain().findings
    assert finding.id == "VX-CAUSE-UNMAPPED"
    assert finding.evidence[0].line == 'Reason: Q.850;cause=17;text="User busy"'
    friends.giga.heal()
    healthy = dial(friends, BUSY)
    assert ("486" in healthy.verdict, healthy.explain().ids) == (True, ())


def test_failover_after_busy_rings_the_same_telephone_twice(friends: Operators) -> None:
    trunk = friends.account.trunk("gigafon", gateway=[friends.giga.address, "sip:gigafon.example"])
    trunk.fault("hunts_after_final")
    call = dial(friends, BUSY)
    (finding,) = call.explain().findings
    assert finding.id == "VX-HUNT-AFTER-FINAL"
    assert [each.line.split(" ")[0] for each in finding.evidence] == ["INVITE", "486", "INVITE"]
    trunk.heal()
    healthy = dial(friends, BUSY)
    assert list(healthy.messages["status"].dropna()).count(486) == 2  # once on each leg
    assert healthy.explain().ids == ()


def test_two_operators_that_forward_to_each_other_end_in_483(friends: Operators) -> None:
    friends.shop.number(DID)

    @friends.shop.scenario(pattern=r"\+4930999.*")
    async def reception(call: Any) -> None:
        await call.forward_to_pstn(OMA)

    with pytest.raises(VoxlabError, match="say where calls are forwarded to"):
        friends.giga.fault("forwards_back")
    friends.giga.fault("forwards_back", to=DID)
    call = dial(friends)
    assert "483" in call.verdict
    (finding,) = call.explain().findings
    assert finding.id == "VX-LOOP"
    assert finding.evidence[0].line.startswith("Max-Forwards:")
    assert "down to 0" in finding.facts[0]
    friends.giga.heal()
    assert dial(friends).explain().ids == ()


def test_a_border_that_strips_headers_shows_on_either_side_of_it(friends: Operators) -> None:
    def call_in() -> Call:
        call = friends.oma.dial("sip:alice@shop.acme.voxlab.test", headers={"X-Ticket": "7"}).wait("connected")
        call.hang_up()
        return call

    with friends.giga.fault("strips_headers"):
        (finding,) = call_in().explain().findings
    assert (finding.id, finding.text) == ("VX-HEADERS-STRIPPED", "gigafon took X-Ticket out of the INVITE")
    assert finding.evidence[0].line == "X-Ticket: 7"
    assert call_in().explain().ids == ()
