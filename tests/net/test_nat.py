"""The translator as a machine: RFC 4787's mapping, filtering, ports and lifetimes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxlab.base.datagram import Address
from voxlab.base.errors import VoxlabError
from voxlab.base.ids import Ids
from voxlab.net.nat import (
    BINDING_DIED,
    FILTERED,
    KINDS,
    NO_BINDING,
    AddressTranslator,
    Behaviour,
    Refusal,
    dependence,
    of_kind,
)

OUTSIDE = "203.0.113.1"
PHONE, LAPTOP = Address("10.1.0.2", 5060), Address("10.1.0.3", 5060)
SERVER, SAME_HOST, STRANGER = Address("192.0.2.10", 5060), Address("192.0.2.10", 5080), Address("198.51.100.9", 5060)


def translator(kind: str = "port_restricted_cone", seed: int = 1, **changes: object) -> AddressTranslator:
    mapping, filtering = KINDS[kind]
    behaviour = Behaviour(mapping, filtering)
    for name, value in changes.items():
        setattr(behaviour, name, value)
    return AddressTranslator(OUTSIDE, behaviour, Ids.seeded(seed))


def out(nat: AddressTranslator, inner: Address, far: Address, now: float = 0.0) -> Address:
    outer = nat.outbound("UDP", inner, far, now)
    assert outer is not None
    return outer


def admitted(nat: AddressTranslator, outer: Address, far: Address, now: float = 0.0) -> bool:
    return not isinstance(nat.inbound("UDP", outer.port, far, now), Refusal)


def test_what_goes_out_bears_the_outer_address_and_what_comes_back_finds_its_sender() -> None:
    nat = translator()
    outer = out(nat, PHONE, SERVER)
    assert outer.host == OUTSIDE
    assert nat.inbound("UDP", outer.port, SERVER, 0.1) == PHONE


@pytest.mark.parametrize(
    ("kind", "same_host", "stranger"),
    [
        ("full_cone", True, True),
        ("restricted_cone", True, False),
        ("port_restricted_cone", False, False),
        ("symmetric", False, False),
    ],
)
def test_each_kind_lets_in_whom_its_filtering_admits(kind: str, same_host: bool, stranger: bool) -> None:
    nat = translator(kind)
    outer = out(nat, PHONE, SERVER)
    assert admitted(nat, outer, SERVER)
    assert admitted(nat, outer, SAME_HOST) is same_host
    assert admitted(nat, outer, STRANGER) is stranger
    refused = nat.inbound("UDP", outer.port, STRANGER, 0.0)
    assert stranger or (isinstance(refused, Refusal) and refused.reason == FILTERED)


@pytest.mark.parametrize(
    ("mapping", "same_host", "stranger"),
    [
        ("endpoint-independent", True, True),
        ("address-dependent", True, False),
        ("address-and-port-dependent", False, False),
    ],
)
def test_a_mapping_serves_the_far_ends_that_its_dependence_says(mapping: str, same_host: bool, stranger: bool) -> None:
    nat = translator(mapping=mapping)
    outer = out(nat, PHONE, SERVER)
    assert out(nat, PHONE, SERVER) == outer
    assert (out(nat, PHONE, SAME_HOST) == outer) is same_host
    assert (out(nat, PHONE, STRANGER) == outer) is stranger


def test_a_binding_dies_half_a_minute_after_the_last_packet_from_inside() -> None:
    nat = translator()
    outer = out(nat, PHONE, SERVER, 0.0)
    out(nat, PHONE, SERVER, 20.0)
    assert admitted(nat, outer, SERVER, 50.0)
    refused = nat.inbound("UDP", outer.port, SERVER, 50.1)
    assert isinstance(refused, Refusal)
    assert refused.reason == BINDING_DIED
    assert "10.1.0.2:5060" in refused.why
    assert len(nat.mappings(50.1)) == 0


def test_packets_from_outside_keep_a_binding_alive_only_where_that_is_so() -> None:
    for refreshed in (False, True):
        nat = translator(refreshed_from_outside=refreshed)
        outer = out(nat, PHONE, SERVER, 0.0)
        assert admitted(nat, outer, SERVER, 20.0)
        assert admitted(nat, outer, SERVER, 45.0) is refreshed


def test_tcp_lives_longer_than_udp_and_has_ports_of_its_own() -> None:
    nat = translator(port_preservation=True)
    assert nat.outbound("UDP", PHONE, SERVER, 0.0) == nat.outbound("TCP", PHONE, SERVER, 0.0) == Address(OUTSIDE, 5060)
    assert isinstance(nat.inbound("UDP", 5060, SERVER, 31.0), Refusal)
    assert nat.inbound("TCP", 5060, SERVER, 7000.0) == PHONE


def test_a_port_is_preserved_for_the_first_who_wants_it() -> None:
    nat = translator(port_preservation=True)
    assert out(nat, PHONE, SERVER).port == 5060
    assert out(nat, LAPTOP, SERVER).port != 5060
    nat.forget_all(1.0)
    assert out(nat, LAPTOP, SERVER, 1.0).port == 5060


def test_ports_run_out_and_come_back_with_dead_bindings() -> None:
    nat = translator(first_port=2000, last_port=2001)
    first, second = out(nat, PHONE, SERVER), out(nat, LAPTOP, SERVER)
    assert {first.port, second.port} == {2000, 2001}
    assert first.port == 2000  # the parity of 5060, as long as there is such a port
    third = Address("10.1.0.4", 5060)
    assert nat.outbound("UDP", third, SERVER, 1.0) is None
    assert nat.outbound("UDP", third, SERVER, 31.0) is not None


def test_a_reboot_forgets_every_binding() -> None:
    nat = translator()
    outer = out(nat, PHONE, SERVER)
    nat.forget_all(1.0)
    refused = nat.inbound("UDP", outer.port, SERVER, 1.0)
    assert isinstance(refused, Refusal)
    never = nat.inbound("UDP", outer.port ^ 2, SERVER, 1.0)
    assert isinstance(never, Refusal)
    assert (refused.reason, never.reason) == (BINDING_DIED, NO_BINDING)


def test_a_wrong_word_is_told_from_the_right_ones() -> None:
    with pytest.raises(VoxlabError, match="did you mean 'symmetric'"):
        of_kind("symetric")
    with pytest.raises(VoxlabError, match="endpoint-independent, address-dependent"):
        dependence("cone")
    assert of_kind("Full Cone") == KINDS["full_cone"]
    assert dependence("address dependent") == "address-dependent"
    assert Behaviour(*KINDS["symmetric"]).kind == "symmetric"
    assert Behaviour(mapping="address-dependent").kind == ""


ends = st.builds(Address, st.sampled_from(["10.1.0.2", "10.1.0.3", "10.1.0.4"]), st.integers(5000, 5009))
far_ends = st.builds(Address, st.sampled_from(["192.0.2.1", "192.0.2.2"]), st.integers(5060, 5063))
steps = st.lists(st.tuples(ends, far_ends, st.floats(0.0, 20.0)), min_size=1, max_size=60)


@settings(max_examples=60, deadline=None)
@given(steps, st.sampled_from(sorted(KINDS)), st.booleans())
def test_what_goes_out_comes_back_to_whom_it_came_from_and_to_nobody_else(
    sent: list[tuple[Address, Address, float]], kind: str, preserved: bool
) -> None:
    nat = translator(kind, port_preservation=preserved)
    now = 0.0
    for inner, far, pause_s in sent:
        now += pause_s
        outer = out(nat, inner, far, now)
        assert outer.port % 2 == inner.port % 2
        assert nat.inbound("UDP", outer.port, far, now) == inner
        living = nat.mappings(now)
        assert len({each.outer_port for each in living}) == len(living)  # no two share a port
    for mapping in nat.mappings(now):
        owners = {each.inner for each in nat.mappings(now) if each.outer_port == mapping.outer_port}
        assert owners == {mapping.inner}


@settings(max_examples=30, deadline=None)
@given(steps, st.integers(0, 2**32 - 1))
def test_the_same_seed_gives_the_same_ports(sent: list[tuple[Address, Address, float]], seed: int) -> None:
    def run() -> list[Address | None]:
        nat = translator("symmetric", seed)
        return [nat.outbound("UDP", inner, far, at) for at, (inner, far, _) in enumerate(sent)]

    assert run() == run()
