"""Finds the transaction that a message belongs to, and the transactions that a failed flow concerns.

RFC 3261 s.17.1.3, s.17.2.3 with the rules for RFC 2543 clients, s.9.2 for CANCEL. Must not know what a
transaction does.
"""

from __future__ import annotations

from voxlab.base.datagram import Address, Flow
from voxlab.sip.message import Request, Response
from voxlab.transaction.transaction import Key, Transaction
from voxlab.transaction.via import sent_by_of

_MAGIC_COOKIE = "z9hG4bK"


def is_compliant(request: Request) -> bool:
    """Tell whether the branch was made by the rules of RFC 3261 (s.8.1.1.7), so that it names the transaction."""
    return request.branch.startswith(_MAGIC_COOKIE)


def server_key(request: Request, via: str, method: str) -> Key:
    """Return the key of the transaction of ``method`` that this request opens or belongs to (s.17.2.3).

    For an ACK and for the target of a CANCEL (s.9.2) that method is INVITE. ``via`` is the top Via as written.
    """
    if request.branch.startswith(_MAGIC_COOKIE):
        return (request.branch, sent_by_of(via), method)
    return _legacy_key(request, method, request.to_tag)


def client_key(branch: str, method: str) -> Key:
    """Return the key of a client transaction: a CANCEL shares the branch of its INVITE (s.17.1.3)."""
    return branch if method != "CANCEL" else f"{branch} CANCEL"


def _legacy_key(request: Request, method: str, to_tag: str | None) -> Key:
    """Return the key for an RFC 2543 client: Request-URI, tags, Call-ID, CSeq and the top Via (s.17.2.3)."""
    via = request.via
    sent_by = (via.transport, via.host, via.port, request.branch)
    return (request.uri_text, to_tag, request.from_tag, request.call_id, request.cseq, *sent_by, method)


class Index:
    """All transactions, by number, by what their messages have in common, and by peer."""

    __slots__ = ("_by_remote", "clients", "numbered", "servers")

    def __init__(self) -> None:
        self.numbered: dict[int, Transaction] = {}
        self.clients: dict[Key, Transaction] = {}
        self.servers: dict[Key, Transaction] = {}
        self._by_remote: dict[Address, dict[Transaction, None]] = {}

    def add(self, transaction: Transaction, side: dict[Key, Transaction]) -> None:
        """Enter a transaction among ``clients`` or ``servers``."""
        self.numbered[transaction.number] = transaction
        side[transaction.key] = transaction
        self._join_remote(transaction)

    def remove(self, transaction: Transaction, side: dict[Key, Transaction]) -> None:
        """Take a transaction out from among ``clients`` or ``servers``."""
        del self.numbered[transaction.number]
        del side[transaction.key]
        self._leave_remote(transaction)

    def move(self, transaction: Transaction, flow: Flow) -> None:
        """Give a transaction its other flow; there is none after that."""
        self._leave_remote(transaction)
        transaction.flow, transaction.backup = flow, None
        self._join_remote(transaction)

    def client(self, response: Response) -> Transaction | None:
        """Find the client transaction of a response (s.17.1.3)."""
        method = response.cseq_method
        transaction = self.clients.get(response.branch if method != "CANCEL" else client_key(response.branch, method))
        return transaction if transaction is not None and transaction.method == method else None

    def acknowledged(self, ack: Request, via: str) -> Transaction | None:
        """Find the INVITE server transaction of an ACK (s.17.2.3)."""
        if is_compliant(ack):
            return self.servers.get(server_key(ack, via, "INVITE"))
        # The To tag of the ACK is that of our response; the INVITE had none, or in a dialog the same one.
        for invite_tag in (None, ack.to_tag):
            transaction = self.servers.get(_legacy_key(ack, "INVITE", invite_tag))
            if transaction is not None and transaction.to_tag == ack.to_tag:
                return transaction
        return None

    def using(self, flow: Flow) -> list[Transaction]:
        """Return the transactions, in the order of their start, whose messages go where this flow goes."""
        return [
            transaction
            for transaction in self._by_remote.get(flow.remote, ())
            if transaction.flow.transport == flow.transport and transaction.flow.connection in {0, flow.connection}
        ]

    def _join_remote(self, transaction: Transaction) -> None:
        neighbours = self._by_remote.get(transaction.flow.remote)
        if neighbours is None:
            neighbours = self._by_remote[transaction.flow.remote] = {}
        neighbours[transaction] = None

    def _leave_remote(self, transaction: Transaction) -> None:
        remote = transaction.flow.remote
        neighbours = self._by_remote[remote]
        del neighbours[transaction]
        if not neighbours:
            del self._by_remote[remote]
