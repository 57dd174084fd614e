"""Our own entries in route sets: Record-Route with a token that only we can make (RFC 3261 s.16.6 item 4, RFC 5658,
RFC 5626 s.5.2).

The token proves that the dialog was let in once, so that a Route through us is no way to relay for everybody, and
carries the flows to ends that cannot be reached by their URIs. Must not know transactions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b
from hmac import compare_digest
from typing import NamedTuple

from voxlab.base.datagram import Address, Flow
from voxlab.base.errors import SipSyntaxError
from voxlab.sip.values import NameAddr

_MAC_BYTES = 8
_MAC_DIGITS = 2 * _MAC_BYTES
_MACS_KEPT = 4_096


class Ends(NamedTuple):
    """The flows to the caller's and to the callee's side, None for whoever is reached by URI."""

    caller: Flow | None = None
    callee: Flow | None = None

    def other_than(self, flow: Flow) -> Flow | None:
        """Return the flow to the other side of the one that ``flow`` comes from (RFC 5626 s.5.3.1)."""
        if self.caller is not None and _same_peer(self.caller, flow):
            return self.callee
        if self.callee is not None and _same_peer(self.callee, flow):
            return self.caller
        # One end has no flow of its own: whoever does not come over the other's comes from there.
        return self.caller if self.callee is None else self.callee if self.caller is None else None


NO_FLOWS = Ends()


class RouteEntry:
    """Makes and recognises the URIs that we put into route sets.

    Parameters
    ----------
    listens : mapping of str to Address
        Transport to the address that a URI of ours names.
    key : bytes
        Secret of this proxy, up to 64 bytes.
    serves : callable
        Whether a host name is one of ours.
    """

    def __init__(
        self, listens: Mapping[str, Address], key: bytes, serves: Callable[[str], bool] = lambda _host: False
    ) -> None:
        self._listens = dict(listens)
        self._serves = serves
        self._key = key
        self._macs: dict[str, str] = {}  # of the calls of late
        self._hosts = {(address.host.lower(), address.port) for address in listens.values()}
        self._tails = {transport: _tail(transport, address) for transport, address in listens.items()}
        self._endings = tuple(f"@{tail}" for tail in self._tails.values())
        self._bracketed = tuple(f"@{tail}>" for tail in self._tails.values())
        self.endings = tuple(ending.encode() for ending in self._bracketed)

    def lines(self, token: str, incoming: str, outgoing: str, *, secure: bool = False) -> list[str]:
        """Return the Record-Route lines, topmost first: two when the transport changes (RFC 5658 s.5)."""
        scheme = "sips" if secure else "sip"
        facing_out = f"Record-Route: <{scheme}:{token}@{self._tails[outgoing]}>"
        if incoming == outgoing:
            return [facing_out]
        return [facing_out, f"Record-Route: <{scheme}:{token}@{self._tails[incoming]}>"]

    def token(self, call_id: str, ends: Ends = NO_FLOWS) -> str:
        """Return the user part of our URI in the route set of a dialog with this Call-ID."""
        flows = "" if ends is NO_FLOWS else f"-{_written(ends.caller)}-{_written(ends.callee)}"
        return f"{self._mac(call_id, flows)}{flows}"

    def read(self, token: str, call_id: str) -> Ends | None:
        """Return the flows in a token of ours for this Call-ID; None if somebody else made it."""
        mac, flows = token[:_MAC_DIGITS], token[_MAC_DIGITS:]
        if not compare_digest(mac.encode("utf-8", "replace"), self._mac(call_id, flows).encode()):
            return None
        if not flows:
            return NO_FLOWS
        _, caller, callee = flows.split("-")
        return Ends(self._read_flow(caller), self._read_flow(callee))

    def token_of_route(self, route: str) -> str | None:
        """Return the user part of a Route value that leads here, "" if it has none; None if it leads elsewhere."""
        if route.endswith(self._bracketed) and route.startswith(("<sip:", "<sips:")):
            return route[route.index(":") + 1 : route.rindex("@")]
        try:
            uri = NameAddr.parse(route).uri
        except SipSyntaxError:
            return None
        port = uri.port or (5061 if uri.scheme == "sips" or uri.params.get("transport") == "tls" else 5060)
        if (uri.host, port) not in self._hosts and not self._serves(uri.host):
            return None
        return uri.user or ""

    def token_of_uri(self, uri_text: str) -> str | None:
        """Return the token if a Request-URI is one of ours, which a strict router has put there (s.16.4)."""
        if not uri_text.endswith(self._endings):
            return None
        return uri_text[uri_text.index(":") + 1 : uri_text.rindex("@")]

    def _mac(self, call_id: str, flows: str) -> str:
        text = f"{call_id} {flows}"
        mac = self._macs.get(text)
        if mac is None:
            if len(self._macs) >= _MACS_KEPT:
                self._macs.clear()
            hashed = blake2b(text.encode("utf-8", "surrogateescape"), digest_size=_MAC_BYTES, key=self._key)
            mac = self._macs[text] = hashed.hexdigest()
        return mac

    def _read_flow(self, text: str) -> Flow | None:
        if not text:
            return None
        transport, host, port, connection = bytes.fromhex(text).decode().split(" ")
        return Flow(transport, self._listens[transport], Address(host, int(port)), int(connection))


def _tail(transport: str, address: Address) -> str:
    return f"{address};lr" if transport == "UDP" else f"{address};transport={transport.lower()};lr"


def _written(flow: Flow | None) -> str:
    if flow is None:
        return ""
    return f"{flow.transport} {flow.remote.host} {flow.remote.port} {flow.connection}".encode().hex()


def _same_peer(one: Flow, other: Flow) -> bool:
    return one.transport == other.transport and one.remote == other.remote
