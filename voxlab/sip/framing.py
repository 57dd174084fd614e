"""Cutting a stream into messages by Content-Length, and the keep-alives between them (RFC 3261 s.7.5, s.18.3, RFC
5626 s.3.5.1).

Must not know sockets or timers: bytes come in as they arrive, whole messages go out; memory is bounded and the time
linear.
"""

from __future__ import annotations

import re
from enum import Enum

from voxlab.base.errors import SipSyntaxError
from voxlab.sip.limits import DEFAULT_LIMITS, Limits

_LENGTH = re.compile(rb"\n(?:content-length|l)[ \t]*:(?:[ \t]*\r?\n)?[ \t]*([^\r\n]*)", re.IGNORECASE)
_FIRST_BYTE = frozenset(b"-.!%*_+`'~" + bytes(range(48, 58)) + bytes(range(65, 91)) + bytes(range(97, 123)))
_START_LINE = re.compile(rb"SIP/|.* SIP/", re.IGNORECASE).match
_RFC = "RFC 3261 s.18.3"


class KeepAlive(Enum):
    """What stood between two messages (RFC 5626 s.3.5.1)."""

    PING = b"\r\n\r\n"
    """Two line ends: the peer wants one line end back."""
    PONG = b"\r\n"
    """One line end: the answer to our ping, or the empty line that s.7.5 says to ignore."""


class StreamFramer:
    """Cuts one direction of one connection into messages.

    Attributes
    ----------
    error : SipSyntaxError or None
        Why the stream cannot be read further; then the connection is to be closed.
    refused : bytes
        The head of the message at fault, for ``parser.refusal``.
    """

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self.error: SipSyntaxError | None = None
        self.refused = b""
        self._limits = limits
        self._small = min(limits.head_bytes, limits.body_bytes, limits.message_bytes)
        self._buffer = bytearray()
        self._searched = 0
        self._total = 0  # bytes of the message at the front once its head is read, else 0
        self._half_ping = False

    @property
    def pending(self) -> int:
        """How many bytes of an unfinished message wait."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[bytes | KeepAlive]:
        """Take what arrived and return what is complete, in order.

        A fault behind complete messages does not hold them back: they are returned and ``error`` is set.

        Raises
        ------
        SipSyntaxError
            Once, if the stream cannot be framed: 400, 413 or 513. From then on every call returns an empty list.
        """
        if self.error is not None:
            return []
        if not self._buffer and self._is_one_message(data):
            self._half_ping = False
            return [data]
        self._buffer += data
        found: list[bytes | KeepAlive] = []
        try:
            while self._buffer and self._step(found):
                pass
        except SipSyntaxError as error:
            self._fail(error)
            if not found:
                raise
        return found

    def _is_one_message(self, data: bytes) -> bool:
        """Whether this is a whole message as nearly everybody writes it, and nothing else."""
        head = data.find(b"\r\n\r\n") + 4
        return (
            4 <= head <= len(data) <= self._small
            and (data.startswith(b"SIP/2.0 ") or data.endswith(b" SIP/2.0", 0, data.find(b"\r\n")))
            and data[0] in _FIRST_BYTE
            and data.find(b"\n\n", 0, head) < 0
            and _LENGTH.findall(data, 0, head) == [b"%d" % (len(data) - head)]
        )

    def _fail(self, error: SipSyntaxError) -> None:
        self.error = error
        self.refused = bytes(self._buffer[: self._limits.head_bytes])
        self._buffer = bytearray()

    def _step(self, found: list[bytes | KeepAlive]) -> bool:
        """Cut one thing from the front; False when more bytes are needed."""
        if self._total:
            return self._cut(found)
        if self._buffer[0] in b"\r\n":
            return self._skip_line_end(found)
        self._half_ping = False
        if self._buffer[0] not in _FIRST_BYTE:
            raise SipSyntaxError(
                400,
                f"the stream goes on with byte 0x{self._buffer[0]:02x}, which begins no message",
                offset=0,
                rfc=_RFC,
            )
        return self._read_head()

    def _skip_line_end(self, found: list[bytes | KeepAlive]) -> bool:
        length = 1 if self._buffer[0] == 10 else 2
        if len(self._buffer) < length:
            return False
        if length == 2 and self._buffer[1] != 10:
            raise SipSyntaxError(400, "a carriage return stands alone between messages", offset=0, rfc="RFC 3261 s.7.5")
        del self._buffer[:length]
        if self._half_ping:
            if found and found[-1] is KeepAlive.PONG:
                found.pop()
            found.append(KeepAlive.PING)
        else:
            found.append(KeepAlive.PONG)
        self._half_ping = not self._half_ping
        return True

    def _read_head(self) -> bool:
        buffer = self._buffer
        start = max(self._searched - 3, 0)
        end = buffer.find(b"\r\n\r\n", start)
        bare = buffer.find(b"\n\n", start, len(buffer) if end < 0 else end)
        self._searched = len(buffer)
        head = bare + 2 if bare >= 0 else end + 4 if end >= 0 else 0
        if (head or len(buffer)) > self._limits.head_bytes:
            raise SipSyntaxError(
                513,
                f"start line and header fields are longer than {self._limits.head_bytes} bytes",
                rfc="RFC 3261 s.21.5.7",
            )
        if not head:
            return False
        self._searched = 0
        self._total = head + self._body_length(bytes(buffer[:head]))
        return True

    def _body_length(self, head: bytes) -> int:
        if not _START_LINE(head):
            raise SipSyntaxError(
                400, "no start line of SIP stands where a message should begin", offset=0, rfc="RFC 3261 s.7.1"
            )
        values = {text.strip() for text in _LENGTH.findall(head)}
        if not values:
            return 0  # s.20.14 asks for it on streams; what follows must then be the next message
        text = values.pop()
        if values or not text.isdigit() or len(text) > 20:
            raise SipSyntaxError(
                400,
                "Content-Length must be one number, or the next message cannot be found",
                header="Content-Length",
                rfc=_RFC,
            )
        length = int(text)
        if length > self._limits.body_bytes or length + len(head) > self._limits.message_bytes:
            raise SipSyntaxError(
                413, f"a body of {length} bytes is too large", header="Content-Length", rfc="RFC 3261 s.21.4.11"
            )
        return length

    def _cut(self, found: list[bytes | KeepAlive]) -> bool:
        if len(self._buffer) < self._total:
            return False
        found.append(bytes(self._buffer[: self._total]))
        del self._buffer[: self._total]
        self._total = 0
        return True
