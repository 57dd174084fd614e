"""The handle of a NAT box: how it behaves, which bindings it has, and what it gets wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from voxlab.base.errors import VoxlabError
from voxlab.faults.temper import Temper
from voxlab.lab.blocking import Aio
from voxlab.lab.faulty import Faulty, Turn
from voxlab.lab.network_faults import NAT_KNOBS
from voxlab.net.nat import Behaviour, dependence, of_kind
from voxlab.net.nat_paths import INTERNET, NatBox, Rewrite
from voxlab.platform.names import ACCOUNT, checked

if TYPE_CHECKING:
    import pandas as pd

    from voxlab.host.ends.place import MediaPlace
    from voxlab.lab.lab import Lab

BINDING_COLUMNS = {
    "transport": "category",
    "inside": "string",
    "inside_port": "int64",
    "outside": "string",
    "outside_port": "int64",
    "far": "string",
    "expires_in_s": "float64",
}
"""Columns of ``Nat.bindings``, in order; the index is ``binding``, from 1. ``far`` is what of the far end it was made
for, <NA> for all.
"""


class Nat(Faulty):
    """A NAT box of the simulated network; get one with ``lab.nat("home", kind="symmetric")``.

    Phones are put behind it with ``user.phone(nat=home)``; another NAT with ``lab.nat("home", behind=cgn)``.
    """

    fault_kinds = ("nat",)
    fault_knobs: ClassVar[Mapping[str, Turn]] = NAT_KNOBS

    def __init__(self, lab: Lab, name: str, network: str, behind: Nat | None) -> None:
        self.lab = lab
        self.aio = Aio(self)
        self.name = self.title = name
        self.behind = behind
        self.behaviour = Behaviour()
        self.box: NatBox | None = None
        self._network = network
        self._faults = Temper()

    # -- its box; in the lab's thread

    def build(self) -> None:
        """Put it on the network."""
        outside = INTERNET if self.behind is None else self.behind.name
        rewrite = None if self.box is None else self.box.rewrite
        self.box = self.lab.installation.add_nat(self.name, self._network, self.behaviour, outside)
        self.box.rewrite = rewrite

    def new_place(self, title: str) -> MediaPlace:
        """Give a new phone an address behind it."""
        self.lab.refuse_closed()
        return self.lab.installation.new_place_behind(title, self.name)

    def rewrite_with(self, rewrite: Rewrite | None) -> None:
        """Let datagrams that cross be rewritten, or no more; in the lab's thread."""
        self._box().rewrite = rewrite

    def _box(self) -> NatBox:
        self.lab.refuse_closed()
        assert self.box is not None
        return self.box

    # -- how it behaves

    @property
    def kind(self) -> str:
        """RFC 3489's word for it: full_cone, restricted_cone, port_restricted_cone, symmetric; "" for none of them."""
        return self.behaviour.kind

    @kind.setter
    def kind(self, kind: str) -> None:
        self.behaviour.mapping, self.behaviour.filtering = of_kind(kind)

    @property
    def mapping(self) -> str:
        """When a new binding is made for another far end (RFC 4787 s.4.1)."""
        return self.behaviour.mapping

    @property
    def filtering(self) -> str:
        """Which far ends may send to a binding (RFC 4787 s.5)."""
        return self.behaviour.filtering

    @property
    def lifetime_s(self) -> float:
        """Seconds that a UDP binding lives after the last packet from inside."""
        return self.behaviour.lifetime_s

    @lifetime_s.setter
    def lifetime_s(self, lifetime_s: float) -> None:
        self.update({"lifetime_s": lifetime_s})

    def update(self, given: Mapping[str, Any]) -> None:
        """Take what is given of its behaviour, checked."""
        behaviour = self.behaviour
        for name in ("lifetime_s", "tcp_lifetime_s"):
            if name in given and not given[name] > 0:
                raise VoxlabError(f"{name} of a NAT is a number of seconds above 0, not {given[name]!r}")
        first, last = given.get("ports", (behaviour.first_port, behaviour.last_port))
        if not 1 <= first <= last <= 65_535:
            raise VoxlabError(f"ports of a NAT is a range such as (1024, 65535), not {given['ports']!r}")
        words = {name: dependence(given[name]) for name in ("mapping", "filtering") if name in given}
        if "kind" in given:
            self.kind = given["kind"]
        behaviour.first_port, behaviour.last_port = first, last
        for name, value in {**given, **words}.items():
            if name not in {"kind", "ports"}:
                setattr(behaviour, name, value)

    # -- what it is doing

    @property
    def outside(self) -> str:
        """Its outer address."""
        return self._box().outside

    @property
    def inside(self) -> str:
        """The network behind it."""
        return self.lab.installation.inside_of(self.name)

    @property
    def bindings(self) -> pd.DataFrame:
        """The bindings that live, in the order in which they were made: a fresh snapshot."""
        from voxlab.analysis import frames

        lab, box = self.lab, self._box()

        def read() -> list[tuple[object, ...]]:
            now, outside = lab.now, box.outside
            return [
                (m.transport, *m.inner, outside, m.outer_port, ":".join(m.far) or None, self._left_s(m, now))
                for m in box.translator.mappings(now)
            ]

        rows = lab.world.submit(read)
        return frames.table(BINDING_COLUMNS, rows, range(1, len(rows) + 1), "binding", lab.journal.epoch_s)

    def _left_s(self, mapping: Any, now: float) -> float:
        return float(mapping.last_s + self.behaviour.lifetime_of(mapping.transport) - now)

    def reboot(self) -> None:
        """Switch it off and on: every binding is forgotten."""
        self.lab.world.submit(lambda: self._box().translator.forget_all(self.lab.now))

    # -- its faults

    @property
    def fault_place(self) -> str:
        """What its faults are noted under."""
        return self.name

    def _temper(self) -> Temper:
        return self._faults

    def __repr__(self) -> str:
        if self.lab.world.closed:
            return f"<Nat {self.name}: its lab is closed>"
        what = self.kind.replace("_", " ") or f"{self.mapping} mapping, {self.filtering} filtering"
        where = f" behind {self.behind.name}" if self.behind is not None else ""
        faults = f", faults: {', '.join(self.faults)}" if self.faults else ""
        bindings = len(self.lab.world.submit(lambda: self._box().translator.mappings(self.lab.now)))
        return (
            f"<Nat {self.name}{where}: {what}, {self.inside} as {self.outside}, "
            f"UDP bindings live {self.lifetime_s:g} s, {bindings} now{faults}>"
        )


def new_nat(lab: Lab, name: str, network: str, behind: Nat | None) -> Nat:
    """Make a NAT and put it on the network."""
    if behind is not None and getattr(behind, "lab", None) is not lab:
        raise VoxlabError(f"behind is another NAT of this lab, such as lab.nat('cgn'), not {behind!r}")
    checked(name, ACCOUNT._replace(kind="a NAT", example="home"))
    if lab.unused_title(name, "nat") != name:
        raise VoxlabError(f"{name!r} is the name of another host of this lab; call the NAT otherwise")
    nat = Nat(lab, name, network, behind)
    lab.world.submit(nat.build)
    lab.nats[name] = nat
    return nat
