"""A media thread by itself, and peers."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.contract.planes import Peer
from voxlab.base.datagram import Address
from voxlab.net.plane import cells as c
from voxlab.net.plane.lane import Expected, Lane
from voxlab.net.plane.thread import MediaThread, Rows
from voxlab.net.world import World


class Rig:
    """A media thread, its world, and peers."""

    def __init__(self, world: World, native: Any, **options: Any) -> None:
        self.world = world
        self.thread: MediaThread = world.submit(lambda: MediaThread(world.loop, native, **options))  # type: ignore[arg-type]
        self.rows: list[Rows] = []
        self.peers: list[Peer] = []

    def peer(self) -> Peer:
        self.peers.append(Peer("127.0.0.1"))
        return self.peers[-1]

    def lane(self, at: Peer) -> Lane:
        """Let the thread have a peer's sockets: here they are ours."""
        return self.world.submit(lambda: Lane(self.thread, at.rtp.fileno(), at.rtcp.fileno(), self._take))

    def _take(self, rows: Rows) -> None:
        self.rows.append(rows._replace(octets=rows.octets[:0]))

    def seen(self) -> np.ndarray[Any, Any]:
        """Return the cells of all that was left so far."""
        self.world.submit(self.thread.drain)
        return np.concatenate([each.cells for each in self.rows]) if self.rows else np.zeros((0, c.ROW_CELLS), int)

    def bridge(self, rtp: Expected, back: Address) -> tuple[Peer, Peer]:
        """Join two of our ports; return them. The first expects ``rtp``, the second's peer is at ``back``."""
        a, b = self.peer(), self.peer()
        lanes = self.lane(a), self.lane(b)

        def join() -> None:
            for lane, expected in zip(lanes, (rtp, Expected(back)), strict=True):
                lane.begin()
                lane.expect(expected, expected)
            lanes[0].join(lanes[1])

        self.world.submit(join)
        self.lanes = lanes
        return a, b

    def close(self) -> None:
        self.world.submit(self.thread.close)
        for peer in self.peers:
            peer.close()
