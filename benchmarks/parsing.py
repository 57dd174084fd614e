"""Parsing beside sipmessage (PyPI): one INVITE of about 900 bytes with SDP, in CPU time of this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import process_time
from typing import Any

from .report import Bound, Figure, Skipped, Target, of_rounds

INVITE = b"\r\n".join([
    b"INVITE sip:bob@shop.acme.voxlab.test;user=phone SIP/2.0",
    b"Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK74bf9-1;rport",
    b"Via: SIP/2.0/UDP 198.51.100.20:5066;branch=z9hG4bKnashds8;received=198.51.100.9;rport=5066",
    b"Max-Forwards: 69",
    b"Record-Route: <sip:192.0.2.7;lr>",
    b'From: "Alice Example" <sip:alice@shop.acme.voxlab.test>;tag=9fxced76sl',
    b"To: <sip:bob@shop.acme.voxlab.test>",
    b"Call-ID: 3848276298220188511@phone.alice.voxlab.test",
    b"CSeq: 4711 INVITE",
    b"Contact: <sip:alice@198.51.100.9:5066;transport=udp>",
    b"Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, UPDATE, INFO",
    b"Supported: timer, replaces",
    b"User-Agent: voxlab-benchmark",
    b"Content-Type: application/sdp",
    b"Content-Length: 213",
    b"",
    b"v=0",
    b"o=alice 2890844526 2890844526 IN IP4 198.51.100.9",
    b"s=-",
    b"c=IN IP4 198.51.100.9",
    b"t=0 0",
    b"m=audio 49172 RTP/AVP 0 8 101",
    b"a=rtpmap:0 PCMU/8000",
    b"a=rtpmap:8 PCMA/8000",
    b"a=rtpmap:101 telephone-event/8000",
    b"a=sendrecv",
    b"",
])  # fmt: skip
Read = tuple[str, str | None, str | None, str | None, int, str, int]
EXPECTED: Read = ("bob@shop.acme.voxlab.test", "z9hG4bK74bf9-1", "9fxced76sl", None, 4711, "198.51.100.9", 49172)


def measure(quick: bool) -> Iterator[Figure | Skipped]:
    """Yield the two parsing figures."""
    try:
        import sipmessage
    except ImportError:
        yield Skipped("parsing", "sipmessage is not installed; cure: make setup, or pip install sipmessage")
        return
    from voxlab.sip.parser import parse

    def voxlab_serialises() -> bytes:
        # .raw of an untouched message is the very bytes that came in: only a changed message has to be written.
        message = parse(INVITE)
        message.push_via("SIP/2.0/UDP 192.0.2.8:5060;branch=z9hG4bKbench")
        return message.raw

    def sipmessage_serialises() -> bytes:
        return bytes(sipmessage.Message.parse(INVITE))

    def voxlab_reads() -> Read:
        m: Any = parse(INVITE)  # a Request with SDP, which its type does not say
        uri, port = m.uri, m.sdp.media[0].port
        return f"{uri.user}@{uri.host}", m.branch, m.from_tag, m.to_tag, m.cseq, m.contacts[0].uri.host, port

    def sipmessage_reads() -> Read:
        m: Any = sipmessage.Message.parse(INVITE)
        # It has no SDP: the shortest cut to the port stands for one, in its favour.
        port = int(m.body.partition(b"\r\nm=audio ")[2].partition(b" ")[0])
        from_tag, to_tag = m.from_address.parameters.get("tag"), m.to_address.parameters.get("tag")
        branch = m.via[0].parameters.get("branch")
        return f"{m.uri.user}@{m.uri.host}", branch, from_tag, to_tag, m.cseq.sequence, m.contact[0].uri.host, port

    for read in (voxlab_reads, sipmessage_reads):
        if read() != EXPECTED:
            raise AssertionError(f"{read.__name__} read {read()}, not {EXPECTED}")
    # Many short rounds: what else the machine does then strikes both sides alike.
    rounds, round_s = (15, 0.02) if quick else (51, 0.04)
    yield _figure(
        "INVITE: parse, push a Via, serialise", voxlab_serialises, sipmessage_serialises, 1.4, rounds, round_s
    )
    yield _figure("INVITE: parse and read 7 values", voxlab_reads, sipmessage_reads, 1.6, rounds, round_s)


def _figure(
    name: str, ours: Callable[[], object], theirs: Callable[[], object], at_least: float, rounds: int, round_s: float
) -> Figure:
    own_rates: list[float] = []
    other_rates: list[float] = []
    for _ in range(rounds):
        own_rates.append(_per_cpu_second(ours, round_s))
        other_rates.append(_per_cpu_second(theirs, round_s))
    return of_rounds(name, "msg/s", own_rates, other_rates, "sipmessage", Target(Bound.AT_LEAST, at_least))


def _per_cpu_second(work: Callable[[], object], round_s: float) -> float:
    done, start = 0, process_time()
    while (spent := process_time() - start) < round_s:
        for _ in range(20):
            work()
        done += 20
    return done / spent
