"""What every handle does that takes faults by name: ``x.fault("ack_lost")``, ``with x.fault(...):``, ``x.heal()``.

Must not know what a fault does: treatments of messages come from the catalogue, knobs from the handle itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar

from voxlab.base.errors import VoxlabError
from voxlab.base.records import FaultSwitched
from voxlab.faults.catalogue import named, treatment
from voxlab.faults.fault import Fault
from voxlab.faults.profile import PeerProfile
from voxlab.faults.temper import Temper
from voxlab.faults.treatment import Device, Treatment
from voxlab.lab.blocking import Steps, Submit, blocking, drive, drive_aio

if TYPE_CHECKING:
    from voxlab.lab.lab import Lab

Turn = Callable[..., Callable[[], None]]
"""Turns a knob of a handle, given the handle and the fault's parameters, in the lab's thread; returns what turns it
back."""


class Switched:
    """Faults that were just switched on; as a context manager it heals them at the end of its block."""

    def __init__(self, thing: Faulty, names: tuple[str, ...]) -> None:
        self._thing = thing
        self.names = names

    def _heal(self) -> Steps[None]:
        for name in self.names:
            yield Submit(self._thing._switch_off, (name,))

    def __enter__(self) -> Switched:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._thing.lab.world.closed:
            drive(self._thing.lab, self._heal())

    async def __aenter__(self) -> Switched:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._thing.lab.world.closed:
            await drive_aio(self._thing.lab, self._heal())

    def __repr__(self) -> str:
        return f"<{', '.join(self.names)} on at {self._thing.fault_place}>"


class _Knob(Treatment):
    """A fault that is no matter of messages: a setting of its thing."""

    def __init__(self, turn_back: Callable[[], None]) -> None:
        self._turn_back = turn_back

    def healed(self, device: Device) -> None:
        self._turn_back()


class Faulty:
    """A handle whose thing can misbehave.

    Attributes
    ----------
    fault_kinds : tuple of str
        What it is in the catalogue's column ``where``, the first its own word.
    fault_knobs : mapping of str to callable
        The faults that turn a setting of it, by name.
    """

    fault_kinds: ClassVar[tuple[str, ...]]
    fault_knobs: ClassVar[Mapping[str, Turn]] = {}
    lab: Lab

    @property
    def fault_place(self) -> str:
        """What its faults are noted under: its name on ladders."""
        raise NotImplementedError

    def _temper(self) -> Temper | None:
        """Return what keeps its faults, None while it has no machine."""
        raise NotImplementedError

    def _about_to_treat(self) -> None:
        """Let go of what was due before a fault comes or goes."""

    def _treated(self) -> None:
        """Let its machine look again: a fault has come or gone."""

    @blocking
    def fault(self, name: str | PeerProfile, **parameters: Any) -> Steps[Switched]:
        """Let it misbehave in a way of the catalogue, such as "ack_lost"; ``lab.faults()`` lists them.

        Parameters
        ----------
        name : str or PeerProfile
            One fault, or a temperament.
        **parameters
            Of the fault, such as ``style="national"``; the catalogue says which it has.

        Returns
        -------
        Switched
            To be used in a ``with`` block, at whose end the fault is healed; else it stays until ``heal``.

        Raises
        ------
        VoxlabError
            There is no such fault, this thing cannot have it, or a parameter is wrong.
        """
        chosen = self._chosen(name, parameters)
        for fault, given in chosen:
            yield Submit(self._switch_on, (fault, given))
        return Switched(self, tuple(fault.name for fault, _ in chosen))

    @blocking
    def heal(self, name: str | None = None) -> Steps[None]:
        """Take a fault away, or all of them; what a fault has kept back is still sent."""
        if name is not None:
            name = named(name, self.fault_kinds).name
        yield Submit(self._switch_off, (name,))

    @property
    def faults(self) -> tuple[str, ...]:
        """Which faults are switched on."""
        temper = self._temper()
        return tuple(temper.faults) if temper is not None else ()

    def _chosen(self, name: str | PeerProfile, parameters: Mapping[str, Any]) -> list[tuple[Fault, dict[str, Any]]]:
        if isinstance(name, str):
            fault = named(name, self.fault_kinds)
            return [(fault, fault.checked(parameters))]
        if not isinstance(name, PeerProfile):
            raise VoxlabError(f"a fault is called by its name, such as 'ack_lost', or is a PeerProfile, not {name!r}")
        if parameters:
            raise VoxlabError("a PeerProfile has the parameters of its faults already: fault(profile)")
        return [(named(each, self.fault_kinds), given) for each, given in name.faults.items()]

    def _switch_on(self, fault: Fault, parameters: dict[str, Any]) -> None:
        temper = self._temper()
        if temper is None:
            raise VoxlabError(f"{self.fault_place} is closed: it can have no faults any more")
        self._about_to_treat()
        temper.switch_off(fault.name)
        turn = self.fault_knobs.get(fault.name)
        made = treatment(fault, parameters) if turn is None else _Knob(turn(self, **parameters))
        temper.switch_on(fault.name, made)
        self._note(fault.name, on=True)
        self._treated()

    def _switch_off(self, name: str | None) -> None:
        temper = self._temper()
        if temper is None:
            return
        self._about_to_treat()
        for each in tuple(temper.faults) if name is None else (name,):
            if each in temper.faults:
                temper.switch_off(each)
                self._note(each, on=False)
        self._treated()

    def _note(self, name: str, *, on: bool) -> None:
        world = self.lab.world
        self.lab.journal.note(FaultSwitched(world.now, self.fault_place, name, on))
