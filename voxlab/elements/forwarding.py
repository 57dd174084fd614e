"""The forwarding half of a stateful proxy: copies of a request go out, what comes back is chosen from (RFC 3261 s.16.6
to s.16.10).

RFC 3263 s.4.3 (failover), RFC 3326 (Reason in CANCEL), RFC 4320 s.4 (what non-INVITE may answer), RFC 5393, RFC 6026
s.7.3. Must not know who may call whom: targets are given.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from math import isinf
from typing import Protocol

from voxlab.base.datagram import Flow
from voxlab.base.errors import SipSyntaxError, VoxlabError
from voxlab.base.ids import Ids
from voxlab.dialog.dialog import Header
from voxlab.elements.copies import Copies, NextHops
from voxlab.elements.passages import Concluded, Passing
from voxlab.elements.record_route import RouteEntry
from voxlab.elements.response_context import Branch, Final, ResponseContext, best, gathered_challenges
from voxlab.elements.target_set import Target, TargetSet, preference
from voxlab.sip.message import Response
from voxlab.sip.splice import with_lines, without_top_via
from voxlab.sip.uri import Uri
from voxlab.sip.values import STAR, NameAddr
from voxlab.transaction.deadlines import Deadlines
from voxlab.transaction.events import ResponseArrived, TransactionFailed
from voxlab.transaction.layer import TransactionLayer
from voxlab.transaction.timers import Timers

ELSEWHERE = ("Reason", 'SIP ;cause=200 ;text="Call completed elsewhere"')  # RFC 3326 s.3.1
_RINGS_TOO_LONG = 0
_FAILURES = {"timeout": 408, "transport": 503}  # s.16.7 item 6, s.16.9


class Redirect(Protocol):
    """Says whether and where the Contact of a 3xx may be followed."""

    def redirected(self, uri: Uri, now: float) -> Sequence[Target]:
        """Return the targets that a URI stands for, none where it is not to be followed."""


class Forwarding:
    """Response contexts by transaction number.

    Parameters
    ----------
    layer : TransactionLayer
    ids : Ids
    hops : NextHops
    redirect : Redirect
    entry : RouteEntry
        Makes what stands in Record-Route.
    timers : Timers
        For Timer C.
    """

    def __init__(
        self, layer: TransactionLayer, ids: Ids, hops: NextHops, redirect: Redirect, entry: RouteEntry, timers: Timers
    ) -> None:
        self._layer = layer
        self._ids = ids
        self._entry = entry
        self._copies = Copies(layer, ids, hops, entry)
        self._redirect = redirect
        self._timer_c_s = timers.c_s
        self._contexts: dict[int, ResponseContext] = {}
        self._branches: dict[int, Branch] = {}
        # All have the same duration, so what is started last is due last: the first is the next.
        self._timers_c: OrderedDict[Branch, float] = OrderedDict()
        self._ringing: Deadlines[ResponseContext] = Deadlines()
        self.events: list[Passing] = []

    # -- the clock

    def next_timeout(self) -> float | None:
        """When ``handle_timeout`` is wanted next, None for never."""
        earliest_s = self.next_s()
        return None if isinf(earliest_s) else earliest_s

    def next_s(self) -> float:
        """Return the same for whoever compares it with other deadlines: infinity for never."""
        ringing_s = self._ringing.next_s()
        for timer_c_s in self._timers_c.values():
            return min(timer_c_s, ringing_s)
        return ringing_s

    def handle_timeout(self, now: float) -> None:
        """Fire Timer C (s.16.8), and go on to the next targets where the present ones have rung long enough."""
        for context, _ in self._ringing.due(now):
            self._cancel_all(context, now, ())
        timers_c = self._timers_c
        while timers_c:
            branch, due_s = next(iter(timers_c.items()))
            if due_s > now:
                break
            del timers_c[branch]
            self._timer_c(branch, now)

    # -- what the transaction layer tells

    def receive(self, event: ResponseArrived | TransactionFailed, now: float) -> bool:
        """Take a response, or the news that there will be none; false if the transaction is none of the proxy's."""
        branch = self._branches.get(event.number)
        if branch is None:
            # Of a server transaction: the ACK did not come, or the answer could not be delivered (s.16.7 item 9).
            return event.number in self._contexts
        if isinstance(event, TransactionFailed):
            self._branch_failed(branch, _FAILURES[event.cause], now)
            return True
        response = event.response
        if response.status == 100:
            branch.is_provisional = True
            return True
        raw = without_top_via(response)
        if raw is not None:  # else s.16.7 item 3: it was meant for us, who asked for nothing
            response.rewrite(raw)
            self._response(branch, response, now)
        return True

    def transaction_ended(self, number: int) -> bool:
        """Forget a transaction that is over; false if it was none of the proxy's."""
        return self._branches.pop(number, None) is not None or self._contexts.pop(number, None) is not None

    # -- responses

    def _response(self, branch: Branch, response: Response, now: float) -> None:
        status, context = response.status, branch.context
        if status < 200:
            branch.is_provisional = True
            if context.is_invite and branch in context.open:  # RFC 4320 s.4.1 lets nothing but 100 through elsewhere
                self._timers_c[branch] = now + self._timer_c_s
                self._timers_c.move_to_end(branch)
                if not context.answered:
                    self._layer.respond(context.number, response, now)
        elif status < 300:
            self._close(branch)
            self._success(context, response, now)
        elif branch in context.open:
            if status == 503 and branch.flows and not context.cancelled:
                self._close(branch)
                self._send(context, branch.target, branch.flows, now)  # RFC 3263 s.4.3
            else:
                self._finish(branch, Final(status, response), now)

    def _success(self, context: ResponseContext, response: Response, now: float) -> None:
        """Pass a 2xx on at once, each of an INVITE, the first of any other (s.16.7 item 5; RFC 6026 s.7.3)."""
        if context.answered and not context.is_invite:
            return
        first, context.answered, context.request = not context.answered, True, None
        if context.is_invite or response.cseq_method == "UPDATE":
            self._concluded(context, response)
        self._layer.respond(context.number, response, now)
        if first and (context.open or context.targets is not None):
            self._give_up_others(context, now, (ELSEWHERE,))
        self._let_go(context)

    def _branch_failed(self, branch: Branch, status: int, now: float) -> None:
        context = branch.context
        if branch not in context.open:
            return
        if branch.flows and not branch.is_provisional and not context.cancelled:
            self._close(branch)
            self._send(context, branch.target, branch.flows, now)
            return
        if status == 503 and branch.target.flow is not None:
            status = 430  # RFC 5626 s.5.3: the flow of the token or binding is gone
        elif status == 408 and context.cancelled:
            status = 487  # s.9.1: 64*T1 after the CANCEL the INVITE counts as cancelled
        self._finish(branch, Final(status), now)

    def _finish(self, branch: Branch, final: Final, now: float) -> None:
        """Take the final response of a branch that is no 2xx, and see what is left (s.16.7 items 4 to 6)."""
        context = branch.context
        self._close(branch)
        if context.answered:
            return
        if branch.is_given_up and final.status == 487 and not context.cancelled:
            final = Final(408)  # we gave it up, the caller did not
        if not self._followed(context, branch.target, final, now):
            context.finals += (final,)
        if final.status >= 600:
            self._give_up_others(context, now, ())  # s.16.7 item 5: no new branch, and the others are cancelled
        if not context.open:
            self._next_group(context, now)

    def _followed(self, context: ResponseContext, target: Target, final: Final, now: float) -> bool:
        """Put the contacts of a 3xx into the target set (s.16.7 item 4); false if none of them is new."""
        response = final.response
        if response is None or not 300 <= final.status < 400 or not context.recurses or context.cancelled:
            return False
        try:
            contacts = [contact for contact in response.contacts if contact is not STAR]
        except SipSyntaxError:
            return False
        targets = [found for contact in contacts for found in self._targets_of(contact, now)]
        if context.targets is None:
            context.targets = TargetSet((target,))
            context.targets.clear()  # it has been tried
        return context.targets.add(targets) > 0

    def _targets_of(self, contact: NameAddr, now: float) -> Iterable[Target]:
        q = preference(contact.params.get("q"))
        return [target._replace(q=q) for target in self._redirect.redirected(contact.uri, now)]

    def _answer(self, context: ResponseContext, now: float) -> None:
        """Send the best of what the branches said upstream (s.16.7 item 6)."""
        request = context.request
        if context.answered or request is None:
            return
        context.answered, context.request = True, None
        chosen = best(context.finals or (Final(487 if context.cancelled else 408),))
        if chosen.status == 408 and not context.is_invite:
            return  # RFC 4320 s.4.2: nobody answers a non-INVITE request that late
        response = chosen.response
        if response is None or chosen.status == 503:
            status = 500 if chosen.status == 503 else chosen.status
            response = request.response(status, to_tag=self._ids.tag())
        elif more := gathered_challenges(chosen, context.finals):
            response.rewrite(with_lines(response, more))
        context.finals = ()
        if context.is_invite:
            self._concluded(context, response)
        self._layer.respond(context.number, response, now)
        self._let_go(context)

    def _let_go(self, context: ResponseContext) -> None:
        """Forget what is answered, unless more may come: of an INVITE every 2xx is passed on (RFC 6026 s.7.3)."""
        if not context.is_invite and not context.open:
            self._contexts.pop(context.number, None)

    def _concluded(self, context: ResponseContext, response: Response) -> None:
        """Tell that an INVITE or UPDATE has a final response: whoever counts calls wants to know."""
        self.events.append(Concluded(context.call_id, context.records, response))

    # -- branches

    def _begin(self, context: ResponseContext, targets: Sequence[Target], now: float) -> None:
        self._contexts[context.number] = context
        if len(targets) == 1:
            self._send(context, targets[0], None, now)
            if not context.open and not context.answered:
                self._next_group(context, now)
        else:
            context.targets = TargetSet(targets)
            self._next_group(context, now)

    def _next_group(self, context: ResponseContext, now: float) -> None:
        """Try the next targets, or say how it went when none is left."""
        while context.targets and not context.open and not context.cancelled:
            for target in context.targets.next_group():
                self._send(context, target, None, now)
            if context.targets and context.open and context.is_invite:
                self._ringing.start(context, context.ring_s, _RINGS_TOO_LONG, now)
        if not context.open:
            self._answer(context, now)

    def _send(self, context: ResponseContext, target: Target, hops: Sequence[Flow] | None, now: float) -> None:
        """Send a copy of the request to a target, or note that it cannot be reached (s.16.6 items 6 to 11)."""
        request = context.request
        if request is None:
            return
        try:
            uri_text, routes, flows = self._copies.way(context.routes, target, hops)
        except SipSyntaxError as error:
            context.finals += (Final(error.status),)
            return
        if not flows:
            context.finals += (Final(503),)  # RFC 3263 s.4: no way to get there is as good as a transport error
            return
        branch = Branch(context, target, tuple(flows[1:]))
        try:
            branch.number = self._copies.send(context, request, uri_text, routes, flows[0], target, now)
        except VoxlabError:
            context.finals += (Final(503),)
            return
        self._branches[branch.number] = branch
        context.open += (branch,)
        if context.is_invite:
            self._timers_c[branch] = now + self._timer_c_s

    # -- giving up

    def _close(self, branch: Branch) -> None:
        """A branch has its final response."""
        context = branch.context
        if branch in context.open:
            context.open = tuple([each for each in context.open if each is not branch])
            if context.is_invite:
                self._timers_c.pop(branch, None)
                if not context.open and context.targets is not None:
                    self._ringing.stop(context)
            else:
                self._branches.pop(branch.number, None)  # nothing more comes of it

    def _give_up_others(self, context: ResponseContext, now: float, headers: Sequence[Header]) -> None:
        """Begin no new branch and cancel those under way (s.16.7 items 5 and 10)."""
        if context.targets is not None:
            context.targets.clear()
        self._cancel_all(context, now, headers)

    def _cancel_all(self, context: ResponseContext, now: float, headers: Sequence[Header]) -> None:
        if context.is_invite:  # s.9.1: a CANCEL SHOULD NOT be sent for any other request
            for branch in context.open:
                branch.is_given_up = True
                self._layer.cancel(branch.number, now, headers)

    def _timer_c(self, branch: Branch, now: float) -> None:
        if branch.is_provisional:
            branch.is_given_up = True
            self._layer.cancel(branch.number, now)
        else:
            self._branch_failed(branch, 408, now)
