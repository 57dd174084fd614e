"""The fields that match a message to its transaction and dialog, found by string methods where nothing unusual shows
(RFC 3261 s.8.1.1).

Must not know how a message is kept: header values go in, the fields come out.
"""

from __future__ import annotations

from voxlab.base.errors import SipSyntaxError
from voxlab.sip.faults import located, written
from voxlab.sip.grammar import is_token, number, split_list
from voxlab.sip.remembered import Remembered
from voxlab.sip.values import NameAddr, Via, plain_name_addr, plain_via

_CSEQ_TOP = 2**31 - 1
_SEEN_MAX = 1_024
_SEEN_CHARACTERS_MAX = 256

_seen: set[tuple[str, str]] = set()  # what stood before and after the branch of well-formed Vias: peers repeat it


def missing(key: str) -> SipSyntaxError:
    """Return the refusal for a message without a header field that each must have (RFC 3261 s.8.1.1)."""
    return SipSyntaxError(
        400, f"the {written(key)} header field is missing", header=written(key), rfc="RFC 3261 s.8.1.1"
    )


def scan(fields: dict[str, str], raw: bytes | None) -> tuple[str, str | None, str | None, int, str, str]:
    """Return branch ("" if there is none), From tag, To tag, CSeq number, CSeq method and Call-ID.

    Parameters
    ----------
    fields : dict
        The value of the first header line of each canonical name.
    raw : bytes or None
        The message, to say where a fault lies.

    Raises
    ------
    SipSyntaxError
        400 if Via, From, To, Call-ID or CSeq is missing or cannot be read, 505 for a Via of another SIP version.
    """
    key = "via"
    try:
        branch = branch_of(fields["via"])
        key = "from"
        from_tag = _tags[fields["from"]]
        key = "to"
        to_tag = _tags[fields["to"]]
        key = "cseq"
        cseq, method = _cseqs[fields["cseq"]]
        key = "call-id"
        call_id = fields["call-id"].strip()
        if not call_id or " " in call_id:
            raise SipSyntaxError(400, "the Call-ID must be one word", rfc="RFC 3261 s.20.8")
    except KeyError:
        raise missing(key) from None
    except SipSyntaxError as error:
        raise located(error, raw, key) from None
    return branch, from_tag, to_tag, cseq, method, call_id


def _tag(value: str) -> str | None:
    address, _, tag = value.partition(">;tag=")
    if "<sip:" in address:
        if tag.isalnum():
            return tag
        if address[-1] == ">":  # and nothing behind the bracket
            return None
    return _careful_tag(value)


def _careful_tag(value: str) -> str | None:
    value = value.strip()
    match = plain_name_addr(value)
    return match[4] if match else NameAddr.parse(value).tag


def branch_of(value: str) -> str:
    """Return the branch of the topmost Via of a line, "" if it has none.

    Every Via of the line is read: what is wrong further down is wrong for the response, too (RFC 4475 s.3.1.2.1).
    """
    before, _, rest = value.partition(";branch=")
    branch, _, after = rest.partition(";")
    if (before, after) in _seen and is_token(branch):
        return branch
    match = plain_via(value)
    if match is None:
        return next(iter([Via.parse(text) for text in split_list(value)])).branch or ""
    if branch == match[5] and "branch" not in after and len(value) <= _SEEN_CHARACTERS_MAX:
        if len(_seen) >= _SEEN_MAX:
            _seen.clear()
        _seen.add((before, after))
    return match[5] or Via.parse(value).branch or ""


def _cseq(text: str) -> tuple[int, str]:
    words = text.split()
    if len(words) != 2 or not is_token(words[1]):
        raise SipSyntaxError(400, "CSeq must be a number and a method", rfc="RFC 3261 s.20.16")
    return number(words[0], _CSEQ_TOP, "the CSeq number", "RFC 3261 s.8.1.1.5"), words[1]


_tags = Remembered(_tag)
_cseqs = Remembered(_cseq)
