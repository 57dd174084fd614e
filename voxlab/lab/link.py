"""The handle of a link between two hosts, in either world: its temper, its MTU, and its faults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from voxlab.faults.catalogue import named
from voxlab.faults.fault import Fault
from voxlab.faults.temper import Temper
from voxlab.lab.blocking import Aio, Steps, Submit, blocking
from voxlab.lab.faulty import Faulty, Turn
from voxlab.lab.network_faults import LINK_KNOBS
from voxlab.net.impairment import Impairment
from voxlab.net.link import Link as Wire
from voxlab.net.link import Way

if TYPE_CHECKING:
    from voxlab.lab.lab import Lab
    from voxlab.media.path import Path


class Link(Faulty):
    """A link between two hosts, both directions; get one with ``lab.link(alice)``."""

    fault_kinds = ("link",)
    fault_knobs: ClassVar[Mapping[str, Turn]] = LINK_KNOBS

    def __init__(self, lab: Lab, names: tuple[str, str], wire: Wire) -> None:
        self.lab = lab
        self.aio = Aio(self)
        self.names = names
        self.wire = wire
        self._faults = Temper()

    def toward(self, owner: str) -> Way:
        """Return the direction that leads to ``owner``."""
        self._change(lambda: None)
        return self.wire.toward(owner)

    def impair(self, impairment: Impairment | Path) -> None:
        """Give both directions the same temper: an `Impairment`, or a ``traces.Path`` with all that it can do.

        A trace that was measured is a path, too: ``impair(trace.path)`` lets packets fare as its own did.
        """
        self._change(self.wire.impair, impairment)

    def drop(self, matches: Callable[[bytes], bool], times: int | None = 1) -> None:
        """Lose matching packets in both directions, ``times`` in each; None for all until ``heal``."""
        self._change(self.wire.drop, matches, times)

    @property
    def mtu_bytes(self) -> int:
        """The largest IP packet that passes whole, 1500 at first; larger datagrams travel in fragments (RFC 791 s.2.3,
        and RFC 3261 s.18.1.1 for what SIP makes of that).
        """
        return self.wire.mtu_bytes

    @mtu_bytes.setter
    def mtu_bytes(self, size: int) -> None:
        self._change(setattr, self.wire, "mtu_bytes", size)

    mtu = mtu_bytes

    @blocking
    def heal(self, name: str | Impairment | Path | None = None) -> Steps[None]:
        """Take one fault away by its name; or all of them and every impairment, to be perfect again or as given."""
        if isinstance(name, str):
            yield Submit(self._switch_off, (named(name, self.fault_kinds).name,))
            return
        yield Submit(self._switch_off, (None,))
        yield Submit(self.lab.settle_evidence)
        yield Submit(self.wire.heal)
        if name is not None:
            yield Submit(self.wire.impair, (name,))

    @property
    def fault_place(self) -> str:
        """What its faults are noted under."""
        return f"link {self.names[0]}–{self.names[1]}"

    def _temper(self) -> Temper:
        return self._faults

    def _switch_on(self, fault: Fault, parameters: dict[str, Any]) -> None:
        self.lab.settle_evidence()
        super()._switch_on(fault, parameters)

    def _switch_off(self, name: str | None) -> None:
        self.lab.settle_evidence()
        super()._switch_off(name)

    def _change(self, change: Callable[..., object], *arguments: object) -> None:
        """Change the link in the lab's thread, from now on: what is due is sent before, batches of media wait for
        seconds.
        """
        world = self.lab.world
        if world.in_lab:
            self._settled(change, arguments)
        else:
            world.submit(self._settled, change, arguments)

    def _settled(self, change: Callable[..., object], arguments: tuple[object, ...]) -> None:
        self.lab.settle_evidence()
        change(*arguments)

    def __repr__(self) -> str:
        ways = (f"to {name}: {self.wire.toward(name).impairment}" for name in self.names)
        faults = f", faults: {', '.join(self.faults)}" if self.faults else ""
        return f"<Link {self.names[0]}–{self.names[1]}: MTU {self.mtu_bytes}{faults}; {'; '.join(ways)}>"
