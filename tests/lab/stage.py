"""A stage for tests of the whole stack: a lab with a shop, alice, bob, and the scenario that forwards."""

from __future__ import annotations

from typing import Any

from voxlab.lab.application import Application
from voxlab.lab.lab import Lab
from voxlab.lab.phone import Phone

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

    def count(self, text: str) -> int:
        """Count the messages whose first line begins so."""
        return sum(message.data.startswith(text.encode()) for message in self.lab.journal.messages())
