"""The location service: which contacts an address-of-record is bound to, and until when (RFC 3261 s.10.1, s.10.3).

Joints for RFC 3327 (``path``) and RFC 5626 (``instance``). Must not know messages, digests or who may register: the
registrar decides, this remembers.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heapify, heappop, heappush, heapreplace
from typing import NamedTuple

from voxlab.base.datagram import Flow
from voxlab.base.errors import VoxlabError
from voxlab.base.records import RegistrationChanged
from voxlab.sip.uri import Uri


class TooManyContacts(VoxlabError):
    """An address-of-record would be bound to more contacts than the location service allows."""


class LocationFull(VoxlabError):
    """The location service holds all the bindings that it may."""


class Binding(NamedTuple):
    """A contact that an address-of-record can be reached at.

    Attributes
    ----------
    contact : Uri
        Where the device says it is.
    flow : Flow
        Where its REGISTER came from: behind a NAT, or on a stream, the only way back.
    expires_at_s : float
        When the binding lapses unless refreshed.
    call_id, cseq
        Of the REGISTER that made or last refreshed it; they order requests (RFC 3261 s.10.3 step 7).
    q : float
        Preference among the contacts of one address-of-record, 1.0 if not said.
    instance : str or None
        The device's own name for itself (``+sip.instance``, RFC 5626 s.4.1).
    path : tuple of str
        The proxies between here and the device (RFC 3327), nearest first.
    reg_id : int or None
        Which of the device's flows this is (RFC 5626 s.4.2), with ``instance`` what the binding goes by.
    is_behind_nat : bool
        The device believes to be elsewhere than its requests come from, so its contact leads nowhere.
    """

    contact: Uri
    flow: Flow
    expires_at_s: float
    call_id: str
    cseq: int
    q: float = 1.0
    instance: str | None = None
    path: tuple[str, ...] = ()
    reg_id: int | None = None
    is_behind_nat: bool = False

    @property
    def flow_name(self) -> tuple[str, int] | None:
        """What an outbound binding goes by instead of its contact (RFC 5626 s.6)."""
        return None if self.reg_id is None or self.instance is None else (self.instance, self.reg_id)

    @property
    def needs_flow(self) -> bool:
        """Whether the device is reached over the flow of its REGISTER only: a stream while it is open, an outbound
        flow, a NAT.
        """
        if self.path:
            return False
        return self.flow.connection != 0 or self.is_behind_nat or self.reg_id is not None

    def remaining_s(self, now: float) -> float:
        """Return the seconds left at ``now``."""
        return self.expires_at_s - now


def address_of_record(uri: Uri) -> str:
    """Return the canonical form that indexes the bindings: ``user@host``, unescaped, without parameters and port (RFC
    3261 s.10.3 step 5).

    A SIP and a SIPS URI name the same bindings: the scheme says how to get there, not who is meant (RFC 5630 s.3.1.1).
    """
    return uri.host if uri.user is None else f"{uri.user}@{uri.host}"


class _Entry:
    """The bindings of one address-of-record, and when the heap will look at them."""

    __slots__ = ("bindings", "due_s")

    def __init__(self, bindings: tuple[Binding, ...], due_s: float) -> None:
        self.bindings = bindings
        self.due_s = due_s


class LocationService:
    """Bindings by address-of-record; reading them never copies, changing them replaces all at once.

    The heap holds one live entry per address-of-record; a refresh does not touch it, the entry is put right when it
    comes to the top.

    Parameters
    ----------
    max_contacts : int
        Most bindings of one address-of-record.
    max_bindings : int
        Most bindings in all.
    """

    def __init__(self, *, max_contacts: int = 10, max_bindings: int = 1_000_000) -> None:
        if max_contacts < 1 or max_bindings < 1:
            raise VoxlabError(f"at least one binding has to fit, not {max_contacts=}, {max_bindings=}")
        self.max_contacts = max_contacts
        self.max_bindings = max_bindings
        self._entries: dict[str, _Entry] = {}
        self._heap: list[tuple[float, str]] = []
        self._count = 0
        self._over: dict[int, set[str]] = {}
        self._outputs: list[RegistrationChanged] = []

    def lookup(self, aor: str, now: float) -> tuple[Binding, ...]:
        """Return the live bindings of ``aor``, the most preferred first, of equals the one refreshed last."""
        entry = self._entries.get(aor)
        if entry is None:
            return ()
        for binding in entry.bindings:
            if binding.expires_at_s <= now:
                return tuple(binding for binding in entry.bindings if binding.expires_at_s > now)
        return entry.bindings

    def registered_on(self, aor: str, flow: Flow, now: float) -> bool:
        """Whether ``aor`` registered over this very connection; what comes over UDP may come from anybody."""
        if not flow.reliable or not flow.connection:
            return False
        return any(binding.flow == flow for binding in self.lookup(aor, now))

    def replace(self, aor: str, bindings: tuple[Binding, ...]) -> None:
        """Make ``bindings`` all that ``aor`` is bound to; none is fine.

        Raises
        ------
        TooManyContacts, LocationFull
            Past one of the two limits; nothing has changed then.
        """
        entry = self._entries.get(aor)
        count = self._count + len(bindings) - (0 if entry is None else len(entry.bindings))
        if len(bindings) > self.max_contacts:
            raise TooManyContacts(f"{aor} would have {len(bindings)} bindings, at most {self.max_contacts} are allowed")
        if count > self.max_bindings and len(bindings) > (0 if entry is None else len(entry.bindings)):
            raise LocationFull(f"the location service holds {self._count} bindings, at most {self.max_bindings} fit")
        self._count = count
        for binding in bindings:
            if binding.flow.connection:
                self._over.setdefault(binding.flow.connection, set()).add(aor)
        if not bindings:
            self._entries.pop(aor, None)
        elif entry is None:
            due_s = _first_expiry(bindings)
            self._entries[aor] = _Entry(bindings, due_s)
            heappush(self._heap, (due_s, aor))
        else:
            self._put(aor, entry, bindings)
        self._tidy()

    def drop_flow(self, flow: Flow, now: float) -> None:
        """Forget the outbound bindings over a connection that is gone; one of another kind forgets its connection, and
        may still be reached by its contact.
        """
        for aor in sorted(self._over.pop(flow.connection, ())):
            entry = self._entries.get(aor)
            if entry is not None:
                over = [binding for binding in entry.bindings if binding.flow.connection == flow.connection]
                gone = [binding for binding in over if binding.reg_id is not None]
                left = [binding for binding in entry.bindings if binding not in gone]
                self.replace(aor, tuple([_unconnected(binding) if binding in over else binding for binding in left]))
                self._outputs += [
                    RegistrationChanged(now, aor, str(binding.contact), "removed", 0.0, binding.call_id)
                    for binding in gone
                ]

    def aors(self) -> Iterator[tuple[str, tuple[Binding, ...]]]:
        """Walk all addresses-of-record with their bindings, in the order in which they first came."""
        for aor, entry in self._entries.items():
            yield aor, entry.bindings

    def next_timeout(self) -> float | None:
        """Return when the next binding lapses."""
        return self._heap[0][0] if self._heap else None

    def handle_timeout(self, now: float) -> None:
        """Forget what has lapsed."""
        while self._heap and self._heap[0][0] <= now:
            _, aor = heappop(self._heap)
            self._lapse(aor, self._entries[aor], now)
            self._tidy()

    def poll(self) -> list[RegistrationChanged]:
        """Drain what has lapsed, or lost its connection, since the last time."""
        outputs, self._outputs = self._outputs, []
        return outputs

    def __len__(self) -> int:
        return self._count

    def _put(self, aor: str, entry: _Entry, bindings: tuple[Binding, ...]) -> None:
        entry.bindings = bindings
        due_s = _first_expiry(bindings)
        if due_s < entry.due_s:
            entry.due_s = due_s
            heappush(self._heap, (due_s, aor))

    def _lapse(self, aor: str, entry: _Entry, now: float) -> None:
        left = tuple(binding for binding in entry.bindings if binding.expires_at_s > now)
        self._outputs += [
            RegistrationChanged(now, aor, str(binding.contact), "expired", 0.0, binding.call_id)
            for binding in entry.bindings
            if binding.expires_at_s <= now
        ]
        self._count -= len(entry.bindings) - len(left)
        if left:
            entry.bindings, entry.due_s = left, _first_expiry(left)
            heappush(self._heap, (entry.due_s, aor))
        else:
            del self._entries[aor]

    def _tidy(self) -> None:
        """Keep the top of the heap true, so that nobody wakes for a binding that was refreshed or removed; drop the
        dead when they are the most.
        """
        heap, entries = self._heap, self._entries
        while heap:
            due_s, aor = heap[0]
            entry = entries.get(aor)
            if entry is None or entry.due_s != due_s:
                heappop(heap)
                continue
            first_s = _first_expiry(entry.bindings)
            if first_s == due_s:
                break
            entry.due_s = first_s
            heapreplace(heap, (first_s, aor))
        if len(heap) > 2 * len(entries) + 64:
            self._heap = [(entry.due_s, aor) for aor, entry in entries.items()]
            heapify(self._heap)


def _unconnected(binding: Binding) -> Binding:
    """Take the connection away; behind a NAT there is no other way, so nothing is gained there."""
    return binding._replace(flow=binding.flow._replace(connection=0))


def _first_expiry(bindings: tuple[Binding, ...]) -> float:
    return bindings[0].expires_at_s if len(bindings) == 1 else min(binding.expires_at_s for binding in bindings)
