from __future__ import annotations

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from voxlab.base.datagram import Address, Flow
from voxlab.base.errors import VoxlabError
from voxlab.elements.location import Binding, LocationFull, LocationService, TooManyContacts, address_of_record
from voxlab.sip.uri import Uri

HERE = Address("127.0.0.1", 5060)
UDP = Flow("UDP", HERE, Address("127.0.0.2", 5062))
TCP = Flow("TCP", HERE, Address("127.0.0.2", 41000), 3)
ALICE = "alice@shop.acme.voxlab.test"


def binding(contact: str = "sip:alice@127.0.0.2:5062", expires_at_s: float = 60.0, flow: Flow = UDP) -> Binding:
    return Binding(Uri.parse(contact), flow, expires_at_s, "call-1", 1)


@pytest.mark.parametrize(
    "uri",
    [
        "sip:alice@shop.acme.voxlab.test",
        "sips:alice@shop.acme.voxlab.test",
        "sip:%61lice@SHOP.acme.voxlab.test",
        "sip:alice@shop.acme.voxlab.test;user=phone;transport=tcp",
        "sip:alice:secret@shop.acme.voxlab.test:5070",
    ],
)
def test_each_way_of_writing_an_address_of_record_has_one_canonical_form(uri: str) -> None:
    assert address_of_record(Uri.parse(uri)) == ALICE


def test_users_differ_by_case() -> None:
    assert address_of_record(Uri.parse("sip:Alice@shop.acme.voxlab.test")) != ALICE


def test_nobody_is_bound_to_anything_at_first() -> None:
    location = LocationService()
    assert location.lookup(ALICE, 0.0) == ()
    assert location.next_timeout() is None
    assert len(location) == 0


def test_what_was_put_in_is_found_until_it_lapses() -> None:
    location = LocationService()
    location.replace(ALICE, (binding(expires_at_s=60.0),))
    assert location.lookup(ALICE, 59.999) == (binding(expires_at_s=60.0),)
    assert location.lookup(ALICE, 60.0) == ()
    assert location.next_timeout() == 60.0


def test_a_binding_that_lapses_is_reported_once() -> None:
    location = LocationService()
    location.replace(ALICE, (binding(expires_at_s=60.0), binding("sip:alice@127.0.0.3", 90.0)))
    location.handle_timeout(59.0)
    assert location.poll() == []
    location.handle_timeout(60.0)
    (record,) = location.poll()
    assert (record.aor, record.contact, record.state, record.time_s) == (
        ALICE,
        "sip:alice@127.0.0.2:5062",
        "expired",
        60.0,
    )
    assert location.poll() == []
    assert location.next_timeout() == 90.0
    assert len(location) == 1
    location.handle_timeout(1000.0)
    assert location.next_timeout() is None
    assert len(location) == 0


def test_a_refresh_moves_the_timeout_and_a_removal_takes_it_away() -> None:
    location = LocationService()
    location.replace(ALICE, (binding(expires_at_s=60.0),))
    location.replace(ALICE, (binding(expires_at_s=120.0),))
    assert location.next_timeout() == 120.0
    location.replace(ALICE, (binding(expires_at_s=30.0),))
    assert location.next_timeout() == 30.0
    location.replace(ALICE, ())
    assert location.next_timeout() is None


def test_an_address_of_record_has_a_greatest_number_of_contacts() -> None:
    location = LocationService(max_contacts=2)
    three = tuple(binding(f"sip:alice@127.0.0.{n}") for n in (2, 3, 4))
    location.replace(ALICE, three[:2])
    with pytest.raises(TooManyContacts, match="at most 2"):
        location.replace(ALICE, three)
    assert location.lookup(ALICE, 0.0) == three[:2]


def test_a_full_location_service_takes_nobody_new_but_refreshes_and_removes() -> None:
    location = LocationService(max_bindings=1)
    location.replace(ALICE, (binding(),))
    with pytest.raises(LocationFull, match="holds 1 bindings, at most 1 fit"):
        location.replace("bob@shop", (binding(),))
    assert location.lookup("bob@shop", 0.0) == ()
    location.replace(ALICE, (binding(expires_at_s=99.0),))
    location.replace(ALICE, ())
    location.replace("bob@shop", (binding(),))
    assert len(location) == 1


@pytest.mark.parametrize("limits", [{"max_contacts": 0}, {"max_bindings": 0}])
def test_a_location_service_holds_at_least_one_binding(limits: dict[str, int]) -> None:
    with pytest.raises(VoxlabError, match="at least one binding"):
        LocationService(**limits)


def test_a_device_is_known_by_the_connection_that_it_registered_on() -> None:
    location = LocationService()
    location.replace(ALICE, (binding(flow=TCP, expires_at_s=60.0),))
    assert location.registered_on(ALICE, TCP, 0.0)
    assert not location.registered_on(ALICE, TCP._replace(connection=4), 0.0)
    assert not location.registered_on("bob@shop", TCP, 0.0)
    assert not location.registered_on(ALICE, TCP, 60.0)


def test_an_address_never_stands_in_for_a_digest() -> None:
    location = LocationService()
    location.replace(ALICE, (binding(flow=UDP),))
    assert not location.registered_on(ALICE, UDP, 0.0)
    location.replace(ALICE, (binding(flow=TCP._replace(connection=0)),))
    assert not location.registered_on(ALICE, TCP._replace(connection=0), 0.0)


def test_refreshing_without_end_does_not_grow_the_heap() -> None:
    location = LocationService()
    for step in range(5000):
        location.replace(ALICE, (binding(expires_at_s=10_000.0 - step),))
    assert len(location._heap) < 100
    assert location.next_timeout() == 5001.0


def test_a_hundred_thousand_bindings_are_cheap() -> None:
    location = LocationService()
    for number in range(100_000):
        location.replace(f"{number}@shop", (Binding(UDP_URI, UDP, 3600.0 + number % 60, "call-1", 1),))
    assert len(location) == 100_000
    assert location.next_timeout() == 3600.0
    entry = location._entries["7@shop"]
    assert sum(map(sys.getsizeof, (entry, entry.bindings, entry.bindings[0], location._heap[0]))) < 500
    location.handle_timeout(3660.0)
    assert len(location) == len(location._heap) == 0
    assert len(location.poll()) == 100_000


UDP_URI = Uri.parse("sip:user@127.0.0.2")

AORS = st.sampled_from(["alice@a", "bob@a", "carol@b"])
EXPIRIES = st.lists(st.integers(1, 20), max_size=3)


class NaiveLocation(RuleBasedStateMachine):
    """The location service against a dictionary that is searched from end to end each time."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.location = LocationService()
        self.model: dict[str, tuple[Binding, ...]] = {}
        self.expired: list[tuple[str, str]] = []

    def live(self, aor: str) -> tuple[Binding, ...]:
        return tuple(found for found in self.model.get(aor, ()) if found.expires_at_s > self.now)

    @rule(aor=AORS, expiries=EXPIRIES)
    def replace(self, aor: str, expiries: list[int]) -> None:
        bindings = tuple(binding(f"sip:x@h{n}", self.now + left) for n, left in enumerate(expiries))
        self.location.replace(aor, bindings)
        self.model[aor] = bindings

    @rule(step=st.integers(1, 10))
    def wait(self, step: int) -> None:
        self.now += step
        self.location.handle_timeout(self.now)
        lapsed = {
            (aor, str(b.contact)) for aor, found in self.model.items() for b in found if b.expires_at_s <= self.now
        }
        self.model = {aor: self.live(aor) for aor in self.model}
        assert {(record.aor, record.contact) for record in self.location.poll()} == lapsed

    @rule(aor=AORS, later=st.integers(0, 10))
    def look_ahead(self, aor: str, later: int) -> None:
        found = self.location.lookup(aor, self.now + later)
        assert found == tuple(b for b in self.model.get(aor, ()) if b.expires_at_s > self.now + later)

    @invariant()
    def agree(self) -> None:
        expiries = [b.expires_at_s for found in self.model.values() for b in found]
        assert self.location.next_timeout() == min(expiries, default=None)
        assert len(self.location) == len(expiries)
        assert {aor: found for aor, found in self.model.items() if found} == dict(self.location.aors())


NaiveLocation.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestAgainstANaiveModel = NaiveLocation.TestCase


@given(st.lists(st.floats(1, 1000), min_size=1, max_size=5))
def test_the_next_timeout_is_the_first_expiry(expiries: list[float]) -> None:
    location = LocationService()
    location.replace(ALICE, tuple(binding(f"sip:x@h{n}", at_s) for n, at_s in enumerate(expiries)))
    assert location.next_timeout() == min(expiries)
