"""Asks a neighbour whether it is there: OPTIONS outside a dialog, once or again and again (RFC 3261 s.11.1).

Runs on a node as a registrant does. Must not know what is made of the answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from voxlab.base.datagram import Flow, Transmit
from voxlab.base.ids import Ids
from voxlab.sip.message import Request, Response

_FAILURES = {"timeout": (408, "no answer")}


class Reply(NamedTuple):
    """What a neighbour answered, or that it did not: ``by_peer`` tells its 408 from ours (s.8.1.3.1)."""

    time_s: float
    code: int
    reason: str
    by_peer: bool
    delay_s: float
    retry_after_s: float = 0.0


class Pinger:
    """One neighbour.

    Parameters
    ----------
    uri : str
        The Request-URI.
    flows : callable
        Returns the flows to it, the best first; empty where no address is known.
    from_ : str
        Our URI.
    ids : Ids
    heard : callable
        Takes every ``Reply``.
    method : str
        OPTIONS, or REGISTER to find out whether it is a registrar.
    every_s : float or None
        Seconds from one question to the next; None for a single one.
    """

    def __init__(
        self,
        uri: str,
        flows: Callable[[], Sequence[Flow]],
        from_: str,
        ids: Ids,
        heard: Callable[[Reply], None],
        *,
        method: str = "OPTIONS",
        every_s: float | None = None,
    ) -> None:
        self._uri = uri
        self._flows = flows
        self._from = from_
        self._ids = ids
        self._heard = heard
        self._method = method
        self.every_s = every_s
        self._asked_at_s: float | None = None
        self._due_s: float | None = None
        self._cseq = 0
        self._requests: list[tuple[Request, Flow]] = []

    def ask(self, now: float) -> None:
        """Ask now; a question under way is waited for."""
        if self._asked_at_s is not None:
            return
        self._due_s = None if self.every_s is None else now + self.every_s
        self._asked_at_s = now
        flow = next(iter(self._flows()), None)
        if flow is None:
            self._take(now, 503, "no address is known", by_peer=False)
            return
        self._cseq += 1
        self._requests.append((self._request(flow), flow))

    def _request(self, flow: Flow) -> Request:
        headers = [
            ("Max-Forwards", "70"),
            ("From", f"<{self._from}>;tag={self._ids.tag()}"),
            ("To", f"<{self._from if self._method == 'REGISTER' else self._uri}>"),
            ("Call-ID", self._ids.call_id(flow.local.host)),
            ("CSeq", f"{self._cseq} {self._method}"),
            ("Accept", "application/sdp"),
        ]
        return Request.build(self._method, self._uri, headers)

    # -- what a node wants of its clients

    def receive(self, response: Response, now: float) -> None:
        """Take the final response."""
        digits = (response.headers.get("Retry-After") or "").partition(";")[0].partition("(")[0].strip()
        retry_s = float(digits) if digits.isdigit() and len(digits) < 10 else 0.0
        self._take(now, response.status, response.reason, by_peer=True, retry_after_s=retry_s)

    def failed(self, cause: str, now: float) -> None:
        """Take the news that there is no answer."""
        code, reason = _FAILURES.get(cause, (503, cause))
        self._take(now, code, reason, by_peer=False)

    def requests(self) -> list[tuple[Request, Flow]]:
        """Drain what is to be sent."""
        requests, self._requests = self._requests, []
        return requests

    def pong(self, flow: Flow, data: bytes, now: float) -> None:
        """Take a keep-alive's answer: none was asked for."""

    def pings(self, now: float) -> list[Transmit]:
        """Return the keep-alives that are due: none ever is."""
        return []

    def next_timeout(self) -> float | None:
        """Return when the next question is due."""
        return self._due_s

    def handle_timeout(self, now: float) -> None:
        """Ask again, if it is time."""
        if self._due_s is not None and now >= self._due_s:
            self._due_s = now + (self.every_s or 0.0)
            self.ask(now)

    def _take(self, now: float, code: int, reason: str, *, by_peer: bool, retry_after_s: float = 0.0) -> None:
        if self._asked_at_s is not None:
            delay_s, self._asked_at_s = now - self._asked_at_s, None
            self._heard(Reply(now, code, reason, by_peer, delay_s, retry_after_s))

    def __repr__(self) -> str:
        return f"Pinger({self._method} {self._uri}, {self.every_s or 'once'})"
