"""How much of a message this element is willing to read (RFC 3261 s.21.4.11, s.21.4.12 and s.21.5.7 give the refusals
their status).

Must not know what a header means.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what a peer may send; past one comes a ``SipSyntaxError`` that says which.

    Attributes
    ----------
    message_bytes : int
        Largest message, start line to end of body; 513 beyond.
    body_bytes : int
        Largest body; 413 beyond.
    header_bytes : int
        Longest header field with its continuation lines; 400 beyond.
    head_bytes : int
        Longest start line and header fields together; 513 beyond.
    header_count : int
        Most header fields in one message; 400 beyond.
    uri_bytes : int
        Longest Request-URI; 414 beyond.
    multipart_depth, multipart_parts : int
        Deepest nesting and most parts of a multipart body; 400 beyond.
    sdp_lines : int
        Most lines of a session description; 413 beyond.
    """

    message_bytes: int = 262_144
    body_bytes: int = 196_608
    header_bytes: int = 8_192
    head_bytes: int = 65_536
    header_count: int = 256
    uri_bytes: int = 2_048
    multipart_depth: int = 4
    multipart_parts: int = 64
    sdp_lines: int = 4_096


DEFAULT_LIMITS = Limits()
