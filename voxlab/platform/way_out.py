"""By which ways a call to a number may leave the platform: trunks of the account, and why there is none.

Must not know addresses or requests.
"""

from __future__ import annotations

from typing import NamedTuple

from voxlab.base.errors import VoxlabError, did_you_mean
from voxlab.platform.application import Application
from voxlab.platform.caller_identity import Calling
from voxlab.platform.emergency import EXPLANATION, is_emergency
from voxlab.platform.numbering import E164, is_global
from voxlab.platform.platform import Platform
from voxlab.platform.trunk import Trunk


class NoWay(NamedTuple):
    """A call cannot leave: what the caller hears, and why."""

    status: int
    reason: str
    why: str


class Wish(NamedTuple):
    """A call that is to leave the platform.

    Attributes
    ----------
    number : str
        As dialled; read as E.164 where it can be.
    caller : str
        The number or name of who appears to call.
    display_name : str
    anonymous : bool
    diverted_by : str
        The number of ours that was called first, if the call is forwarded.
    trunk : str or None
        The only trunk to be taken.
    """

    number: str
    caller: str
    display_name: str = ""
    anonymous: bool = False
    diverted_by: str = ""
    trunk: str | None = None


def trunks_for(platform: Platform, application: Application, wish: Wish) -> list[Trunk] | NoWay:
    """Return the trunks that may carry a call, in the order in which they were defined.

    Raises
    ------
    VoxlabError
        Where the only trunk that is to be taken does not exist.
    """
    number = E164.read(wish.number)
    if is_emergency(number):
        return NoWay(403, "Emergency Calls Not Supported", f"{number} is an emergency number: {EXPLANATION}")
    known = platform.accounts[application.account].trunks
    if wish.trunk is not None and wish.trunk not in known:
        raise VoxlabError(
            f"unknown trunk {wish.trunk!r} in account {application.account!r}{did_you_mean(wish.trunk, known)}"
        )
    if not is_global(number):
        why = f"{wish.number!r} is no number of E.164, + and up to 15 digits: nobody can be called there"
        return NoWay(404, "Not Found", why)
    chosen = [known[wish.trunk]] if wish.trunk is not None else list(known.values())
    found = [trunk for trunk in chosen if trunk.may_reach(number)]
    if found:
        return found
    names = ", ".join(f"{trunk.name} ({_why_not(trunk)})" for trunk in chosen) or "there is none"
    return NoWay(404, "No Route", f"no trunk of account {application.account!r} reaches {number}: {names}")


def calling(platform: Platform, application: Application, trunk: Trunk, wish: Wish) -> Calling:
    """Return who appears to call over a trunk: a caller without a number gets the trunk's, or the application's."""
    number = wish.caller
    if not is_global(number):
        ours = (each.number for each in platform.numbers.values() if each.application is application)
        number = trunk.caller_id or next(ours, number)
    write = trunk.dialect.write
    return Calling(
        write(number), wish.display_name, wish.anonymous, write(wish.diverted_by), write(E164.read(wish.number))
    )


def _why_not(trunk: Trunk) -> str:
    return "no gateway" if not trunk.gateways else f"reaches {trunk.reaches}"
