"""The contract that the simulated and the live network share: who receives, how one sends, what a name on a
certificate is.

Must not know how bytes travel, nor what they mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from voxlab.base.datagram import Address, Flow

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ALL_TRANSPORTS = ("UDP", "TCP", "TLS")

OnWire = Callable[[float, str, Address, Address, bytes, int], object]
"""``on_wire(time_s, transport, src, dst, data, outcome)``: one datagram or stream chunk that a host of ours sends;
the outcome is
DELIVERED, LOST or REFUSED of ``base.records``."""


def unheard(*_: object) -> None:
    """The ``OnWire`` of a network that nobody listens in on."""


class Identity(NamedTuple):
    """Whom a TLS certificate names (RFC 5922 s.7.1): SIP domains and IP addresses, and whether the lab's own authority
    signed it.

    Attributes
    ----------
    names : tuple of str
    trusted : bool
    served : callable
        Asked at each handshake for the domains that are served by then: a platform gets its applications after it has
        begun to listen.
    """

    names: tuple[str, ...] = ()
    trusted: bool = True
    served: Callable[[], Iterable[str]] = tuple

    @property
    def all_names(self) -> tuple[str, ...]:
        """Whom a certificate names that is shown now."""
        return (*self.names, *self.served())


class Receiver(Protocol):
    """What a host offers to its network; ``flow`` is seen from the host: ``local`` is its own end."""

    def received(self, flow: Flow, data: bytes, now: float) -> None:
        """Take one datagram, or bytes of a stream as they came."""

    def rested(self) -> None:
        """Hear that nothing more has arrived for now: what need not be done for each message is done now."""

    def transport_error(self, flow: Flow, reason: str, now: float) -> None:
        """Hear that something sent on ``flow`` did not arrive, and why (RFC 3261 s.18.4)."""

    def closed_flow(self, flow: Flow, now: float) -> None:
        """Hear that the peer closed the connection of ``flow``, or that it broke."""


class Endpoint(Protocol):
    """One host's place in a network: an address and the transports it listens on."""

    owner: str
    addresses: dict[str, Address]
    """By transport; TLS listens on a port of its own (RFC 3261 s.18: 5061 beside 5060)."""

    @property
    def is_late(self) -> bool:
        """Whether datagrams have been waiting too long to be read, for some time now."""

    def send(self, flow: Flow, data: bytes) -> None:
        """Put bytes on a flow; a stream without a live connection is opened first."""

    def expect(self, remote: Address, server_name: str) -> None:
        """Say which name the certificate of a TLS server must bear (RFC 5922 s.7.3); else it is its IP address."""

    def close_connection(self, flow: Flow) -> None:
        """End the connection of a flow, if it has one."""

    def close(self) -> None:
        """Leave the network: sockets and connections are gone at once."""


class Batch(Protocol):
    """Packets of one stream as columns (``media.batch.PacketBatch``): a network looks at their times and no further."""

    @property
    def time_ns(self) -> NDArray[np.int64]:
        """When each leaves, or arrives, in nanoseconds of the world's clock; ascending."""

    def wire(self) -> NDArray[np.uint8]:
        """Return the wire form of each, a row of bytes."""

    def delayed(self, delay_s: float) -> Batch:
        """Return the batch as it arrives after a constant delay."""

    def take(self, rows: NDArray[Any], time_ns: NDArray[np.int64] | None = None) -> Batch:
        """Return some rows (an index may come twice) at other times, sorted by time."""

    def split(self, at_ns: int) -> tuple[Batch, Batch]:
        """Return the rows up to and at an instant, and those after it."""


class MediaReceiver(Protocol):
    """What a media session offers to its port; times are those of arrival, not of reading."""

    def datagram(self, data: bytes, source: Address, arrival_s: float, *, rtcp: bool) -> None:
        """Take one RTP or RTCP datagram."""

    def batch(self, batch: Any, source: Address, now: float) -> None:
        """Take RTP packets as columns, ``time_ns`` being their arrivals; simulated world only."""

    def reroute(self) -> None:
        """Take notice that a link has changed: ``port.shaped`` may have; live world only."""


class MediaPort(Protocol):
    """A pair of UDP ports: RTP on the even one, RTCP on the next (RFC 3550 s.11)."""

    rtp_address: Address
    rtcp_address: Address
    stamped_by: str
    """Who read the clock at arrival: "kernel", "user" (an upper bound of jitter) or "virtual"."""

    @property
    def shaped(self) -> bool:
        """Whether what is sent has to go through `send`, because a link of the live world does something to it."""

    def send(self, data: bytes, remote: Address, *, rtcp: bool = False) -> int:
        """Send one datagram now; return its outcome, as far as it is known."""

    def send_batch(self, batch: Any, remote: Address) -> NDArray[np.uint8]:
        """Send RTP packets at their times; return the outcome of each, as far as it is known."""

    def close(self) -> None:
        """Give the ports back."""


class Network(Protocol):
    """Where hosts attach."""

    on_wire: OnWire

    def attach(
        self,
        owner: str,
        host: str,
        port: int,
        receiver: Receiver,
        transports: Iterable[str] = ALL_TRANSPORTS,
        *,
        tls_port: int | None = None,
        identity: Identity | None = None,
    ) -> Endpoint:
        """Give a host an address.

        Parameters
        ----------
        owner : str
            The host's name; links lie between owners.
        host : str
            An IP address; never a wildcard.
        port : int
            Of UDP and TCP; 0 draws a free one.
        receiver : Receiver
            Told what comes.
        transports : iterable of str
            Of "UDP", "TCP", "TLS".
        tls_port : int or None
            Of TLS; None for the next one above ``port``.
        identity : Identity or None
            Whom the host's certificate names besides ``host``.

        Raises
        ------
        VoxlabError
            When the address is taken, or is none of ours.
        """

    def open_media(self, owner: str, host: str, receiver: MediaReceiver, port: int = 0) -> MediaPort:
        """Open an RTP and an RTCP port; 0 draws a free pair, an odd port is refused."""

    def holds(self, transport: str, address: Address) -> bool:
        """Return whether an address, as seen by its peer, is one of ours: what it sends is on record already."""

    def reset(self) -> None:
        """Drop what is under way and every connection; hosts stay attached, numbers and seeds start anew."""

    def close(self) -> None:
        """Close every endpoint and media port."""
