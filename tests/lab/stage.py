"""A stage for tests of the whole stack: a lab with a shop, alice and bob; struck at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from voxlab.elements.phone import Input
from voxlab.host.phone import PhoneMachine
from voxlab.lab.application import Application
from voxlab.lab.lab import Lab
from voxlab.lab.phone import Phone
from voxlab.net.virtual import VirtualLoop

QUICK_S = 0.05  # of ringing, so that live tests take no time


class Stage:
    """A lab and who plays in it.

    Parameters
    ----------
    live : bool
    bob : dict
        Options of bob's phone; without any he picks up after a moment.
    options
        Of the lab.
    """

    def __init__(self, *, live: bool = False, bob: dict[str, Any] | None = None, **options: Any) -> None:
        self.lab = Lab(live=live, **options)
        self.shop: Application = self.lab.account("acme").application("shop")
        self.alice: Phone = self.shop.user("alice").phone()
        self.bob: Phone = self.shop.user("bob").phone(**({"answer_after": QUICK_S} if bob is None else bob))

    def forwards(self) -> Stage:
        """Let every call go to whom it is for."""

        @self.shop.scenario()
        async def forward(call: Any) -> None:
            await call.forward_to_user()

        return self

    def machine(self, name: str) -> PhoneMachine:
        """Return what a phone runs on."""
        machine = getattr(self, name).machine
        assert isinstance(machine, PhoneMachine)
        return machine

    def hang_up(self, name: str) -> None:
        """Let alice or bob hang up, and do not wait for it."""
        self.lab.world.submit(self.machine(name).command, Input.HANG_UP)

    @property
    def is_idle(self) -> bool:
        """Whether a simulated lab has nothing left to do but housekeeping."""
        loop = self.lab.world.loop
        assert isinstance(loop, VirtualLoop)
        return loop._foreground == 0

    def count(self, text: str) -> int:
        """Count the messages whose first line begins so."""
        return sum(message.data.startswith(text.encode()) for message in self.lab.journal.messages())


def picture(handle: Any) -> str:
    """Return what a notebook draws of a handle."""
    draw = getattr(handle, "_repr_svg_", None) or handle._repr_html_
    drawn = draw()
    assert isinstance(drawn, str)
    return drawn


MakeStage = Callable[..., Stage]


@pytest.fixture
def make_stage() -> Iterator[MakeStage]:
    stages: list[Stage] = []

    def make(**options: Any) -> Stage:
        stages.append(Stage(**options))
        return stages[-1]

    yield make
    for stage in stages:
        stage.lab.close()


@pytest.fixture
def stage(make_stage: MakeStage) -> Stage:
    """The simulated world, with the scenario that forwards."""
    return make_stage(seed=7).forwards()


@pytest.fixture(params=[False, True], ids=["simulated", "live"])
def either(request: pytest.FixtureRequest, make_stage: MakeStage) -> Stage:
    """One world after the other, with the scenario that forwards."""
    return make_stage(live=request.param).forwards()
