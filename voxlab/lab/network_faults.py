"""The faults of NATs, borders, links and DNS as knobs: each turns a setting, and returns what turns it back.

Must not know the catalogue: symptoms and cures stand there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from voxlab.base.errors import VoxlabError
from voxlab.elements.dns_trouble import DeadFirst, Failing, Misleading, Sticky, Trouble, WithoutServices
from voxlab.faults.alg import REWRITES, is_sip
from voxlab.host.ends.traversal import OFF, OPEN
from voxlab.host.intruder import Intruder
from voxlab.net.impairment import Impairment
from voxlab.net.nat_paths import Crossing

if TYPE_CHECKING:
    from voxlab.lab.faulty import Turn
    from voxlab.lab.link import Link
    from voxlab.lab.nat import Nat
    from voxlab.lab.sbc import Sbc
    from voxlab.lab.zone import Zone

Back = Callable[[], None]


def _set(thing: Any, name: str, value: Any) -> Back:
    """Give an attribute another value, and return what gives the old one back."""
    before = getattr(thing, name)
    setattr(thing, name, value)
    return lambda: setattr(thing, name, before)


# -- NATs


def _binding_dies(nat: Nat, *, lifetime_s: float) -> Back:
    before = nat.lifetime_s
    nat.update({"lifetime_s": lifetime_s})
    return lambda: nat.update({"lifetime_s": before})


def _alg(nat: Nat, *, rewrites: str) -> Back:
    rewrite = REWRITES[rewrites]

    def gateway(data: bytes, crossing: Crossing) -> bytes:
        outward = crossing.outbound or rewrites == "record_route"
        return rewrite(data, crossing.inner, crossing.outer) if outward and is_sip(data) else data

    nat.rewrite_with(gateway)
    return lambda: nat.rewrite_with(None)


NAT_KNOBS: Mapping[str, Turn] = {"binding_dies": _binding_dies, "alg": _alg}


# -- the platform's border


def _contact_believed(sbc: Sbc) -> Back:
    return _set(sbc.traversal, "follows_sources", False)


def _no_latching(sbc: Sbc) -> Back:
    _refuse_live(sbc, "no_latching")
    return _set(sbc.traversal, "latching", OFF)


def _refuse_live(sbc: Sbc, name: str) -> None:
    """Refuse what has no meaning on real sockets: there are no NATs on a loopback interface."""
    if sbc.lab.live:
        raise VoxlabError(f"{name!r} shows behind NATs alone, and those are in the simulated world: Lab() without live")


def _latching_hijack(sbc: Sbc) -> Back:
    _refuse_live(sbc, "latching_hijack")
    back = _set(sbc.traversal, "latching", OPEN)
    intruder = Intruder(sbc.lab.installation.new_stranger)
    open_again = _set(sbc.traversal, "opened", intruder.tries)

    def heal() -> None:
        back()
        open_again()
        intruder.close()

    return heal


SBC_KNOBS: Mapping[str, Turn] = {
    "contact_believed": _contact_believed,
    "no_latching": _no_latching,
    "latching_hijack": _latching_hijack,
}


# -- links


def _fragments_lost(link: Link, *, mtu_bytes: int) -> Back:
    before = link.mtu_bytes
    link.mtu_bytes = mtu_bytes
    link.wire.lose_fragments()

    def heal() -> None:
        link.mtu_bytes = before
        link.wire.lose_fragments(False)

    return heal


def _impaired(link: Link, **changes: float) -> Back:
    """Give both directions a worse temper, beside what else there is wrong with them."""
    ways = [link.toward(name) for name in link.names]
    before = [way.impairment for way in ways]
    for way, old in zip(ways, before, strict=True):
        way.impairment = replace(old if isinstance(old, Impairment) else Impairment(), **changes)

    def heal() -> None:
        for way, old in zip(ways, before, strict=True):
            way.impairment = old

    return heal


LINK_KNOBS: Mapping[str, Turn] = {
    "fragments_lost": _fragments_lost,
    "loss": lambda link, *, rate, burst: _impaired(link, loss=rate, burst=burst),
    "delay": _impaired,
    "jitter": _impaired,
}


# -- DNS


def _troubled(make: Callable[..., Trouble]) -> Turn:
    def turn(zone: Zone, **parameters: Any) -> Back:
        trouble = make(**parameters)
        zone.records.trouble(trouble)
        return lambda: zone.records.mend(trouble)

    return turn


DNS_KNOBS: Mapping[str, Turn] = {
    "nxdomain": _troubled(lambda domain: Failing(domain, "nxdomain")),
    "server_failure": _troubled(lambda domain: Failing(domain, "servfail")),
    "dns_timeout": _troubled(lambda domain: Failing(domain, "timeout")),
    "srv_missing": _troubled(WithoutServices),
    "dead_host": _troubled(DeadFirst),
    "sticky_address": _troubled(Sticky),
    "naptr_misleads": _troubled(Misleading),
}
