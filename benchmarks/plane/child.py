"""voxlab's side of a plane benchmark: cloud ports of a live world, joined in pairs as a bridge joins them.

child.py PAYLOADS HOST PEER_HOST PEER_PORT...   Prints the ports, then answers lines: "work NAME SECONDS" computes in
this, the notebook's thread; "speak HOST PORT SECONDS" speaks to there meanwhile; "threads" names the media thread;
"counts" sums up what was counted. Ends when its input does.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from benchmarks.plane.workloads import WORKLOADS
from voxlab.base.ids import Ids
from voxlab.base.journal import Journal
from voxlab.host.ends.cloud_port import CloudPort
from voxlab.host.ends.place import MediaPlace
from voxlab.host.ends.plane_ends import cloud_port
from voxlab.net.plane import build
from voxlab.net.sockets import LiveNetwork
from voxlab.net.world import World
from voxlab.sip.sdp import SessionDescription


def description(host: str, port: int) -> SessionDescription:
    """Return what a peer would offer."""
    lines = ("v=0", f"o=- 1 1 IN IP4 {host}", "s=-", f"c=IN IP4 {host}", "t=0 0", f"m=audio {port} RTP/AVP 0", "")
    return SessionDescription.parse("\r\n".join(lines))


class Site:
    """A world with ports."""

    def __init__(self, payloads: str, host: str) -> None:
        self.world = World(live=True)
        self.journal = Journal(payloads=payloads)  # type: ignore[arg-type]
        self.network: Any = self.world.submit(LiveNetwork, self.world.loop)
        self.place = MediaPlace(
            "cloud", host, self.world.loop, self.network, Ids.seeded(1), self.journal, batched=False
        )
        self.ports: list[CloudPort] = []

    def open(self, peer_host: str, peer_port: int) -> CloudPort:
        """Open a port towards a peer."""
        port = cloud_port(self.place)
        assert port.take_offer(description(peer_host, peer_port))
        port.answer()
        self.ports.append(port)
        return port

    def bridge(self, peer_host: str, peer_ports: Sequence[int]) -> None:
        """Open ports and join them in pairs."""
        opened = [self.open(peer_host, port) for port in peer_ports]
        for a, b in list(pairwise(opened))[::2]:
            a.join(b)

    def speak(self, host: str, port: int, seconds: float) -> None:
        """Speak to a peer for a while."""
        from voxlab.media.sources import tone

        speaker = self.open(host, port)
        speaker.play(tone(440.0))
        self.world.loop.call_later(seconds, speaker.close)

    def counts(self) -> tuple[int, int, float]:
        """Return packets counted, lost, and the largest jitter in ms."""
        seen = [each for port in self.ports for _, each in self._streams(port)]
        lost = sum(each.lost for each in seen)
        return sum(each.packets for each in seen), lost, max((each.max_jitter_ms for each in seen), default=0.0)

    def _streams(self, port: CloudPort) -> Any:
        port.catch_up()
        return port.streams()

    def media_thread(self) -> int:
        """Return the system's number of the media thread, 0 if there is none."""
        lane = getattr(self.ports[0], "lane", None)
        return 0 if lane is None else lane.thread.native_id

    def close(self) -> None:
        """End it all."""
        self.world.submit(self.network.close)
        self.world.close()


def main() -> None:
    """Serve until the input ends."""
    payloads, host, peer_host, *peers = sys.argv[1:]
    build.load()
    site = Site(payloads, host)
    site.world.submit(site.bridge, peer_host, [int(port) for port in peers])
    print(*(port.port.rtp_address.port for port in site.ports), flush=True)
    for line in sys.stdin:
        print(*answer(site, line.split()), flush=True)
    site.close()


def answer(site: Site, words: list[str]) -> tuple[Any, ...]:
    """Do what a line asks for."""
    match words:
        case ["work", name, seconds]:
            return (WORKLOADS[name](float(seconds)),)
        case ["speak", host, port, seconds]:
            site.world.submit(site.speak, host, int(port), float(seconds))
            return ("speaking",)
        case ["threads"]:
            return (site.world.submit(site.media_thread),)
        case _:
            return site.world.submit(site.counts)


if __name__ == "__main__":
    main()
