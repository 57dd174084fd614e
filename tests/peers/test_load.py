"""``lab.load``: real SIPp, through pysipp, against a live lab."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from voxlab import Lab
from voxlab.lab.application import Application
from voxlab.peers.pysipp_import import pysipp

from .harness.process import missing

pytestmark = [
    pytest.mark.peers,
    pytest.mark.skipif(missing("sipp") is not None, reason=missing("sipp") or ""),
    # pysipp is somebody else's and old: what it leaves unclosed at its import is its own
    pytest.mark.filterwarnings("ignore::SyntaxWarning"),
]


@pytest.fixture
def shop() -> Iterator[Application]:
    with Lab(live=True) as lab:
        shop = lab.account("acme").application("shop")

        @shop.scenario()
        async def forward(call: Any) -> None:
            await call.forward_to_user()

        yield shop


def test_pysipp_is_imported_and_what_it_was_lent_is_gone_again():
    assert pysipp().agent.ua(bin_path="sipp").render().startswith("'sipp'")
    assert "imp" not in sys.modules or sys.modules["imp"].__spec__ is not None
    import pluggy

    assert pluggy.PluginManager.__module__.startswith("pluggy")


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
def test_calls_through_a_scenario_all_go_well_on_both_sides(shop: Application, transport: str):
    load = shop.lab.load(cps=20, calls=40, transport=transport)
    assert load.ok, load
    assert load.callee is not None
    assert load.callee.successful == 40
    assert load.seconds["successful"].iloc[-1] == 40
    assert len(load.response_times_ms) == 40
    assert load.first_failed is None


def test_a_phone_of_the_lab_answers_as_well(shop: Application):
    shop.user("bob").phone(answer_after=0.0, audio="silence")
    load = shop.lab.load(cps=5, calls=1, to="bob")
    assert load.ok, load
    assert load.callee is None


def test_calls_that_fail_are_counted_and_the_first_has_a_ladder(shop: Application):
    load = shop.lab.load(cps=20, calls=5, to="nobody")
    assert not load.ok
    assert load.verdict.startswith("✗ 0 of 5 calls")
    assert load.first_failed is not None
    assert "404 Not Found" in load.first_failed.ladder().text()


def test_an_interrupted_run_ends_its_sipps_and_leaves_the_lab_usable(
    shop: Application, monkeypatch: pytest.MonkeyPatch
):
    import voxlab.lab.load as module

    ended: list[Any] = []

    def interrupted(caller: Any, _plan: Any) -> None:
        ended.append(caller)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(module, "_watched", interrupted)
        with pytest.raises(KeyboardInterrupt):
            shop.lab.load(cps=1, calls=1000)
    assert ended[0].process.poll() is not None
    assert shop.lab.load(cps=10, calls=5).ok
