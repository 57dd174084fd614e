"""Calls that a rule passes on: they count, and the history has their end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from voxlab import CallFailed, Lab
from voxlab.lab.application import Application
from voxlab.lab.phone import Phone

Cast = tuple[Application, Phone, Phone]


@pytest.fixture(params=[False, True], ids=["simulated", "live"])
def cast(request: pytest.FixtureRequest) -> Iterator[Cast]:
    with Lab(live=request.param, max_calls=1) as lab:
        shop = lab.account("acme").application("shop")
        shop.rule("through", route="users")
        yield shop, shop.user("alice").phone(), shop.user("bob").phone(answer_after=0.1)


def passing(shop: Application) -> int:
    return shop.lab.world.submit(shop.lab.cloud.calls)


def test_a_call_that_is_passed_on_takes_a_place_until_its_bye(cast: Cast) -> None:
    shop, alice, _ = cast
    carol = shop.user("carol").phone()
    call = alice.dial("bob").wait("connected")
    assert passing(shop) == 1
    with pytest.raises(CallFailed, match="503"):
        carol.dial("bob").wait("connected")
    call.hang_up()
    shop.lab.run(0.3)
    assert passing(shop) == 0
    again = carol.dial("bob").wait("connected")
    again.hang_up()


def test_its_end_stands_in_the_history(cast: Cast) -> None:
    shop, alice, _ = cast
    call = alice.dial("bob").wait("connected")
    shop.lab.run(0.3)
    call.hang_up()
    shop.lab.run(0.3)
    (row,) = shop.lab.history.itertuples()
    assert (row.answered, row.status, row.finish_reason) == (True, 200, "Normal termination")
    assert row.duration_s > 0.25


def test_a_call_that_nobody_takes_gives_its_place_back(cast: Cast) -> None:
    shop, alice, _ = cast
    shop.user("dora").phone(busy=True)
    with pytest.raises(CallFailed, match="486"):
        alice.dial("dora").wait("connected")
    shop.lab.run(0.1)
    assert passing(shop) == 0
    (row,) = shop.lab.history.itertuples()
    assert (row.answered, row.status, row.finish_reason) == (False, 486, "Busy Here")


def test_a_call_whose_bye_never_comes_ends_with_its_session_interval() -> None:
    with Lab() as lab:
        shop = lab.account("acme").application("shop")
        shop.rule("through", route="users")
        alice = shop.user("alice").phone(session_expires=90, refresher="uac")
        bob = shop.user("bob").phone(answer_after=0.1)
        alice.dial("bob").wait("connected")
        lab.run(200)
        assert passing(shop) == 1, "each refresh renews it"
        alice.discard()
        bob.discard()
        lab.run(100)
        assert passing(shop) == 0
        assert list(lab.history.finish_reason) == ["Neither a BYE nor a refresh came"]


def test_without_a_session_interval_it_is_given_up_after_four_hours() -> None:
    with Lab() as lab:
        shop = lab.account("acme").application("shop")
        shop.rule("through", route="users")
        alice, bob = shop.user("alice").phone(), shop.user("bob").phone(answer_after=0.1)
        alice.dial("bob").wait("connected")
        alice.discard()
        bob.discard()
        lab.run(4 * 3600 - 10)
        assert passing(shop) == 1
        lab.run(20)
        assert passing(shop) == 0
