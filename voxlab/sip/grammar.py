"""The words of SIP: tokens, quoted strings, escapes, parameters and comma lists (RFC 3261 s.7.3, s.25.1).

Must not know any header by name; every function takes the text of a value and is linear in its length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from urllib.parse import unquote

from voxlab.base.errors import SipSyntaxError

TOKEN_CLASS = r"[A-Za-z0-9\-.!%*_+`'~]"
EMPTY: Mapping[str, str | None] = MappingProxyType({})

is_token = re.compile(TOKEN_CLASS + "+").fullmatch
# A quote that never closes and a bracket that never closes run to the end: one pass, whatever the peer sends.
_LIST_WORDS = re.compile(r'"(?:[^"\\]++|\\.)*+"?|<[^>]*+>?|,', re.DOTALL)
_PARAMETER_WORDS = re.compile(r'"(?:[^"\\]++|\\.)*+"?|;', re.DOTALL)
_breaks_a_word = re.compile(r'[\s"<>]').search
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_FOLD = re.compile(r"[ \t]*\r?\n[ \t]+")


def unfold(text: str) -> str:
    """Replace each line fold by one space (RFC 3261 s.7.3.1)."""
    return _FOLD.sub(" ", text) if "\n" in text else text


def unescape(text: str) -> str:
    """Decode %HEX HEX as UTF-8, bytes that are not UTF-8 as surrogates (RFC 3261 s.19.1.2)."""
    return unquote(text, "utf-8", "surrogateescape") if "%" in text else text


def unquoted(text: str) -> str:
    """Return what a quoted-string says, or the text itself if it is none (RFC 3261 s.25.1)."""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    text = text[1:-1]
    return _QUOTED_PAIR.sub(r"\1", text) if "\\" in text else text


def quoted(text: str) -> str:
    """Write a quoted-string: backslash and quote escaped (RFC 3261 s.25.1)."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _cut(words: re.Pattern[str], mark: str, text: str) -> Iterator[str]:
    start = 0
    for match in words.finditer(text):
        if match[0] == mark:
            yield text[start : match.start()].strip()
            start = match.end()
    yield text[start:].strip()


def split_list(text: str) -> list[str]:
    """Split a comma-separated value outside quotes and angle brackets; empty members stay (RFC 3261 s.7.3.1)."""
    if "," not in text:
        return [text.strip()]
    return list(_cut(_LIST_WORDS, ",", text))


def split_parameters(text: str) -> list[str]:
    """Split ``a;b=c`` at semicolons outside quotes, members stripped."""
    if '"' not in text:
        return [part.strip() for part in text.split(";")]
    return list(_cut(_PARAMETER_WORDS, ";", text))


def parameters(text: str) -> Mapping[str, str | None]:
    """Read ``;name=value;flag`` into lower-case names and unquoted values, None for a flag; empty members are passed
    over.

    Of a repeated name the last counts (RFC 3261 s.7.3.1 forbids the repetition).

    Raises
    ------
    SipSyntaxError
        400 for a name that is no token or a quoted value that never ends.
    """
    found: dict[str, str | None] = {}
    for part in split_parameters(text):
        if not part:
            continue
        name, equals, value = part.partition("=")
        name = name.rstrip().lower()
        if not is_token(name):
            raise SipSyntaxError(400, f"{name!r} is no parameter name", offset=text.find(part), rfc="RFC 3261 s.25.1")
        found[name] = _parameter_value(value.lstrip(), text) if equals else None
    return MappingProxyType(found)


def _parameter_value(value: str, text: str) -> str:
    if value[:1] != '"':
        if _breaks_a_word(value):
            raise SipSyntaxError(
                400, f"{value[:40]!r} is no parameter value", offset=text.find(value), rfc="RFC 3261 s.25.1"
            )
        return value
    if len(value) < 2 or value[-1] != '"':
        raise SipSyntaxError(
            400, "a quoted parameter value is not closed", offset=text.find(value), rfc="RFC 3261 s.25.1"
        )
    return unquoted(value)


def number(text: str, top: int, what: str, rfc: str) -> int:
    """Read a decimal number from 0 to ``top``.

    Raises
    ------
    SipSyntaxError
        400 if it is none or larger.
    """
    if text.isdigit() and text.isascii() and len(text.lstrip("0")) <= 20 and (value := int(text)) <= top:
        return value
    raise SipSyntaxError(400, f"{what} must be a number from 0 to {top}, not {text[:40]!r}", rfc=rfc)
