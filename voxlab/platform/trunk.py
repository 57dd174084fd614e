"""A trunk: the addresses of another operator, from which calls are taken without a password.

Source addresses prove little on the open internet (RFC 3261 s.26.1.1), which is why an address of a registered device
never stands in for its digest.
Must not know SIP.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from voxlab.base.errors import VoxlabError
from voxlab.platform.application import Unchanged
from voxlab.platform.caller_identity import PLAIN, CallerIdentity
from voxlab.platform.gateway import Gateway
from voxlab.platform.number_range import NumberRange
from voxlab.platform.numbering import E164, Dialect
from voxlab.platform.secret import Secret
from voxlab.platform.usage import Usage

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_ADDRESSES_KEPT = 4_096
_SHARED_LOOPBACK = ipaddress.IPv4Address("127.0.0.1")


class WhitelistItem(NamedTuple):
    """One network of an account's whitelist; ``number`` is its identifier in the management API."""

    number: int
    network: Network
    description: str
    trunk: str


@dataclass(eq=False, slots=True)
class Trunk:
    """Another operator, under a name that is unique in the account.

    Attributes
    ----------
    allow : tuple of Network
        Where its calls come from.
    dialect : Dialect
        How it writes numbers.
    trusts_from : bool
        Whether From may name one of our users without a digest: the operator forwards our calls back to us.
    transit : bool
        Whether a scenario may send its calls on to another operator as they were dialled; without it that is toll
        fraud.
    usage : Usage
        The calls that stand, and the limits.
    descriptions : dict of Network to str
        What was said about networks of the whitelist.
    gateways : tuple of Gateway
        Where our calls go; without one none do.
    reaches : NumberRange or None
        The numbers that may go this way; None for all.
    identity : CallerIdentity
        How the operator is told who calls.
    caller_id : str
        The number that stands for callers who have none, "" for the first number of the application.
    options_every_s : float or None
        How often its gateways are asked whether they are there; None for never.
    hunts_on : frozenset of int
        Statuses besides 503 after which the next gateway is tried: none, what the called party says is final.
    username : str
        For digest towards the operator, "" where none is asked for; ``password`` goes with it.
    """

    name: str
    account: str
    allow: tuple[Network, ...] = ()
    dialect: Dialect = E164
    trusts_from: bool = False
    transit: bool = False
    usage: Usage = field(default_factory=Usage)
    descriptions: dict[Network, str] = field(default_factory=dict)
    gateways: tuple[Gateway, ...] = ()
    reaches: NumberRange | None = None
    identity: CallerIdentity = PLAIN
    caller_id: str = ""
    options_every_s: float | None = None
    hunts_on: frozenset[int] = frozenset()
    username: str = ""
    password: Secret | None = field(default=None, repr=False)
    # What is known of addresses, and of which whitelist: the same few operators call again and again.
    _found: dict[str, Network | None] = field(default_factory=dict, init=False, repr=False)
    _looked_in: tuple[Network, ...] = field(default=(), init=False, repr=False)

    def speak(self, *, style: str | None, country: str | None, prefix: str | None) -> None:
        """Take another dialect; what is None stays as it is."""
        spoken = self.dialect
        self.dialect = Dialect(
            spoken.style if style is None else style,
            spoken.country if country is None else country,
            spoken.prefix if prefix is None else prefix,
        )

    def may_reach(self, number: str) -> bool:
        """Whether calls to a number may go this way."""
        return bool(self.gateways) and (self.reaches is None or number in self.reaches)

    def present(self, *, style: str | None, forwarding: str | None, domain: str | None) -> None:
        """Say otherwise who calls; what is None stays as it is."""
        before = self.identity
        self.identity = CallerIdentity(
            before.style if style is None else style,
            before.forwarding if forwarding is None else forwarding,
            before.domain if domain is None else domain,
        )

    def limit(self, channels: int | Unchanged | None, calls_per_second: int | Unchanged | None) -> None:
        """Take other limits, each unless it is ``UNCHANGED``."""
        usage = self.usage
        usage.limit(
            usage.channels if isinstance(channels, Unchanged) else channels,
            usage.calls_per_second if isinstance(calls_per_second, Unchanged) else calls_per_second,
        )

    def match(self, address: str) -> Network | None:
        """Return the narrowest network of the whitelist that holds ``address``, None if none does."""
        if self._looked_in is not self.allow or len(self._found) >= _ADDRESSES_KEPT:
            self._looked_in, self._found = self.allow, {}
        try:
            return self._found[address]
        except KeyError:
            host = host_address(address)
            holding = [network for network in self.allow if host in network] if host is not None else []
            narrowest = max(holding, key=lambda network: network.prefixlen, default=None)
            self._found[address] = narrowest
            return narrowest


@lru_cache(maxsize=4096)
def host_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Read an IP address, an IPv4 one also in its IPv6 dress (RFC 4291 s.2.5.5.2); None if it is none."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def networks(allow: Iterable[str], owner: str) -> tuple[Network, ...]:
    """Read a whitelist.

    Parameters
    ----------
    allow : iterable of str
        ``A.B.C.D/L``, ``A.B.C.D/a.b.c.d``, a single address, or the IPv6 forms; bits of the host are cleared,
        repetitions dropped.
    owner : str
        How errors call the trunk, such as "trunk 'gigafon'".

    Raises
    ------
    VoxlabError
        For what is no network, and for networks that hold 127.0.0.1.
    """
    if isinstance(allow, str):
        raise VoxlabError(f"the whitelist of {owner} is a list of networks: write allow=[{allow!r}]")
    return tuple(dict.fromkeys(_network(text, owner) for text in allow))


def _network(text: object, owner: str) -> Network:
    if not isinstance(text, str):
        raise VoxlabError(f"a network of {owner} is a string such as '198.51.100.0/24', not {text!r}")
    try:
        network = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        raise VoxlabError(_no_network(text, owner)) from None
    mask = text.strip().partition("/")[2]
    if "." in mask and mask != str(network.netmask):  # the standard library reads 0.0.0.255 as a wildcard mask
        raise VoxlabError(f"{text!r} of {owner} has no netmask behind the slash: that would be {network.netmask}")
    if network.version == 4 and _SHARED_LOOPBACK in network:
        raise VoxlabError(
            f"{text!r} of {owner} holds 127.0.0.1, the address that every program of this machine may use: "
            "a whitelist could not tell them apart. Give the other operator an address of its own, such as 127.0.10.1"
        )
    return network


def _no_network(text: str, owner: str) -> str:
    forms = "198.51.100.0/24, 198.51.100.0/255.255.255.0, one address such as 198.51.100.7, or 2001:db8::/32"
    return f"{text!r} is no network for {owner}: write {forms}"


def overlap(ours: Iterable[Network], theirs: Iterable[Network]) -> tuple[Network, Network] | None:
    """Return the first pair of networks, one of each side, that have an address in common."""
    theirs = tuple(theirs)
    return next(
        ((one, other) for one in ours for other in theirs if one.version == other.version and one.overlaps(other)), None
    )
