"""The errors voxlab raises, in two families: what you did (``VoxlabError``) and what a peer sent (``PeerError``).

Nothing a peer sends raises into user code: a ``PeerError`` ends inside the element that answers it.
"""

from __future__ import annotations

from collections.abc import Iterable


class VoxlabError(Exception):
    """Anything that voxlab refuses; the text says what is wrong, what was given and what is allowed."""


class CallFailed(VoxlabError):
    """A call that was waited for ended before it got there; the scenario's own exception, if any, is the
    ``__cause__``.
    """


class CallEnded(VoxlabError):
    """Raised inside a scenario that waits on a leg which has ended."""


class NothingLeft(VoxlabError):
    """No event is left that could make the awaited condition true: waiting longer would change nothing."""


class LabClosed(VoxlabError):
    """The lab behind this handle was closed; make a new one with ``Lab(...)``."""


class BlockingInScenario(VoxlabError):
    """A blocking method was called inside a scenario, where it would wait for itself: use its awaitable twin."""


class PeerError(VoxlabError):
    """What a peer sent cannot be used; it is answered and journalled, never raised into user code."""


class SipSyntaxError(PeerError):
    """A SIP message that is refused.

    Attributes
    ----------
    status : int
        The status code that fits as an answer (400, 413, 414, 416, 505, ...).
    reason : str
        The sentence for people.
    header : str or None
        The header field at fault, None for the start line or the framing.
    offset : int or None
        Byte offset of the fault in the message.
    rfc : str
        The section that is broken, such as "RFC 3261 s.20.20".
    """

    def __init__(
        self,
        status: int,
        reason: str,
        *,
        header: str | None = None,
        offset: int | None = None,
        rfc: str = "RFC 3261 s.7",
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.header = header
        self.offset = offset
        self.rfc = rfc

    def __str__(self) -> str:
        where = f"{self.header}: " if self.header else ""
        at = f" (byte {self.offset})" if self.offset is not None else ""
        return f"{where}{self.reason}{at} [{self.rfc}]"


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'bob'?"``, or the names there are if none is close, or that there are none."""
    import difflib  # when something is wrong, not before

    names = sorted(known)
    close = difflib.get_close_matches(str(word), names, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    if not names:
        return "; there is none yet"
    shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
    return f"; there is {shown}"
