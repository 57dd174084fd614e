"""What a transport does to the top Via: sent-by, received, rport, and where requests and responses go.

RFC 3261 s.18.1.1, s.18.1.2, s.18.2.1, s.18.2.2; RFC 3581 s.3, s.4. The Via of every message passes here, so the usual
forms are told by their text; whatever else comes is parsed. Must not know transactions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from voxlab.base.datagram import Address, Flow
from voxlab.base.ids import Ids
from voxlab.sip.message import Request, Response
from voxlab.sip.values import Via

_DEFAULT_PORTS = {"TLS": 5061}  # s.18.1.1; 5060 for every other transport
LARGEST_DATAGRAM_BYTES = 1300  # s.18.1.1, the path MTU being unknown


def sent_by_of(via: str) -> str:
    """Return the sent-by of a Via as it was written, in small letters: a client always writes it alike."""
    return via.partition(";")[0].rpartition(" ")[2].lower()


def is_from(response: Response, sent_by: Address) -> bool:
    """Tell whether the top Via of a response is one that was sent as ``sent_by`` (RFC 3261 s.18.1.2)."""
    via = response.via
    return via.host == sent_by.host.lower() and _port(via) == sent_by.port


class Outgoing(NamedTuple):
    """A request with our Via on top: its flow, the Via, and how the Via begins, up to the value of the branch."""

    flow: Flow
    via: str
    via_start: str


class ClientTransport:
    """Puts our Via on requests (RFC 3261 s.18.1.1), with ``rport``: responses come back the same way (RFC 3581).

    Attributes
    ----------
    largest_datagram_bytes : int
        What is larger leaves UDP for TCP.
    """

    __slots__ = ("_branch", "_congestion_controlled", "_sent_by", "_starts", "largest_datagram_bytes")

    def __init__(self, ids: Ids, sent_by: Callable[[Flow], Address], *, congestion_controlled: bool) -> None:
        self._branch = ids.branch
        self._sent_by = sent_by
        self._congestion_controlled = congestion_controlled
        self._starts: dict[tuple[str, Address], str] = {}
        self.largest_datagram_bytes = LARGEST_DATAGRAM_BYTES

    def push_via(self, request: Request, flow: Flow) -> Outgoing:
        """Put a Via with a new branch on top; a request too large for UDP leaves it for TCP."""
        branch = self._branch()
        outgoing = self.outgoing(flow, branch)
        request.push_via(outgoing.via, branch)
        if flow.transport == "UDP" and self._congestion_controlled and len(request.raw) > self.largest_datagram_bytes:
            outgoing = self.outgoing(Flow("TCP", flow.local, flow.remote), branch)
            request.set_via(outgoing.via, branch)
        return outgoing

    def set_via(self, request: Request, flow: Flow, branch: str) -> Outgoing:
        """Replace the top Via by one for another flow, the branch stays."""
        outgoing = self.outgoing(flow, branch)
        request.set_via(outgoing.via, branch)
        return outgoing

    def outgoing(self, flow: Flow, branch: str) -> Outgoing:
        """Return the Via of a request on ``flow`` whose branch this is."""
        key = flow.transport, self._sent_by(flow)
        start = self._starts.get(key)
        if start is None:
            start = self._starts[key] = f"SIP/2.0/{flow.transport} {str(key[1]).lower()};branch="
        return Outgoing(flow, f"{start}{branch};rport", start)


def arrive(request: Request, via: str, flow: Flow) -> Flow:
    """Write into the top Via where the request came from, and return where its responses go.

    ``received`` is added if sent-by is a name or another address, or if ``rport`` asks for it (RFC 3261 s.18.2.1,
    RFC 3581 s.4). What a client put there itself is overwritten: responses go to where the request came from.

    Parameters
    ----------
    request : Request
        What arrived on ``flow``.
    via : str
        Its top Via line, as ``request.top_via`` gives it.
    flow : Flow
        The peer is its ``remote``.

    Raises
    ------
    SipSyntaxError
        The Via cannot be read.
    """
    if "received" in via or "maddr" in via or "," in via:
        return _arrive_carefully(request, flow)
    remote = flow.remote
    if via.endswith(";rport") or ";rport;" in via:
        if via.count(";rport") == 1:
            stamped = via.replace(";rport", f";received={remote.host};rport={remote.port}")
            request.set_via(stamped, request.branch)
            return flow
    elif ";rport" not in via and via.partition(";")[0].endswith(f" {remote}"):
        return flow
    return _arrive_carefully(request, flow)


def _arrive_carefully(request: Request, flow: Flow) -> Flow:
    via = request.via
    if "rport" in via.params or "received" in via.params or via.host != flow.remote.host:
        request.set_via(_stamped(via, flow.remote))
    return reply_flow(via, flow)


def _stamped(via: Via, source: Address) -> str:
    host = f"[{via.host}]" if ":" in via.host else via.host
    port = "" if via.port is None else f":{via.port}"
    kept = [(name, value) for name, value in via.params.items() if name not in {"received", "rport"}]
    params = "".join(f";{name}" if value is None else f";{name}={value}" for name, value in kept)
    rport = f";rport={source.port}" if "rport" in via.params else ""
    return f"SIP/2.0/{via.transport} {host}{port}{params};received={source.host}{rport}"


def reply_flow(via: Via, flow: Flow) -> Flow:
    """Return where responses go to a request that arrived on ``flow`` (RFC 3261 s.18.2.2, RFC 3581 s.4)."""
    if flow.reliable:
        return flow
    maddr = via.params.get("maddr")
    if maddr:
        return flow._replace(remote=Address(maddr.strip("[]"), _port(via)))
    if "rport" in via.params or _port(via) == flow.remote.port:
        return flow
    return flow._replace(remote=Address(flow.remote.host, _port(via)))


def answered(via: str, flow: Flow) -> tuple[str, Flow]:
    """Return the top Via of the response to a request that is not read any further, and where that response goes.

    Raises
    ------
    SipSyntaxError
        The Via cannot be read.
    """
    parsed = Via.parse(via)
    stamped = "rport" in parsed.params or "received" in parsed.params or parsed.host != flow.remote.host
    return _stamped(parsed, flow.remote) if stamped else via, reply_flow(parsed, flow)


def backup_flow(via: str, flow: Flow) -> Flow | None:
    """Return where a response goes whose connection is gone: to the source, at the sent-by port (RFC 3261 s.18.2.2)."""
    if not flow.reliable:
        return None
    port = sent_by_of(via).rpartition(":")[2]
    default = _DEFAULT_PORTS.get(flow.transport, 5060)
    usable = port.isascii() and port.isdigit() and len(port) <= 5
    return Flow(flow.transport, flow.local, Address(flow.remote.host, int(port) if usable else default))


def _port(via: Via) -> int:
    """The port of sent-by; what it is if none is written depends on the transport (s.18.1.1)."""
    return via.port if via.port is not None else _DEFAULT_PORTS.get(via.transport, 5060)
