"""Reading a session description: one way for what nearly every phone sends, a careful one for all else (RFC 8866 s.5,
s.9).

Must not know what a description is for; gives the fields of ``sdp.SessionDescription`` in its order.
"""

from __future__ import annotations

from typing import Any

from voxlab.base.errors import SipSyntaxError
from voxlab.sip.media_description import Connection, Media, Origin, is_small_number

Fields = tuple[Any, ...]
_RFC = "RFC 8866 s.5"
_SESSION_ORDER = "vosiuepcbtrzka"
_MEDIA_ORDER = "micbka"
_KINDS = frozenset(f"{letter}=" for letter in _SESSION_ORDER)
NOTHING_ELSE: Fields = (None, None, (), (), (), None)  # information, uri, emails, phones, bandwidths, key


def read(text: str, lines_max: int) -> Fields:
    """Return the fields of a session description.

    Raises
    ------
    SipSyntaxError
        400 with the byte offset in the text; 413 for more than ``lines_max`` lines.
    """
    usual = _usual(text, lines_max)
    if usual is not None:
        return usual
    lines = text.replace("\r\n", "\n").split("\n")
    if len(lines) > lines_max:
        raise SipSyntaxError(413, f"the session description has more than {lines_max} lines", rfc=_RFC)
    sections = _sections(lines, text)
    return _session(sections[0], tuple(_media(section, text) for section in sections[1:]), text)


def _usual(text: str, lines_max: int) -> Fields | None:
    """Read what nearly every phone sends: v, o, s, c, t, attributes, media that have nothing but attributes; None for
    anything else.
    """
    head, *media = text.removesuffix("\r\n").split("\r\nm=")
    fixed, *attributes = head.split("\r\na=")
    lines = fixed.split("\r\n")
    if len(lines) != 5:
        return None
    version, origin, name, connection, timing = lines
    if version != "v=0" or origin[:2] != "o=" or name[:2] != "s=" or connection[:2] != "c=" or timing[:2] != "t=":
        return None
    described, expected = [], 4 + len(attributes) + len(media)
    for section in media:
        first, *media_attributes = section.split("\r\na=")
        expected += len(media_attributes)
        described.append(_media_line(first, tuple(media_attributes), text))
    if text.removesuffix("\r\n").count("\n") != expected or expected >= lines_max:
        return None  # another type of line, or another line end, hides in a value
    where = _connection(connection[2:], text)
    return (_origin(origin[2:], text), tuple(described), where, tuple(attributes), name[2:], (timing,), *NOTHING_ELSE)


_Section = tuple[list[str], list[tuple[str, str]]]


def _sections(lines: list[str], text: str) -> list[_Section]:
    """Cut the lines at each m= into (attributes, other lines)."""
    attributes: list[str] = []
    others: list[tuple[str, str]] = []
    sections = [(attributes, others)]
    for line in lines:
        kind = line[:2]
        if kind == "a=":
            attributes.append(line[2:])
            continue
        if kind == "m=":
            attributes, others = [], []
            sections.append((attributes, others))
        elif not line.strip():
            continue
        elif line[1:2] != "=":
            raise _fault(text, line, "is no line of the form type=value", _RFC)
        others.append((kind, line[2:]))
    return sections


def _session(section: _Section, media: tuple[Media, ...], text: str) -> Fields:
    attributes, others = section
    one = dict(reversed(others))
    if one.get("v=", "").strip() != "0":
        raise _fault(text, "v=", "must be 0", "RFC 8866 s.5.1")
    if "o=" not in one:
        raise _fault(text, "o=", "is missing", "RFC 8866 s.5.2")
    connection = _connection(one["c="], text) if "c=" in one else None
    timing = tuple([kind + value for kind, value in others if kind in {"t=", "r=", "z="}])
    first = (_origin(one["o="], text), media, connection, tuple(attributes), one.get("s=", "-"), timing)
    repeated = (tuple([value for kind, value in others if kind == wanted]) for wanted in ("e=", "p=", "b="))
    return (*first, one.get("i="), one.get("u="), *repeated, one.get("k="))


def _origin(value: str, text: str) -> Origin:
    words = value.split()
    if len(words) != 6 or not (words[1].isdigit() and words[2].isdigit() and len(value) < 1024 and value.isascii()):
        raise _fault(
            text,
            f"o={value}",
            "needs username, session id, version, network type, address type, address",
            "RFC 8866 s.5.2",
        )
    if len(words[1]) > 64 or len(words[2]) > 64:
        raise _fault(text, f"o={value}", "has numbers of more than 64 digits", "RFC 8866 s.5.2")
    return Origin(words[0], int(words[1]), int(words[2]), words[3], words[4], words[5])


def _connection(value: str, text: str) -> Connection:
    words = value.split()
    if len(words) != 3:
        raise _fault(text, f"c={value}", "needs network type, address type, address", "RFC 8866 s.5.7")
    address, slash, suffix = words[2].partition("/")
    return Connection(words[0], words[1], address, slash + suffix)


def _media(section: _Section, text: str) -> Media:
    attributes, others = section
    media = _media_line(others[0][1], tuple(attributes), text)
    return media if len(others) == 1 else _media_details(media, others[1:], text)


def _media_line(value: str, attributes: tuple[str, ...], text: str) -> Media:
    words = value.split()
    if len(words) < 4:
        raise _fault(text, f"m={value}", "needs media, port, protocol and formats", "RFC 8866 s.5.14")
    port, slash, count = words[1].partition("/")
    if not is_small_number(port, 65_535) or (slash and not is_small_number(count, 65_535)):
        raise _fault(text, f"m={value}", "has no port from 0 to 65535", "RFC 8866 s.5.14")
    return Media(words[0], int(port), words[2], tuple(words[3:]), attributes, None, int(count) if slash else 1)


def _media_details(media: Media, others: list[tuple[str, str]], text: str) -> Media:
    one = dict(reversed(others))
    connections = [_connection(value, text) for kind, value in others if kind == "c="]
    return media._replace(
        connection=connections[0] if connections else None,
        further_connections=tuple(connections[1:]),
        title=one.get("i="),
        key=one.get("k="),
        bandwidths=tuple(value for kind, value in others if kind == "b="),
    )


def _fault(text: str, line: str, what: str, rfc: str) -> SipSyntaxError:
    at = text.find(line)
    offset = len(text[: max(at, 0)].encode("utf-8", "surrogateescape"))
    return SipSyntaxError(400, f"the line {line[:60]!r} {what}", offset=offset, rfc=rfc)


def check_strictly(text: str) -> None:
    """Hold the lines to the order and the presence that s.5 and s.9 prescribe."""
    order, at, seen, media_without_connection = _SESSION_ORDER, 0, set(""), 0
    for line in text.removesuffix("\r\n").split("\r\n"):
        kind = line[:1]
        if line[:2] not in _KINDS | {"m="}:
            raise _fault(text, line, "is of no known type", _RFC)
        if kind == "m":
            order, at = _MEDIA_ORDER, 0
            media_without_connection += 1
        elif kind == "c" and order is _MEDIA_ORDER:
            media_without_connection -= 1
        place = order.find(kind)
        if place < at and kind not in "tr":
            raise _fault(text, line, "is out of order", _RFC)
        at = max(at, place) if kind not in "tr" else order.find("t") if order is _SESSION_ORDER else at
        seen.add(kind if order is _SESSION_ORDER else kind + "m")
    absent = [kind for kind in "vost" if kind not in seen]
    if absent:
        raise _fault(text, f"{absent[0]}=", "is missing", _RFC)
    if media_without_connection > 0 and "c" not in seen:
        raise _fault(text, "c=", "is missing: no connection for the session, nor for each media", "RFC 8866 s.5.7")
