from __future__ import annotations

import pytest

from voxlab.base.errors import VoxlabError
from voxlab.base.ids import Ids
from voxlab.platform.gateway import Gateway, gateway, gateways, in_order


def order(known: tuple[Gateway, ...], now: float = 0.0, seed: int = 1) -> list[str]:
    return [each.address for each in in_order(known, now, Ids.seeded(seed))]


def test_gateways_of_a_list_are_tried_as_they_stand() -> None:
    assert order(gateways(["b.example", "a.example:5070", "sip:c.example;transport=tcp"])) == [
        "b.example",
        "a.example:5070",
        "c.example",
    ]


def test_priority_goes_before_weight_and_weight_says_how_often() -> None:
    known = gateways([("backup.example", 2), ("big.example", 1, 3), ("small.example", 1, 1)])
    firsts = [order(known, seed=seed)[0] for seed in range(400)]
    assert "backup.example" not in firsts
    assert 0.65 < firsts.count("big.example") / 400 < 0.85
    assert {order(known, seed=seed)[2] for seed in range(20)} == {"backup.example"}


def test_one_that_has_failed_is_tried_last_for_a_while() -> None:
    first, second = known = gateways(["first.example", "second.example"])
    first.health.failed(10.0, 503, "Service Unavailable")
    assert order(known, 11.0) == ["second.example", "first.example"]
    assert order(known, 41.0) == ["first.example", "second.example"]
    second.health.failed(41.0, 503, "Service Unavailable", retry_after_s=120.0)
    assert order(known, 160.0) == ["first.example", "second.example"]
    first.health.failed(160.0, 408, "no answer")
    first.health.answered(161.0, 200, "OK", 0.004)
    assert (first.health.is_up, str(first.health)) == (True, "✓ 200 OK in 4 ms")


def test_a_gateway_that_forbids_us_is_there_but_not_open() -> None:
    known = gateway("a.example")
    assert str(known.health) == "not tried yet"
    known.health.answered(1.0, 403, "Forbidden")
    assert (known.health.is_up, str(known.health)) == (False, "✗ 403 Forbidden")
    known.health.answered(2.0, 405, "Method Not Allowed")
    assert known.health.is_up


@pytest.mark.parametrize("wrong", ["", "oma@a.example", "sip:", 7, ("a.example", -1)])
def test_what_is_no_gateway_is_refused(wrong: object) -> None:
    with pytest.raises(VoxlabError):
        gateway(wrong)
