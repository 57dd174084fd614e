"""Which host lives where: documentation networks in the simulated world, addresses of 127.0.0.0/8 in the live one.

Every host has its own address, so that whitelists, captures and pictures tell hosts apart (RFC 5735 s.3: all of
127.0.0.0/8 is this machine). Must not know what a host does.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from collections.abc import Callable
from typing import Protocol

from voxlab.base.datagram import Address
from voxlab.base.errors import VoxlabError
from voxlab.net.datagram_socket import bind

_FIRST_BLOCK, _BLOCKS = 64, 64  # labs of a machine take 127.64.0.0/16, 127.65.0.0/16, ...
_SENTINEL_PORT = 50_600
_FIRST_FOREIGN_SUBNET = 100


class Subnet:
    """A network that gives its addresses out one after the other.

    Parameters
    ----------
    network : str
        Such as "198.51.100.0/24".
    first : int
        The host part to begin with.
    """

    def __init__(self, network: str, first: int = 1) -> None:
        try:
            self.network = ipaddress.ip_network(network)
        except ValueError as error:
            raise VoxlabError(f"{network!r} is no network, such as 198.51.100.0/24: {error}") from None
        self._next = first

    def host(self) -> str:
        """Return the next address.

        Raises
        ------
        VoxlabError
            When the network is used up.
        """
        if self._next >= self.network.num_addresses - 1:
            raise VoxlabError(f"{self.network} has no address left for one more host")
        self._next += 1
        return str(self.network[self._next - 1])

    def __str__(self) -> str:
        return str(self.network)


class AddressPlan(Protocol):
    """Gives addresses to hosts; the same order of asking gives the same addresses."""

    own_addresses: bool
    """Whether every host has an address of its own; where not, ports tell hosts apart."""

    def cloud(self) -> str:
        """Return an address for a machine of the platform (SBC, media server)."""

    def device(self) -> str:
        """Return an address for a phone."""

    def network(self, network: str) -> Subnet:
        """Return the network that stands for another operator's; equal names give the same one."""

    def close(self) -> None:
        """Give the addresses back; may be called twice."""


class SimulatedPlan:
    """TEST-NET-1 for the cloud (RFC 5737), 10.0.0.0/16 for phones, and other operators' networks as they are called."""

    own_addresses = True

    def __init__(self) -> None:
        self._cloud = Subnet("192.0.2.0/24", 10)
        self._devices = Subnet("10.0.0.0/16", 1)
        self._networks: dict[str, Subnet] = {}
        self._outside = Subnet("203.0.113.0/24", 1)
        self._insides: dict[str, Subnet] = {}

    def outside(self) -> str:
        """Return an outer address for a NAT (TEST-NET-3)."""
        return self._outside.host()

    def inside(self, nat: str, network: str = "") -> Subnet:
        """Return the network behind a NAT: the one it is said to have, else 10.1.0.0/24, 10.2.0.0/24, ..."""
        if nat not in self._insides:
            self._insides[nat] = Subnet(network or f"10.{len(self._insides) + 1}.0.0/24", 2)
        return self._insides[nat]

    def cloud(self) -> str:
        """Return an address for a machine of the platform."""
        return self._cloud.host()

    def device(self) -> str:
        """Return an address for a phone."""
        return self._devices.host()

    def network(self, network: str) -> Subnet:
        """Return another operator's network."""
        return self._networks.setdefault(network, Subnet(network))

    def close(self) -> None:
        """Give nothing back: there is enough."""


class LivePlan:
    """A block 127.x.0.0/16 of this machine, held against other labs by a bound socket.

    Parameters
    ----------
    owner : object
        Who holds the block: the lab.
    let_go : callable or None
        Called with the owner of an older plan of this process that holds the preferred block; it may close that one.
        None, or an owner that holds on, leads to the next block, as does a lab in another process.

    Attributes
    ----------
    block : str
        The block, to be printed.
    """

    def __init__(self, owner: object, let_go: Callable[[object], None] | None = None) -> None:
        self.owner = owner
        self.own_addresses = _has_whole_loopback()
        self._number = -1
        self._sentinel: socket.socket | None = None
        self._networks: dict[str, Subnet] = {}
        if self.own_addresses:
            self._claim(let_go)
        self.block = f"127.{self._number}.0.0/16" if self.own_addresses else "127.0.0.1/32"
        self._cloud = Subnet(f"127.{self._number}.0.0/24", 10) if self.own_addresses else None
        self._devices = Subnet(f"127.{self._number}.16.0/20", 1) if self.own_addresses else None

    def _claim(self, let_go: Callable[[object], None] | None) -> None:
        """Take the first block that nobody holds."""
        for number in range(_FIRST_BLOCK, _FIRST_BLOCK + _BLOCKS):
            if number in _held and let_go is not None:
                let_go(_held[number].owner)
                let_go = None  # one older lab, not all of them
            if number not in _held and self._hold(number):
                return
        raise VoxlabError(f"{_BLOCKS} live labs hold all of this machine's blocks already; close one of them")

    def _hold(self, number: int) -> bool:
        with contextlib.suppress(VoxlabError):
            self._sentinel = bind(socket.SOCK_DGRAM, "UDP", Address(f"127.{number}.255.254", _SENTINEL_PORT))
            self._number = number
            _held[number] = self
            return True
        return False

    def cloud(self) -> str:
        """Return an address for a machine of the platform."""
        return self._cloud.host() if self._cloud is not None else "127.0.0.1"

    def device(self) -> str:
        """Return an address for a phone."""
        return self._devices.host() if self._devices is not None else "127.0.0.1"

    def network(self, network: str) -> Subnet:
        """Return the subnet of this machine that stands for another operator's network."""
        if not self.own_addresses:
            raise VoxlabError(f"{network} cannot be mapped: this machine has the loopback address 127.0.0.1 alone")
        subnet = self._networks.get(network)
        if subnet is None:
            Subnet(network)  # refuses what is none
            third = _FIRST_FOREIGN_SUBNET + len(self._networks)
            subnet = self._networks[network] = Subnet(f"127.{self._number}.{third}.0/24")
        return subnet

    def close(self) -> None:
        """Give the block back; may be called twice."""
        if self._sentinel is not None:
            self._sentinel.close()
            self._sentinel = None
            _held.pop(self._number, None)


_held: dict[int, LivePlan] = {}
"""The blocks that labs of this process hold."""


def _has_whole_loopback() -> bool:
    """Return whether any address of 127.0.0.0/8 can be bound: Linux and Windows have them, macOS has 127.0.0.1."""
    try:
        bind(socket.SOCK_DGRAM, "UDP", Address("127.64.0.1", 0)).close()
    except VoxlabError:
        return False
    return True
