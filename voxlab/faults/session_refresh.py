"""Faults of calls that have to be refreshed and of changes that cross (RFC 4028, RFC 3311, RFC 3261 s.14.1).

Must not know devices and wires.
"""

from __future__ import annotations

from collections.abc import Callable

from voxlab.dialog.session_timer import interval_of
from voxlab.faults.edits import changed, with_body, with_header, without
from voxlab.faults.fault import Fault, Parameter
from voxlab.faults.treatment import (
    Device,
    Message,
    Piece,
    Refuses,
    Treatment,
    is_initial,
    is_request,
    is_response,
    refused,
    remember,
)
from voxlab.sip.message import Request, Response

_PEERS = ("phone", "carrier")

FAULTS = (
    Fault("min_se", "the INVITE is refused with 422 and sent again with a longer interval", _PEERS,
          "RFC 4028 s.5, s.7.3, s.9", "ask for that long at once: phone(session_expires=1800)", 8, "VX-MIN-SE",
          (Parameter("least_s", 1800, "the smallest session interval that it takes, in seconds"),)),
    Fault("no_refresh", "the call drops at the end of its session interval: who was to refresh does not", ("phone",),
          "RFC 4028 s.7.2, s.10", 'let the other side do it: phone(refresher="uas"), or "uac"',
          8, "VX-SESSION-EXPIRED"),
    Fault("refresh_unanswered", "the call drops: who refreshes gets no answer", _PEERS,
          "RFC 4028 s.10, RFC 3261 s.12.2.1.2", "answer re-INVITE and UPDATE also when nothing changes",
          8, "VX-REFRESH-UNANSWERED"),
    Fault("update_refused", "a refresh by UPDATE is refused with 405, though Allow names UPDATE", _PEERS,
          "RFC 3311 s.4, s.5.2, RFC 3261 s.21.4.6",
          "do not name UPDATE in Allow: then refreshes come as re-INVITE", 9, "VX-UPDATE-REFUSED"),
    Fault("offerless_refresh", "a refresh comes without an offer, so the other side has to make one", ("phone",),
          "RFC 4028 s.7.4, RFC 3261 s.14.2", "offer what stands again, with the same o= line", 9,
          "VX-OFFERLESS-REFRESH"),
    Fault("both_refresh", "both sides refresh the session at the same moment, and collide", ("phone",),
          "RFC 4028 s.7.4, s.9, RFC 3261 s.14.1", 'let the one do it that refresher= names',
          10, "VX-GLARE"),
    Fault("glare", "a change of the call is refused with 491 and tried again seconds later", _PEERS,
          "RFC 3261 s.14.1, s.21.4.27", "nothing: both back off, who made the Call-ID longer", 10, "VX-GLARE",
          (Parameter("times", 1, "how many changes it refuses"),)),
)  # fmt: skip


def _min_se(least_s: int) -> Treatment:
    def refusal(request: Request) -> Response | None:
        asked = interval_of(request)
        if not is_initial(request) or asked is None or asked.seconds >= least_s:
            return None
        return refused(request, 422, ("Min-SE", str(least_s)))

    return Refuses(refusal)


def _is_refresh(message: Message) -> bool:
    return bool(message.to_tag) and is_request(message, "INVITE", "UPDATE")


class _NoRefresh(Treatment):
    """Agrees to refresh and forgets: its node never learns of the interval, the other side is told what it wants."""

    def __init__(self) -> None:
        self._asked: dict[str, int] = {}

    def arriving(self, message: Message, data: bytes, device: Device) -> bytes | None:
        asked = interval_of(message)
        if asked is None:
            return data
        if is_request(message, "INVITE", "UPDATE") and asked.refresher != "uac":
            self._asked[message.call_id] = asked.seconds
        return without(data, "Session-Expires", "x")

    def leaving(self, message: Message, data: bytes, device: Device) -> list[Piece]:
        seconds = self._asked.get(message.call_id)
        if seconds is not None and is_response(message, "INVITE", 200, 299):
            data = with_header(data, "Session-Expires", f"{seconds};refresher=uas")
        return [Piece(0.0, data)]


class _Unanswered(Treatment):
    def arriving(self, message: Message, data: bytes, device: Device) -> bytes | None:
        return None if _is_refresh(message) else data


def _update_refused(request: Request) -> Response | None:
    return (
        request.response(405, headers=(("Allow", "INVITE, ACK, CANCEL, BYE"),)) if request.method == "UPDATE" else None
    )


class _Offerless(Treatment):
    """Takes the offer out of a re-INVITE, and puts it into the ACK as the answer to what comes back."""

    def __init__(self) -> None:
        self._offers: dict[tuple[str, int], bytes] = {}

    def arriving(self, message: Message, data: bytes, device: Device) -> bytes | None:
        return _without_update(data)  # else it would refresh by UPDATE

    def leaving(self, message: Message, data: bytes, device: Device) -> list[Piece]:
        key = (message.call_id, message.cseq)
        if is_request(message, "INVITE") and message.to_tag and message.body:
            self._offers[key] = message.body
            return [Piece(0.0, with_body(without(data, "Content-Type", "c"), b""))]
        if is_request(message, "ACK") and key in self._offers:
            return [Piece(0.0, with_body(with_header(data, "Content-Type", "application/sdp"), self._offers[key]))]
        return [Piece(0.0, data)]


class _BothRefresh(Treatment):
    """Takes itself for the refresher whoever was agreed on, and refreshes by re-INVITE."""

    def arriving(self, message: Message, data: bytes, device: Device) -> bytes | None:
        mine = b"uac" if is_response(message, "INVITE") else b"uas"
        data = changed(data, rb"(?mi)^(Session-Expires:[^\r\n]*;refresher=)\w+", rb"\1" + mine)
        return _without_update(data)

    def leaving(self, message: Message, data: bytes, device: Device) -> list[Piece]:
        theirs = b"uas" if is_response(message, "INVITE") is False else b"uac"
        data = changed(data, rb"(?mi)^(Session-Expires:[^\r\n]*;refresher=)\w+", rb"\1" + theirs)
        return [Piece(0.0, _without_update(data))]


def _without_update(data: bytes) -> bytes:
    return changed(data, rb"(?mi)^(Allow:[^\r\n]*?),? ?UPDATE", rb"\1")


class _Glare(Treatment):
    """Refuses the first changes with 491, as if its own were under way."""

    def __init__(self, times: int) -> None:
        self._left = times
        self._refuses = Refuses(self._refusal)
        self._seen: dict[str, None] = {}

    def _refusal(self, request: Request) -> Response | None:
        if not _is_refresh(request):
            return None
        if request.branch not in self._seen:
            if self._left == 0:
                return None
            self._left -= 1
            remember(self._seen, request.branch)
        return request.response(491)

    def arriving(self, message: Message, data: bytes, device: Device) -> bytes | None:
        return self._refuses.arriving(message, data, device)


TREATMENTS: dict[str, Callable[..., Treatment]] = {
    "min_se": _min_se,
    "no_refresh": _NoRefresh,
    "refresh_unanswered": _Unanswered,
    "update_refused": lambda: Refuses(_update_refused),
    "offerless_refresh": _Offerless,
    "both_refresh": _BothRefresh,
    "glare": _Glare,
}
"""What makes the treatment of each fault, from its parameters."""
