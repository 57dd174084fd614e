"""Nuance 25: DNS that fails, misleads, or is not asked again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.operators import OMA, MakeOperators, Operators
from tests.nuances.homes import evidence_of, listed
from voxlab import CallFailed, VoxlabError
from voxlab.elements.zone import Naptr, Srv
from voxlab.lab.call import Call

NAME = "sbc.gigafon.example"
DEAD = "198.51.100.250"


def named(make_operators: MakeOperators) -> Operators:
    """Return two operators whose trunk leads to a name."""
    both = make_operators(seed=7)
    both.giga.import_addresses(both.lab.media_resources())
    both.lab.zone.a(NAME, address(both))
    both.account.trunk("gigafon", gateway=f"sip:{NAME}", caller_id="+4930999100")

    @both.shop.scenario(pattern=r"\+4930555.*")
    async def out(call: Any) -> None:
        await call.forward_to_pstn()

    return both


def address(both: Operators) -> str:
    return both.giga.servers["UDP"].host


def fails(both: Operators, status: str) -> Call:
    call = both.alice.dial(OMA)
    with pytest.raises(CallFailed, match=status):
        call.wait("connected", timeout=90)
    return call


def passes(both: Operators) -> Call:
    call = both.alice.dial(OMA).wait("connected", timeout=90)
    both.alice.hang_up()
    return call


@pytest.mark.parametrize(
    ("fault", "finding", "said"),
    [
        ("nxdomain", "VX-DNS-NXDOMAIN", "NXDOMAIN"),
        ("server_failure", "VX-DNS-SERVFAIL", "SERVFAIL"),
        ("dns_timeout", "VX-DNS-TIMEOUT", "no answer"),
    ],
)
def test_a_name_without_an_answer_is_named(make_operators: MakeOperators, fault: str, finding: str, said: str) -> None:
    assert listed(fault, 25, finding)
    both = named(make_operators)
    with both.lab.zone.fault(fault, domain="gigafon.example"):
        call = fails(both, "503")
        evidence_of(call, finding)
        assert f"{said} to A {NAME}" in call.explain().text(width=200)
        assert f"{NAME}: {said}" in both.lab.ladder().text(width=200)
    assert passes(both).explain().ids == ()  # the cure


def test_a_name_can_fail_by_itself_until_it_is_mended(make_operators: MakeOperators) -> None:
    both = named(make_operators)
    both.lab.zone.fail(NAME, "servfail")
    assert both.lab.zone.addresses(NAME) == ()
    fails(both, "503")
    both.lab.zone.mend()
    passes(both)
    with pytest.raises(VoxlabError, match="nxdomain, servfail, timeout"):
        both.lab.zone.fail(NAME, "sometimes")


def test_without_srv_the_call_goes_to_the_a_record(make_operators: MakeOperators) -> None:
    assert listed("srv_missing", 25, "VX-DNS-SRV-MISSING")
    both = named(make_operators)
    both.lab.zone.a("node1.gigafon.example", address(both))
    both.lab.zone.srv_records(f"_sip._udp.{NAME}", Srv(10, 1, 5060, "node1.gigafon.example"))
    both.lab.zone.a(NAME, DEAD)
    passes(both)
    with both.lab.zone.fault("srv_missing", domain=NAME):
        call = fails(both, "408")
        evidence_of(call, "VX-DNS-SRV-MISSING")
    assert passes(both).explain().ids == ()


def test_a_dead_first_address_costs_half_a_minute(make_operators: MakeOperators) -> None:
    assert listed("dead_host", 25, "VX-DNS-FAILOVER")
    both = named(make_operators)
    with both.lab.zone.fault("dead_host", domain=NAME, address=DEAD):
        call = passes(both)
        setup_s = float(both.lab.calls.iloc[-1]["setup_s"])
        assert setup_s > 31
        lines = evidence_of(call, "VX-DNS-FAILOVER")
        assert len(lines) == 2
        branches = call.messages[call.messages["dst"] == DEAD]["branch"]
        assert set(branches).isdisjoint(call.messages[call.messages["dst"] == address(both)]["branch"])
    assert passes(both).explain().ids == ()


def test_a_refusal_is_no_reason_to_try_the_next_address(make_operators: MakeOperators) -> None:
    both = named(make_operators)
    other = both.lab.carrier("nexus", network="203.0.113.128/25")  # knows nobody: not the number's operator
    both.lab.zone.a(NAME, other.servers["UDP"].host, address(both))
    call = both.alice.dial(OMA)
    with pytest.raises(CallFailed):
        call.wait("connected", timeout=90)  # 403 or 404 is no failure in the sense of RFC 3263 s.4.3
    assert not any(call.messages["dst"] == address(both))


def test_an_address_that_sticks_is_called_in_vain(make_operators: MakeOperators) -> None:
    assert listed("sticky_address", 25, "VX-DNS-STALE")
    both = named(make_operators)
    both.lab.zone.a(NAME, DEAD)
    with both.lab.zone.fault("sticky_address", domain=NAME):
        both.lab.zone.a(NAME, address(both))  # the operator has moved
        call = fails(both, "408")
        evidence_of(call, "VX-DNS-STALE")
        assert f"has moved to {address(both)}" in call.explain().text(width=200)
    assert passes(both).explain().ids == ()


def test_naptr_that_misleads_is_refused_at_the_port(make_operators: MakeOperators) -> None:
    assert listed("naptr_misleads", 25, "VX-DNS-TRANSPORT")
    both = named(make_operators)
    with both.lab.zone.fault("naptr_misleads", domain=NAME):
        call = fails(both, "503")
        evidence_of(call, "VX-DNS-TRANSPORT")
        assert both.lab.zone.naptr(NAME) == (Naptr(10, 10, "SIP+D2T", f"_sip._tcp.{NAME}"),)
    assert passes(both).explain().ids == ()


def test_a_fault_of_one_domain_leaves_the_others_alone(make_operators: MakeOperators) -> None:
    both = named(make_operators)
    both.lab.zone.fault("nxdomain", domain="elsewhere.example")
    passes(both)
    assert both.lab.zone.faults == ("nxdomain",)
    assert "faults: nxdomain" in repr(both.lab.zone)
    both.lab.zone.heal()
    both.lab.zone.fault("nxdomain")
    assert both.lab.zone.addresses(NAME) == ()
