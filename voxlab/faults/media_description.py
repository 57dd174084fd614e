"""Faults of session descriptions: codecs, packet times, offers that are missing, odd ways to hold (RFC 3264, RFC 8866).

Must not know devices and wires.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from voxlab.faults.edits import with_body, without
from voxlab.faults.fault import Fault, Parameter
from voxlab.faults.treatment import (
    Device,
    Message,
    Misreads,
    Piece,
    Refuses,
    Rewrites,
    Treatment,
    is_initial,
    is_request,
    refused,
)
from voxlab.sip.message import Request, Response

_PHONE = ("phone",)

FAULTS = (
    Fault("same_version", "a change of the media goes unnoticed: its o= line says that nothing has changed", ("phone",),
          "RFC 3264 s.8", "count the version in o= up with every change", 13, "VX-SDP-VERSION"),
    Fault("hold_by_zero", "hold is said with c=IN IP4 0.0.0.0 in the manner of RFC 2543", ("phone",),
          "RFC 3264 s.8.4", "say a=sendonly; understand both", 13, "VX-HOLD-BY-ZERO"),
    Fault("hold_inactive", "hold is said with a=inactive: no music can be heard on hold", _PHONE,
          "RFC 3264 s.8.4", "say a=sendonly, so that the far end may be sent music", 13, "VX-HOLD-INACTIVE"),
    Fault("hold_by_port_zero", "hold is said with port 0, which ends the stream instead", _PHONE,
          "RFC 3264 s.8.2, s.8.4", "say a=sendonly and keep the port", 13, "VX-PORT-ZERO"),
    Fault("media_level_connection", "c= stands at the media level only", _PHONE,
          "RFC 8866 s.5.7", "nothing, it is allowed: read c= of the media before that of the session", 13),
    Fault("codec_mismatch", "calls are refused with 488: there is no codec that both speak", _PHONE,
          "RFC 3264 s.6, RFC 3261 s.21.4.26", 'offer one that it speaks: phone(codecs=["PCMU", "G722"])',
          11, "VX-CODEC-MISMATCH", (Parameter("codec", "G722", "the only codec that it speaks"),)),
    Fault("no_rtpmap", "static payload types come without a=rtpmap", _PHONE,
          "RFC 8866 s.6.6, RFC 3551 s.6", "nothing, it is allowed: know the table of RFC 3551", 11),
    Fault("ptime_ignored", "packets hold more sound than was asked for", _PHONE,
          "RFC 8866 s.6.4", "take what comes: a=ptime is a wish", 11, "VX-PTIME-IGNORED",
          (Parameter("ptime_ms", 30, "the sound in a packet, in milliseconds"),)),
    Fault("asymmetric_payload_types", "a codec has another number in each direction", _PHONE,
          "RFC 3264 s.5.1, s.6.1", "send with the numbers of the other side's description", 11, "VX-PT-ASYMMETRIC"),
    Fault("delayed_offer", "an INVITE comes without an offer: the 200 has to make it", _PHONE,
          "RFC 3261 s.13.2.1", "phone(delayed_offer=False)", 12),
    Fault("offerless_refused", "an INVITE without an offer is refused with 488", ("phone", "carrier"),
          "RFC 3261 s.13.2.1", "put the offer into the INVITE: phone(delayed_offer=False)", 12, "VX-OFFERLESS-REFUSED"),
    Fault("no_answer_in_ack", "nobody hears anything: the offer of the 200 stays without an answer", _PHONE,
          "RFC 3261 s.13.2.1, s.13.2.2.4", "put the answer into the ACK; or phone(delayed_offer=False)",
          12, "VX-ANSWER-MISSING"),
)  # fmt: skip


class _SameVersion(Treatment):
    """Repeats the first o= line of a call."""

    def __init__(self) -> None:
        self._origins: dict[str, bytes] = {}

    def leaving(self, message: Message, data: bytes, device: Device) -> list[Piece]:
        """Put the first o= line into every later description."""
        line = re.search(rb"(?m)^o=[^\r\n]*", message.body)
        if line is None:
            return [Piece(0.0, data)]
        kept = self._origins.setdefault(message.call_id, line.group())
        return [Piece(0.0, with_body(data, message.body.replace(line.group(), kept)))]


def _hold_by_zero(message: Message, data: bytes) -> bytes:
    body = message.body
    if b"a=sendonly" not in body and b"a=inactive" not in body:
        return data
    zero = re.sub(rb"(?m)^c=IN IP[46] [^\r\n]*", b"c=IN IP4 0.0.0.0", body)
    return with_body(data, re.sub(rb"(?m)^a=(sendonly|inactive)\r\n", b"", zero))


def _rewritten_body(pattern: bytes, by: bytes) -> Rewrites:
    """Return what replaces a pattern in every description that leaves."""

    def rewrite(message: Message, data: bytes) -> bytes:
        new = re.sub(pattern, by, message.body) if b"m=" in message.body else message.body
        return data if new == message.body else with_body(data, new)

    return Rewrites(rewrite)


def _hold_by_port_zero(message: Message, data: bytes) -> bytes:
    if b"a=sendonly" not in message.body or not is_request(message, "INVITE"):
        return data
    return with_body(data, re.sub(rb"(?m)^m=audio \d+", b"m=audio 0", message.body))


def _media_level(message: Message, data: bytes) -> bytes:
    found = re.search(rb"(?m)^(c=[^\r\n]*\r\n)([\s\S]*?)^(m=[^\r\n]*\r\n)", message.body)
    if found is None:
        return data
    moved = found.group(2) + found.group(3) + found.group(1)
    return with_body(data, message.body[: found.start()] + moved + message.body[found.end() :])


def _ptime_ignored(ptime_ms: int) -> Treatment:
    """Reads its own packet time into what is asked."""

    def reading(message: Message, data: bytes) -> bytes:
        if b"m=audio" not in message.body:
            return data
        bare = re.sub(rb"(?m)^a=ptime:[^\r\n]*\r\n", b"", message.body)
        return with_body(data, bare + b"a=ptime:%d\r\n" % ptime_ms)

    return Misreads(reading)


class _AsymmetricTypes(Treatment):
    """Answers an offer's telephone events (RFC 4733) under a number of its own."""

    def leaving(self, message: Message, data: bytes, device: Device) -> list[Piece]:
        body = message.body
        found = re.search(rb"(?m)^a=rtpmap:(\d+) telephone-event/", body)
        if found is None or not isinstance(message, Response):
            return [Piece(0.0, data)]
        old = found.group(1)
        body = re.sub(rb"(?m)^(m=audio [^\r\n]*) " + old + rb"\b", rb"\1 126", body)
        return [Piece(0.0, with_body(data, re.sub(rb"(?m)^a=(rtpmap|fmtp):" + old + rb"\b", rb"a=\1:126", body)))]


def _offerless_refused(request: Request) -> Response | None:
    return refused(request, 488) if is_initial(request) and not request.body else None


def _no_answer(message: Message, data: bytes) -> bytes:
    return with_body(without(data, "Content-Type", "c"), b"") if is_request(message, "ACK") else data


_STATIC = rb"(?m)^a=rtpmap:(?:0|8|9) [^\r\n]*\r\n"

TREATMENTS: dict[str, Callable[..., Treatment]] = {
    "same_version": _SameVersion,
    "hold_by_zero": lambda: Rewrites(_hold_by_zero),
    "hold_inactive": lambda: _rewritten_body(rb"(?m)^a=sendonly", b"a=inactive"),
    "hold_by_port_zero": lambda: Rewrites(_hold_by_port_zero),
    "media_level_connection": lambda: Rewrites(_media_level),
    "no_rtpmap": lambda: _rewritten_body(_STATIC, b""),
    "ptime_ignored": _ptime_ignored,
    "asymmetric_payload_types": _AsymmetricTypes,
    "offerless_refused": lambda: Refuses(_offerless_refused),
    "no_answer_in_ack": lambda: Rewrites(_no_answer),
}
"""What makes the treatment of each fault; "codec_mismatch" and "delayed_offer" turn settings of their phone."""
