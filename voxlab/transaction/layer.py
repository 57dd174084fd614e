"""The transaction layer: matches messages to transactions, starts new ones, and tells its user what happened.

RFC 3261 s.17, s.18.1, s.18.2, s.9; RFC 6026; RFC 3581; RFC 4320 s.4. Must not know dialogs, users or sockets.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from math import inf

from voxlab.base.datagram import Address, Flow, Transmit
from voxlab.base.errors import SipSyntaxError, VoxlabError
from voxlab.base.ids import Ids
from voxlab.sip.message import Request, Response
from voxlab.transaction.counters import Counters
from voxlab.transaction.events import AckArrived, Output, RequestArrived, StrayResponse
from voxlab.transaction.hop_by_hop import cancel_of
from voxlab.transaction.machine import Machine, Observer
from voxlab.transaction.matching import Index, client_key, is_compliant, server_key
from voxlab.transaction.tables import (
    ALL,
    INVITE_CLIENT,
    INVITE_SERVER,
    NON_INVITE_CLIENT,
    NON_INVITE_SERVER,
    Input,
    State,
)
from voxlab.transaction.timers import Timers
from voxlab.transaction.transaction import Description, Key, Transaction
from voxlab.transaction.via import ClientTransport, Outgoing, arrive, backup_flow, is_from, sent_by_of

_INVITE_CLIENT, _NON_INVITE_CLIENT = ALL.index(INVITE_CLIENT), ALL.index(NON_INVITE_CLIENT)
_INVITE_SERVER, _NON_INVITE_SERVER = ALL.index(INVITE_SERVER), ALL.index(NON_INVITE_SERVER)
_RECEIVED = (int(Input.PROVISIONAL), int(Input.SUCCESS), int(Input.FAILURE))
_SENT = (int(Input.SEND_PROVISIONAL), int(Input.SEND_SUCCESS), int(Input.SEND_FAILURE))
_REQUEST, _ACK = int(Input.REQUEST), int(Input.ACK)
_WITHOUT_TRANSACTION = {"ACK": "send", "CANCEL": "cancel"}
_RETRY_AFTER_S = 10

Created = Callable[[float, int, int, str, str, str], None]


class TransactionLayer:
    """All transactions of one element, client and server.

    The four verbs are ``receive``, ``next_timeout``, ``handle_timeout`` and ``poll``. ``now`` never runs backwards.

    Parameters
    ----------
    ids : Ids
        Where branches come from.
    timers : Timers
        T1, T2, T4 and what derives from them.
    sent_by : callable
        Called as ``sent_by(flow)``: the address that the Via of a request on that flow names, which is where the
        element listens for that transport.
    observer : callable or None
        Called as ``observer(now, number, machine, input, state)`` for each transition: ``machine`` is an index into
        ``tables.ALL``, ``input`` a ``tables.Input``, ``state`` the ``tables.State`` entered, all as ``int``.
    created : callable or None
        Called as ``created(now, number, machine, method, call_id, branch)`` for each new transaction, before its first
        transition. The state that it enters is ``tables.ALL[machine].initial``.
    congestion_controlled : bool
        Whether requests of more than 1300 bytes move from UDP to TCP (RFC 3261 s.18.1.1), and back once TCP fails.
    max_transactions : int
        With so many running, a new request is answered with 503 without a transaction, and ``request`` raises.
    """

    def __init__(
        self,
        ids: Ids,
        timers: Timers = Timers(),  # noqa: B008 - frozen
        *,
        sent_by: Callable[[Flow], Address],
        observer: Observer | None = None,
        created: Created | None = None,
        congestion_controlled: bool = True,
        max_transactions: int = 500_000,
    ) -> None:
        self.counters = Counters()
        self._sent_by = sent_by
        self._created = created
        self._max_transactions = max_transactions
        self._transport = ClientTransport(ids, sent_by, congestion_controlled=congestion_controlled)
        self._machine = Machine(timers, observer, self._end, self._start_cancel)
        self._index = Index()
        self._last_number = 0
        self.outputs = self._machine.outputs  # what ``poll`` will return: empty, nobody need ask

    # The four verbs.

    def receive(self, message: Request | Response, flow: Flow, now: float) -> None:
        """Take a message that arrived on ``flow``; nothing that a peer sends raises."""
        try:
            if isinstance(message, Response):
                self._receive_response(message, flow, now)
            elif message.method == "ACK":
                self._receive_ack(message, flow, now)
            else:
                self._receive_request(message, flow, now)
        except SipSyntaxError:  # a top Via that the scan let pass
            self.counters.unreadable += 1

    def next_timeout(self) -> float | None:
        """Return when ``handle_timeout`` is to be called, in seconds; None while no timer runs."""
        earliest_s = self.next_s()
        return None if earliest_s == inf else earliest_s

    def next_s(self) -> float:
        """Return the same for whoever compares it with other deadlines: infinity while no timer runs."""
        repeats, expiries = self._machine.repeats, self._machine.expiries
        first_s, second_s = repeats.earliest_s, expiries.earliest_s
        if first_s is None:
            first_s = repeats.next_s()
        if second_s is None:
            second_s = expiries.next_s()
        return min(second_s, first_s)

    def handle_timeout(self, now: float) -> None:
        """Fire the timers that are due at ``now``."""
        self._machine.handle_timeout(now)

    def poll(self) -> list[Output]:
        """Return what there is to send and to tell, in order, and forget it."""
        outputs = self.outputs[:]
        self.outputs.clear()
        return outputs

    # The commands of the transaction user.

    def request(self, request: Request, flow: Flow, now: float) -> int:
        """Put a Via on a request, start its client transaction and return the transaction's number.

        Raises
        ------
        VoxlabError
            It is an ACK (see ``send``) or a CANCEL (see ``cancel``), or there are too many transactions.
        """
        method = request.method
        if method in _WITHOUT_TRANSACTION:
            raise VoxlabError(f"a {method} belongs to its INVITE: use {_WITHOUT_TRANSACTION[method]}(), not request()")
        if len(self._index.numbered) >= self._max_transactions:
            raise VoxlabError(f"{len(self)} transactions are running; max_transactions is {self._max_transactions}")
        outgoing = self._transport.push_via(request, flow)
        machine = _INVITE_CLIENT if method == "INVITE" else _NON_INVITE_CLIENT
        self._last_number = number = self._last_number + 1
        transaction = Transaction(number, machine, request, outgoing.flow, request.branch)
        if outgoing.flow is not flow:
            transaction.backup = flow
        self._start_client(transaction, request, outgoing, now)
        return number

    def via_for(self, flow: Flow, branch: str) -> Outgoing:
        """Return the Via that a request on ``flow`` gets; whoever edits bytes puts it there, then calls ``forward``."""
        return self._transport.outgoing(flow, branch)

    def forward(self, request: Request, outgoing: Outgoing, now: float, backup: Flow | None = None) -> int:
        """Start the client transaction of a request that bears its Via already, and return the transaction's number.

        Parameters
        ----------
        request : Request
            With ``outgoing.via`` on top; its ``raw`` goes out as it is (RFC 3261 s.16.6 item 10).
        outgoing : Outgoing
            What ``via_for`` returned.
        backup : Flow or None
            Where it goes if TCP, taken for its size only, fails (s.18.1.1).

        Raises
        ------
        VoxlabError
            There are too many transactions.
        """
        if len(self._index.numbered) >= self._max_transactions:
            raise VoxlabError(f"{len(self)} transactions are running; max_transactions is {self._max_transactions}")
        machine = _INVITE_CLIENT if request.method == "INVITE" else _NON_INVITE_CLIENT
        self._last_number = number = self._last_number + 1
        transaction = Transaction(number, machine, request, outgoing.flow, request.branch)
        transaction.backup = backup
        self._start_client(transaction, request, outgoing, now)
        return number

    def cancel(self, number: int, now: float, headers: Iterable[tuple[str, str]] = ()) -> int | None:
        """Cancel the INVITE of client transaction ``number`` and return the number of the CANCEL's own transaction.

        Before a provisional response the CANCEL waits for one (RFC 3261 s.9.1); if a final response comes instead it is
        dropped, which ``TransactionEnded`` tells. ``headers`` are added to it, such as Reason (RFC 3326). Asked again,
        the same number is returned.

        Returns
        -------
        int or None
            None if a final response has come or the transaction has ended: there is nothing left to cancel.

        Raises
        ------
        VoxlabError
            The transaction is not that of an INVITE sent.
        """
        invite = self._known(number)
        if invite is None:
            return None
        _check_cancellable(invite)
        if invite.cancel_number is None:
            if invite.state > State.PROCEEDING:
                return None
            invite.cancel_number = self._number()
            invite.cancel_headers = tuple(headers)
            self._machine.step(invite, Input.CANCEL, None, now)
        return invite.cancel_number

    def respond(self, number: int, response: Response, now: float) -> None:
        """Answer the request of server transaction ``number``; after its end a response is dropped (RFC 6026 s.8.3).

        Raises
        ------
        VoxlabError
            The transaction is a client's, or the response is one that RFC 4320 s.4 forbids to a non-INVITE request:
            a provisional other than 100, or 408.
        """
        transaction = self._known(number)
        if transaction is None:
            self.counters.late_responses += 1
            return
        _check_answer(transaction, response.status)
        self._machine.step(transaction, _of_class(_SENT, response.status), response, now)

    def send(self, request: Request, flow: Flow, now: float) -> Transmit:
        """Send a request without a machine, which is the ACK to a 2xx; its branch is its own (RFC 3261 s.17.1.1.3).

        Returns
        -------
        Transmit
            What was put out. When the 2xx comes again, give it to ``resend``: every copy of the 2xx gets the same ACK
            (s.13.2.2.4).
        """
        outgoing = self._transport.push_via(request, flow)
        transmit = Transmit(outgoing.flow, request.raw)
        self.resend(transmit)
        return transmit

    def resend(self, transmit: Transmit) -> None:
        """Put out once more what ``send`` returned."""
        self._machine.outputs.append(transmit)

    def transport_error(self, flow: Flow, now: float) -> None:
        """Take notice that what was sent on ``flow`` did not arrive (RFC 3261 s.17.1.4, s.17.2.4)."""
        for transaction in self._index.using(flow):
            is_server = transaction.machine >= _INVITE_SERVER
            backup = _backup_of_server(transaction) if is_server else transaction.backup
            if backup is None:
                self._machine.step(transaction, Input.TRANSPORT_ERROR, None, now)
            elif is_server:
                self._index.move(transaction, backup)
                self._machine.send(transaction)
            elif transaction.state <= State.TRYING:
                self._back_to_udp(transaction, backup, now)

    def cancel_target(self, request: Request) -> int | None:
        """Return the INVITE server transaction that a CANCEL names, None if there is none (RFC 3261 s.9.2: 481)."""
        target = self._index.servers.get(server_key(request, request.top_via, "INVITE"))
        return None if target is None else target.number

    @property
    def largest_datagram_bytes(self) -> int:
        """What is larger goes over TCP: 1300, or 200 less than the MTU of a path that is known (RFC 3261 s.18.1.1)."""
        return self._transport.largest_datagram_bytes

    @largest_datagram_bytes.setter
    def largest_datagram_bytes(self, size: int) -> None:
        self._transport.largest_datagram_bytes = size

    # What is asked about transactions.

    def has_invite(self, branch: str, via: str) -> bool:
        """Whether an INVITE with this branch and top Via has arrived and has a transaction still."""
        return (branch, sent_by_of(via), "INVITE") in self._index.servers

    def describe(self, number: int) -> Description | None:
        """Return what transaction ``number`` is about, None once it has ended."""
        transaction = self._index.numbered.get(number)
        return None if transaction is None else transaction.describe()

    def state(self, number: int) -> State:
        """Return the state of transaction ``number``, which is TERMINATED once it has ended."""
        transaction = self._index.numbered.get(number)
        return State.TERMINATED if transaction is None else State(transaction.state)

    def __len__(self) -> int:
        return len(self._index.numbered)

    # What arrives.

    def _receive_response(self, response: Response, flow: Flow, now: float) -> None:
        transaction = self._index.client(response)
        if transaction is None:
            self._receive_stray(response, flow)
        elif not response.top_via.startswith(transaction.via_start) and not self._is_ours(response, transaction.flow):
            self.counters.foreign_responses += 1
        else:
            self._machine.arrival = flow
            self._machine.step(transaction, _of_class(_RECEIVED, response.status), response, now)

    def _receive_stray(self, response: Response, flow: Flow) -> None:
        if not self._is_ours(response, flow):
            self.counters.foreign_responses += 1
        elif response.cseq_method == "INVITE" and 200 <= response.status < 300:
            self._machine.outputs.append(StrayResponse(response, flow))
        else:
            self.counters.stray_responses += 1

    def _is_ours(self, response: Response, flow: Flow) -> bool:
        return is_from(response, self._sent_by(flow))

    def _receive_request(self, request: Request, flow: Flow, now: float) -> None:
        via = request.top_via
        key = server_key(request, via, request.method)
        transaction = self._index.servers.get(key)
        if transaction is not None:
            self._machine.step(transaction, _REQUEST, request, now)
        elif len(self._index.numbered) >= self._max_transactions:
            self._refuse(request, arrive(request, via, flow))
        else:
            self._start_server(request, via, key, flow, now)

    def _receive_ack(self, request: Request, flow: Flow, now: float) -> None:
        transaction = self._index.acknowledged(request, request.top_via)
        if transaction is None:
            self._machine.outputs.append(AckArrived(request, flow))
        else:
            self._machine.arrival = flow
            self._machine.step(transaction, _ACK, request, now)

    def _refuse(self, request: Request, flow: Flow) -> None:
        self.counters.refused_requests += 1
        self._machine.outputs.append(Transmit(flow, _too_busy(request).raw))

    # Transactions come and go.

    def _start_server(self, request: Request, via: str, key: Key, flow: Flow, now: float) -> None:
        machine = _INVITE_SERVER if request.method == "INVITE" else _NON_INVITE_SERVER
        reply_to = arrive(request, via, flow)
        transaction = Transaction(self._number(), machine, request, reply_to, key)
        transaction.via = via
        if not is_compliant(request):
            transaction.is_legacy, transaction.to_tag = True, None
        self._start(transaction, self._index.servers, now)
        self._machine.outputs.append(RequestArrived(transaction.number, request, flow))

    def _start_client(self, transaction: Transaction, request: Request, outgoing: Outgoing, now: float) -> None:
        transaction.via, transaction.via_start = outgoing.via, outgoing.via_start
        transaction.data = request.raw
        self._start(transaction, self._index.clients, now)

    def _start_cancel(self, invite: Transaction, now: float) -> None:
        """Send the CANCEL that ``cancel`` asked for, on the path of its INVITE (RFC 3261 s.9.1)."""
        if invite.request is None or invite.cancel_number is None:
            return
        request = cancel_of(invite.request, invite.via, invite.cancel_headers)
        key = client_key(invite.branch, "CANCEL")
        cancel = Transaction(invite.cancel_number, _NON_INVITE_CLIENT, request, invite.flow, key)
        self._start_client(cancel, request, Outgoing(invite.flow, invite.via, invite.via_start), now)

    def _back_to_udp(self, transaction: Transaction, flow: Flow, now: float) -> None:
        """Retry on UDP what was sent on TCP for its size only (RFC 3261 s.18.1.1)."""
        request = transaction.request
        if request is None:
            return
        self._index.move(transaction, flow)
        outgoing = self._transport.set_via(request, flow, transaction.branch)
        transaction.via, transaction.via_start = outgoing.via, outgoing.via_start
        transaction.data = request.raw
        self._machine.enter(transaction, now)

    def _start(self, transaction: Transaction, side: dict[Key, Transaction], now: float) -> None:
        self._index.add(transaction, side)
        if self._created is not None:
            number, machine, method = transaction.number, transaction.machine, transaction.method
            self._created(now, number, machine, method, transaction.call_id, transaction.branch)
        self._machine.enter(transaction, now)

    def _end(self, transaction: Transaction) -> None:
        is_client = transaction.machine < _INVITE_SERVER
        self._index.remove(transaction, self._index.clients if is_client else self._index.servers)

    def _number(self) -> int:
        self._last_number += 1
        return self._last_number

    def _known(self, number: int) -> Transaction | None:
        if not 0 < number <= self._last_number:
            raise VoxlabError(f"there has been no transaction {number}; the last one was {self._last_number}")
        return self._index.numbered.get(number)


def _backup_of_server(transaction: Transaction) -> Flow | None:
    """Return, once, where the responses go whose connection is gone (RFC 3261 s.18.2.2)."""
    via, transaction.via = transaction.via, ""
    return backup_flow(via, transaction.flow) if via else None


def _of_class(inputs: tuple[int, int, int], status: int) -> int:
    """Choose the input for 1xx, 2xx or 300-699."""
    return inputs[0] if status < 200 else inputs[1] if status < 300 else inputs[2]


def _too_busy(request: Request) -> Response:
    """Answer without a transaction: the tag is the same for a retransmission (RFC 3261 s.8.2.7)."""
    seed = f"{request.branch} {request.call_id}".encode("utf-8", "surrogateescape")
    return request.response(503, to_tag=f"{zlib.crc32(seed):08x}", headers=[("Retry-After", str(_RETRY_AFTER_S))])


def _check_cancellable(invite: Transaction) -> None:
    if invite.machine != _INVITE_CLIENT:
        kind = ALL[invite.machine].name
        raise VoxlabError(
            f"transaction {invite.number} is a {kind} transaction ({invite.method}); CANCEL is for an INVITE sent"
        )


def _check_answer(transaction: Transaction, status: int) -> None:
    """Refuse what cannot be answered, and what RFC 4320 s.4 forbids as an answer."""
    if transaction.machine < _INVITE_SERVER:
        raise VoxlabError(
            f"transaction {transaction.number} sent a {transaction.method}; only what arrived can be answered"
        )
    if transaction.machine == _NON_INVITE_SERVER and (status == 408 or 100 < status < 200):
        raise VoxlabError(f"{status} must not be sent to a {transaction.method} request (RFC 4320 s.4)")
