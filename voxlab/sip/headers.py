"""The header fields of a message in their order, by any spelling of their names (RFC 3261 s.7.3, s.20).

Must not know what a value means; ``values`` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import methodcaller
from typing import overload

from voxlab.sip.grammar import is_token, split_list
from voxlab.sip.uri import Uri
from voxlab.sip.values import STAR, MediaType, NameAddr, Via

__all__ = ["COMPACT", "SPELLINGS", "STAR", "Headers", "MediaType", "NameAddr", "Uri", "Via", "canonical"]

# s.7.3.3 and s.20; r, b, j, o, u, x and y come from RFC 3515, 3892, 6665, 4028 and 8224.
COMPACT = {
    "a": "Accept-Contact",
    "b": "Referred-By",
    "c": "Content-Type",
    "d": "Request-Disposition",
    "e": "Content-Encoding",
    "f": "From",
    "i": "Call-ID",
    "j": "Reject-Contact",
    "k": "Supported",
    "l": "Content-Length",
    "m": "Contact",
    "o": "Event",
    "r": "Refer-To",
    "s": "Subject",
    "t": "To",
    "u": "Allow-Events",
    "v": "Via",
    "x": "Session-Expires",
    "y": "Identity",
}
_COMMON = [
    "Accept", "Accept-Encoding", "Accept-Language", "Alert-Info", "Allow", "Authentication-Info", "Authorization",
    "Call-Info", "Content-Disposition", "CSeq", "Content-Language", "Date", "Diversion", "Error-Info", "Expires",
    "Flow-Timer", "History-Info", "In-Reply-To", "Max-Forwards", "MIME-Version", "Min-Expires", "Min-SE",
    "Organization", "P-Asserted-Identity", "P-Preferred-Identity", "Path", "Priority", "Privacy",
    "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Require", "RAck", "Reason", "Record-Route", "Refer-Sub",
    "Replaces", "Reply-To", "Require", "Retry-After", "Route", "RSeq", "Server", "Service-Route", "Session-ID",
    "SIP-ETag", "SIP-If-Match", "Subscription-State", "Timestamp", "Unsupported", "User-Agent", "Warning",
    "WWW-Authenticate",
]  # fmt: skip


class _Spellings(dict[str, str]):
    """The canonical name of each spelling; of any other token its small letters, of what is no token ""."""

    def __missing__(self, name: str) -> str:
        return name.lower() if is_token(name) else ""


def _spellings() -> _Spellings:
    found = _Spellings()
    for name in (*_COMMON, *COMPACT.values()):
        found.update(
            (spelling, name.lower()) for spelling in (name, name.lower(), name.upper(), name.title(), name.capitalize())
        )
    for short, name in COMPACT.items():
        found[short] = found[short.upper()] = name.lower()
    return found


SPELLINGS = _spellings()
_CANONICAL = frozenset(SPELLINGS.values())  # as our own code writes them
_cut = methodcaller("partition", ":")
_spelling = SPELLINGS.get


def canonical(name: str) -> str:
    """Return the lower-case long form of a header name; trailing white space is not part of it (RFC 3261 s.7.3.1)."""
    known = _spelling(name)
    if known is not None:
        return known
    name = name.strip().lower()
    return _spelling(name, name)


def first_values(lines: list[str]) -> dict[str, str]:
    """Return the value of the first line of each canonical name."""
    if not lines:
        return {}
    names, _, values = zip(*map(_cut, reversed(lines)), strict=True)
    return dict(zip(map(canonical, names), values, strict=True))


class Headers:
    """The header fields of one message: lines as they stand on the wire, found by canonical name.

    Names are understood in any case and in compact form; values come without surrounding white space, folds already
    undone.

    Parameters
    ----------
    lines : list of str
        "Name: value" as on the wire, without line ends.
    fields : dict, optional
        The value of the first line of each canonical name, if the caller has found it already.
    repeated : frozenset, optional
        The canonical names that may stand on more than one line; every name if left out.
    """

    __slots__ = ("_fields", "_keys", "_repeated", "lines")

    def __init__(
        self, lines: list[str], fields: dict[str, str] | None = None, repeated: frozenset[str] | None = None
    ) -> None:
        self.lines = lines
        self._fields = fields
        self._repeated = repeated
        self._keys: list[str] | None = None

    def fields(self) -> dict[str, str]:
        """Return the value of the first line of each canonical name; white space around it may still be there."""
        fields = self._fields
        if fields is None:
            self._fields = fields = first_values(self.lines)
        return fields

    def keys(self) -> list[str]:
        """Return the canonical name of each line, in order."""
        keys = self._keys
        if keys is None:
            self._keys = keys = [canonical(line.partition(":")[0]) for line in self.lines]
        return keys

    @overload
    def get(self, name: str) -> str | None: ...

    @overload
    def get(self, name: str, default: str) -> str: ...

    def get(self, name: str, default: str | None = None) -> str | None:
        """Return the value of the first line of that name."""
        fields = self._fields or self.fields()
        value = fields.get(name)
        if value is None:
            if name in _CANONICAL:
                return default
            value = fields.get(canonical(name))
        return default if value is None else value.strip()

    def get_all(self, name: str) -> list[str]:
        """Return one value per line of that name, in order."""
        fields = self._fields or self.fields()
        key = name if name in fields or name in _CANONICAL else canonical(name)
        value = fields.get(key)
        if value is None:
            return []
        if len(fields) == len(self.lines) or (self._repeated is not None and key not in self._repeated):
            return [value.strip()]
        return [self.lines[at].partition(":")[2].strip() for at in self.positions(key)]

    def split(self, name: str) -> list[str]:
        """Return the comma-separated values of all lines of that name, in order; empty members are left out."""
        lines = self.get_all(name)
        if len(lines) == 1 and lines[0] and "," not in lines[0]:
            return lines
        return [value for line in lines for value in split_list(line) if value]

    def positions(self, name: str) -> list[int]:
        """Return the numbers of the lines of that name."""
        key = canonical(name)
        if key not in self.fields():
            return []
        return [number for number, found in enumerate(self.keys()) if found == key]

    def items(self) -> list[tuple[str, str]]:
        """Return (name as written, value) for each line, in order."""
        cut = (line.partition(":") for line in self.lines)
        return [(name.rstrip(), value.strip()) for name, _, value in cut]

    def push(self, name: str, value: str) -> None:
        """Put a line before all lines, and so before the others of that name."""
        self.lines.insert(0, f"{name}: {value}")
        if self._fields is not None:
            self._fields[canonical(name)] = value
        self._repeated = self._keys = None

    def replace_first(self, name: str, value: str) -> None:
        """Put a value in the place of the first comma-separated value of that name."""
        at = self._first(name)
        line = self.lines[at]
        if "," in line:
            value = ", ".join((value, *split_list(line.partition(":")[2])[1:]))
        self.lines[at] = f"{name}: {value}"
        if self._fields is not None:
            self._fields[canonical(name)] = value

    def _first(self, name: str) -> int:
        prefix = f"{name}:"
        if self.lines and self.lines[0].startswith(prefix):  # where Via mostly stands
            return 0
        return next(iter(self.positions(name)), 0)

    def __contains__(self, name: object) -> bool:
        fields = self._fields or self.fields()
        if name in fields or name in _CANONICAL:
            return name in fields
        return isinstance(name, str) and canonical(name) in fields

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.items())

    def __len__(self) -> int:
        return len(self.lines)

    def __repr__(self) -> str:
        return f"Headers({self.items()!r})"
