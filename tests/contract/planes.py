"""Cloud ports on either media plane, and peers on plain sockets that speak with them."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from voxlab.base.datagram import Address
from voxlab.base.ids import Ids
from voxlab.base.journal import Journal
from voxlab.dialog.media_profile import DEFAULT_PROFILE, MediaProfile
from voxlab.dialog.offer_answer import DEFAULT_CODECS
from voxlab.host.ends.cloud_port import CloudPort
from voxlab.host.ends.place import MediaPlace
from voxlab.host.ends.plane_ends import cloud_port, terminal
from voxlab.host.ends.terminal import Terminal
from voxlab.media.rtcp import ReceiverReport, SourceDescription, pack_compound
from voxlab.media.rtp import RtpPacket, pack
from voxlab.net.addresses import LivePlan
from voxlab.net.lease import Outcome
from voxlab.net.live_media import open_pair
from voxlab.net.loop import LiveLoop
from voxlab.net.sockets import LiveNetwork
from voxlab.net.world import World
from voxlab.sip.media_description import G722, OPUS
from voxlab.sip.sdp import SessionDescription

PATIENCE_S = 30.0


def packet(number: int, *, ssrc: int = 7, kind: int = 0, payload: bytes = b"\xff" * 160, **fields: Any) -> bytes:
    """Return an RTP packet of a clean stream."""
    return pack(RtpPacket(kind, number & 0xFFFF, number * 160, ssrc, payload, **fields))


def report(ssrc: int = 7) -> bytes:
    """Return a compound RTCP packet."""
    return pack_compound([ReceiverReport(ssrc, ()), SourceDescription.of(ssrc, "peer@example")])


class Peer:
    """Somebody with an RTP and an RTCP socket."""

    def __init__(self, host: str) -> None:
        self.rtp, self.rtcp = open_pair(host)
        for own in (self.rtp, self.rtcp):
            own.settimeout(PATIENCE_S)
            own.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_TIMESTAMPNS", 35), 1)
        self.address = Address(*self.rtp.getsockname())

    def send(self, port: CloudPort | Terminal, *datagrams: bytes, rtcp: bool = False) -> None:
        """Send to a port of ours."""
        own, to = (self.rtcp, port.port.rtcp_address) if rtcp else (self.rtp, port.port.rtp_address)
        for each in datagrams:
            own.sendto(each, to)

    def hear(self, count: int = 1, *, rtcp: bool = False) -> list[tuple[bytes, Address, int]]:
        """Return the next datagrams: bytes, source, and the kernel's time of arrival in ns."""
        heard = []
        for _ in range(count):
            data, notes, _flags, source = (self.rtcp if rtcp else self.rtp).recvmsg(4096, 64)
            seconds, nanoseconds = struct.unpack_from("@ll", notes[0][2])
            heard.append((data, Address(*source), seconds * 1_000_000_000 + nanoseconds))
        return heard

    def bytes_heard(self, count: int = 1, *, rtcp: bool = False) -> list[bytes]:
        """Return the next datagrams."""
        return [data for data, _, _ in self.hear(count, rtcp=rtcp)]

    def offer(
        self,
        direction: str = "sendrecv",
        host: str | None = None,
        payload_type: int = 0,
        events: int | None = None,
        also: int | None = None,
        more: Sequence[str] = (),
    ) -> SessionDescription:
        """Return what this peer's phone would offer: ``also`` a second codec, ``events`` as telephone events."""
        where = host or self.address.host
        lines = ("v=0", f"o=- 1 1 IN IP4 {where}", "s=-", f"c=IN IP4 {where}", "t=0 0")
        formats = " ".join(str(each) for each in (payload_type, also, events) if each is not None)
        mapped = () if events is None else (f"a=rtpmap:{events} telephone-event/8000",)
        media = (f"m=audio {self.address.port} RTP/AVP {formats}", *mapped, *more, f"a={direction}", "")
        return SessionDescription.parse("\r\n".join((*lines, *media)))

    def close(self) -> None:
        self.rtp.close()
        self.rtcp.close()


class Site:
    """A live world with a network, a journal, ports and peers."""

    def __init__(self, *, payloads: str = "all", symmetric: bool = False) -> None:
        self.world = World(live=True, seed=7)
        loop = self.world.loop
        assert isinstance(loop, LiveLoop)
        self.plan = LivePlan(self)
        self.journal = Journal(payloads=payloads)  # type: ignore[arg-type]
        self.network = self.world.submit(LiveNetwork, loop)
        self.peers: list[Peer] = []
        self.place = MediaPlace(
            "cloud",
            self.plan.cloud(),
            loop,
            self.network,
            Ids.seeded(7),
            self.journal,
            batched=False,
            symmetric=symmetric,
        )

    def peer(self) -> Peer:
        """Return a new peer on an address of its own."""
        made = Peer(self.plan.device())
        self.peers.append(made)
        return made

    def port(self, peer: Peer, **offer: Any) -> CloudPort:
        """Open a port that has answered a peer's offer."""
        return self.world.submit(self._port, peer, offer)

    def _port(self, peer: Peer, offer: Any) -> CloudPort:
        made = cloud_port(self.place)
        made.label(call_id=f"call-{len(self.peers)}")
        assert made.take_offer(peer.offer(**offer))
        made.answer()
        return made

    def terminal(self, peer: Peer, source: Any, profile: MediaProfile = DEFAULT_PROFILE, **offer: Any) -> Terminal:
        """Open a phone's end that has answered a peer's offer."""
        return self.world.submit(self._terminal, peer, source, profile, offer)

    def _terminal(self, peer: Peer, source: Any, profile: MediaProfile, offer: Any) -> Terminal:
        made = terminal(self.place, lambda: source, (*DEFAULT_CODECS, G722, OPUS), profile)
        assert made.take_offer(peer.offer(**offer))
        made.answer()
        return made

    def bridge(self) -> tuple[Peer, CloudPort, CloudPort, Peer]:
        """Return two peers with a bridge between them."""
        alice, bob = self.peer(), self.peer()
        a, b = self.port(alice), self.port(bob)
        self.world.submit(a.join, b)
        return alice, a, b, bob

    def streams(self, port: CloudPort | Terminal) -> Any:
        """Return the statistics of what came to a port, up to now."""

        def read() -> Any:
            port.catch_up()
            return [seen for _, seen in port.streams()]

        return self.world.submit(read)

    def side(self, port: CloudPort) -> Any:
        """Return what the relay has counted on a side, up to now."""

        def read() -> Any:
            port.catch_up()
            port.streams()
            return port.side()

        return self.world.submit(read)

    def until(self, condition: Callable[[], bool]) -> None:
        """Let time pass until something is so."""
        assert self.world.wait(condition, timeout_s=PATIENCE_S) is Outcome.HELD, condition

    def close(self) -> None:
        for peer in self.peers:
            peer.close()
        self.world.submit(self.network.close)
        self.world.close()
        self.plan.close()


@contextlib.contextmanager
def site(**options: Any) -> Iterator[Site]:
    """A site, closed when it is over; nothing may have gone wrong in its thread."""
    made = Site(**options)
    try:
        yield made
        assert made.world.errors == [], made.world.errors[:1]
    finally:
        made.close()
