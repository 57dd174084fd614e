"""The driver: runs one node on one endpoint in one world. Receive, poll, transmit, hand the events on, re-arm the
timer.

The only place where a sans-IO node meets a clock and a wire; must not know what the node is for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context
from math import inf
from typing import Protocol

from voxlab.base.datagram import Address, Flow, Transmit
from voxlab.base.errors import SipSyntaxError
from voxlab.base.journal import Journal
from voxlab.elements.door import Door
from voxlab.elements.node import Node, NodeEvent
from voxlab.faults.temper import Temper
from voxlab.net.loop import OrderedLoop
from voxlab.net.network import Endpoint
from voxlab.sip.framing import KeepAlive, StreamFramer

Owner = Callable[[NodeEvent, float], None]
_SUCCESS = b"SIP/2.0 2"


class AnswerGate(Protocol):
    """Decides whether a 2xx may leave: an answer is given only when its call is on record."""

    def admits(self, data: bytes, now: float, release: Callable[[], None]) -> bool:
        """Return whether a 2xx may leave now; if not, ``release`` is called in the lab's thread when it may."""


class Host:
    """One machine.

    Parameters
    ----------
    name : str
        What people call it; the journal and the ladder use it.
    loop : OrderedLoop
    node : Node
    owner : callable
        Takes every event of the node with its time.
    journal : Journal or None
        Where messages are recorded by this host; None where the network records them itself.
    is_ours : callable
        Whether an address belongs to a host of this lab: then its messages were recorded where they were sent.
    """

    def __init__(
        self,
        name: str,
        loop: OrderedLoop,
        node: Node,
        owner: Owner,
        *,
        journal: Journal | None = None,
        is_ours: Callable[[str, Address], bool] = lambda _transport, _address: False,
    ) -> None:
        self.name = name
        self.node = node
        self.endpoint: Endpoint | None = None
        self._loop = loop
        self._owner = owner
        self._journal = journal
        self._is_ours = is_ours
        self._framers: dict[int, StreamFramer] = {}
        self._grain_s = loop.grain_s
        self._context = Context()  # a timer armed while a script runs is not the script's
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._housekeeping: asyncio.TimerHandle | None = None
        self._housekeeping_at = 0.0
        self._extra_timeout: Callable[[], float | None] | None = None
        self._on_extra: Callable[[float], None] | None = None
        self.after_work: Callable[[], None] | None = None
        self.gate: AnswerGate | None = None
        self.door: Door | None = None
        self.temper: Temper | None = None  # what a faulty device does to its messages
        self._stopped = False
        self._flushing = False

    # -- what the network tells it

    def received(self, flow: Flow, data: bytes, now: float) -> None:
        """Take a datagram, or a piece of a stream."""
        if flow.transport == "UDP":
            self._message(flow, data, now)
        else:
            self._piece(flow, data, now)
        if not self._flushing:
            self._flush_all(now)

    def rested(self) -> None:
        """Do what is to be done once after any number of messages: keep records, arm the timer."""
        if self.after_work is not None:
            self.after_work()
        self.rearm()

    def transport_error(self, flow: Flow, reason: str, now: float) -> None:
        """Take the news that what was sent on a flow did not arrive."""
        self.node.transport_error(flow, reason, now)
        self.flush()

    def closed_flow(self, flow: Flow, now: float) -> None:
        """Take the news that a stream is closed."""
        self._framers.pop(flow.connection, None)
        self.node.closed_flow(flow, now)
        self.flush()

    def _message(self, flow: Flow, data: bytes, now: float) -> None:
        if data[:1] < b"\2" or (len(data) <= 4 and not data.strip(b"\r\n\0")):
            # RFC 5626 s.3.5 keep-alives, and the zero bytes of NAT helpers
            self.node.keep_alive(flow, data, now)
            return
        door = self.door
        if door is not None and data[:4] in door.looks_at and self._is_turned_away(door, flow, data, now):
            return
        if self._journal is not None and not self._is_ours(flow.transport, flow.remote):
            self._journal.wire(now, flow.transport, flow.remote, self._address_of(flow), data)
        if self.temper is None:
            self.node.receive(flow, data, now)
        else:
            given = self.temper.arriving(flow, data, now)
            if given is not None:
                self.node.receive(flow, given, now)

    def _is_turned_away(self, door: Door, flow: Flow, data: bytes, now: float) -> bool:
        """Answer a new INVITE that is one too many, before anything is spent on it."""
        door.is_late = self.endpoint is not None and self.endpoint.is_late
        answer = door.turn_away(flow, data, now)
        if isinstance(answer, Transmit):
            self._send_raw(answer.flow, answer.data)
        return answer is not False

    def _piece(self, flow: Flow, data: bytes, now: float) -> None:
        framer = self._framers.get(flow.connection)
        if framer is None:
            framer = self._framers[flow.connection] = StreamFramer()
        for item in _framed(framer, data):
            if isinstance(item, bytes):
                self._message(flow, item, now)
            elif item is KeepAlive.PING:
                self._send_raw(flow, b"\r\n")
            else:
                self.node.keep_alive(flow, item.value, now)
        if framer.error is not None:
            # s.18.3: a stream that cannot be framed cannot be read any further.
            self.node.refuse(flow, framer.refused, framer.error)
            self.flush()
            self._close_stream(flow)
            self.node.closed_flow(flow, now)

    # -- running the node

    def flush(self) -> None:
        """Send what the node wants sent and hand on what happened, until nothing is left; to be called after every
        command.
        """
        if self._flushing:
            return  # a command given by the owner while it takes an event: the round that runs sends it
        self._flush_all(self._loop.time())
        self.rested()

    def _flush_all(self, now: float) -> None:
        self._flushing = True
        try:
            self._go_round(now)
        finally:
            self._flushing = False

    def _go_round(self, now: float) -> None:
        node, owner = self.node, self._owner
        while True:
            transmits, events = node.poll(now)
            if self.temper is not None:
                transmits = self.temper.leaving(transmits, now)
            for flow, data in transmits:
                if self.gate is None or data[:9] != _SUCCESS or self._may_leave(flow, data, now):
                    self._send(flow, data, now)
            if not events:
                return
            for event in events:
                try:
                    owner(event, now)
                except Exception as error:  # noqa: BLE001 - one event's mistake must not lose the others, nor what is to be sent
                    self._loop.call_exception_handler(
                        {"message": f"{self.name}: {type(event).__name__}", "exception": error}
                    )

    def _may_leave(self, flow: Flow, data: bytes, now: float) -> bool:
        """Ask the gate about a 2xx; one that has to wait is sent when it is let go."""
        assert self.gate is not None
        return self.gate.admits(data, now, lambda: self._let_go(flow, data))

    def _let_go(self, flow: Flow, data: bytes) -> None:
        if not self._stopped:
            self._send(flow, data, self._loop.time())

    def _send(self, flow: Flow, data: bytes, now: float) -> None:
        endpoint = self.endpoint
        if self._journal is not None and data[0] > 13:  # keep-alives are no messages
            self._journal.wire(now, flow.transport, self._address_of(flow), flow.remote, data)
        if endpoint is not None:
            endpoint.send(flow, data)

    def _address_of(self, flow: Flow) -> Address:
        """Return where this host listens: in the evidence it is one host, whatever port a connection went out from."""
        return flow.local if self.endpoint is None else self.endpoint.addresses.get(flow.transport, flow.local)

    def _send_raw(self, flow: Flow, data: bytes) -> None:
        if self.endpoint is not None:
            self.endpoint.send(flow, data)

    def _close_stream(self, flow: Flow) -> None:
        self._framers.pop(flow.connection, None)
        if self.endpoint is not None:
            self.endpoint.close_connection(flow)

    def faulty(self) -> Temper:
        """Return what keeps this host's faults; a host without one pays nothing for it."""
        if self.temper is None:
            self.temper = Temper()
        return self.temper

    # -- the timers

    def also_wake(self, next_timeout: Callable[[], float | None], handle_timeout: Callable[[float], None]) -> None:
        """Let one more machine of this host (a phone's behaviour) have its deadlines kept."""
        self._extra_timeout, self._on_extra = next_timeout, handle_timeout

    def rearm(self) -> None:
        """Arm the timer for the earliest deadline; one that is armed earlier fires and looks again, which is cheaper
        than cancelling.
        """
        if self._stopped:
            return
        due = self.node.next_s()
        kept = None if self.temper is None else self.temper.next_timeout()
        if kept is not None and kept < due:
            due = kept
        if self._extra_timeout is not None:
            extra = self._extra_timeout()
            if extra is not None and extra < due:
                due = extra
        timer = self._timer
        if timer is None:
            if due != inf:
                self._timer_at = due
                self._timer = self._loop.call_at(due + self._grain_s, self._wake, context=self._context)
        elif due < self._timer_at or due == inf:
            timer.cancel()
            self._timer_at = due
            self._timer = None
            if due != inf:
                self._timer = self._loop.call_at(due + self._grain_s, self._wake, context=self._context)
        if self.node.housekeeping_changed:
            self.node.housekeeping_changed = False
            self._rearm_housekeeping()

    def _rearm_housekeeping(self) -> None:
        due = self.node.next_housekeeping()
        if due is not None and (self._housekeeping is None or due < self._housekeeping_at):
            if self._housekeeping is not None:
                self._housekeeping.cancel()
            self._housekeeping_at = due
            self._housekeeping = self._loop.call_in_background_at(due, self._keep_house)

    def _wake(self) -> None:
        self._timer = None
        # The loop rounds timers to 1 ns, which may be an instant before the deadline: then this is the deadline.
        now = max(self._loop.time(), self._timer_at)
        self.node.handle_timeout(now)
        if self._on_extra is not None:
            self._on_extra(now)
        self.flush()

    def _keep_house(self) -> None:
        self._housekeeping = None
        self.node.handle_timeout(max(self._loop.time(), self._housekeeping_at))
        self.flush()

    def close(self) -> None:
        """Stop: no timer fires any more, the endpoint is given back."""
        self._stopped = True
        for timer in (self._timer, self._housekeeping):
            if timer is not None:
                timer.cancel()
        self._timer = self._housekeeping = None
        if self.endpoint is not None:
            self.endpoint.close()
            self.endpoint = None

    def __repr__(self) -> str:
        return f"Host({self.name}: {self.node!r})"


def _framed(framer: StreamFramer, data: bytes) -> list[bytes | KeepAlive]:
    """Return what is complete; a fault, raised or kept, stands in ``framer.error`` afterwards."""
    try:
        return framer.feed(data)
    except SipSyntaxError:
        return []
