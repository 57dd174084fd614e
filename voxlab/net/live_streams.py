"""TCP and TLS connections of one host on real sockets: opened by need, pooled by remote address, bounded in every way.

Chunks go up as they come from the system. Must not know how they are framed.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from voxlab.base.datagram import Address, Flow
from voxlab.base.records import DELIVERED, REFUSED
from voxlab.net.datagram_socket import BURST
from voxlab.net.loop import OrderedLoop
from voxlab.net.network import OnWire, Receiver

_BREATHER_S = 1.0  # how long no connection is accepted when the system has run out of descriptors
ServerContext = Callable[[], ssl.SSLContext]
"""Asked at each handshake for the certificate to show, whose names may have become more since the last."""
_CHUNK_BYTES = 16_384  # taken of one peer before the others get their turn: some tens of messages
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """Bounds on what peers may hold of a host.

    Parameters
    ----------
    connections : int
        Open connections; one more is closed at once.
    half_open : int
        Of them, TLS handshakes that have not ended.
    handshake_s : float
        How long a connection may take to be there, in either direction.
    idle_s : float
        After so long without a byte a connection is closed.
    unsent_bytes : int
        How much may wait for a peer that does not read.
    """

    connections: int = 1024
    half_open: int = 64
    handshake_s: float = 10.0
    idle_s: float = 900.0
    unsent_bytes: int = 1 << 20


class Surroundings(Protocol):
    """What the connections of a host need of it and of its network."""

    owner: str
    host: str
    receiver: Receiver
    expected: dict[Address, str]

    @property
    def on_wire(self) -> OnWire:
        """Who listens in."""

    def next_connection(self) -> int:
        """Return the next number."""

    def client_context(self) -> ssl.SSLContext:
        """Return what to trust when connecting."""


class Stream(asyncio.BufferedProtocol):
    """One connection, ours or the peer's; until it is there what we send waits."""

    def __init__(self, streams: LiveStreams, flow: Flow) -> None:
        self.flow = flow
        self.active_s = streams.loop.time()
        self.waiting: list[tuple[Flow, bytes]] = []
        self.wire: asyncio.Transport | None = None
        self.opening: asyncio.Task[Any] | None = None
        self.gone = False
        self._streams = streams

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Learn both addresses; send what waited."""
        assert isinstance(transport, asyncio.Transport)
        if self.gone:
            transport.abort()
            return
        self.wire = transport
        local = Address(*transport.get_extra_info("sockname")[:2])
        self.flow = self.flow._replace(local=local)
        for flow, data in self.waiting:
            self.send(flow, data)
        self.waiting.clear()

    def send(self, flow: Flow, data: bytes) -> None:
        """Send a chunk, or keep it until the connection is there."""
        if self.wire is None:
            self.waiting.append((flow, data))
            return
        if self.wire.is_closing():
            self._streams.fail(self, "the peer has closed the connection", [flow])
            return
        self.active_s = self._streams.loop.time()
        self._streams.record(self.flow, data, DELIVERED)
        self.wire.write(data)
        if self.wire.get_write_buffer_size() > self._streams.limits.unsent_bytes:
            self._streams.fail(self, "the peer does not read what it is sent", [flow])

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where the next bytes go; one buffer serves all connections, because it is emptied at once."""
        return self._streams.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Hand bytes up."""
        if not self.gone:
            self.active_s = now = self._streams.loop.time()
            receiver = self._streams.receiver
            receiver.received(self.flow, bytes(self._streams.buffer[:nbytes]), now)
            receiver.rested()

    def connection_lost(self, exc: Exception | None) -> None:
        """Hand up that it is gone, unless we ended it."""
        if not self.gone:
            self._streams.forget(self)
            self._streams.receiver.closed_flow(self.flow, self._streams.loop.time())

    def abort(self) -> None:
        """Let go of the socket now."""
        self.gone = True
        if self.opening is not None:
            self.opening.cancel()
        if self.wire is not None:
            self.wire.abort()


class LiveStreams:
    """The connections of one host."""

    def __init__(self, loop: OrderedLoop, host: Surroundings, limits: StreamLimits) -> None:
        self.loop = loop
        self.limits = limits
        self.buffer = memoryview(bytearray(_CHUNK_BYTES))  # a view: asyncio takes slices of it to write into
        self.receiver = host.receiver
        self._host = host
        self._streams: dict[int, Stream] = {}
        self._by_remote: dict[tuple[str, Address], Stream] = {}
        self._listeners: list[socket.socket] = []
        self._half_open = 0
        self._sweep: asyncio.TimerHandle | None = None

    def record(self, flow: Flow, data: bytes, outcome: int) -> None:
        """Tell the journal what we send."""
        self._host.on_wire(self.loop.time(), flow.transport, flow.local, flow.remote, data, outcome)

    def local_addresses(self) -> list[Address]:
        """Return our ends of the connections, as their peers see them."""
        return [stream.flow.local for stream in self._streams.values()]

    # -- sending ------------------------------------------------------------------------------------------------------

    def send(self, flow: Flow, data: bytes) -> None:
        """Send a chunk on the connection of the flow, else on an open one to that remote, else on a new one."""
        stream = self._streams.get(flow.connection) or self._by_remote.get((flow.transport, flow.remote))
        if stream is None:
            stream = self._connect(flow)
        stream.send(flow, data)

    def close_connection(self, flow: Flow) -> None:
        """End the connection of a flow after what was sent on it."""
        stream = self._streams.get(flow.connection) or self._by_remote.get((flow.transport, flow.remote))
        if stream is not None:
            self.forget(stream)
            stream.gone = True
            if stream.wire is not None:
                stream.wire.close()
            elif stream.opening is not None:
                stream.opening.cancel()

    # -- opening ------------------------------------------------------------------------------------------------------

    def _enrol(self, transport: str, local: Address, remote: Address) -> Stream:
        number = self._host.next_connection()
        stream = Stream(self, Flow(transport, local, remote, number))
        self._streams[number] = self._by_remote[transport, remote] = stream
        if self._sweep is None:
            self._sweep = self.loop.call_in_background_at(self.loop.time() + self.limits.idle_s / 4, self._close_idle)
        return stream

    def _connect(self, flow: Flow) -> Stream:
        stream = self._enrol(flow.transport, Address(self._host.host, 0), flow.remote)
        context = self._host.client_context() if flow.transport == "TLS" else None
        name = self._host.expected.get(flow.remote, flow.remote.host) if context is not None else None
        options: dict[str, Any] = {"local_addr": (self._host.host, 0), "ssl": context, "server_hostname": name}
        self._start(
            stream, lambda: self.loop.create_connection(lambda: stream, flow.remote.host, flow.remote.port, **options)
        )
        return stream

    def _start(self, stream: Stream, opening: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        stream.opening = self.loop.create_task(self._open(stream, opening))

    async def _open(self, stream: Stream, opening: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        """Wait for a connection, within limits; it is only begun here, so that one given up before leaves nothing."""
        try:
            async with asyncio.timeout(self.limits.handshake_s):
                await opening()
        except TimeoutError:
            self.fail(stream, f"timed out: not connected after {self.limits.handshake_s:g} s")
        except OSError as error:  # ssl's errors are such
            self.fail(stream, _reason(error))
        finally:
            stream.opening = None

    def fail(self, stream: Stream, reason: str, flows: list[Flow] | None = None) -> None:
        """Give a connection up; say so once for each flow that used it."""
        if stream.gone:
            return
        self.forget(stream)
        stream.abort()
        for _flow, data in stream.waiting:
            self.record(stream.flow, data, REFUSED)
        now = self.loop.time()
        if stream.wire is not None:
            self.loop.call_soon(self.receiver.closed_flow, stream.flow, now)
        for flow in dict.fromkeys([*(flow for flow, _ in stream.waiting), *(flows or ())]):
            text = f"{flow.transport} {flow.remote}: {reason}"
            self.loop.call_soon(self.receiver.transport_error, flow, text, now)
        stream.waiting.clear()

    # -- accepting ----------------------------------------------------------------------------------------------------

    def listen(self, transport: str, bound: socket.socket, context: ServerContext | None) -> None:
        """Accept connections on a bound socket."""
        bound.listen(min(self.limits.connections, 512))
        self._listeners.append(bound)
        self.loop.add_reader(bound, self._accept, transport, bound, context)

    def _accept(self, transport: str, bound: socket.socket, context: ServerContext | None) -> None:
        for _ in range(BURST):
            try:
                accepted, source = bound.accept()
            except OSError as error:  # nothing more, or a peer that went away before it was accepted
                if error.errno in _EXHAUSTED:
                    self._breathe(transport, bound, context)
                return
            self._take_in(transport, accepted, Address(*source[:2]), context)

    def _breathe(self, transport: str, bound: socket.socket, context: ServerContext | None) -> None:
        """Look away for a moment: the socket would stay readable and the loop spin."""
        self.loop.remove_reader(bound)
        self.loop.call_in_background_at(self.loop.time() + _BREATHER_S, self._accept_again, transport, bound, context)

    def _accept_again(self, transport: str, bound: socket.socket, context: ServerContext | None) -> None:
        if bound in self._listeners:
            self.loop.add_reader(bound, self._accept, transport, bound, context)

    def _take_in(self, transport: str, accepted: socket.socket, remote: Address, context: ServerContext | None) -> None:
        if len(self._streams) >= self.limits.connections or (
            context is not None and self._half_open >= self.limits.half_open
        ):
            accepted.close()
            return
        accepted.setblocking(False)
        stream = self._enrol(transport, Address(*accepted.getsockname()[:2]), remote)
        options: dict[str, Any] = {"ssl": context() if context is not None else None}
        self._half_open += 1
        self._start(stream, lambda: self.loop.connect_accepted_socket(lambda: stream, accepted, **options))
        assert stream.opening is not None
        stream.opening.add_done_callback(lambda _task: self._shaken(stream, accepted))

    def _shaken(self, stream: Stream, accepted: socket.socket) -> None:
        self._half_open -= 1
        if stream.wire is None:  # given up before a transport had it
            accepted.close()

    # -- ending -------------------------------------------------------------------------------------------------------

    def _close_idle(self) -> None:
        """Close the connections on which nothing came or went for long."""
        self._sweep = None
        horizon = self.loop.time() - self.limits.idle_s
        for stream in [stream for stream in self._streams.values() if stream.active_s <= horizon]:
            self.close_connection(stream.flow)
            self.receiver.closed_flow(stream.flow, self.loop.time())
        if self._streams:
            self._sweep = self.loop.call_in_background_at(self.loop.time() + self.limits.idle_s / 4, self._close_idle)

    def forget(self, stream: Stream) -> None:
        """Take a connection out of the books."""
        self._streams.pop(stream.flow.connection, None)
        key = stream.flow.transport, stream.flow.remote
        if self._by_remote.get(key) is stream:
            del self._by_remote[key]

    def drop_all(self) -> None:
        """Abort every connection without a word."""
        for stream in list(self._streams.values()):
            self.forget(stream)
            stream.abort()

    def close(self) -> None:
        """Close listeners and connections."""
        for bound in self._listeners:
            self.loop.remove_reader(bound)
            bound.close()
        self._listeners.clear()
        self.drop_all()
        if self._sweep is not None:
            self._sweep.cancel()


def _reason(error: OSError) -> str:
    """Say why a connection failed, in words for people."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is refused: {error.verify_message} (RFC 5922 s.7.3)"
    if isinstance(error, ssl.SSLError):
        return f"no TLS: {error.reason or error}"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused: nobody listens there"
    return error.strerror or str(error) or type(error).__name__
