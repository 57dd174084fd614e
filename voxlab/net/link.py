"""A link between two hosts: two directions, each with a temper, rules that lose packets, and an MTU; in both worlds.

Must not know hosts or addresses, nor what the bytes mean.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from voxlab.base.errors import VoxlabError
from voxlab.base.ids import Ids
from voxlab.net.impairment import Channel, Impairment, channel_for

if TYPE_CHECKING:
    from voxlab.media.path import Path
    from voxlab.net.path_channel import PathChannel

DEFAULT_MTU_BYTES = 1500
LEAST_MTU_BYTES, MOST_MTU_BYTES = 68, 65_535  # RFC 791 s.3.2
_IP_HEADER_BYTES, _UDP_HEADER_BYTES = 20, 8
_HEADERS_BYTES = _IP_HEADER_BYTES + _UDP_HEADER_BYTES


class Way:
    """One direction of a link, from an owner to another."""

    def __init__(self, ids: Ids, impairment: Impairment, changed: Callable[[], None] = lambda: None) -> None:
        self._ids = ids
        self._changed = changed
        self.channel: Channel | PathChannel = Channel(ids, impairment)
        self.drops: list[Drop] = []
        self._loses_fragments = False
        self._set_mtu(DEFAULT_MTU_BYTES)

    @property
    def mtu_bytes(self) -> int:
        """The largest IP packet that passes whole; a larger datagram travels in fragments (RFC 791 s.2.3)."""
        return self._mtu_bytes

    @mtu_bytes.setter
    def mtu_bytes(self, size: int) -> None:
        if not LEAST_MTU_BYTES <= size <= MOST_MTU_BYTES:
            raise VoxlabError(f"mtu_bytes is {LEAST_MTU_BYTES} to {MOST_MTU_BYTES} bytes, not {size!r}")
        self._set_mtu(size)
        self._changed()

    def _set_mtu(self, size: int) -> None:
        self._mtu_bytes = size
        self.whole_bytes = size - _HEADERS_BYTES

    @property
    def loses_fragments(self) -> bool:
        """Whether what travels in fragments is lost."""
        return self._loses_fragments

    @loses_fragments.setter
    def loses_fragments(self, lost: bool) -> None:
        self._loses_fragments = lost
        self._changed()

    @property
    def is_perfect(self) -> bool:
        """Whether all packets pass, at once."""
        whole = self.whole_bytes >= DEFAULT_MTU_BYTES - _HEADERS_BYTES and not self._loses_fragments
        return whole and not self.drops and self.channel.even_delay_s == 0.0

    def in_fragments(self, size_bytes: int, arrivals: tuple[float, ...], now: float) -> tuple[float, ...]:
        """Return when a datagram that is too large for one packet arrives: with the last of its fragments, if none is
        lost.
        """
        if self.loses_fragments:
            return ()
        for _ in range(self.fragments_of(size_bytes) - 1):
            last = self.channel.pass_through(now)
            if not (arrivals and last):
                return ()
            arrivals = tuple(max(each, last[0]) for each in arrivals)
        return arrivals

    def fragments_of(self, size_bytes: int) -> int:
        """Return in how many packets a datagram of so many bytes travels."""
        if size_bytes <= self.whole_bytes:
            return 1
        piece = (self._mtu_bytes - _IP_HEADER_BYTES) // 8 * 8  # offsets count units of 8 bytes
        return -(-(size_bytes + _UDP_HEADER_BYTES) // piece)

    @property
    def impairment(self) -> Impairment | Path:
        """The temper of this direction; may be replaced at any time, by an `Impairment` or a ``traces.Path``."""
        return self.channel.impairment

    @impairment.setter
    def impairment(self, impairment: Impairment | Path) -> None:
        if isinstance(self.channel, Channel) and isinstance(impairment, Impairment):
            self.channel.impairment = impairment
        else:
            self.channel = channel_for(self._ids, impairment)
        self._changed()

    def begin_again(self, ids: Ids) -> None:
        """Keep the temper, draw from other numbers."""
        self._ids = ids
        self.channel = channel_for(ids, self.impairment)

    def drop(self, matches: Callable[[bytes], bool], times: int | None = 1) -> Drop:
        """Lose the next ``times`` packets whose bytes match; None for all until ``heal``. On a stream such a loss is a
        delay.
        """
        drop = Drop(matches, times)
        self.drops.append(drop)
        self._changed()
        return drop

    def heal(self) -> None:
        """Forget what was to be dropped."""
        self.drops.clear()
        self._changed()

    def swallows(self, data: bytes) -> bool:
        """Return whether a rule of ``drop`` takes this packet."""
        return any(drop.takes(data) for drop in self.drops)


class Drop:
    """A rule that loses packets: which, how many more, and how many it took."""

    def __init__(self, matches: Callable[[bytes], bool], times: int | None) -> None:
        self._matches = matches
        self.times_left = times
        self.taken = 0

    def takes(self, data: bytes) -> bool:
        """Return whether this packet is to be lost, and count it."""
        if self.times_left == 0 or not self._matches(data):
            return False
        if self.times_left is not None:
            self.times_left -= 1
        self.taken += 1
        return True


class Link:
    """Both directions between two owners; ``toward(owner)`` is one of them."""

    def __init__(self, first: str, second: str, ways: tuple[Way, Way], healed: Impairment | None = None) -> None:
        self._ways = {second: ways[0], first: ways[1]}
        self._healed = healed or Impairment()

    def toward(self, owner: str) -> Way:
        """Return the direction that leads to ``owner``."""
        if owner not in self._ways:
            raise VoxlabError(f"this link leads to {' and '.join(sorted(self._ways))}, not to {owner!r}")
        return self._ways[owner]

    def impair(self, impairment: Impairment | Path) -> None:
        """Give both directions the same temper: an `Impairment`, or a ``traces.Path`` with all that it can do."""
        for way in self._ways.values():
            way.impairment = impairment

    def drop(self, matches: Callable[[bytes], bool], times: int | None = 1) -> None:
        """Lose matching packets in both directions, ``times`` in each."""
        for way in self._ways.values():
            way.drop(matches, times)

    @property
    def mtu_bytes(self) -> int:
        """The largest IP packet that passes whole in both directions; larger datagrams travel in fragments."""
        return min(way.mtu_bytes for way in self._ways.values())

    @mtu_bytes.setter
    def mtu_bytes(self, size: int) -> None:
        for way in self._ways.values():
            way.mtu_bytes = size

    def lose_fragments(self, lost: bool = True) -> None:
        """Lose what travels in fragments, as firewalls and NATs do that look for a port in each packet; or no more."""
        for way in self._ways.values():
            way.loses_fragments = lost

    def heal(self, impairment: Impairment | None = None) -> None:
        """Make both directions perfect again, or as given."""
        for way in self._ways.values():
            way.loses_fragments, way.mtu_bytes = False, DEFAULT_MTU_BYTES
            way.heal()
            way.impairment = impairment or self._healed
