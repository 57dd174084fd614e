"""A recorded message as evidence: what it is, said in primitive fields (RFC 3261 s.7, s.8.1.1).

Must not know calls, legs or pictures; what cannot be parsed is evidence, too, and becomes an entry of kind "malformed".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from voxlab.base.datagram import Address
from voxlab.base.errors import SipSyntaxError
from voxlab.base.records import WireRecord
from voxlab.base.retention import call_id_of
from voxlab.sip.parser import Request, Response, parse


class Entry(NamedTuple):
    """A message on a wire, read.

    Attributes
    ----------
    number : int
        The journal's number for it.
    kind : str
        "request", "response" or "malformed".
    method : str
        Of a request its own, of a response that of its CSeq, "" if malformed.
    status : int or None
        Of a response.
    reason : str
        Of a response its phrase, of a malformed message what is wrong.
    target : str
        The Request-URI.
    retransmission : bool
        The same bytes went the same way before.
    """

    number: int
    time_s: float
    transport: str
    src: Address
    dst: Address
    outcome: int
    size_bytes: int
    kind: str
    method: str
    status: int | None
    reason: str
    target: str
    call_id: str
    cseq: int | None
    branch: str
    from_uri: str
    to_uri: str
    retransmission: bool
    message: Request | Response | None

    @property
    def label(self) -> str:
        """The start line as a ladder shows it."""
        if self.kind == "request":
            return f"{self.method} {self.target}"
        return f"{self.status} {self.reason}" if self.kind == "response" else f"malformed: {self.reason}"

    @property
    def is_challenge(self) -> bool:
        """Whether it only asks for credentials (RFC 3261 s.22)."""
        return self.status in {401, 407}

    @property
    def is_failure(self) -> bool:
        """Whether it says that something did not work."""
        return self.kind == "malformed" or ((self.status or 0) >= 400 and not self.is_challenge)


def read_entries(records: Iterable[WireRecord]) -> Iterator[Entry]:
    """Read messages in order of recording; a retransmission is told by bytes and way that were there before."""
    seen: set[tuple[Address, Address, int]] = set()
    for record in records:
        way = (record.src, record.dst, hash(record.data))
        yield _read(record, way in seen)
        seen.add(way)


def _read(record: WireRecord, again: bool) -> Entry:
    try:
        message = parse(record.data)
        from_uri, to_uri = str(message.from_.uri), str(message.to.uri)
    except SipSyntaxError as error:
        return _malformed(record, again, error)
    asks = isinstance(message, Request)
    return Entry(
        number=record.number,
        time_s=record.time_s,
        transport=record.transport,
        src=record.src,
        dst=record.dst,
        outcome=record.outcome,
        size_bytes=len(record.data),
        kind="request" if asks else "response",
        method=message.method if isinstance(message, Request) else message.cseq_method,
        status=message.status if isinstance(message, Response) else None,
        reason=message.reason if isinstance(message, Response) else "",
        target=message.uri_text if isinstance(message, Request) else "",
        call_id=message.call_id,
        cseq=message.cseq,
        branch=message.branch,
        from_uri=from_uri,
        to_uri=to_uri,
        retransmission=again,
        message=message,
    )


def _malformed(record: WireRecord, again: bool, error: SipSyntaxError) -> Entry:
    return Entry(
        number=record.number,
        time_s=record.time_s,
        transport=record.transport,
        src=record.src,
        dst=record.dst,
        outcome=record.outcome,
        size_bytes=len(record.data),
        kind="malformed",
        method="",
        status=None,
        reason=error.reason,
        target="",
        call_id=call_id_of(record.data),
        cseq=None,
        branch="",
        from_uri="",
        to_uri="",
        retransmission=again,
        message=None,
    )
