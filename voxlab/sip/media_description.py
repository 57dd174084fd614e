"""What a session description says of origin, connection and each medium (RFC 8866 s.5.2, s.5.7, s.5.14, s.6, RFC 3551
s.6).

Must not know how a description is read from text. ``a=rtcp`` is RFC 3605's, ``rtcp-mux`` RFC 5761's, ``crypto`` RFC
4568's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeVar

DIRECTIONS = frozenset({"sendrecv", "sendonly", "recvonly", "inactive"})


class Origin(NamedTuple):
    """Who made the description, and which version of it this is (s.5.2)."""

    username: str
    session_id: int
    session_version: int
    network_type: str
    address_type: str
    address: str

    def __str__(self) -> str:
        return (
            f"{self.username} {self.session_id} {self.session_version} "
            f"{self.network_type} {self.address_type} {self.address}"
        )


class Connection(NamedTuple):
    """Where media goes: ``address`` without the /ttl or /count that multicast appends, which is ``suffix`` (s.5.7)."""

    network_type: str
    address_type: str
    address: str
    suffix: str = ""

    @classmethod
    def to(cls, address: str) -> Connection:
        """Make the connection to an IP address."""
        return cls("IN", "IP6" if ":" in address else "IP4", address)

    def __str__(self) -> str:
        return f"{self.network_type} {self.address_type} {self.address}{self.suffix}"


class Codec(NamedTuple):
    """One payload type: ``parameters`` is the text of its fmtp, None without one (s.6.6, s.6.15)."""

    payload_type: int
    encoding: str
    clock_rate_hz: int
    channels: int = 1
    parameters: str | None = None

    @property
    def rtpmap(self) -> str:
        """The text after ``a=``."""
        channels = f"/{self.channels}" if self.channels > 1 else ""
        return f"rtpmap:{self.payload_type} {self.encoding}/{self.clock_rate_hz}{channels}"


PCMU = Codec(0, "PCMU", 8000)
PCMA = Codec(8, "PCMA", 8000)
G722 = Codec(9, "G722", 8000)  # the clock says 8000 though it samples at 16 kHz (RFC 3551 s.4.5.2)
TELEPHONE_EVENT = Codec(101, "telephone-event", 8000, 1, "0-16")
OPUS = Codec(111, "opus", 48_000, 2, "useinbandfec=1")  # always 48000 and 2, whatever is sent (RFC 7587 s.4.1, s.7)
L16 = Codec(96, "L16", 8000)
L16_WIDE = Codec(98, "L16", 16_000)
COMFORT_NOISE = Codec(13, "CN", 8000)
VP8 = Codec(120, "VP8", 90_000)
H264 = Codec(121, "H264", 90_000, 1, "profile-level-id=42e01f;packetization-mode=1")
TELEPHONE_EVENT_OPUS = Codec(110, "telephone-event", 48_000, 1, "0-16")
_STATIC = (
    PCMU, Codec(3, "GSM", 8000), Codec(4, "G723", 8000), Codec(5, "DVI4", 8000), Codec(6, "DVI4", 16000),
    Codec(7, "LPC", 8000), PCMA, G722, Codec(10, "L16", 44100, 2), Codec(11, "L16", 44100), Codec(12, "QCELP", 8000),
    Codec(13, "CN", 8000), Codec(14, "MPA", 90000), Codec(15, "G728", 8000), Codec(16, "DVI4", 11025),
    Codec(17, "DVI4", 22050), Codec(18, "G729", 8000), Codec(25, "CelB", 90000), Codec(26, "JPEG", 90000),
    Codec(28, "nv", 90000), Codec(31, "H261", 90000), Codec(32, "MPV", 90000), Codec(33, "MP2T", 90000),
    Codec(34, "H263", 90000),
)  # fmt: skip
STATIC_CODECS = {codec.payload_type: codec for codec in _STATIC}


class Media(NamedTuple):
    """One media description; ``attributes`` are the texts after ``a=``, in order (s.5.14)."""

    type: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    attributes: tuple[str, ...] = ()
    connection: Connection | None = None
    number_of_ports: int = 1
    title: str | None = None
    further_connections: tuple[Connection, ...] = ()
    bandwidths: tuple[str, ...] = ()
    key: str | None = None

    @classmethod
    def audio(
        cls,
        port: int,
        codecs: Sequence[Codec],
        *,
        direction: str = "sendrecv",
        ptime_ms: int | None = 20,
        protocol: str = "RTP/AVP",
        more: Iterable[str] = (),
    ) -> Media:
        """Describe one audio stream: an rtpmap for each codec, fmtp where it has parameters, then ptime, ``more`` and
        the direction.
        """
        key = (tuple(codecs), ptime_ms, tuple(more), direction)
        if any(text.startswith("crypto:") for text in key[2]):  # a key is used once, and is to be remembered nowhere
            return cls("audio", port, protocol, *_write_audio(*key))
        written = _written.get(key)
        if written is None:
            written = _write_audio(*key)
            _keep(_written, key, written, written[1])
        return cls("audio", port, protocol, *written)

    def attribute(self, name: str) -> str | None:
        """Return the value of the first attribute of that name: "" for a flag, None if absent."""
        return first_attribute(self.attributes, name)

    def attribute_values(self, name: str) -> tuple[str, ...]:
        """Return the values of every attribute of that name, in order."""
        prefix = f"{name}:"
        return tuple(text[len(prefix) :] for text in self.attributes if text.startswith(prefix))

    @property
    def direction(self) -> str | None:
        """The direction said at media level, None if none is (then the session's holds, or sendrecv: s.6.7)."""
        return _reading(self).direction

    @property
    def ptime_ms(self) -> int | None:
        """The packet time asked for in milliseconds (s.6.4), None if absent or no number."""
        return _reading(self).ptime_ms

    @property
    def rtcp_mux(self) -> bool:
        """Whether RTP and RTCP may share the port (RFC 5761 s.5.1.1)."""
        return "rtcp-mux" in self.attributes

    @property
    def rtcp(self) -> tuple[int, str | None] | None:
        """Port and address of ``a=rtcp`` (RFC 3605 s.2.1), the address None if not written; None without the
        attribute or if it is nonsense.
        """
        return _reading(self).rtcp

    @property
    def crypto(self) -> tuple[str, ...]:
        """The ``a=crypto`` lines (RFC 4568): keys, so never print them."""
        return self.attribute_values("crypto")

    def codecs(self) -> tuple[Codec, ...]:
        """Return the payload types in order of preference, those without rtpmap from RFC 3551; what has neither is
        left out.
        """
        return _reading(self).codecs

    def with_direction(self, direction: str) -> Media:
        """Return the same media with this direction in the place of the old one."""
        kept = tuple(text for text in self.attributes if text not in DIRECTIONS)
        return self._replace(attributes=(*kept, direction))

    def lines(self) -> list[str]:
        """Return the lines of this description, without line ends."""
        ports = f"{self.port}/{self.number_of_ports}" if self.number_of_ports != 1 else str(self.port)
        found = [f"m={self.type} {ports} {self.protocol} {' '.join(self.formats)}"]
        if self.title is not None:
            found.append(f"i={self.title}")
        if self.connection is not None:
            found += [f"c={connection}" for connection in (self.connection, *self.further_connections)]
        found += [f"b={text}" for text in self.bandwidths]
        if self.key is not None:
            found.append(f"k={self.key}")
        return found + [f"a={text}" for text in self.attributes]

    def __str__(self) -> str:
        """The lines with their line ends."""
        if self[5:] != _NOTHING_ELSE:
            return "\r\n".join((*self.lines(), ""))
        attributes = "".join([f"a={text}\r\n" for text in self.attributes])
        return f"m={self.type} {self.port} {self.protocol} {' '.join(self.formats)}\r\n{attributes}"


# connection, number of ports, title, further connections, bandwidths, key
_NOTHING_ELSE = (None, 1, None, (), (), None)


# Devices say the same in every call, and only the port differs: what follows from it is worked out once.

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")
_Written = tuple[tuple[str, ...], tuple[str, ...]]
_ENTRIES_MAX = 1_024
_CHARACTERS_MAX = 2_048  # of one entry: what a peer sends must not fill the memory


class _Reading(NamedTuple):
    """What formats and attributes say."""

    codecs: tuple[Codec, ...]
    direction: str | None
    ptime_ms: int | None
    rtcp: tuple[int, str | None] | None


_readings: dict[tuple[str, tuple[str, ...], tuple[str, ...]], _Reading] = {}
_written: dict[tuple[tuple[Codec, ...], int | None, tuple[str, ...], str], _Written] = {}


def _keep(cache: dict[_Key, _Value], key: _Key, value: _Value, texts: Iterable[str]) -> None:
    if sum(map(len, texts)) <= _CHARACTERS_MAX:
        if len(cache) >= _ENTRIES_MAX:
            cache.clear()
        cache[key] = value


def _reading(media: Media) -> _Reading:
    key = media.protocol, media.formats, media.attributes
    found = _readings.get(key)
    if found is None:
        attributes = media.attributes
        ptime, rtcp = first_attribute(attributes, "ptime"), first_attribute(attributes, "rtcp")
        found = _Reading(_codecs(media), first_direction(attributes), _ptime_ms(ptime or ""), _rtcp(rtcp or ""))
        _keep(_readings, key, found, (media.protocol, *media.formats, *attributes))
    return found


def _ptime_ms(text: str) -> int | None:
    return int(text) if text.isdigit() and text.isascii() and len(text) < 6 else None


def _rtcp(text: str) -> tuple[int, str | None] | None:
    words = text.split()
    if not words or not (words[0].isdigit() and words[0].isascii() and len(words[0]) <= 5):
        return None
    return int(words[0]), words[3] if len(words) >= 4 else None


def _codecs(media: Media) -> tuple[Codec, ...]:
    if not media.protocol.startswith(("RTP/", "UDP/TLS/RTP", "TCP/RTP", "TCP/TLS/RTP")):
        return ()
    maps = dict(_by_payload_type(media.attribute_values("rtpmap")))
    parameters = dict(_by_payload_type(media.attribute_values("fmtp")))
    found = (_codec(text, maps.get(text), parameters.get(text)) for text in media.formats)
    return tuple(codec for codec in found if codec is not None)


def _write_audio(codecs: tuple[Codec, ...], ptime_ms: int | None, more: tuple[str, ...], direction: str) -> _Written:
    """Return formats and attributes."""
    attributes: list[str] = []
    for codec in codecs:
        attributes.append(codec.rtpmap)
        if codec.parameters is not None:
            attributes.append(f"fmtp:{codec.payload_type} {codec.parameters}")
    if ptime_ms is not None:
        attributes.append(f"ptime:{ptime_ms}")
    return tuple(str(codec.payload_type) for codec in codecs), (*attributes, *more, direction)


def _by_payload_type(values: Iterable[str]) -> Iterable[tuple[str, str]]:
    return ((text, rest.strip()) for text, _, rest in (value.partition(" ") for value in values))


def _codec(text: str, rtpmap: str | None, parameters: str | None) -> Codec | None:
    if not is_small_number(text, 127):
        return None
    if rtpmap is None:
        static = STATIC_CODECS.get(int(text))
        return static if static is None or parameters is None else static._replace(parameters=parameters)
    encoding, _, rest = rtpmap.partition("/")
    rate, _, channels = rest.partition("/")
    if not encoding or not (rate.isdigit() and rate.isascii() and len(rate) <= 9):
        return None
    return Codec(
        int(text),
        encoding,
        int(rate),
        int(channels) if is_small_number(channels, 255) and channels != "0" else 1,
        parameters,
    )


def first_attribute(attributes: tuple[str, ...], name: str) -> str | None:
    """Return the value of the first attribute of that name: "" for a flag, None if absent."""
    prefix = f"{name}:"
    for text in attributes:
        if text == name:
            return ""
        if text.startswith(prefix):
            return text[len(prefix) :]
    return None


def first_direction(attributes: tuple[str, ...]) -> str | None:
    """Return the first direction among attributes, None if there is none."""
    for text in attributes:
        if text in DIRECTIONS:
            return text
    return None


def is_small_number(text: str, top: int) -> bool:
    """Whether this is a decimal number of at most five digits, up to ``top``."""
    return text.isdigit() and text.isascii() and len(text) <= 5 and int(text) <= top
