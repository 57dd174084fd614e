"""A proxy between peers that the test plays by hand, for the tests of RFC 3261 s.16 and what amends it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.elements.rig import Puppet, Rig, Side, answer_to
from tests.elements.rig import request as write_request
from voxlab.base.datagram import Flow
from voxlab.elements.passages import TurnedBack
from voxlab.elements.routing import Answer, Reject, Route
from voxlab.elements.target_set import Target
from voxlab.sip.message import Request, Response
from voxlab.sip.uri import Uri

OUR_DOMAIN = "example.com"


class FixedPolicy:
    """Sends everybody to the same targets, and follows redirections wherever they lead."""

    def __init__(self) -> None:
        self.answer: Answer = Reject(404, None, "nobody set the targets")
        self.asked = 0

    def forwards(self, request: Request) -> bool:
        return True

    def route(self, request: Request, flow: Flow, now: float) -> Answer:
        self.asked += 1
        return self.answer

    def redirected(self, uri: Uri, now: float) -> Sequence[Target]:
        return (Target(str(uri)),)

    def serves(self, host: str) -> bool:
        return host == OUR_DOMAIN


class Street:
    """A caller, a proxy, and as many callees as the test wants, all but the proxy played by hand."""

    def __init__(self, callees: int = 1, **options: Any) -> None:
        self.rig = Rig()
        self.policy = FixedPolicy()
        self.proxy = self.rig.side("proxy", policy=self.policy, **options)
        self.caller = self.rig.puppet()
        self.callees = [self.rig.puppet() for _ in range(callees)]
        self.lead_to(*(Target(self.uri(callee)) for callee in self.callees))

    @property
    def callee(self) -> Puppet:
        return self.callees[0]

    @staticmethod
    def uri(callee: Puppet) -> str:
        return f"sip:bob@{callee.address}"

    def lead_to(self, *targets: Target, **options: Any) -> None:
        """Have the policy answer with these targets."""
        self.policy.answer = Route(targets, None, **options)

    def lead_by_q(self, *qs: float, **options: Any) -> None:
        """Lead to every callee, each with its preference."""
        targets = [Target(self.uri(callee), None, q) for callee, q in zip(self.callees, qs, strict=True)]
        self.lead_to(*targets, **options)

    # -- what the caller does

    def send(self, method: str, *more: str, **parts: Any) -> None:
        """Have the caller send a request to the proxy, with a Max-Forwards of 70 unless it is among ``more``."""
        parts.setdefault("uri", f"sip:bob@{OUR_DOMAIN}")
        raw = write_request(method, self.caller, self.proxy, *more, contact=method == "INVITE", **parts)
        if any(line.startswith("Max-Forwards") for line in more):
            raw = raw.replace(b"Max-Forwards: 70\r\n", b"", 1)
        self.rig.send(self.caller, self.proxy, raw)

    def invite(self, *more: str, **parts: Any) -> Request:
        """Have the caller invite, and return what the first callee got."""
        self.send("INVITE", *more, **parts)
        return self.got()

    def cancel(self, *more: str) -> None:
        """Have the caller cancel its INVITE."""
        self.send("CANCEL", *more, branch="INVITE1puppet-call", uri=f"sip:bob@{OUR_DOMAIN}")

    # -- what a callee does

    def got(self, callee: int = 0, method: str = "INVITE") -> Request:
        """Return the last request of a method that a callee got."""
        return self.callees[callee].requests(method)[-1]

    def answer(self, status: int, *more: str, callee: int = 0, method: str = "INVITE", **parts: Any) -> None:
        """Have a callee answer its last request of a method."""
        parts.setdefault("tag", f"c{callee}")
        if status < 300 and method == "INVITE" and status != 100:
            parts.setdefault("contact", f"<{self.uri(self.callees[callee])}>")
        tag = parts.pop("tag")
        response = answer_to(self.got(callee, method), status, tag, *more, **parts)
        self.rig.send(self.callees[callee], self.proxy, response)

    # -- what came of it

    @property
    def answers(self) -> list[int]:
        """Return the statuses that the caller got to its INVITE, without 100."""
        return [response.status for response in self.caller.responses("INVITE") if response.status != 100]

    def final(self, method: str = "INVITE") -> Response:
        """Return the last final response that the caller got."""
        return [response for response in self.caller.responses(method) if response.status >= 200][-1]

    @property
    def refusals(self) -> list[tuple[int, str]]:
        """Return status and true reason of what the proxy turned back by itself."""
        return [(event.status, event.why) for event in self.proxy.events(TurnedBack)]

    def reach(self, callee: int = 0) -> list[str]:
        """Return the methods that a callee got, in order."""
        return [message.method for message in self.callees[callee].got if isinstance(message, Request)]

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left in the proxy."""
        return not len(self.proxy.node.layer) and self.proxy.node.next_timeout() is None


__all__ = ["OUR_DOMAIN", "FixedPolicy", "Puppet", "Rig", "Side", "Street"]
