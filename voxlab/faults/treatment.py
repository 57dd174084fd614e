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
    is_inside : callable
        Whether an address is in the device's own network, as those of an operator's phones are.
    """

    def __init__(self, send: Callable[[Flow, Piece], None]) -> None:
        self.now = 0.0
        self.is_inside: Callable[[str], bool] = lambda _host: False
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
    """Writes what leaves differently; with ``outside``, only what leaves the device's own network."""

    def __init__(self, rewrite: Callable[[Message, bytes], bytes], *, outside: bool = False) -> None:
        self._rewrite = rewrite
        self._outside = outside

    def leaving(self, message: Message, data: bytes, device: Device) -> list[Piece]:
        """Return it rewritten."""
        if self._outside and device.is_inside(device.flow.remote.host):
            return [Piece(0.0, data)]
        return [Piece(0.0, self._rewrite(message, data))]


class Misreads(Treatment):
    """Takes what comes for something else than what was sent."""

    def __init__(self, reading: Callable[[Message, bytes], bytes]) -> None:
        self._reading = reading

    def arriving(self, message: Message, data: bytes, device: Device) -> bytes | None:
        """Return it as it is read."""
        return self._reading(message, data)


class Refuses(Treatment):
    """Answers requests that come in the device's place: ``refusal`` returns the response, None to let one pass.

    An INVITE refused so has no transaction: its ACK is swallowed, and what comes again is answered again. With
    ``outside``, requests from the device's own network pass.
    """

    def __init__(self, refusal: Callable[[Request], Response | None], *, outside: bool = False) -> None:
        self._refusal = refusal
        self._outside = outside
        self._refused: dict[str, None] = {}

    def arriving(self, message: Message, data: bytes, device: Device) -> bytes | None:
        """Answer it, swallow the ACK to such an answer, or let it pass."""
        if not isinstance(message, Request):
            return data
        if message.method == "ACK":
            return None if message.branch in self._refused else data
        if self._outside and device.is_inside(device.flow.remote.host):
            return data
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


def refused(request: Request, status: int, *lines: tuple[str, str], reason: str | None = None) -> Response:
    """Return the refusal of a request outside a dialog, the same for each of its copies."""
    return request.response(status, reason, to_tag=f"no{request.branch[-8:]}", headers=lines)


def is_initial(message: Message, method: str = "INVITE") -> bool:
    """Whether it is such a request outside a dialog."""
    return is_request(message, method) and not message.to_tag


def is_request(message: Message, *methods: str) -> bool:
    """Whether it is a request of one of these methods."""
    return isinstance(message, Request) and message.method in methods


def is_response(message: Message, method: str, least: int = 100, most: int = 699) -> bool:
    """Whether it is a response to such a request with a status in these bounds."""
    return isinstance(message, Response) and message.cseq_method == method and least <= message.status <= most
