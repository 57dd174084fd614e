"""The ledger: what the management API keeps about a thing beside what the platform needs of it, above all its number.

People and notebooks call things by name, the API by number. A thing gets its number when the API first looks at it and
keeps it for good; when it was made and changed, and what its owner wrote on it, stand beside. Must not know the things.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

Key = tuple[str, ...]
"""The names that lead to a thing, the outermost first: ``("acme",)``, ``("shop.acme.voxlab.test", "alice")``."""


@dataclass(slots=True)
class Entry:
    """What is kept about one thing.

    Attributes
    ----------
    number : int
        Unique among the things of its kind, from 1.
    created_s, modified_s : float
        Unix times.
    remarks : dict of str to str
        What its owner wrote on it, by the API's word: ``user_custom_data``, ``callback_url``.
    """

    number: int
    created_s: float = 0.0
    modified_s: float = 0.0
    remarks: dict[str, str] = field(default_factory=dict)


class Ledger:
    """Entries by kind and key, both ways."""

    def __init__(self) -> None:
        self._entries: dict[str, dict[Key, Entry]] = {}
        self._keys: dict[str, dict[int, Key]] = {}
        self._last: dict[str, int] = {}

    def entry(self, kind: str, *key: str, now_s: float = 0.0) -> Entry:
        """Return the entry of a thing, made at ``now_s`` (Unix time) if it is new."""
        known = self._entries.setdefault(kind, {}).get(key)
        if known is None:
            known = Entry(self._last.get(kind, 0) + 1, now_s, now_s)
            self.put(kind, key, known)
        return known

    def put(self, kind: str, key: Key, entry: Entry) -> None:
        """Take an entry as it is: from a store."""
        self._entries.setdefault(kind, {})[key] = entry
        self._keys.setdefault(kind, {})[entry.number] = key
        self._last[kind] = max(self._last.get(kind, 0), entry.number)

    def key(self, kind: str, number: int) -> Key | None:
        """Return the names of the thing with that number, None if there never was one, or it is forgotten."""
        return self._keys.get(kind, {}).get(number)

    def rename(self, kind: str, old: Key, new: Key) -> None:
        """Let a thing that is called otherwise now keep its entry."""
        entry = self._entries.get(kind, {}).pop(old, None)
        if entry is not None:
            self.put(kind, new, entry)

    def forget(self, kind: str, key: Key) -> None:
        """Forget a thing that is gone; its number is not given again."""
        entry = self._entries.get(kind, {}).pop(key, None)
        if entry is not None:
            del self._keys[kind][entry.number]

    def entries(self) -> Iterator[tuple[str, Key, Entry]]:
        """Walk everything: kind, key and entry."""
        for kind, entries in self._entries.items():
            for key, entry in entries.items():
                yield kind, key, entry
