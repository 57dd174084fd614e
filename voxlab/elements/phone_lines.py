"""The lines of a phone: one in hand, one that rings or waits on hold meanwhile (RFC 5359 s.2.8, RFC 3261 s.13.3).

Must not know SIP messages, media or the network; each line follows the table of ``phone_table``.
"""

from __future__ import annotations

from voxlab.base.errors import VoxlabError
from voxlab.elements.phone import Behaviour, Line, Phone
from voxlab.elements.phone_table import Input, State

LINES = 2
_ASIDE = (State.HELD, State.TRANSFERRING_HELD)
_OF_RINGING = (Input.PICK_UP, Input.DECLINE)


class PhoneLines:
    """Two lines of one phone.

    Attributes
    ----------
    hand : Phone
        The line in hand.
    says : list of (float, str)
        What the display has shown.
    """

    def __init__(self, line: Line, behaviour: Behaviour) -> None:
        self.says: list[tuple[float, str]] = []
        self._lines = [Phone(line, behaviour, self.says) for _ in range(LINES)]
        self.hand = self._lines[0]

    @property
    def behaviour(self) -> Behaviour:
        """What the person in front of it is like."""
        return self.hand.behaviour

    @behaviour.setter
    def behaviour(self, behaviour: Behaviour) -> None:
        for line in self._lines:
            line.behaviour = behaviour

    def of_leg(self, leg: int) -> Phone | None:
        """Return the line that carries this call, None where none does."""
        return next((line for line in self._lines if line.leg == leg and leg), None)

    @property
    def spare(self) -> Phone | None:
        """A line that is free, None where both are in use."""
        return next((line for line in self._lines if line.state is State.IDLE), None)

    @property
    def ringing(self) -> Phone | None:
        """The line that rings, that in hand first; None where none does."""
        return next((line for line in (self.hand, *self._lines) if line.state is State.RINGING), None)

    def receive(self, given: Input, leg: int, now: float, text: str = "") -> None:
        """Take an input about a leg; a new call finds its line."""
        line = self._called() if given is Input.CALL_IN else self.of_leg(leg)
        if line is None:
            return
        line.receive(given, leg, now, text)
        if self.hand.state is State.IDLE or self.hand.state in _ASIDE:
            self.hand = self._next()

    def _called(self) -> Phone:
        """Return the line on which a new call rings, or is refused."""
        spare = self.spare
        if spare is None or self.hand.state is State.IDLE:
            return self.hand
        return spare if self.behaviour.call_waiting else self.hand

    def _next(self) -> Phone:
        """Return the line to take in hand when that in hand is free or on hold: one that is more alive."""
        alive = [line for line in self._lines if line.state is not State.IDLE and line.state not in _ASIDE]
        if alive:
            return alive[0]
        return self.hand if self.hand.state in _ASIDE else next((x for x in self._lines if x.leg), self.hand)

    def dial(self, leg: int, now: float, text: str) -> None:
        """Let a call of our own begin, on a line that is free."""
        line = self.spare
        assert line is not None  # it was asked before
        line.receive(Input.DIAL, leg, now, text)
        self.hand = line

    def replace(self, old: int, new: int, now: float, text: str) -> bool:
        """Let a new call take the place of an old one on its line; False where no line carries it (RFC 3891)."""
        line = self.of_leg(old)
        if line is None:
            return False
        line.take_over(new, now, text)
        self.hand = line
        return True

    def command(self, given: Input, now: float, text: str = "") -> bool:
        """Do what the person wants: with the line that rings, or that in hand; False where it makes no sense.

        Picking up a second call puts the first on hold; taking one back puts the other on hold.
        """
        line = self._meant(given)
        if not line.allows(given):
            return False
        if given in (Input.PICK_UP, Input.RESUME):
            for other in self._lines:
                if other is not line and other.state is State.TALKING:
                    other.receive(Input.HOLD, other.leg, now)
            self.hand = line
        line.receive(given, line.leg, now, text)
        return True

    def _meant(self, given: Input) -> Phone:
        if given in _OF_RINGING:
            return self.ringing or self.hand
        if given is Input.RESUME:
            return next((line for line in self._lines if line.state is State.HELD), self.hand)
        return self.hand

    def pair(self) -> tuple[int, int]:
        """Return the legs of the call on hold and of that in hand, to be joined.

        Raises
        ------
        VoxlabError
            There are not two calls.
        """
        held = next((line for line in self._lines if line.state is State.HELD and line is not self.hand), None)
        if held is None or self.hand.state not in {State.TALKING, State.HELD}:
            raise VoxlabError("two calls are needed to join them: put one on hold, dial the other, and wait for it")
        return held.leg, self.hand.leg

    @property
    def can_dial(self) -> bool:
        """Whether a number can be dialled: nobody is on the line, or whoever is waits on hold."""
        return self.spare is not None and (self.hand.state is State.IDLE or self.hand.state in _ASIDE)

    def next_timeout(self) -> float | None:
        """When a line is picked up or gives up, None for never."""
        first, second = self._lines
        one, other = first.next_timeout(), second.next_timeout()
        if one is None or other is None:
            return one if other is None else other
        return min(one, other)

    def handle_timeout(self, now: float) -> None:
        """Pick up, or give up."""
        for line in self._lines:
            due = line.next_timeout()
            if due is None or due > now:
                continue
            for other in self._lines:
                if other is not line and other.state is State.TALKING and line.behaviour.answer_after_s is not None:
                    other.receive(Input.HOLD, other.leg, now)
            line.handle_timeout(now)
            if self.hand.state is State.IDLE or self.hand.state in _ASIDE:
                self.hand = line if line.leg else self._next()

    def __repr__(self) -> str:
        return " and ".join(repr(line) for line in self._lines if line.leg or line is self.hand)
