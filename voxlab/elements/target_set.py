"""The target set: where a request may go, in groups of equal preference (RFC 3261 s.16.5, s.16.6 intro, s.20.10 on q).

Must not know transactions or messages: it says who is next.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from voxlab.base.datagram import Flow
from voxlab.sip.uri import Uri


class Target(NamedTuple):
    """A place that a request may be sent to.

    Attributes
    ----------
    uri : str
        The Request-URI there.
    flow : Flow or None
        The only way to it, such as the connection that a device opened (RFC 5626 s.7); None to go by the URI.
    q : float
        Its preference, 1.0 the highest.
    path : tuple of str
        The Route values to put before all others (RFC 3327 s.5.4).
    """

    uri: str
    flow: Flow | None = None
    q: float = 1.0
    path: tuple[str, ...] = ()


class TargetSet:
    """Targets that are still to be tried; one that was in it before never comes again (s.16.5).

    Equal ``q`` are tried together, a higher one before a lower.

    Parameters
    ----------
    targets : iterable of Target
    max_targets : int
        So many at most in the life of a request; what comes later is dropped, or a fork would have no bounds.
    """

    __slots__ = ("_max_targets", "_seen", "_waiting")

    def __init__(self, targets: Iterable[Target], max_targets: int = 20) -> None:
        self._waiting: list[Target] = []
        self._seen: list[Uri] = []
        self._max_targets = max_targets
        self.add(targets)

    def add(self, targets: Iterable[Target]) -> int:
        """Add targets, and return how many are new; URIs are compared by s.19.1.4."""
        before = len(self._seen)
        for target in targets:
            uri = Uri.parse(target.uri)
            if len(self._seen) < self._max_targets and not any(uri.equivalent(known) for known in self._seen):
                self._seen.append(uri)
                self._waiting.append(target)
        if len(self._waiting) > 1:
            self._waiting.sort(key=lambda target: -target.q)
        return len(self._seen) - before

    def next_group(self) -> list[Target]:
        """Take the targets of the highest preference; empty when none is left."""
        waiting = self._waiting
        size = sum(target.q == waiting[0].q for target in waiting)
        self._waiting = waiting[size:]
        return waiting[:size]

    def clear(self) -> None:
        """Forget what is waiting: no new branch is to begin (s.16.7 item 5, s.16.10)."""
        self._waiting = []

    def __len__(self) -> int:
        return len(self._waiting)


def preference(text: str | None) -> float:
    """Read a q value (s.25.1 ``qvalue``); one that cannot be read counts as not given."""
    try:
        q = float(text) if text is not None and len(text) <= 5 else 1.0
    except ValueError:
        return 1.0
    return round(q, 3) if 0.0 <= q <= 1.0 else 1.0
