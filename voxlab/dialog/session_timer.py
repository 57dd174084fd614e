"""The session timer: how long a call may live without a refresh, and who refreshes it (RFC 4028).

Must not know how a refresh is sent: it reads and writes header fields and says when what is due.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from voxlab.base.errors import VoxlabError
from voxlab.dialog.dialog import Header
from voxlab.sip.glance import GlancedResponse
from voxlab.sip.message import Request, Response

OPTION = "timer"
SMALLEST_S = 90
REFRESHERS = ("", "uac", "uas")


@dataclass(frozen=True)
class Wishes:
    """What the owner of a leg asks of the extensions.

    Attributes
    ----------
    reliable : str
        "" leaves it to the peer, "supported" offers reliable provisional responses, "required" insists on them (RFC
        3262).
    interval_s : int or None
        The session interval to ask for; None asks for none (RFC 4028 s.7.1).
    min_s : int
        The smallest interval that we accept, at least 90 (s.5).
    refresher : str
        Who shall refresh, seen from the request: "uac", "uas", or "" for whom the peer likes.
    """

    reliable: str = ""
    interval_s: int | None = None
    min_s: int = SMALLEST_S
    refresher: str = ""

    def __post_init__(self) -> None:
        if self.reliable not in {"", "supported", "required"}:
            raise VoxlabError(f"reliable is '', 'supported' or 'required', not {self.reliable!r}")
        if self.refresher not in REFRESHERS:
            raise VoxlabError(f"the refresher is 'uac', 'uas' or '', not {self.refresher!r}")
        if self.min_s < SMALLEST_S or (self.interval_s is not None and self.interval_s < self.min_s):
            raise VoxlabError(
                f"a session interval has at least {SMALLEST_S} s, and no less than its minimum (RFC 4028 s.4): "
                f"{self.interval_s} s, minimum {self.min_s} s"
            )

    def lines(self) -> list[Header]:
        """Return what these wishes add to an INVITE."""
        supported = ["100rel"] if self.reliable == "supported" else []
        supported += [OPTION] if self.interval_s is not None else []
        lines = [("Supported", ", ".join(supported))] if supported else []
        if self.reliable == "required":
            lines.append(("Require", "100rel"))
        if self.interval_s is not None:
            lines += interval_lines(self.interval_s, self.min_s, self.refresher)
        return lines


NO_WISHES = Wishes()


class Interval(NamedTuple):
    """A Session-Expires value: seconds, and who refreshes ("" where that is not said)."""

    seconds: int
    refresher: str


def interval_lines(seconds: int, min_s: int, refresher: str) -> list[Header]:
    """Return Session-Expires, and Min-SE where it is not the default (s.4, s.5)."""
    who = f";refresher={refresher}" if refresher else ""
    lines = [("Session-Expires", f"{seconds}{who}")]
    return lines if min_s <= SMALLEST_S else [*lines, ("Min-SE", str(min_s))]


def interval_of(message: Request | Response) -> Interval | None:
    """Return the Session-Expires of a message, None without one that can be read."""
    if isinstance(message, GlancedResponse) and message.has_no_interval:
        return None
    value = message.headers.get("session-expires")
    if value is None:
        return None
    seconds, _, rest = value.partition(";")
    if not _is_number(seconds.strip()):
        return None
    params = dict(part.strip().lower().split("=", 1) for part in rest.split(";") if "=" in part)
    refresher = params.get("refresher", "").strip()
    return Interval(int(seconds), refresher if refresher in REFRESHERS else "")


def min_se_of(message: Request | Response) -> int:
    """Return the Min-SE of a message, 90 without one."""
    text = (message.headers.get("min-se") or "").partition(";")[0].strip()
    return max(int(text), SMALLEST_S) if _is_number(text) else SMALLEST_S


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 9


def supports_timer(message: Request | Response) -> bool:
    """Whether the peer knows session timers."""
    return "supported" in message.headers and OPTION in message.headers.split("supported")


def too_small(request: Request, min_s: int) -> list[Header] | None:
    """Return the header fields of a 422 for an interval that is too small, None where all is well (s.9)."""
    if "session-expires" not in request.headers or not supports_timer(request):
        return None
    asked = interval_of(request)
    return [("Min-SE", str(min_s))] if asked is not None and asked.seconds < min_s else None


def lengthened(refusal: Response, request: Request) -> list[Header]:
    """Return what a request refused with 422 says when it is sent again, [] where that cannot help (s.7.3)."""
    asked, least_s = interval_of(request), min_se_of(refusal)
    if refusal.status != 422 or asked is None or asked.seconds >= least_s:
        return []
    return [("Session-Expires", _valued(least_s, asked.refresher)), ("Min-SE", str(least_s))]


def _valued(seconds: int, refresher: str) -> str:
    return f"{seconds};refresher={refresher}" if refresher else str(seconds)


def allows(message: Request | Response, method: str) -> bool:
    """Whether the peer's Allow names a method."""
    return "allow" in message.headers and method in message.headers.split("allow")


class SessionTimer(NamedTuple):
    """What the last 2xx to a session refresh request settled (s.7.2, s.9).

    Attributes
    ----------
    interval_s : int
    ours : bool
        Whether we refresh.
    min_s : int
        The smallest interval that either side has named.
    by_update : bool
        Whether the peer takes UPDATE: then a refresh needs no offer (s.7.4).
    """

    interval_s: int
    ours: bool
    min_s: int
    by_update: bool

    def refresh_at(self, now: float) -> float:
        """Return when the refresh is sent: after half the interval (s.7.2, s.10)."""
        return now + self.interval_s / 2

    def expires_at(self, now: float) -> float:
        """Return when the call is given up: slightly before the interval is over (s.10)."""
        return now + self.interval_s - min(32.0, self.interval_s / 3)

    def request_lines(self) -> list[Header]:
        """Return what a refresh says: the same interval, the same refresher (s.7.4)."""
        lines = interval_lines(self.interval_s, self.min_s, "uac" if self.ours else "uas")
        return [("Supported", OPTION), *lines]

    @classmethod
    def from_response(cls, response: Response, before: SessionTimer | None) -> SessionTimer | None:
        """Return what a 2xx to a request of ours settles, None for no expiration at all (s.7.2)."""
        settled = interval_of(response)
        if settled is None or settled.seconds <= 0:
            return None
        by_update = allows(response, "UPDATE") or (before is not None and before.by_update)
        return cls(settled.seconds, settled.refresher != "uas", min_se_of(response), by_update)

    @classmethod
    def from_request(cls, request: Request, wishes: Wishes, before: SessionTimer | None) -> SessionTimer | None:
        """Return what our 2xx to a request settles, None where neither side wants a timer (s.9, table 2)."""
        asked = interval_of(request)
        knows = supports_timer(request)
        if asked is None and (wishes.interval_s is None or not knows):
            return None
        least_s = min_se_of(request)
        seconds = asked.seconds if asked is not None else max(wishes.interval_s or 0, least_s)
        if asked is not None and wishes.interval_s is not None:
            seconds = min(seconds, max(wishes.interval_s, least_s))  # s.9: it may be reduced, not below Min-SE
        refresher = (asked.refresher if asked else "") or wishes.refresher or "uac"
        by_update = allows(request, "UPDATE") or (before is not None and before.by_update)
        return cls(seconds, not knows or refresher == "uas", max(least_s, wishes.min_s), by_update)

    def response_lines(self, request: Request) -> list[Header]:
        """Return what the 2xx says; ``Require`` only to a peer that knows what it means (s.9)."""
        lines = [("Session-Expires", _valued(self.interval_s, "uas" if self.ours else "uac"))]
        return [("Require", OPTION), *lines] if supports_timer(request) else lines
