"""Who may use the management API of an account: the keys that sign its requests, and the addresses they come from.

RFC 7519 as far as ``kid`` and ``iss`` name a key and an account. Must not know tokens, HTTP or clocks.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from voxlab.base.errors import VoxlabError
from voxlab.platform.trunk import Network, host_address


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key of the management API; the private half is with its owner alone.

    Attributes
    ----------
    key_id : str
        What the header of a token names as ``kid``.
    account : str
        Whose requests it signs.
    public_key : str
        PEM.
    """

    key_id: str
    account: str
    public_key: str = field(repr=False)
    description: str = ""
    created_s: float = 0.0


@dataclass(frozen=True, slots=True)
class AuthorizedAddress:
    """An address or network that may, or may not, use the API of an account."""

    network: Network
    allowed: bool = True
    description: str = ""
    created_s: float = 0.0


class AccessList:
    """The addresses of one account: what is listed as forbidden is out; where any is listed as allowed, all else is."""

    def __init__(self) -> None:
        self.addresses: dict[str, AuthorizedAddress] = {}

    def add(self, address: AuthorizedAddress) -> None:
        """List an address; its namesake is replaced."""
        self.addresses[str(address.network)] = address

    def judge(self, text: str) -> tuple[bool, AuthorizedAddress | None]:
        """Say whether requests from an address are taken, and which entry says so, the narrowest that holds it."""
        host = host_address(text)
        holding = [each for each in self.addresses.values() if host is not None and host in each.network]
        if holding:
            entry = max(holding, key=lambda each: (each.network.prefixlen, not each.allowed))
            return entry.allowed, entry
        return not any(each.allowed for each in self.addresses.values()), None


def address_or_network(text: str) -> Network:
    """Read an address or a network of the access list."""
    try:
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        raise VoxlabError(f"{text!r} is no address or network: write 203.0.113.7 or 203.0.113.0/24") from None
