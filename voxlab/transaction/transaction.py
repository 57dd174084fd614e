"""What is kept of one transaction while its machine runs.

RFC 3261 s.17 (what a machine repeats), s.18.1.1 and s.18.2.2 (where it goes). Must not know the tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

from voxlab.base.datagram import Flow
from voxlab.sip.message import Request

Key: TypeAlias = tuple[object, ...] | str


class Description(NamedTuple):
    """What a transaction is about; ``machine`` is an index into ``tables.ALL``."""

    machine: int
    method: str
    call_id: str
    branch: str
    cseq: int


class Transaction:
    """One client or server transaction: a plain record that the machine and the layer fill.

    Attributes
    ----------
    number : int
        What the transaction user calls it.
    machine, state : int
        An index into ``tables.ALL``, and a ``tables.State``.
    cells : list
        The compiled rows of ``state``, by input.
    key : object
        Under which the layer finds it for a message.
    request : Request or None
        Kept only while something may have to be built from it: by a client until the final response, by a server until
        its first one.
    data : bytes
        What a retransmission repeats: the request, the ACK, or the last response.
    flow, backup : Flow
        Where ``data`` goes; where that of a client goes once more should ``flow`` fail, None for nowhere (s.18.1.1).
    timers_s : sequence of (float or None)
        Timer values by ``tables.Input`` for this machine and kind of transport.
    interval_s : float
        The running interval of Timer A, E or G.
    via, via_start : str
        Of a client: its top Via as it was sent, and that up to the value of the branch. Of a server: the top Via as it
        arrived, "" once ``backup_flow`` has been read from it.
    to_tag : str or None
        Of a server: the To tag of its last response, kept for RFC 2543 clients only.
    cancel_number, cancel_headers
        Of an INVITE client: the number of its CANCEL, sent or waiting for a provisional, and the header fields added to
        it.
    """

    __slots__ = (
        "backup",
        "branch",
        "call_id",
        "cancel_headers",
        "cancel_number",
        "cells",
        "cseq",
        "data",
        "flow",
        "interval_s",
        "is_legacy",
        "key",
        "machine",
        "method",
        "number",
        "request",
        "state",
        "timers_s",
        "to_tag",
        "via",
        "via_start",
    )

    state: int
    cells: list[Any]
    timers_s: Sequence[float | None]
    interval_s: float
    via: str
    via_start: str
    to_tag: str | None
    cancel_headers: tuple[tuple[str, str], ...]

    def __init__(self, number: int, machine: int, request: Request, flow: Flow, key: Key) -> None:
        self.number = number
        self.machine = machine
        self.request: Request | None = request
        self.method = request.method
        self.call_id = request.call_id
        self.branch = request.branch
        self.cseq = request.cseq
        self.flow = flow
        self.key = key
        self.data = b""
        self.backup: Flow | None = None
        self.cancel_number: int | None = None
        self.is_legacy = False

    def describe(self) -> Description:
        """Return what the transaction is about."""
        return Description(self.machine, self.method, self.call_id, self.branch, self.cseq)
