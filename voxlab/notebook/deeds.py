"""What the buttons of a control panel do: a table of deeds, each through the lab's own public handles.

A deed is a coroutine that returns the sentence to show. Must not know widgets.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NamedTuple

from voxlab.base.errors import VoxlabError
from voxlab.lab.call import Call

if TYPE_CHECKING:
    from voxlab.lab.account import Account
    from voxlab.lab.overview import Overview

Key = int | str
Option = tuple[str, Key]
"""What stands in a list to choose from, and what it means."""


class Deed(NamedTuple):
    """One button: its word, what it does, what a person who points at it reads, whether it has to be pressed twice."""

    label: str
    act: Callable[[Account, Key], Awaitable[str]]
    tooltip: str
    is_final: bool = False


class Choice(NamedTuple):
    """A list to choose from and the buttons that act on what is chosen; ``section`` is the table it stands below."""

    section: str
    label: str
    options: Callable[[Overview], tuple[Option, ...]]
    deeds: tuple[Deed, ...]


async def hang_up(account: Account, call_id: Key) -> str:
    """End a call."""
    call = Call(account.lab, call_id=str(call_id))
    number = call.number
    await call.aio.hang_up()
    return f"✓ call {number} is over: lab.call({number}) has its ladder"


async def probe(account: Account, name: Key) -> str:
    """Ask the gateways of a trunk whether they are there."""
    return str(await account.trunk(str(name)).aio.probe())


async def allow(account: Account, network: str, remark: str) -> str:
    """Add a network to the whitelist."""
    if not network.strip():
        raise VoxlabError("say which network: 198.51.100.0/24, one address such as 198.51.100.7, or 2001:db8::/32")
    item = account.allow(network.strip(), remark.strip())
    return f"✓ calls from {item.network} need no password now"


async def disallow(account: Account, number: Key) -> str:
    """Take a network off the whitelist."""
    network = next((str(item.network) for item in account.whitelist if item.number == number), "")
    account.disallow(int(number))
    return f"✓ {network} is off the whitelist; calls that stand go on"


async def refresh(account: Account, number: Key) -> str:
    """Register again at once."""
    registration = await account.sip_registration(int(number)).aio.refresh()
    mark = "✓" if registration.state == "successful" else "✗"
    return f"{mark} {registration.username} at {registration.proxy}: {registration.code} {registration.reason}"


async def remove(account: Account, number: Key) -> str:
    """Take ourselves off another registrar, and forget the password."""
    registration = account.sip_registration(int(number))
    await registration.aio.remove()
    return f"✓ {registration.username} at {registration.proxy} is removed"


def _calls(overview: Overview) -> tuple[Option, ...]:
    return tuple([(f"{row.number}: {row.caller} → {row.destination}", row.call_id) for row in overview.calls])


def _gateways(overview: Overview) -> tuple[Option, ...]:
    return tuple([(row.name, row.name) for row in overview.trunks if row.outward])


def _networks(overview: Overview) -> tuple[Option, ...]:
    return tuple([(f"{item.network} ({item.trunk})", item.number) for item in overview.whitelist])


def _registrations(overview: Overview) -> tuple[Option, ...]:
    return tuple([(f"{row.username} at {row.proxy}", row.number) for row in overview.registrations])


CHOICES = (
    Choice("calls", "call", _calls, (Deed("Hang up", hang_up, "end the chosen call for both sides"),)),
    Choice("trunks", "trunk", _gateways, (Deed("Probe", probe, "ask its gateways by OPTIONS whether they are there"),)),
    Choice("whitelist", "network", _networks, (Deed("Remove network", disallow, "its next call needs a password"),)),
    Choice(
        "registrations",
        "registration",
        _registrations,
        (
            Deed("Refresh", refresh, "register again at once"),
            Deed("Remove registration", remove, "take us off there, and forget the password", is_final=True),
        ),
    ),
)
