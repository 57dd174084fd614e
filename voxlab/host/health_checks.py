"""Keeps asking the gateways of trunks whether they are there, and asks once where somebody wants to know.

Must not know the lab's handles.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from voxlab.base.ids import Ids
from voxlab.elements.node import Node
from voxlab.elements.pinger import Pinger, Reply
from voxlab.platform.gateway import Gateway
from voxlab.platform.platform import Platform

Key = tuple[str, str, str]


class HealthChecks:
    """The OPTIONS of one cloud; ``flush`` sends what was asked for."""

    def __init__(
        self,
        platform: Platform,
        node: Callable[[], Node],
        ids: Ids,
        now: Callable[[], float],
        flush: Callable[[], None],
    ) -> None:
        self._platform = platform
        self._node = node
        self._ids = ids
        self._now = now
        self._flush = flush
        self._pingers: dict[Key, tuple[Pinger, Gateway]] = {}
        self._once: list[Pinger] = []

    def keep(self) -> None:
        """Ask every gateway whose trunk wants it, from now on, and no others."""
        wanted = self._wanted()
        for key in [key for key in self._pingers if key not in wanted]:
            self._node().remove_client(self._pingers.pop(key)[0])
        for key, (gateway, every_s) in wanted.items():
            known = self._pingers.get(key)
            if known is not None and known[1] is gateway:
                known[0].every_s = every_s
                continue
            if known is not None:
                self._node().remove_client(known[0])
            pinger = self._pinger(gateway, partial(take_reply, gateway), "OPTIONS", every_s)
            self._pingers[key] = pinger, gateway
            self._node().add_client(pinger)
            pinger.ask(self._now())
        self._flush()

    def _wanted(self) -> dict[Key, tuple[Gateway, float]]:
        return {
            (account.name, trunk.name, str(gateway.uri)): (gateway, trunk.options_every_s)
            for account in self._platform.accounts.values()
            for trunk in account.trunks.values()
            if trunk.options_every_s is not None
            for gateway in trunk.gateways
        }

    def ask_once(self, gateway: Gateway, heard: Callable[[Reply], None], method: str = "OPTIONS") -> None:
        """Ask one question; the pinger leaves the node with its answer."""

        def leave(reply: Reply) -> None:
            if pinger in self._once:
                self._once.remove(pinger)
                self._node().remove_client(pinger)
            heard(reply)

        pinger = self._pinger(gateway, leave, method, None)
        self._once.append(pinger)
        self._node().add_client(pinger)
        pinger.ask(self._now())
        self._flush()

    def _pinger(self, gateway: Gateway, heard: Callable[[Reply], None], method: str, every_s: float | None) -> Pinger:
        node, uri = self._node(), gateway.uri
        return Pinger(
            str(uri),
            lambda: node.next_hops(uri),
            f"sip:{self._platform.domain}",
            self._ids,
            heard,
            method=method,
            every_s=every_s,
        )


def take_reply(gateway: Gateway, reply: Reply) -> None:
    """Let a gateway's health know what it answered."""
    if reply.by_peer and reply.code != 503:
        gateway.health.answered(reply.time_s, reply.code, reply.reason, reply.delay_s)
    else:
        gateway.health.failed(reply.time_s, reply.code, reply.reason, reply.retry_after_s)
