"""SIP application layer gateways: NATs that rewrite messages, each of them a half of what would be needed.

No RFC owns them (RFC 6314 s.3 leaves them out); what goes wrong is in RFC 4475 s.3.1.1.8 and s.3.1.2.2, RFC 3581 s.4,
RFC 3261 s.16.6 and RFC 7362 s.4. Bytes in, bytes out; must not know networks.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from voxlab.base.datagram import Address
from voxlab.faults.edits import changed, without

_SIP = re.compile(rb"[A-Z]+ sips?:[^\r\n]* SIP/2\.0\r\n|SIP/2\.0 \d\d\d ")


def is_sip(data: bytes) -> bool:
    """Whether a datagram begins as a SIP message does."""
    return _SIP.match(data) is not None


def _sdp(data: bytes, inner: Address, outer: Address) -> bytes:
    """Put the outer address into the SDP, add a line of its own, and leave Content-Length as it was."""
    head, mark, body = data.partition(b"\r\n\r\n")
    if not body.startswith(b"v="):
        return data
    return head + mark + re.sub(rb"(?m)^([oc]=[^\r\n]*IN IP4 )" + _host(inner), _by(outer), body)


def _port(data: bytes, inner: Address, outer: Address) -> bytes:
    """Put the outer address into the SDP and correct Content-Length, but leave the port of m=, which is the inner."""
    head, mark, body = data.partition(b"\r\n\r\n")
    new = _sdp(data, inner, outer)[len(head) + len(mark) :]
    if new == body:
        return data
    return changed(head + mark, rb"(?mi)^(Content-Length|l)[ \t]*:[ \t]*\d+", rb"\1: %d" % len(new)) + new


def _via(data: bytes, inner: Address, outer: Address) -> bytes:
    """Put the outer address with the inner port into Via, and take rport out: answers go to a port without binding."""
    if data.startswith(b"SIP/2.0 "):
        return data
    named = changed(data, rb"(?mi)^(Via:[^\r\n]*? )" + _host(inner), _by(outer))
    return changed(named, rb"(?mi)^(Via:[^\r\n]*?);rport(?=[;\r])", rb"\1")


def _contact(data: bytes, inner: Address, outer: Address) -> bytes:
    """Put the outer address with the inner port into Contact, not Via: what is sent there meets no binding."""
    return changed(data, rb"(?mi)^(Contact:[^\r\n]*?sips?:[^\r\n>;]*?)" + _host(inner), _by(outer))


def _record_route(data: bytes, inner: Address, outer: Address) -> bytes:
    """Take Record-Route out: ACK and BYE leave the proxies out that wanted to stay on the way."""
    return without(data, "Record-Route")


REWRITES: dict[str, Callable[[bytes, Address, Address], bytes]] = {
    "sdp": _sdp,
    "sdp_address": _port,
    "via": _via,
    "contact": _contact,
    "record_route": _record_route,
}
"""The halves that there are: data, inner and outer address to what leaves."""


def _host(address: Address) -> bytes:
    return re.escape(address.host.encode()) + rb"(?![\d.])"


def _by(outer: Address) -> bytes:
    return rb"\g<1>" + outer.host.encode()
