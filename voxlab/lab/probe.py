"""What the gateways of a trunk answered when they were asked whether they are there."""

from __future__ import annotations

from typing import NamedTuple

from voxlab.elements.pinger import Reply
from voxlab.host.health_checks import take_reply
from voxlab.platform.gateway import Gateway


class Answers:
    """What one gateway said to OPTIONS, and to a REGISTER without credentials, if it was asked that too."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.options: Reply | None = None
        self.register: Reply | None = None

    def take_options(self, reply: Reply) -> None:
        """Take the answer to OPTIONS."""
        self.options = reply
        take_reply(self.gateway, reply)

    def take_register(self, reply: Reply) -> None:
        """Take the answer to REGISTER."""
        self.register = reply

    @property
    def wants_register(self) -> bool:
        """Whether it is there but does not let us in as we are."""
        return self.options is not None and self.options.by_peer and not self.takes_calls

    @property
    def takes_calls(self) -> bool:
        """Whether it lets us in: whatever it thinks of OPTIONS itself (404, 405, 501), it has read the request."""
        reply = self.options
        return reply is not None and reply.by_peer and reply.code not in (401, 403, 407, 503)

    def lines(self) -> list[str]:
        """Return it in words."""
        reply, where = self.options, self.gateway.address
        if reply is None:
            return [f"? {where}: no answer yet"]
        if not reply.by_peer:
            why = "nobody is there, or a firewall drops what we send" if reply.code == 408 else reply.reason
            return [f"✗ {where}: no answer to OPTIONS ({why})"]
        mark = "✓" if self.takes_calls else "✗"
        lines = [f"{mark} {where}: {reply.code} {reply.reason} to OPTIONS after {reply.delay_s * 1000:.0f} ms"]
        if not self.takes_calls:
            lines.append(f"  {self._advice(reply.code)}")
        return lines

    def _advice(self, code: int) -> str:
        registers = self.register is not None and self.register.code in (200, 401, 407)
        crutch = f"; or register there, it answers REGISTER with {self.register.code}" if registers else ""  # type: ignore[union-attr]
        if code == 403:
            return f"it does not know our address: let it import lab.media_resources(){crutch}"
        if code in (401, 407):
            return "it wants a password: account.trunk(..., username=..., password=...)"
        return "it has too much to do, or is being serviced"


class Probe(NamedTuple):
    """The answers of a trunk's gateways; prints as text, and is true if one of them takes our calls."""

    trunk: str
    answers: tuple[Answers, ...]

    def __str__(self) -> str:
        if not self.answers:
            return f"✗ trunk {self.trunk}: no gateway to ask, account.trunk({self.trunk!r}, gateway=...)"
        return "\n".join(line for answer in self.answers for line in answer.lines())

    def __repr__(self) -> str:
        return str(self)

    def __bool__(self) -> bool:
        return any(answer.takes_calls for answer in self.answers)
