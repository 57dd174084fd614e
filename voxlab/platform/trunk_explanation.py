"""Why calls from an address are taken without a password, or are not: the sentence that the wire never says.

Must not know SIP messages; what happened so far is added by whoever keeps a journal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from voxlab.base.errors import VoxlabError
from voxlab.platform.platform import Platform
from voxlab.platform.trunk import Network, Trunk, host_address


class TrunkExplanation(NamedTuple):
    """What a trunk says to an address; prints as text, the verdict first, and is true if the address is let in."""

    address: str
    network: Network | None
    verdict: str
    details: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join([self.verdict, *(f"  {line}" for line in self.details)])

    def __repr__(self) -> str:
        return str(self)

    def __bool__(self) -> bool:
        return self.verdict.startswith("✓")


def explain(platform: Platform, trunk: Trunk, address: str) -> TrunkExplanation:
    """Say what becomes of a call from ``address``.

    Raises
    ------
    VoxlabError
        For what is no IP address: whitelists know no names.
    """
    given: object = address
    if not isinstance(given, str) or host_address(given) is None:
        raise VoxlabError(f"a whitelist holds IP addresses, such as '198.51.100.7', not {address!r}")
    network = trunk.match(address)
    taken = [pair for pair in platform.trunks_from(address) if pair[1] is not trunk]
    if network is None:
        return TrunkExplanation(address, None, _outside(trunk, address), tuple(_elsewhere(trunk, taken)))
    rival = platform.accounts[trunk.account].trunk_from(address)
    if rival is not trunk and rival is not None:
        where = f"{rival.match(address)} of trunk {rival.name!r}"
        verdict = f"✗ {address} is in {network} of trunk {trunk.name!r}, but {where} is narrower or came first"
        return TrunkExplanation(address, network, verdict, ())
    whose = f"trunk {trunk.name!r}, account {trunk.account!r}"
    verdict = f"✓ {address} is in {network} of {whose}: no password is asked for"
    return TrunkExplanation(address, network, verdict, tuple(_inside(platform, trunk, taken)))


def _outside(trunk: Trunk, address: str) -> str:
    known = ", ".join(map(str, trunk.allow)) or "which is empty"
    return f"✗ {address} is not on the whitelist of trunk {trunk.name!r}, {known}: its calls get 403"


def _elsewhere(trunk: Trunk, taken: Sequence[tuple[object, Trunk]]) -> list[str]:
    lines = [f"it is an address of trunk {other.name!r} in account {other.account!r}" for _, other in taken]
    return [*lines, "a caller whose From is a user of ours is asked for a digest, wherever it calls from"]


def _inside(platform: Platform, trunk: Trunk, taken: Sequence[tuple[object, Trunk]]) -> list[str]:
    spoofed = "is believed: trusts_from is on" if trunk.trusts_from else "is challenged all the same (407)"
    lines = [
        f"From in a domain of ours {spoofed}",
        "REGISTER from there needs a digest like any other",
        f"in use: {trunk.usage}",
    ]
    numbers = [number for number in platform.numbers.values() if number.application.account == trunk.account]
    if numbers:
        lines.append(f"numbers of ours that it may call: {', '.join(map(str, numbers))}")
    for _, other in taken:
        lines.append(f"account {other.account!r} lists it too: the domain, then the called number tells whose it is")
    return lines
