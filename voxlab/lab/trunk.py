"""The handle of a trunk: another operator, whose calls come without a password, and to whom ours go."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from voxlab.base.errors import VoxlabError
from voxlab.base.records import MessageRefused
from voxlab.faults.temper import Temper
from voxlab.lab.blocking import Aio, Steps, Submit, Wait, blocking
from voxlab.lab.faulty import Faulty
from voxlab.lab.operator_knobs import TRUNK_KNOBS
from voxlab.lab.probe import Answers, Probe
from voxlab.platform.application import Unchanged
from voxlab.platform.gateway import Gateway, gateways
from voxlab.platform.number_range import NumberRange
from voxlab.platform.numbering import checked_number
from voxlab.platform.secret import Secret
from voxlab.platform.trunk import Network
from voxlab.platform.trunk import Trunk as Record
from voxlab.platform.trunk_explanation import TrunkExplanation, explain
from voxlab.platform.usage import Usage

if TYPE_CHECKING:
    from voxlab.lab.lab import Lab

_REFUSALS_SHOWN = 3


class Trunk(Faulty):
    """Another operator as one account sees it; get one with ``account.trunk("gigafon", allow=[...])``."""

    fault_kinds = ("trunk",)
    fault_knobs = TRUNK_KNOBS

    def __init__(self, lab: Lab, record: Record) -> None:
        self.lab = lab
        self.aio = Aio(self)
        self.record = record
        self._faults = Temper()

    @property
    def name(self) -> str:
        """The trunk's name."""
        return self.record.name

    @property
    def fault_place(self) -> str:
        """What its faults are noted under."""
        return f"trunk {self.name}"

    def _temper(self) -> Temper:
        return self._faults

    @property
    def allow(self) -> tuple[Network, ...]:
        """The networks that its calls come from."""
        return self.record.allow

    @property
    def gateways(self) -> tuple[Gateway, ...]:
        """Where our calls go, each with its health."""
        return self.record.gateways

    @property
    def usage(self) -> Usage:
        """The calls that stand, and the limits."""
        return self.record.usage

    @blocking
    def probe(self) -> Steps[Probe]:
        """Ask every gateway whether it is there (OPTIONS), and one that does not let us in whether it takes REGISTER.

        Returns
        -------
        Probe
            What each answered, in words; true if one of them takes our calls.
        """
        answers: list[Answers] = []
        checks = self.lab.cloud.health_checks
        for gateway in self.record.gateways:
            found = Answers(gateway)
            answers.append(found)
            yield Submit(checks.ask_once, (gateway, found.take_options))
            yield Wait(lambda found=found: found.options is not None, 40.0)  # type: ignore[misc]
            if found.wants_register:
                yield Submit(checks.ask_once, (gateway, found.take_register, "REGISTER"))
                yield Wait(lambda found=found: found.register is not None, 40.0)  # type: ignore[misc]
        return Probe(self.name, tuple(answers))

    def explain(self, address: str) -> TrunkExplanation:
        """Say what becomes of a call from an address, and what was refused to it so far; the wire says only 403."""
        return self.lab.world.submit(self._explain, address)

    def _explain(self, address: str) -> TrunkExplanation:
        self.lab.cloud.keep_records()
        found = explain(self.lab.platform, self.record, address)
        refusals = (note for note in self.lab.journal.notes if isinstance(note, MessageRefused))
        lines = [
            f"refused at {note.time_s:.3f} s with {note.status}: {note.reason}"
            for note in refusals
            if note.src.host == address
        ]
        return found._replace(details=(*found.details, *lines[-_REFUSALS_SHOWN:]))

    def __repr__(self) -> str:
        record = self.record
        inward = f"in ✓ {', '.join(map(str, record.allow))}" if record.allow else "in ✗ no address is allowed"
        return f"<Trunk {self.name}: {inward} · {_outward(record)} · {record.usage}>"


def outward(
    record: Record,
    gateway: Any,
    reaches: str | Iterable[str] | Unchanged | None,
    caller_id: str | None,
    username: str | None,
    password: str | None,
    options_every: float | Unchanged | None,
) -> None:
    """Take what is given about our calls to an operator; in the lab's thread."""
    if gateway is not None:
        record.gateways = _kept(record.gateways, gateways(gateway))
    if not isinstance(reaches, Unchanged):
        record.reaches = None if reaches is None else NumberRange(reaches)
    if not isinstance(options_every, Unchanged):
        if options_every is not None and not options_every >= 1:
            raise VoxlabError(f"options_every takes seconds, 1 or more, or None, not {options_every!r}")
        record.options_every_s = options_every
    if caller_id is not None:
        record.caller_id = checked_number(caller_id, f"the caller id of trunk {record.name!r}") if caller_id else ""
    record.username = record.username if username is None else username
    if password is not None:
        record.password = Secret(password)
    if record.username and record.password is None:
        raise VoxlabError(f"trunk {record.name!r} has a username and no password: say both")


def _kept(before: tuple[Gateway, ...], wanted: tuple[Gateway, ...]) -> tuple[Gateway, ...]:
    """Return the wanted gateways, with what is known already of the same ones."""
    known = {str(each.uri): each.health for each in before}
    for each in wanted:
        each.health = known.get(str(each.uri), each.health)
    return wanted


def _outward(record: Record) -> str:
    if not record.gateways:
        return "out ✗ no gateway"
    up = [each.health.is_up for each in record.gateways]
    mark = "✓" if any(up) else "?" if None in up else "✗"
    return f"out {mark} " + ", ".join(f"{each.address} ({each.health})" for each in record.gateways)
