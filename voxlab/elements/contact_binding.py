"""How a contact of a REGISTER becomes a binding, and which binding it replaces (RFC 3261 s.10.3 step 7, s.19.1.4).

RFC 3327 s.5.3 (Path), RFC 5626 s.6 (outbound flows), RFC 3581 (what stands behind a NAT). Must not know who may
register, nor where bindings are kept.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from voxlab.base.datagram import Flow
from voxlab.base.errors import VoxlabError
from voxlab.elements.location import Binding
from voxlab.elements.target_set import preference
from voxlab.sip.grammar import quoted
from voxlab.sip.message import Request
from voxlab.sip.values import NameAddr

_LONGEST_S = 2**32 - 1
_MALFORMED_S = 3600  # s.10.2: malformed values SHOULD be treated as equivalent to 3600
_ROUNDING_S = 1e-6  # what a float may owe to having been added to the clock and subtracted again


class NoFirstHop(VoxlabError):
    """An outbound registration came through a first hop that put no flow token into Path (RFC 5626 s.6: 439)."""


class Way(NamedTuple):
    """How a REGISTER came: the same for all its contacts."""

    flow: Flow
    path: tuple[str, ...]
    is_outbound: bool
    natted_host: str


def way_of(request: Request, flow: Flow) -> Way:
    """Read Path, the use of outbound, and whether there is a NAT in between (RFC 3581 s.4)."""
    headers = request.headers
    path = tuple(headers.split("Path")) if "path" in headers else ()
    is_outbound = "outbound" in agreed(request) and any(_flow_of(contact) for contact in request.contacts)
    is_first_hop = len(headers.get_all("via")) == 1 and "," not in request.top_via
    if is_outbound and not is_first_hop and not (path and "ob" in NameAddr.parse(path[-1]).uri.params):
        raise NoFirstHop
    natted = is_first_hop and not flow.reliable and "received=" in request.top_via
    believed = request.via.host if natted else ""
    return Way(flow, path, is_outbound, "" if believed == flow.remote.host else believed)


def _flow_of(contact: NameAddr) -> tuple[str, int] | None:
    """Return instance and reg-id of a contact that has both (RFC 5626 s.6); one alone means nothing here."""
    instance, reg_id = contact.params.get("+sip.instance"), contact.params.get("reg-id")
    if not instance or not reg_id or not (reg_id.isascii() and reg_id.isdigit() and 0 < int(reg_id[:11]) < 2**31):
        return None
    return instance, int(reg_id)


def agreed(request: Request) -> frozenset[str]:
    """Return the extensions that the device supports or requires."""
    headers = request.headers
    if "supported" not in headers and "require" not in headers:
        return frozenset()
    return frozenset((*headers.split("supported"), *headers.split("require")))


def binding_of(request: Request, way: Way, contact: NameAddr, expires_at_s: float) -> Binding:
    """Return the binding that a contact asks for."""
    params, natted = contact.params, bool(way.natted_host) and contact.uri.host == way.natted_host
    flow = _flow_of(contact) if way.is_outbound else None
    return Binding(
        contact.uri,
        way.flow,
        expires_at_s,
        request.call_id,
        request.cseq,
        preference(params.get("q")) if params else 1.0,
        params.get("+sip.instance") if params else None,
        way.path,
        None if flow is None else flow[1],
        natted,
    )


def find(bindings: tuple[Binding, ...] | list[Binding], wanted: Binding) -> Binding | None:
    """Return the binding of an equivalent contact (s.19.1.4), of an outbound flow that of the same device and reg-id
    (RFC 5626 s.6).
    """
    uri, flow_name = wanted.contact, wanted.flow_name
    for binding in bindings:
        if flow_name != binding.flow_name:
            continue
        if flow_name is not None or binding.contact.text == uri.text or binding.contact.equivalent(uri):
            return binding
    return None


def has_moved(old: Binding, new: Binding) -> bool:
    """Whether a device has come back under a new port: its NAT gave it another, and the old one leads nowhere.

    The same boot of the same device says so: one Call-ID (s.10.2), one source host, contacts that differ in the port
    alone.
    """
    there, here = old.contact, new.contact
    return (
        old.call_id == new.call_id
        and old.flow_name is None is new.flow_name
        and old.flow.remote.host == new.flow.remote.host
        and old.flow.remote.port != new.flow.remote.port
        and (there.scheme, there.user, there.host) == (here.scheme, here.user, here.host)
    )


def contact_value(binding: Binding, now: float) -> str:
    """Write a Contact value: what is left is rounded up, so that no device believes in a shorter binding than it
    has.
    """
    left_s = math.ceil(binding.expires_at_s - now - _ROUNDING_S)
    text = f"<{binding.contact.text}>;expires={left_s}"
    if binding.q != 1.0:
        text += f";q={binding.q:g}"
    if binding.instance is not None:
        text += f";+sip.instance={quoted(binding.instance)}"
    if binding.reg_id is not None:
        text += f";reg-id={binding.reg_id}"
    return text


def delta_seconds(text: str) -> int:
    """Read delta-seconds; what is malformed counts as an hour (s.10.2)."""
    text = text.strip()
    if not (text.isascii() and text.isdigit()):
        return _MALFORMED_S
    return min(int(text[:20]), _LONGEST_S)
