"""Where in the bytes of a message a fault lies: worked out only when there is one (RFC 3261 s.7.3).

Must not know which faults there are.
"""

from __future__ import annotations

import re

from voxlab.base.errors import SipSyntaxError
from voxlab.sip.headers import canonical

_LINE_END = re.compile(rb"\r?\n(?![ \t])")


def written(key: str) -> str:
    """Return a header name as people write it: ``call-id`` becomes ``Call-ID``."""
    special = {
        "call-id": "Call-ID",
        "cseq": "CSeq",
        "www-authenticate": "WWW-Authenticate",
        "mime-version": "MIME-Version",
        "rack": "RAck",
        "rseq": "RSeq",
    }
    return special.get(key) or key.title()


def value_offset(data: bytes, key: str, nth: int = 0) -> int | None:
    """Return the byte offset of the value of the ``nth`` header line of that canonical name, None if there is none."""
    start = _LINE_END.search(data, len(data) - len(data.lstrip(b"\r\n")))
    while start:
        end = _LINE_END.search(data, start.end())
        line = data[start.end() : end.start() if end else len(data)]
        name, colon, value = line.partition(b":")
        if not line or (end is None and not colon):
            return None
        if canonical(name.decode("latin-1")) == key:
            if nth == 0:
                return start.end() + len(line) - len(value.lstrip())
            nth -= 1
        start = end
    return None


def located(error: SipSyntaxError, data: bytes | None, key: str, nth: int = 0) -> SipSyntaxError:
    """Return the error with its header named and its offset counted from the start of the message."""
    if error.header is not None:
        return error
    base = value_offset(data, key, nth) if data is not None else None
    offset = None if base is None else base + (error.offset or 0)
    return SipSyntaxError(error.status, error.reason, header=written(key), offset=offset, rfc=error.rfc)
