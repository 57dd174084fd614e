"""What the scenarios of a lab printed and raised, kept until somebody outside the lab's thread wants to know."""

from __future__ import annotations

from voxlab.lab.printing import say
from voxlab.scenario.session import Session

_ERRORS_KEPT = 1000
_LINES_KEPT = 10_000


class ScenarioNews:
    """Lines to print for the next caller of a blocking method, and errors by session.

    Attributes
    ----------
    errors : list of BaseException
        What scenarios raised, oldest first.
    """

    def __init__(self) -> None:
        self.errors: list[BaseException] = []
        self._lines: list[str] = []
        self._errors_of: dict[int, BaseException] = {}

    def hear(self, line: str) -> None:
        """Take a line that a scenario printed."""
        if len(self._lines) < _LINES_KEPT:
            self._lines.append(line)

    def speak(self) -> None:
        """Print what was heard since the last time."""
        lines, self._lines = self._lines, []
        for line in lines:
            say(line)

    def session_over(self, session: Session) -> None:
        """Take the news that a session is over, or that its scenario raised."""
        if session.error is not None and session.number not in self._errors_of and len(self.errors) < _ERRORS_KEPT:
            self.errors.append(session.error)
            self._errors_of[session.number] = session.error

    def error_of(self, number: int) -> BaseException | None:
        """Return what the scenario of a session that is over raised."""
        return self._errors_of.get(number)

    def clear(self) -> None:
        """Forget everything."""
        self.errors.clear()
        self._errors_of.clear()
        self._lines.clear()
