"""Another operator's switch as a machine: registrar, proxy and gateway on one address (RFC 3261 s.10, s.16).

Built of the same parts as the platform's cloud. Must not know the lab's handles.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from voxlab.base.journal import Journal
from voxlab.base.records import CallRouted
from voxlab.elements.authentication import Authenticator
from voxlab.elements.node import NodeEvent
from voxlab.elements.passages import Routed
from voxlab.elements.user_agent import Incoming
from voxlab.host.ends.place import MediaPlace
from voxlab.host.ends.terminal import Terminal
from voxlab.host.gateway import Gateway
from voxlab.host.server import Locate, ServerMachine, ServerSettings
from voxlab.platform.carrier import Carrier
from voxlab.platform.carrier_policy import CarrierPolicy, Passage
from voxlab.transaction.timers import Timers


class Neighbours(NamedTuple):
    """What a carrier asks of the world around it.

    Attributes
    ----------
    elsewhere : callable
        From an E.164 number of somebody else to ``host:port`` of its operator, None where nobody has it.
    locate : callable
        From a URI to the places that serve it.
    """

    elsewhere: Callable[[str], str | None]
    locate: Locate


class CarrierMachine(ServerMachine):
    """One operator's switch in one world."""

    def __init__(
        self,
        place: MediaPlace,
        carrier: Carrier,
        settings: ServerSettings,
        neighbours: Neighbours,
        *,
        timers: Timers,
        wire_journal: Journal | None = None,
    ) -> None:
        self.carrier = carrier
        self._neighbours = neighbours
        super().__init__(
            place,
            carrier,
            settings,
            timers=timers,
            names=lambda: (carrier.domain,),
            locate=neighbours.locate,
            wire_journal=wire_journal,
        )
        self._gateway = Gateway(place, lambda: self.node, self.host.flush)

    def _new_policy(self, authenticator: Authenticator) -> CarrierPolicy:
        return CarrierPolicy(
            self.carrier,
            authenticator,
            self.location,
            host=self.place.owner,
            addresses=self.own_hosts,
            elsewhere=self._neighbours.elsewhere,
        )

    def _domain(self) -> str:
        return self.carrier.domain

    def _happened(self, event: NodeEvent, now: float) -> None:
        if isinstance(event, Incoming):
            assert isinstance(event.target, Passage)
            assert event.target.telephone is not None
            self._gateway.ring(event, event.target.telephone)
        elif isinstance(event, Routed):
            self._routed(event, now)
        else:
            self._gateway.take(event)

    def _routed(self, event: Routed, now: float) -> None:
        """Note a call between two of its subscribers: of any other, the other side knows more."""
        passage = event.target
        if event.request.method == "INVITE" and isinstance(passage, Passage) and passage.own:
            domain, caller = self.carrier.domain, passage.caller
            call_id = event.request.call_id
            self.place.journal.note(CallRouted(now, call_id, domain, "switch", "users", caller, passage.destination))

    @property
    def terminals(self) -> list[Terminal]:
        """The audio ends of its gateway."""
        return self._gateway.terminals

    def close(self) -> None:
        """Stop; ports and the address are given back."""
        self._gateway.close()
        super().close()

    def __repr__(self) -> str:
        where = ", ".join(f"{transport} {address}" for transport, address in self.addresses.items())
        return f"CarrierMachine({self.carrier.domain} at {where}: {len(self.location)} bindings)"
