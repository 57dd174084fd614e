"""Changes to finished messages, byte for byte: what a careless device gets wrong and leaves the rest of alone (RFC
3261 s.7).

Must not know why anything is changed.
"""

from __future__ import annotations

import re
from collections.abc import Callable


def changed(data: bytes, pattern: bytes, by: bytes | Callable[[re.Match[bytes]], bytes], count: int = 1) -> bytes:
    """Return a message in whose head a pattern is replaced; its lines end in CR LF."""
    head, mark, body = data.partition(b"\r\n\r\n")
    return re.sub(pattern, by, head + b"\r\n", count=count)[:-2] + mark + body


def without(data: bytes, *names: str) -> bytes:
    """Return a message without the header fields of these names; compact names are names, too."""
    wanted = b"|".join(re.escape(name.encode()) for name in names)
    return changed(data, rb"(?mi)^(?:" + wanted + rb")[ \t]*:[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*", b"", 0)


def with_header(data: bytes, name: str, value: str) -> bytes:
    """Return a message with one more header field, behind the others."""
    head, mark, body = data.partition(b"\r\n\r\n")
    return head + f"\r\n{name}: {value}".encode() + mark + body


def with_value(data: bytes, name: str, value: str) -> bytes:
    """Return a message whose first header field of that name has another value; added where there is none."""
    pattern = rb"(?mi)^(" + re.escape(name.encode()) + rb")[ \t]*:[^\r\n]*"
    new = changed(data, pattern, rb"\1: " + value.encode().replace(b"\\", rb"\\"))
    return new if re.search(pattern, data.partition(b"\r\n\r\n")[0]) else with_header(data, name, value)


def with_body(data: bytes, new: bytes) -> bytes:
    """Return a message with another body, whose length is told."""
    head, mark, _ = data.partition(b"\r\n\r\n")
    return changed(head + mark, rb"(?mi)^(Content-Length|l)[ \t]*:[ \t]*\d+", rb"\1: %d" % len(new)) + new
