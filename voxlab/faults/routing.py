"""Faults of proxies: what they put into Record-Route and Contact, by which the rest of the call finds its way (RFC 3261
s.12, s.16.6).

Must not know devices and wires.
"""

from __future__ import annotations

from collections.abc import Callable

from voxlab.faults.edits import changed
from voxlab.faults.fault import Fault, Parameter
from voxlab.faults.treatment import Message, Rewrites, Treatment, is_request, is_response

_CARRIER = ("carrier",)

FAULTS = (
    Fault("no_lr", "requests inside the call are written as for a strict router of RFC 2543", _CARRIER,
          "RFC 3261 s.12.2.1.1, s.16.4, s.16.6, s.19.1.1", "put ;lr into Record-Route", 26, "VX-ROUTE-LR"),
    Fault("record_route_unresolvable", "the call drops after 32 s: the ACK goes to a name that nobody knows here",
          _CARRIER, "RFC 3261 s.12.2.1.1, s.16.6, RFC 3263 s.4",
          "put an address into Record-Route, or a name that DNS knows and the proxy itself",
          26, "VX-ROUTE-UNRESOLVED", (Parameter("host", "sbc1.gigafon.internal", "what stands there for the proxy"),)),
    Fault("contact_unreachable", "the call drops after 32 s: ACK and BYE go to an address behind the border", _CARRIER,
          "RFC 3261 s.8.1.1.8, s.12.1.1, s.12.2.1.1",
          "let the border put its own address into Contact, or stay in the route (Record-Route)",
          27, "VX-CONTACT-UNREACHABLE", (Parameter("host", "10.99.3.7", "what stands there for the device"),)),
)  # fmt: skip


def _joins(message: Message) -> bool:
    """Whether a message may set up a dialog: what it says there is where the rest goes."""
    return is_request(message, "INVITE") or is_response(message, "INVITE", 101, 299)


def _no_lr(message: Message, data: bytes) -> bytes:
    return changed(data, rb"(?mi)^(Record-Route:[^\r\n]*?);lr\b", rb"\1", 0) if _joins(message) else data


def _unresolvable(host: str) -> Treatment:
    pattern, by = rb"(?mi)^(Record-Route: *<sips?:(?:[^@>]*@)?)[^:;>]+", rb"\g<1>" + host.encode()
    return Rewrites(lambda message, data: changed(data, pattern, by, 0) if _joins(message) else data, outside=True)


def _unreachable(host: str) -> Treatment:
    pattern, by = rb"(?mi)^(Contact: *<sips?:[^@>]*@)[^:;>]+", rb"\g<1>" + host.encode()

    def rewrite(message: Message, data: bytes) -> bytes:
        if not _joins(message):
            return data
        return changed(changed(data, pattern, by), rb"(?mi)^Record-Route:[^\r\n]*\r\n", b"", 0)

    return Rewrites(rewrite, outside=True)


TREATMENTS: dict[str, Callable[..., Treatment]] = {
    "no_lr": lambda: Rewrites(_no_lr, outside=True),
    "record_route_unresolvable": _unresolvable,
    "contact_unreachable": _unreachable,
}
"""What makes the treatment of each fault, from its parameters."""
