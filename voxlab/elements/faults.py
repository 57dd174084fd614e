"""Unkind peers on a switch: what a faulty device does to the messages that it sends, by name (docs: the catalogue).

Each fault works on finished messages, so that what it shows is what such a device shows. Must not know who owns the
device, nor the network: messages in, messages out, some of them later.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import NamedTuple

from voxlab.base.datagram import Transmit
from voxlab.base.errors import VoxlabError
from voxlab.sip.message import Request, Response
from voxlab.sip.parser import parse

LATE_ACK_S = 4.0
_MEMORY = 1000


class Fault(NamedTuple):
    """One way to misbehave.

    Attributes
    ----------
    name : str
        What ``x.fault(name)`` takes.
    symptom : str
        What the other side sees.
    where : str
        What it can be switched on at.
    rfc : str
        The section that is broken, or that says what follows.
    cure : str
        What makes it go away in the field.
    """

    name: str
    symptom: str
    where: str
    rfc: str
    cure: str


CATALOGUE = (
    Fault("ack_lost", "the 200 is repeated for 32 s, then BYE: the call drops after half a minute", "phone",
          "RFC 3261 s.13.3.1.4", "let the ACK through: check Contact, Record-Route and NAT on its way"),
    Fault("late_ack", "the 200 is repeated until the ACK comes, four seconds late", "phone",
          "RFC 3261 s.13.3.1.4", "nothing: the repeated 200 is what cures it"),
    Fault("no_prack", "a reliable 18x is repeated for 32 s, then the call is refused with 504", "phone",
          "RFC 3262 s.3", "do not say Supported: 100rel, or send the PRACK"),
    Fault("wrong_cseq", "requests inside the call are refused with 500", "phone",
          "RFC 3261 s.12.2.2", "count CSeq up by one for every request of a dialog"),
    Fault("no_to_tag", "no dialog can be told from another: RFC 2543 behaviour", "phone",
          "RFC 3261 s.8.2.6.2", "add a To tag to every response but 100"),
    Fault("no_contact", "the peer does not know where to send ACK and BYE: it takes what it called", "phone",
          "RFC 3261 s.12.1.1", "put a Contact into the 200"),
    Fault("no_ringing", "the caller hears nothing until the call is answered", "phone",
          "RFC 3261 s.13.3.1.1", "send 180"),
    Fault("bye_lost", "one side thinks that the call goes on", "phone",
          "RFC 3261 s.15.1.1", "session timers end what nobody refreshes (RFC 4028)"),
    Fault("silent", "requests get no answer: the caller hears 408 after 32 s", "phone",
          "RFC 3261 s.17.1.1.2", "answer, or take the registration away"),
    Fault("twice", "every message comes twice", "phone",
          "RFC 3261 s.17.2", "nothing: transactions absorb repetitions"),
    Fault("same_version", "a change of the media goes unnoticed: its o= line says that nothing has changed", "phone",
          "RFC 3264 s.8", "count the version in o= up with every change"),
    Fault("hold_by_zero", "hold is said with c=IN IP4 0.0.0.0 in the manner of RFC 2543", "phone",
          "RFC 3264 s.8.4", "say a=sendonly; understand both"),
    Fault("refuses_reinvite", "every change of the call is refused with 488", "phone",
          "RFC 3261 s.14.2", "none: the call has to go on as it was (RFC 6141 s.3.1)"),
    Fault("no_update", "Allow does not name UPDATE: sessions are refreshed by re-INVITE", "phone",
          "RFC 3311 s.4, RFC 4028 s.7.4", "nothing, it is allowed; look at Allow before sending UPDATE"),
    Fault("no_refer", "transfers are refused with 603", "phone",
          "RFC 3515 s.2.4.2", "let the platform carry the transfer out"),
    Fault("notify_endless", "the transferor never learns how a transfer ended", "phone",
          "RFC 3515 s.2.4.5", "end the subscription with Subscription-State: terminated"),
)  # fmt: skip
NAMES = tuple(fault.name for fault in CATALOGUE)


def named(name: str, where: str) -> Fault:
    """Return the fault of that name.

    Raises
    ------
    VoxlabError
        There is none, or it cannot be switched on there.
    """
    for fault in CATALOGUE:
        if fault.name == name:
            if where not in fault.where:
                raise VoxlabError(f"{name!r} cannot be switched on at a {where}; it can at: {fault.where}")
            return fault
    near = get_close_matches(name, NAMES, 1)
    meant = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(NAMES)}"
    raise VoxlabError(f"there is no fault {name!r}; {meant} lab.faults() lists them with their symptoms")


class Temper:
    """What a device with faults does to what it wants to send.

    Attributes
    ----------
    faults : dict of str to None
        Those switched on, in the order in which they were.
    """

    def __init__(self) -> None:
        self.faults: dict[str, None] = {}
        self._later: list[tuple[float, int, Transmit]] = []
        self._count = 0
        self._invites: dict[str, None] = {}
        self._origins: dict[str, bytes] = {}

    def pass_on(self, transmits: Iterable[Transmit], now: float) -> list[Transmit]:
        """Return what is sent now: what the faults leave of it, and what they have kept until now."""
        out: list[Transmit] = []
        for transmit in transmits:
            for delay_s, data in self._treated(transmit.data):
                if delay_s:
                    self._count += 1
                    heapq.heappush(self._later, (now + delay_s, self._count, Transmit(transmit.flow, data)))
                else:
                    out.append(Transmit(transmit.flow, data))
        while self._later and self._later[0][0] <= now:
            out.append(heapq.heappop(self._later)[2])
        return out

    def next_timeout(self) -> float | None:
        """When something kept is to be sent, None for never."""
        return self._later[0][0] if self._later else None

    def _treated(self, data: bytes) -> list[tuple[float, bytes]]:
        message = parse(data)
        if isinstance(message, Request) and message.method == "INVITE":
            _remember(self._invites, message.branch)
        pieces = [(0.0, data)]
        for name in self.faults:
            treat = _TREATMENTS.get(name)
            if treat is not None:
                pieces = [(delay + more, left) for delay, piece in pieces for more, left in treat(self, message, piece)]
        return pieces

    def acknowledges_success(self, message: Request | Response) -> bool:
        """Whether this is the ACK to a 2xx: that to another final response has its INVITE's branch (s.17.1.1.3)."""
        return isinstance(message, Request) and message.method == "ACK" and message.branch not in self._invites

    def origin(self, call_id: str, line: bytes) -> bytes:
        """Return the first o= line of a call, which is this one if none was kept."""
        return self._origins.setdefault(call_id, line)


def _remember(memory: dict[str, None], key: str) -> None:
    memory[key] = None
    if len(memory) > _MEMORY:
        del memory[next(iter(memory))]


Treatment = Callable[[Temper, "Request | Response", bytes], list[tuple[float, bytes]]]
Whole = list[tuple[float, bytes]]


def _is(message: Request | Response, method: str) -> bool:
    return isinstance(message, Request) and message.method == method


def _ack_lost(temper: Temper, message: Request | Response, data: bytes) -> Whole:
    return [] if temper.acknowledges_success(message) else [(0.0, data)]


def _late_ack(temper: Temper, message: Request | Response, data: bytes) -> Whole:
    return [(LATE_ACK_S if temper.acknowledges_success(message) else 0.0, data)]


def _no_prack(temper: Temper, message: Request | Response, data: bytes) -> Whole:
    return [] if _is(message, "PRACK") else [(0.0, data)]


def _bye_lost(temper: Temper, message: Request | Response, data: bytes) -> Whole:
    return [] if _is(message, "BYE") else [(0.0, data)]


def _silent(temper: Temper, message: Request | Response, data: bytes) -> Whole:
    return [] if isinstance(message, Response) else [(0.0, data)]


def _no_ringing(temper: Temper, message: Request | Response, data: bytes) -> Whole:
    return [] if isinstance(message, Response) and 100 < message.status < 200 else [(0.0, data)]


def _twice(temper: Temper, message: Request | Response, data: bytes) -> Whole:
    return [(0.0, data), (0.0, data)]


def _notify_endless(temper: Temper, message: Request | Response, data: bytes) -> Whole:
    last = _is(message, "NOTIFY") and (message.headers.get("subscription-state") or "").startswith("terminated")
    return [] if last else [(0.0, data)]


def _wrong_cseq(temper: Temper, message: Request | Response, data: bytes) -> Whole:
    inside = isinstance(message, Request) and message.to_tag and message.method not in {"ACK", "CANCEL"}
    return [(0.0, _changed(data, rb"(?mi)^CSeq: *\d+", b"CSeq: 1") if inside else data)]


def _no_to_tag(temper: Temper, message: Request | Response, data: bytes) -> Whole:
    if not isinstance(message, Response):
        return [(0.0, data)]
    return [(0.0, _changed(data, rb"(?mi)^(To:[^\r\n]*?);tag=[^;\r\n]*", rb"\1"))]


def _no_contact(temper: Temper, message: Request | Response, data: bytes) -> Whole:
    if not isinstance(message, Response) or message.cseq_method != "INVITE":
        return [(0.0, data)]
    return [(0.0, _changed(data, rb"(?mi)^Contact:[^\r\n]*\r\n", b""))]


def _no_update(temper: Temper, message: Request | Response, data: bytes) -> Whole:
    return [(0.0, _changed(data, rb"(?mi)^(Allow:[^\r\n]*?),? ?UPDATE", rb"\1"))]


def _same_version(temper: Temper, message: Request | Response, data: bytes) -> Whole:
    line = re.search(rb"(?m)^o=[^\r\n]*", message.body)
    if line is None:
        return [(0.0, data)]
    kept = temper.origin(message.call_id, line.group())
    return [(0.0, _with_body(data, message.body, message.body.replace(line.group(), kept)))]


def _hold_by_zero(temper: Temper, message: Request | Response, data: bytes) -> Whole:
    body = message.body
    if b"a=sendonly" not in body and b"a=inactive" not in body:
        return [(0.0, data)]
    zero = re.sub(rb"(?m)^c=IN IP[46] [^\r\n]*", b"c=IN IP4 0.0.0.0", body)
    return [(0.0, _with_body(data, body, re.sub(rb"(?m)^a=(sendonly|inactive)\r\n", b"", zero)))]


def _changed(data: bytes, pattern: bytes, by: bytes) -> bytes:
    head, mark, body = data.partition(b"\r\n\r\n")
    return re.sub(pattern, by, head + b"\r\n", count=1)[:-2] + mark + body


def _with_body(data: bytes, old: bytes, new: bytes) -> bytes:
    head = _changed(data[: len(data) - len(old)], rb"(?mi)^Content-Length: *\d+", b"Content-Length: %d" % len(new))
    return head + new


_TREATMENTS: dict[str, Treatment] = {
    "ack_lost": _ack_lost,
    "late_ack": _late_ack,
    "no_prack": _no_prack,
    "wrong_cseq": _wrong_cseq,
    "no_to_tag": _no_to_tag,
    "no_contact": _no_contact,
    "no_ringing": _no_ringing,
    "bye_lost": _bye_lost,
    "silent": _silent,
    "twice": _twice,
    "same_version": _same_version,
    "hold_by_zero": _hold_by_zero,
    "no_update": _no_update,
    "notify_endless": _notify_endless,
}
