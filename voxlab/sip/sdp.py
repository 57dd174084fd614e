"""Session descriptions: who sends what media where (RFC 8866).

Must not know offers from answers; ``dialog.offer_answer`` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from voxlab.sip.limits import DEFAULT_LIMITS, Limits
from voxlab.sip.media_description import (
    G722,
    PCMA,
    PCMU,
    STATIC_CODECS,
    TELEPHONE_EVENT,
    Codec,
    Connection,
    Media,
    Origin,
    first_attribute,
    first_direction,
)
from voxlab.sip.sdp_reader import NOTHING_ELSE, check_strictly, read

__all__ = [
    "G722",
    "PCMA",
    "PCMU",
    "STATIC_CODECS",
    "TELEPHONE_EVENT",
    "Codec",
    "Connection",
    "Media",
    "Origin",
    "SessionDescription",
]


class SessionDescription(NamedTuple):
    """A session description; ``str()`` writes the lines in the order that s.5 prescribes, attributes and media in
    their own.
    """

    origin: Origin
    media: tuple[Media, ...] = ()
    connection: Connection | None = None
    attributes: tuple[str, ...] = ()
    name: str = "-"
    timing: tuple[str, ...] = ("t=0 0",)
    information: str | None = None
    uri: str | None = None
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    bandwidths: tuple[str, ...] = ()
    key: str | None = None

    @classmethod
    def parse(cls, body: bytes | str, *, strict: bool = False, limits: Limits = DEFAULT_LIMITS) -> SessionDescription:
        """Read a session description.

        Lenient takes LF alone as line end, missing s= and t= lines, unknown types and lines out of order; ``strict``
        does not.

        Raises
        ------
        SipSyntaxError
            400 with the byte offset in the body and the section of RFC 8866; 413 for more lines than
            ``limits.sdp_lines``.
        """
        text = body if isinstance(body, str) else body.decode("utf-8", "surrogateescape")
        if strict:
            check_strictly(text)
        return cls._make(read(text, limits.sdp_lines))

    @classmethod
    def build_audio(
        cls,
        address: str,
        port: int,
        codecs: Sequence[Codec] = (PCMU, PCMA, TELEPHONE_EVENT),
        *,
        session_id: int = 1,
        session_version: int = 1,
        username: str = "-",
        direction: str = "sendrecv",
        ptime_ms: int | None = 20,
        more: Iterable[str] = (),
    ) -> SessionDescription:
        """Describe one audio stream at ``address`` and ``port``; ``more`` are further media attributes, texts after
        ``a=``.
        """
        connection = Connection.to(address)
        origin = Origin(username, session_id, session_version, "IN", connection.address_type, address)
        return cls(origin, (Media.audio(port, codecs, direction=direction, ptime_ms=ptime_ms, more=more),), connection)

    def connection_of(self, media: Media) -> Connection | None:
        """Return where this media goes: its own c= line, else the session's (s.5.7)."""
        return media.connection or self.connection

    def direction_of(self, media: Media) -> str:
        """Return the direction of this media: its own, else the session's, else sendrecv (s.6.7)."""
        return media.direction or first_direction(self.attributes) or "sendrecv"

    def attribute(self, name: str) -> str | None:
        """Return the value of the first session attribute of that name: "" for a flag, None if absent."""
        return first_attribute(self.attributes, name)

    def rtp_address(self, media: Media) -> tuple[str, int] | None:
        """Return address and port for RTP, None without a connection or with port 0 (rejected: RFC 3264 s.6)."""
        connection = self.connection_of(media)
        return (connection.address, media.port) if connection and media.port else None

    def rtcp_address(self, media: Media) -> tuple[str, int] | None:
        """Return address and port for RTCP: a=rtcp if present, else the next port (RFC 3605 s.2.1); rtcp-mux is the
        caller's to negotiate.
        """
        rtp = self.rtp_address(media)
        if rtp is None:
            return None
        said = media.rtcp
        return (said[1] or rtp[0], said[0]) if said else (rtp[0], rtp[1] + 1)

    def with_media(self, at: int, media: Media) -> SessionDescription:
        """Return the same description with media number ``at`` replaced."""
        return self._replace(media=(*self.media[:at], media, *self.media[at + 1 :]))

    def __str__(self) -> str:
        media = "".join(map(str, self.media))
        if self.connection is not None and not self.attributes and self[6:] == NOTHING_ELSE:
            timing = "\r\n".join(self.timing)
            return f"v=0\r\no={self.origin}\r\ns={self.name}\r\nc={self.connection}\r\n{timing}\r\n{media}"
        return "\r\n".join((*self._session_lines(), media))

    def _session_lines(self) -> list[str]:
        found = ["v=0", f"o={self.origin}", f"s={self.name}"]
        found += [f"{kind}={text}" for kind, text in (("i", self.information), ("u", self.uri)) if text is not None]
        found += [f"e={text}" for text in self.emails]
        found += [f"p={text}" for text in self.phones]
        if self.connection is not None:
            found.append(f"c={self.connection}")
        found += [f"b={text}" for text in self.bandwidths]
        found += self.timing
        if self.key is not None:
            found.append(f"k={self.key}")
        return found + [f"a={text}" for text in self.attributes]

    def to_bytes(self) -> bytes:
        """Return the body of a message."""
        return str(self).encode("utf-8", "surrogateescape")
