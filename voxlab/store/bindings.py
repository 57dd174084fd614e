"""The bindings of the registrar as rows: devices that were registered are so after a restart (RFC 3261 s.10.3).

A connection does not outlive its process; a device that came over one is reached at its contact. Must not know SQL
connections.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from voxlab.base.datagram import Address, Flow
from voxlab.elements.location import Binding
from voxlab.sip.uri import Uri
from voxlab.store.writer import Statement

_FORGET = "DELETE FROM bindings WHERE aor = ?"
_KEEP = "INSERT OR REPLACE INTO bindings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PLAIN = ("contact", "flow", "expires_at_s", "call_id", "cseq")


def statements(aor: str, bindings: Iterable[Binding], epoch_s: float) -> list[Statement]:
    """Return what makes the rows of an address-of-record say what it is bound to now."""
    rows = [(_KEEP, _row(aor, binding, epoch_s, place)) for place, binding in enumerate(bindings)]
    return [(_FORGET, (aor,)), *rows]


def _row(aor: str, binding: Binding, epoch_s: float, place: int) -> tuple[Any, ...]:
    flow = binding.flow
    more = {name: getattr(binding, name) for name in binding._fields if name not in _PLAIN}
    return (
        aor, str(binding.contact), flow.transport, json.dumps(flow.local), json.dumps(flow.remote),
        binding.expires_at_s + epoch_s, binding.call_id, binding.cseq, json.dumps(more), place,
    )  # fmt: skip


def restored(
    rows: Iterable[tuple[Any, ...]], listens: Mapping[str, Address], epoch_s: float, now: float
) -> dict[str, tuple[Binding, ...]]:
    """Return the bindings that still hold, by address-of-record.

    Parameters
    ----------
    rows : iterable of tuple
        Of the table, in order.
    listens : mapping of str to Address
        Where we listen now, by transport; a binding over another transport cannot be used.
    epoch_s : float
        Unix time of second 0 of the lab.
    now : float
        Lab seconds.
    """
    found: dict[str, list[Binding]] = {}
    for aor, contact, transport, _local, remote, expires_s, call_id, cseq, more, _place in rows:
        local = listens.get(transport)
        if local is None or expires_s - epoch_s <= now:
            continue
        flow = Flow(transport, local, Address(*json.loads(remote)))
        binding = Binding(Uri.parse(contact), flow, expires_s - epoch_s, call_id, cseq)
        found.setdefault(aor, []).append(binding._replace(**_known(json.loads(more))))
    return {aor: tuple(bindings) for aor, bindings in found.items()}


def _known(more: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that a binding has today, lists as the tuples that they were."""
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in more.items()
        if name in Binding._fields
    }
