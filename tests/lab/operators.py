"""A stage with another operator: a shop with alice, GigaFon with oma's phone, a trunk between the two."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.lab.stage import QUICK_S
from voxlab.lab.lab import Lab

DID = "+4930999100"
OMA = "+4930555001"


class Operators:
    """Two telephonies that may call each other as far as ``friends`` says."""

    def __init__(self, *, live: bool = False, friends: bool = True, **options: Any) -> None:
        self.lab = Lab(live=live, **options)
        self.account = self.lab.account("acme")
        self.shop = self.account.application("shop")
        self.alice = self.shop.user("alice").phone(answer_after=QUICK_S)
        self.giga = self.lab.carrier("gigafon", network="198.51.100.0/24", numbers="+4930555*")
        self.oma = self.giga.phone(OMA, name="oma", answer_after=QUICK_S)
        self.trunk = self.account.trunk("gigafon", allow=[self.giga.network] if friends else [])

        @self.shop.scenario()
        async def forward(call: Any) -> None:
            await call.forward_to_user()

        @self.shop.scenario(pattern=r"\+4930999.*")
        async def reception(call: Any) -> None:
            await call.forward_to_user("alice")

    def refusals(self) -> list[str]:
        """The true reasons of what was refused so far."""
        self.lab.settle_evidence()
        return [note.reason for note in self.lab.journal.notes if type(note).__name__ == "MessageRefused"]


MakeOperators = Callable[..., Operators]


@pytest.fixture
def make_operators() -> Iterator[MakeOperators]:
    made: list[Operators] = []

    def make(**options: Any) -> Operators:
        made.append(Operators(**options))
        return made[-1]

    yield make
    for each in made:
        each.lab.close()


@pytest.fixture
def operators(make_operators: MakeOperators) -> Operators:
    """The simulated world."""
    return make_operators(seed=7)


@pytest.fixture(params=[False, True], ids=["simulated", "live"])
def both(request: pytest.FixtureRequest, make_operators: MakeOperators) -> Operators:
    """One world after the other."""
    return make_operators(live=request.param)
