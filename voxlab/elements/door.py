"""The door: a new INVITE that is one too many is answered before it is read (RFC 3261 s.21.5.4, s.8.2.7).

503 with Retry-After is made of the lines of the INVITE as they stand, without parser, transaction or memory of the
call; its To tag is a keyed hash, so that a retransmission gets the same bytes, and the ACK is known by it. What is
inside a dialog, what belongs to a transaction that runs, and every other method pass: RFC 7339 s.5.10.1 would have a
server keep those. What is spelled unusually passes too, and is refused by the user agent. Must not know legs or who
calls: how many calls there are is asked.
"""

from __future__ import annotations

import hashlib
import re
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from voxlab.base.datagram import Flow, Transmit
from voxlab.base.errors import SipSyntaxError
from voxlab.base.ids import Ids
from voxlab.base.records import CallsTurnedAway
from voxlab.transaction.via import answered

_WINDOW_S = 1.0
_TOLD_EVERY_S = 1.0
_REMEMBERED_S = 32.0  # 64*T1: no retransmission comes later (s.17.1.1.2)
_MOST_REMEMBERED = 20_000
_LARGEST_BYTES = 8_192
_LINES = re.compile(rb"\r\n(Via|From|To|Call-ID|CSeq): *([^\r\n]*)")
_A_NEW_CALL = frozenset({b"INVI"})
_WITH_ITS_ACK = frozenset({b"INVI", b"ACK "})
_ONCE = (b"From", b"To", b"Call-ID", b"CSeq")


class Limits(NamedTuple):
    """How much is let in.

    Attributes
    ----------
    calls : int or None
        So many calls at once.
    calls_per_second : int or None
        So many may begin within any second.
    retry_after_s : int
        What those turned away are told.
    """

    calls: int | None = None
    calls_per_second: int | None = None
    retry_after_s: int = 5


class Door:
    """Turns new INVITEs away while there are too many calls, or while what arrives has to wait too long.

    Parameters
    ----------
    ids : Ids
        Draws the key of the To tags.
    limits : Limits
    calls : callable
        How many calls there are now.
    is_known : callable
        ``is_known(branch, via)``: whether an INVITE with this top Via has a transaction already.
    """

    def __init__(
        self,
        ids: Ids,
        limits: Limits,
        calls: Callable[[], int],
        is_known: Callable[[str, str], bool],
        *,
        host: str = "",
    ) -> None:
        self.limits = limits
        self.turned_away = 0
        self.looks_at = _A_NEW_CALL
        """How what it is to look at begins: an ACK is of interest once somebody was turned away."""
        self.is_late = False
        """Whether what arrives has waited too long for too long; said by whoever sees the queue."""
        self._calls = calls
        self._is_known = is_known
        self._host = host
        self._key = ids.token(16).encode()
        mark = ids.token(4)
        self._mark, self._our_tag = mark, b";tag=" + mark.encode()
        self._begun: deque[float] = deque()
        self._gone: dict[str, float] = {}
        self._untold: dict[str, int] = {}
        self._untold_since_s = 0.0

    def began(self, now: float) -> None:
        """Count a call that begins."""
        if self.limits.calls_per_second is not None:
            self._begun.append(now)

    def why_shut(self, now: float) -> str:
        """Return why no new call is let in, "" if one is."""
        limits = self.limits
        if limits.calls is not None and self._calls() >= limits.calls:
            return f"more than {limits.calls} calls at once"
        if limits.calls_per_second is not None:
            begun = self._begun
            while begun and begun[0] <= now - _WINDOW_S:
                begun.popleft()
            if len(begun) >= limits.calls_per_second:
                return f"more than {limits.calls_per_second} calls within a second"
        return "messages wait too long to be read" if self.is_late else ""

    def turn_away(self, flow: Flow, data: bytes, now: float) -> Transmit | bool:
        """Look at a message that begins like an INVITE or an ACK.

        Returns
        -------
        Transmit or bool
            What answers it; True if it is not to be answered, only done with; False if it is let in.
        """
        if data[:4] == b"ACK ":
            return self._our_tag in data[:_LARGEST_BYTES]
        self._forget(now)
        why = self.why_shut(now)
        if not why and not self._gone:
            return False
        return self._answered(flow, data, why, now)

    def _answered(self, flow: Flow, data: bytes, why: str, now: float) -> Transmit | bool:
        found = _read(data)
        if found is None:
            return False
        vias, fields = found
        branch = vias[0].partition(";branch=")[2].partition(";")[0]
        again = branch in self._gone
        if not branch or not (why or again) or self._is_known(branch, vias[0]):
            return False
        try:
            via, back = answered(vias[0], flow)
        except SipSyntaxError:
            return False
        if not again:
            self._note(branch, why, now)
        return Transmit(back, self._response(via, vias[1:], fields))

    def _response(self, via: str, others: list[str], fields: dict[bytes, bytes]) -> bytes:
        """Return the 503: header fields as they came, a To tag of the same request's own (s.8.2.6.2, s.8.2.7)."""
        seed = via.partition(";branch=")[2].partition(";")[0].encode("ascii", "replace") + fields[b"Call-ID"]
        tag = self._mark + hashlib.blake2b(seed, digest_size=6, key=self._key).hexdigest()
        lines = [b"SIP/2.0 503 Service Unavailable"]
        lines += [f"Via: {each}".encode("utf-8", "surrogateescape") for each in (via, *others)]
        lines += [name + b": " + fields[name] for name in _ONCE]
        lines[-3] += f";tag={tag}".encode()
        lines += [f"Retry-After: {self.limits.retry_after_s}".encode(), b"Content-Length: 0", b"", b""]
        return b"\r\n".join(lines)

    # -- what is told

    @property
    def has_news(self) -> bool:
        """Whether ``poll`` has, or will have, something to tell."""
        return bool(self._untold)

    def _note(self, branch: str, why: str, now: float) -> None:
        self.turned_away += 1
        self.looks_at = _WITH_ITS_ACK
        if not self._untold:
            self._untold_since_s = now
        self._untold[why] = self._untold.get(why, 0) + 1
        if len(self._gone) >= _MOST_REMEMBERED:
            del self._gone[next(iter(self._gone))]
        self._gone[branch] = now

    def _forget(self, now: float) -> None:
        """Let go of those who were turned away so long ago that no retransmission comes any more."""
        gone = self._gone
        while gone and now >= gone[first := next(iter(gone))] + _REMEMBERED_S:
            del gone[first]

    def poll(self, now: float, *, at_once: bool = False) -> list[CallsTurnedAway]:
        """Drain what is to be known: one record a second and reason, however many calls there were."""
        if not self._untold or (now < self._untold_since_s + _TOLD_EVERY_S and not at_once):
            return []
        since_s, untold = self._untold_since_s, self._untold
        self._untold = {}
        return [CallsTurnedAway(now, self._host, 503, count, since_s, why) for why, count in untold.items()]

    def __repr__(self) -> str:
        return f"Door({self.turned_away} turned away)"


def _read(data: bytes) -> tuple[list[str], dict[bytes, bytes]] | None:
    """Return the Vias and the other lines that a response repeats; None for whatever is to be parsed."""
    end = data.find(b"\r\n\r\n", 0, _LARGEST_BYTES)
    if end < 0 or data.find(b"\r\n ", 0, end) >= 0 or data.find(b"\r\n\t", 0, end) >= 0:
        return None
    vias: list[str] = []
    fields: dict[bytes, bytes] = {}
    for name, value in _LINES.findall(data, 0, end + 2):
        if name == b"Via":
            vias.append(value.decode("utf-8", "surrogateescape"))
        elif name in fields:
            return None
        else:
            fields[name] = value
    whole = len(fields) == len(_ONCE) and vias and "," not in vias[0]
    return (vias, fields) if whole and b";tag=" not in fields[b"To"] else None
