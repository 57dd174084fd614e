"""What links do to packets on real sockets: decided and held back in this process, before they are sent.

The decisions are those of the simulated world for the same seed and the same temper, packet by packet; times are kept
as well as the lab's thread keeps them. Only what hosts of this lab send is shaped. Must not know what packets carry.
"""

from __future__ import annotations

from collections.abc import Callable

from voxlab.base.datagram import Address
from voxlab.base.records import DELIVERED, LOST
from voxlab.net.impairment import RETRANSMISSION_S
from voxlab.net.link import Way
from voxlab.net.links import Links
from voxlab.net.loop import OrderedLoop


class Shaper:
    """Stands between the hosts of a live lab and their sockets.

    Parameters
    ----------
    loop : OrderedLoop
    links : Links
    owner_of : callable
        Returns whose address that is; the host itself for a stranger's.

    Attributes
    ----------
    sources : frozenset of str
        The owners of whose packets not everything passes at once.
    """

    def __init__(self, loop: OrderedLoop, links: Links, owner_of: Callable[[Address], str]) -> None:
        self._loop = loop
        self._links = links
        self._owner_of = owner_of
        self.sources: frozenset[str] = frozenset()
        self._stream_until_s: dict[tuple[str, Address], float] = {}

    def look_again(self) -> None:
        """Take notice of a temper that has changed."""
        self.sources = self._links.shaped_sources()
        self._stream_until_s = {key: at_s for key, at_s in self._stream_until_s.items() if at_s > self._loop.time()}

    def datagram(self, source: str, remote: Address, data: bytes, send: Callable[[], object]) -> int:
        """Send a datagram when it is to arrive, twice if it is doubled, or never; return its outcome as far as known.

        To a destination whose link is perfect it is sent now; call this for those in `sources`.
        """
        way = self._way(source, remote)
        if way is None:
            send()
            return DELIVERED
        now = self._loop.time()
        arrivals = () if way.swallows(data) else way.channel.pass_through(now)
        if len(data) > way.whole_bytes:
            arrivals = way.in_fragments(len(data), arrivals, now)
        for at_s in arrivals:
            self._loop.call_at(at_s, send)
        return DELIVERED if arrivals else LOST

    def stream_at_s(self, source: str, remote: Address, data: bytes) -> float | None:
        """Return when a chunk of a stream is to leave, its repetitions included, behind what was sent before it.

        None where the sender gives up: the link has lost every repetition.
        """
        way = self._way(source, remote)
        delay_s = 0.0 if way is None else way.channel.stream_delay_s()
        if delay_s is None:
            return None
        lost_s = RETRANSMISSION_S if way is not None and way.swallows(data) else 0.0
        at_s = self._stream_until_s[source, remote] = max(
            self._loop.time() + delay_s + lost_s, self._stream_until_s.get((source, remote), 0.0)
        )
        return at_s

    def _way(self, source: str, remote: Address) -> Way | None:
        way = self._links.known_way(source, self._owner_of(remote))
        return None if way is None or way.is_perfect else way
