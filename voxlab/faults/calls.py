"""Faults of the requests and responses that make and end a call (RFC 3261 s.8 to s.17, RFC 3262, RFC 3311).

Must not know devices and wires.
"""

from __future__ import annotations

from collections.abc import Callable

from voxlab.faults.edits import changed, without
from voxlab.faults.fault import Fault, Parameter
from voxlab.faults.treatment import (
    Device,
    Drops,
    Message,
    Piece,
    Refuses,
    Rewrites,
    Treatment,
    is_initial,
    is_request,
    is_response,
    refused,
    remember,
)
from voxlab.sip.message import Request, Response

_PHONE = ("phone",)

FAULTS = (
    Fault("ack_lost", "the 200 is repeated for 32 s, then BYE: the call drops after half a minute",
          ("phone", "carrier"),
          "RFC 3261 s.13.3.1.4", "let the ACK through: check Contact, Record-Route and NAT on its way",
          28, "VX-ACK-LOST"),
    Fault("ack_unheard", "the called side hangs up after half a minute: the ACK came and was not understood", _PHONE,
          "RFC 3261 s.13.3.1.4, s.12.2.2", "match ACK by Call-ID and tags: it has a branch of its own", 28,
          "VX-ACK-UNHEARD"),
    Fault("late_ack", "the 200 is repeated until the ACK comes, four seconds late", _PHONE,
          "RFC 3261 s.13.3.1.4", "nothing: the repeated 200 is what cures it", 28, "VX-ACK-LATE",
          (Parameter("delay_s", 4.0, "how much later the ACK is sent, in seconds"),)),
    Fault("no_prack", "a reliable 18x is repeated for 32 s, then the call is refused with 504", _PHONE,
          "RFC 3262 s.3", "do not say Supported: 100rel, or send the PRACK", 7, "VX-PRACK-MISSING"),
    Fault("prack_refused", "an INVITE that requires 100rel is refused with 420", ("phone", "carrier"),
          "RFC 3261 s.21.4.15, RFC 3262 s.3", 'offer it only: phone(prack="support")', 7, "VX-100REL-REFUSED"),
    Fault("prack_required", "an INVITE that does not offer 100rel is refused with 421", ("phone", "carrier"),
          "RFC 3261 s.21.4.16, RFC 3262 s.4", 'offer it: phone(prack="support")', 7, "VX-100REL-REQUIRED"),
    Fault("wrong_cseq", "requests inside the call are refused with 500", _PHONE,
          "RFC 3261 s.12.2.2", "count CSeq up by one for every request of a dialog"),
    Fault("no_to_tag", "no dialog can be told from another: RFC 2543 behaviour", _PHONE,
          "RFC 3261 s.8.2.6.2", "add a To tag to every response but 100"),
    Fault("no_contact", "the peer does not know where to send ACK and BYE: it takes what it called", _PHONE,
          "RFC 3261 s.12.1.1", "put a Contact into the 200"),
    Fault("no_ringing", "the caller hears nothing until the call is answered", _PHONE,
          "RFC 3261 s.13.3.1.1", "send 180"),
    Fault("bye_lost", "one side thinks that the call goes on", _PHONE,
          "RFC 3261 s.15.1.1", "session timers end what nobody refreshes (RFC 4028)"),
    Fault("silent", "requests get no answer: the caller hears 408 after 32 s", _PHONE,
          "RFC 3261 s.17.1.1.2", "answer, or take the registration away"),
    Fault("twice", "every message comes twice", _PHONE,
          "RFC 3261 s.17.2", "nothing: transactions absorb repetitions"),
    Fault("refuses_reinvite", "every change of the call is refused with 488", _PHONE,
          "RFC 3261 s.14.2", "none: the call has to go on as it was (RFC 6141 s.3.1)"),
    Fault("no_update", "Allow does not name UPDATE: sessions are refreshed by re-INVITE", _PHONE,
          "RFC 3311 s.4, RFC 4028 s.7.4", "nothing, it is allowed; look at Allow before sending UPDATE", 9),
)  # fmt: skip


class _Acknowledgements(Treatment):
    """Loses the ACK to a 2xx, or sends it late; that to another final response has its INVITE's branch (s.17.1.1.3)."""

    def __init__(self, delay_s: float | None = None) -> None:
        self._delay_s = delay_s
        self._invites: dict[str, None] = {}

    def leaving(self, message: Message, data: bytes, device: Device) -> list[Piece]:
        """Treat the ACK to a 2xx."""
        if is_request(message, "INVITE"):
            remember(self._invites, message.branch)
        if not is_request(message, "ACK") or message.branch in self._invites:
            return [Piece(0.0, data)]
        return [] if self._delay_s is None else [Piece(self._delay_s, data)]


class _DeafToAck(Treatment):
    def arriving(self, message: Message, data: bytes, device: Device) -> bytes | None:
        return None if is_request(message, "ACK") and message.to_tag else data


class _Twice(Treatment):
    def leaving(self, message: Message, data: bytes, device: Device) -> list[Piece]:
        return [Piece(0.0, data)] * 2


def _wrong_cseq(message: Message, data: bytes) -> bytes:
    inside = isinstance(message, Request) and message.to_tag and message.method not in {"ACK", "CANCEL"}
    return changed(data, rb"(?mi)^CSeq: *\d+", b"CSeq: 1") if inside else data


def _no_to_tag(message: Message, data: bytes) -> bytes:
    if not isinstance(message, Response):
        return data
    return changed(data, rb"(?mi)^(To:[^\r\n]*?);tag=[^;\r\n]*", rb"\1")


def _no_contact(message: Message, data: bytes) -> bytes:
    return without(data, "Contact") if is_response(message, "INVITE") else data


def _no_update(message: Message, data: bytes) -> bytes:
    return changed(data, rb"(?mi)^(Allow:[^\r\n]*?),? ?UPDATE", rb"\1")


def _prack_refused(request: Request) -> Response | None:
    required = "require" in request.headers and "100rel" in request.headers.split("require")
    return refused(request, 420, ("Unsupported", "100rel")) if is_initial(request) and required else None


def _prack_required(request: Request) -> Response | None:
    headers = request.headers
    offered = {option for name in ("supported", "require") if name in headers for option in headers.split(name)}
    return refused(request, 421, ("Require", "100rel")) if is_initial(request) and "100rel" not in offered else None


TREATMENTS: dict[str, Callable[..., Treatment]] = {
    "ack_lost": _Acknowledgements,
    "ack_unheard": _DeafToAck,
    "late_ack": _Acknowledgements,
    "prack_refused": lambda: Refuses(_prack_refused),
    "prack_required": lambda: Refuses(_prack_required),
    "no_prack": lambda: Drops(lambda message: is_request(message, "PRACK")),
    "wrong_cseq": lambda: Rewrites(_wrong_cseq),
    "no_to_tag": lambda: Rewrites(_no_to_tag),
    "no_contact": lambda: Rewrites(_no_contact),
    "no_ringing": lambda: Drops(lambda message: isinstance(message, Response) and 100 < message.status < 200),
    "bye_lost": lambda: Drops(lambda message: is_request(message, "BYE")),
    "silent": lambda: Drops(lambda message: isinstance(message, Response)),
    "twice": _Twice,
    "no_update": lambda: Rewrites(_no_update),
}
"""What makes the treatment of each fault, from its parameters; those without one are asked for by name."""
