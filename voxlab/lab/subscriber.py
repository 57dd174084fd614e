"""The handle of another operator's subscriber: a user like ours, whose phones are in its network and register there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from voxlab.lab.user import User
from voxlab.platform.user import User as Record

if TYPE_CHECKING:
    from voxlab.base.datagram import Address
    from voxlab.host.ends.place import MediaPlace
    from voxlab.lab.carrier import Carrier


class Subscriber(User):
    """Somebody behind a number of another operator; made by ``carrier.phone("+4930555001")``."""

    def __init__(self, carrier: Carrier, record: Record, title: str) -> None:
        super().__init__(carrier.lab, record)
        self._carrier = carrier
        self._title = title

    @property
    def name(self) -> str:
        """What ladders call the phone."""
        return self._title

    @property
    def servers(self) -> Mapping[str, Address]:
        """The addresses of the operator's switch."""
        return self._carrier.servers

    @property
    def _advertised(self) -> Mapping[str, Address]:
        """The same: another operator that the lab plays is behind no NAT."""
        return self.servers

    def new_place(self, title: str) -> MediaPlace:
        """Give a new phone an address in the operator's network."""
        return self._carrier.new_place(title)
