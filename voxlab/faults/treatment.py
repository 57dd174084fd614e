"""What one fault does to the messages of the device that has it: those that leave, and those that arrive.

A treatment works on finished messages, so that what it shows is what such a device shows. Must not know who owns the
device, nor the network: messages in, messages out, some of them later.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from voxlab.base.datagram import Flow
from voxlab.sip.message import Request, Response

Message = Request | Response


class Piece(NamedTuple):
    """Something to send, after a delay of lab seconds."""

    delay_s: float
    data: bytes


class Device:
    """What a treatment may know and use of its device; one for all its treatments.

    Attributes
    ----------
    now : float
        Lab seconds.
    flow : Flow
        That of the message in hand.
    """

    def __init__(self, send: Callable[[Flow, Piece], None]) -> None:
        self.now = 0.0
        self.flow: Flow = None  # type: ignore[assignment]  # set before a treatment is asked
        self._send = send

    def send(self, data: bytes, delay_s: float = 0.0, flow: Flow | None = None) -> None:
        """Send something that the device's own node knows nothing of, on the flow in hand if none is given."""
        self._send(self.flow if flow is None else flow, Piece(delay_s, data))


class Treatment:
    """One fault at work on one device. This one changes nothing: what it stands for is asked for by name."""

    def leaving(self, message: Message, data: bytes, device: Device) -> list[Piece]:
        """Return what is sent in the place of a message on its way out."""
        return [Piece(0.0, data)]

    def arriving(self, message: Message, data: bytes, device: Device) -> bytes | None:
        """Return what the device's node is given in the place of a message that came, None for nothing."""
        return data

    def healed(self, device: Device) -> None:
        """Let go of what is kept back: the fault is switched off."""


class Drops(Treatment):
    """Loses what it leaves of a kind."""

    def __init__(self, lost: Callable[[Message], bool]) -> None:
        self._lost = lost

    def leaving(self, message: Message, data: bytes, device: Device) -> list[Piece]:
        """Lose it, or let it pass."""
        return [] if self._lost(message) else [Piece(0.0, data)]


class Rewrites(Treatment):
    """Writes what leaves differently."""

    def __init__(self, rewrite: Callable[[Message, bytes], bytes]) -> None:
        self._rewrite = rewrite

    def leaving(self, message: Message, data: bytes, device: Device) -> list[Piece]:
        """Return it rewritten."""
        return [Piece(0.0, self._rewrite(message, data))]


class Refuses(Treatment):
    """Answers requests that come in the device's place: ``refusal`` returns the response, None to let one pass.

    An INVITE refused so has no transaction: its ACK is swallowed, and what comes again is answered again.
    """

    def __init__(self, refusal: Callable[[Request], Response | None]) -> None:
        self._refusal = refusal
        self._refused: dict[str, None] = {}

    def arriving(self, message: Message, data: bytes, device: Device) -> bytes | None:
        """Answer it, swallow the ACK to such an answer, or let it pass."""
        if not isinstance(message, Request):
            return data
        if message.method == "ACK":
            return None if message.branch in self._refused else data
        answer = self._refusal(message)
        if answer is None:
            return data
        remember(self._refused, message.branch)
        device.send(answer.raw)
        return None


def remember(memory: dict[str, None], key: str, most: int = 1000) -> None:
    """Keep a key, and forget the oldest past ``most``."""
    memory[key] = None
    if len(memory) > most:
        del memory[next(iter(memory))]


def is_request(message: Message, *methods: str) -> bool:
    """Whether it is a request of one of these methods."""
    return isinstance(message, Request) and message.method in methods


def is_response(message: Message, method: str, least: int = 100, most: int = 699) -> bool:
    """Whether it is a response to such a request with a status in these bounds."""
    return isinstance(message, Response) and message.cseq_method == method and least <= message.status <= most
