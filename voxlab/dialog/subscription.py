"""One subscription outside a call, as far as both ends are alike (RFC 6665); ``subscriber`` and ``notifier`` differ.

Must not know transports, nor what the state is about: requests and responses come out, bodies go through.
"""

from __future__ import annotations

from typing import NamedTuple

from voxlab.dialog.acceptance import AckTimers
from voxlab.dialog.dialog import Dialog
from voxlab.dialog.subscription_tables import State
from voxlab.sip.message import Request, Response


class Send(NamedTuple):
    """Start a client transaction; ``next_hop`` is "" for the flow of the subscription."""

    request: Request
    next_hop: str = ""


class Respond(NamedTuple):
    """Answer a server transaction."""

    transaction: int
    response: Response


class StateTold(NamedTuple):
    """A NOTIFY arrived, or the subscription ended: ``state`` is pending, active or terminated, ``reason`` why."""

    package: str
    target: str
    state: str
    reason: str
    content_type: str
    body: bytes


Output = Send | Respond | StateTold


def expires_of(message: Request | Response, otherwise: int) -> int:
    """Return the Expires of a message in seconds."""
    text = (message.headers.get("expires") or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else otherwise


def package_of(message: Request) -> str:
    """Return the event package that a request names, "" for none."""
    return (message.headers.get("event") or "").partition(";")[0].strip().lower()


def parameter(value: str, name: str) -> str:
    """Return a parameter of a header value, "" without it."""
    for part in value.split(";")[1:]:
        key, _, text = part.partition("=")
        if key.strip().lower() == name:
            return text.strip()
    return ""


class Usage:
    """What both halves share: a dialog, a state, a deadline, outputs."""

    def __init__(self, package: str, local_tag: str, contact: str, timers: AckTimers) -> None:
        self.package = package
        self.local_tag = local_tag
        self.state = State.NOTIFY_WAIT
        self.dialog: Dialog | None = None
        self._contact = contact
        self._timers = timers
        self._due: float | None = None
        self._out: list[Output] = []

    def next_timeout(self) -> float | None:
        """When ``handle_timeout`` is wanted, None for never."""
        return self._due

    def poll(self) -> list[Output]:
        """Drain what is to be sent, and what was told."""
        out, self._out = self._out, []
        return out

    def handle_timeout(self, now: float) -> None:
        """Do what is due."""
        raise NotImplementedError

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state is State.TERMINATED
