"""Who took part: addresses gathered into the columns of a ladder.

Must not know messages beyond their two ends. What was seen behind a NAT goes to the NAT or comes from it, although its
addresses are those of the hosts. A named address is whom it is named after; an unnamed one is its host,
and host and
port where several of one host talk to each other, as on a loopback interface.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from voxlab.analysis.entries import Entry
    from voxlab.base.datagram import Address
    from voxlab.base.journal import Journal


@dataclass(frozen=True, slots=True)
class Participant:
    """A column: ``name`` is what people call it, ``address`` where it first spoke or was spoken to."""

    name: str
    address: str


class Columns:
    """The columns of a flow, in order of first appearance."""

    def __init__(self, journal: Journal, entries: Iterable[Entry]) -> None:
        entries = list(entries)
        self._journal = journal
        self._crowded = {entry.src.host for entry in entries if entry.src.host == entry.dst.host}
        self._column: dict[str, int] = {}
        self._participants: list[Participant] = []
        for entry in entries:
            self.ends(entry)

    @property
    def participants(self) -> tuple[Participant, ...]:
        """The columns so far, from left to right."""
        return tuple(self._participants)

    def of(self, address: Address) -> int:
        """Return the column of an address; one that is new gets a new column."""
        key = self._key(address)
        if key not in self._column:
            self._column[key] = len(self._participants)
            self._participants.append(self._participant(address, key))
        return self._column[key]

    def ends(self, entry: Entry) -> tuple[int, int]:
        """Return the columns that a message went between: behind a NAT one of them is the NAT."""
        from_nat, to_nat = self._journal.crosses(entry.src, entry.dst, entry.outcome)
        src = self._nat(from_nat) if from_nat else self.of(entry.src)
        return src, self._nat(to_nat) if to_nat else self.of(entry.dst)

    def nats(self, src: Address, dst: Address, outcome: int) -> tuple[int | None, int | None]:
        """Return the columns of the NATs at which a packet begins and ends its wire, None where a host itself does."""
        from_nat, to_nat = self._journal.crosses(src, dst, outcome)
        return self._nat(from_nat) if from_nat else None, self._nat(to_nat) if to_nat else None

    def _nat(self, name: str) -> int:
        if name not in self._column:
            self._column[name] = len(self._participants)
            outside = next((host for host, known in self._journal.names.items() if known == name), "")
            self._participants.append(Participant(name, outside))
        return self._column[name]

    def find(self, address: Address) -> int | None:
        """Return the column of an address, None if it has none."""
        return self._column.get(self._key(address))

    def _key(self, address: Address) -> str:
        name = self._journal.name_of(address)
        return name or (str(address) if address.host in self._crowded else address.host)

    def _participant(self, address: Address, key: str) -> Participant:
        shown = str(address) if address.host in self._crowded else address.host
        return Participant(key, "" if key == shown else shown)
