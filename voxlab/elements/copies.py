"""A copy of a request for the next hop: Request-URI, Route, Record-Route, Max-Forwards and Via (RFC 3261 s.16.6 items 1
to 10).

RFC 5393 s.4.2.1 (branch), RFC 5658 (Record-Route), RFC 3327 s.5.4 (Path). Must not know what becomes of the copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from voxlab.base.datagram import Flow
from voxlab.base.ids import Ids
from voxlab.elements.locating import is_numeric
from voxlab.elements.loop_detection import with_second_part
from voxlab.elements.record_route import NO_FLOWS, Ends, RouteEntry
from voxlab.elements.response_context import ResponseContext
from voxlab.elements.target_set import Target
from voxlab.sip.message import Request
from voxlab.sip.splice import passed_on, spliced
from voxlab.sip.uri import Uri
from voxlab.sip.values import NameAddr
from voxlab.transaction.layer import TransactionLayer
from voxlab.transaction.via import Outgoing

_DIALOG_FORMING = frozenset({"INVITE", "SUBSCRIBE", "REFER"})
_LARGEST_DATAGRAM_BYTES = 1300  # s.18.1.1
_FLOWS_KEPT = 4_096


class NextHops(Protocol):
    """Where a URI leads (RFC 3263): known at once, the best way first."""

    def next_hops(self, uri: Uri) -> Sequence[Flow]:
        """Return the flows to try one after the other; empty where there is no way."""


class Copies:
    """Makes and sends copies.

    Parameters
    ----------
    layer : TransactionLayer
    ids : Ids
        Where branches come from.
    hops : NextHops
    entry : RouteEntry
        Makes what stands in Record-Route.
    """

    def __init__(self, layer: TransactionLayer, ids: Ids, hops: NextHops, entry: RouteEntry) -> None:
        self._layer = layer
        self._ids = ids
        self._hops = hops
        self._entry = entry
        self._flows: dict[str, Sequence[Flow]] = {}

    def way(
        self, routes: tuple[str, ...] | None, target: Target, hops: Sequence[Flow] | None
    ) -> tuple[str, tuple[str, ...] | None, Sequence[Flow]]:
        """Return Request-URI, Route values (None to leave them) and flows of a copy (s.16.6 items 2, 6 and 7)."""
        uri_text = target.uri
        flow = None if routes else target.flow
        if target.path:
            routes = (*target.path, *(routes or ()))
        if not routes:
            if hops is None:
                hops = (flow,) if flow is not None else self._flows.get(uri_text) or self._flows_to(uri_text)
            return uri_text, routes, hops
        first = NameAddr.parse(routes[0]).uri
        if "lr" not in first.params:  # a strict router: it gets its own URI as Request-URI, the real one goes last
            routes = (*routes[1:], f"<{uri_text}>")
            uri_text = str(first)
        if hops is None:
            hops = (flow,) if flow is not None else self._hops.next_hops(first)
        return uri_text, routes, hops

    def _flows_to(self, uri_text: str) -> Sequence[Flow]:
        """Return the flows to a URI; where it names an address they are always the same."""
        uri = Uri.parse(uri_text)
        flows = self._hops.next_hops(uri)
        if is_numeric(uri.params.get("maddr") or uri.host):
            if len(self._flows) >= _FLOWS_KEPT:
                self._flows.clear()
            self._flows[uri_text] = flows
        return flows

    def send(
        self,
        context: ResponseContext,
        request: Request,
        uri_text: str,
        routes: tuple[str, ...] | None,
        flow: Flow,
        target: Target,
        now: float,
    ) -> int:
        """Send a copy, and return the number of its client transaction; a large one goes over TCP (s.18.1.1).

        Raises
        ------
        VoxlabError
            There are too many transactions.
        """
        branch = with_second_part(self._ids.branch(), context.part)
        outgoing = self._layer.via_for(flow, branch)
        lines = self._record_route(context, request, outgoing, target) if context.records else []
        new_uri = None if uri_text == request.uri_text else uri_text
        raw = passed_on(request, (f"Via: {outgoing.via}", *lines), new_uri, routes, context.realm)
        backup = None
        if len(raw) > _LARGEST_DATAGRAM_BYTES and flow.transport == "UDP":
            backup = flow
            outgoing = self._layer.via_for(flow._replace(transport="TCP"), branch)
            raw = passed_on(request, (f"Via: {outgoing.via}", *lines), new_uri, routes, context.realm)
        return self._layer.forward(spliced(request, raw, uri_text, branch), outgoing, now, backup)

    def _record_route(
        self, context: ResponseContext, request: Request, outgoing: Outgoing, target: Target
    ) -> list[str]:
        caller = context.flow if context.flow.reliable or _is_behind_nat(request, context.flow) else None
        callee = target.flow
        ends = NO_FLOWS if caller is callee is None else Ends(caller, callee)
        token = self._entry.token(request.call_id, ends)
        secure = request.uri_text[:5].lower() == "sips:"
        return self._entry.lines(token, context.flow.transport, outgoing.flow.transport, secure=secure)


def records_route(method: str) -> bool:
    """Whether a request of this method forms a dialog that we want to stay in (s.16.6 item 4)."""
    return method in _DIALOG_FORMING


def _is_behind_nat(request: Request, flow: Flow) -> bool:
    """Whether the client believes to be at another address than its request comes from (RFC 3581 s.4)."""
    via = request.headers.get("via", "")
    return f" {flow.remote.host}:" not in via and request.via.host != flow.remote.host
