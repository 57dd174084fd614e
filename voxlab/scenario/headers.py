"""The headers that a scenario sees and may set: X- ones and User-to-User (RFC 7433).

Must not know legs: a message or a mapping goes in, pairs or a mapping come out.
"""

from __future__ import annotations

from collections.abc import Mapping

from voxlab.base.errors import VoxlabError
from voxlab.scenario.ports import Header
from voxlab.sip.grammar import is_token
from voxlab.sip.message import Request, Response

MAX_HEADER_BYTES = 4095


def header_lines(headers: Mapping[str, str] | None) -> tuple[Header, ...]:
    """Check and order the headers that a scenario may set: X- ones and User-to-User, each at most 4095 bytes."""
    if not headers:
        return ()
    for name, value in headers.items():
        if not is_token(name) or not name.lower().startswith(("x-", "user-to-user", "vi-calltimeout")):
            raise VoxlabError(f"a scenario may set X- headers, User-to-User and VI-CallTimeout, not {name!r}")
        if "\r" in value or "\n" in value or _size(value) > MAX_HEADER_BYTES:
            raise VoxlabError(f"the value of {name!r} must be one line of at most {MAX_HEADER_BYTES} bytes")
    return tuple(headers.items())


def _size(value: str) -> int:
    return len(value.encode("utf-8", "surrogateescape"))


def extension_headers(message: Request | Response) -> Mapping[str, str]:
    """Return the X- headers and User-to-User of a message, as far as their length is bearable."""
    found: dict[str, str] = {}
    wire = message.raw
    if b"\nX-" not in wire and b"\nx-" not in wire and b"user-to-user" not in wire.lower():
        return found
    for line in message.headers.lines:
        if line[:2] in ("X-", "x-") or line[:12].lower() == "user-to-user":
            name, _, value = line.partition(":")
            text = " ".join(part.strip() for part in value.splitlines()).strip()  # s.7.3.1: folded lines are one
            if _size(text) <= MAX_HEADER_BYTES:
                found[name.strip()] = text
    return found
