"""NATs in the way: private addresses that are believed, answers to the wrong port, bindings that died, gateways that
rewrite half of a message (RFC 3581, RFC 6314 s.4, RFC 7362, RFC 5626 s.4.4).
"""

from __future__ import annotations

from collections.abc import Iterator

from voxlab.analysis.diagnosis.case import Case, Step
from voxlab.analysis.diagnosis.finding import Certainty, Evidence, Finding
from voxlab.base.datagram import Address, is_private
from voxlab.base.records import DELIVERED, REFUSED, MediaStarted, NatDropped

_CROSSING_S = 0.5
"""Within so many seconds a message is seen on both sides of a NAT."""
_LINES_SHOWN = 4
_FEW_PACKETS = 5


def contact_believed(case: Case) -> Iterator[Finding]:
    """Find requests to a private address that only its owner knows: they follow a Contact from behind a NAT."""
    lost = [step for step in case.requests("INVITE", "ACK", "BYE", "UPDATE", "INFO", "OPTIONS") if _nowhere(step)]
    if not lost:
        return
    first = lost[0]
    host = first.entry.dst.host
    told = _contact_with(case, host)
    source = "elsewhere" if told is None else str(told.entry.src)
    methods = ", ".join(dict.fromkeys(step.request.method for step in lost if step.request is not None))
    evidence = [first.shows("", f"{len(lost)} to {first.entry.dst}, where no way leads")]
    if told is not None and told.number:
        evidence.insert(0, told.shows("Contact", f"came from {source}"))
    facts = () if told is None or told.number else (f"the REGISTER from {source} said {told.value('Contact')}",)
    yield Finding(
        "VX-NAT-CONTACT",
        Certainty.CERTAIN,
        f"{first.sender} sends {methods} to the private address {host}, where nobody outside the NAT can send: "
        "it believes the Contact",
        "RFC 6314 s.4.1, RFC 3261 s.12.2.1.1",
        "send where the phone's messages come from, not where its Contact says",
        tuple(evidence),
        facts,
        ("VX-ACK-LOST", "VX-CONTACT-UNREACHABLE"),
    )


def _nowhere(step: Step) -> bool:
    return step.entry.outcome == REFUSED and is_private(step.entry.dst.host)


def _contact_with(case: Case, host: str) -> Step | None:
    """Return the message whose Contact names a host, as the other side of the NAT saw it; the call's own first."""
    for step in (*case.steps, *case.other_messages("REGISTER")):
        if host in step.value("Contact") and step.entry.src.host != host and not case.wire(step):
            return step
    return None


def reply_port(case: Case) -> Iterator[Finding]:
    """Find answers that go to another port than their request came from: no rport was asked for (RFC 3581)."""
    for answer in case.responses():
        if case.arrived(answer) or answer.entry.transport != "UDP":
            continue
        asked = _as_received(case, answer)
        if asked is None or asked.entry.src.port == answer.entry.dst.port:
            continue
        yield Finding(
            "VX-NAT-REPLY-PORT",
            Certainty.CERTAIN,
            f"{answer.sender} answers to port {answer.entry.dst.port}, the request came from port "
            f"{asked.entry.src.port}: Via does not ask for rport",
            "RFC 3581 s.3, RFC 3261 s.18.2.2",
            "ask for rport in Via; every phone behind a NAT has to",
            (
                asked.shows("Via", f"came from {asked.entry.src}"),
                answer.shows("", f"sent to {answer.entry.dst}"),
            ),
            _drops(case, "no binding"),
        )
        return


def _as_received(case: Case, answer: Step) -> Step | None:
    """Return the request of an answer as its server got it."""
    for step in case.steps:
        entry = step.entry
        same = entry.branch == answer.entry.branch and entry.cseq == answer.entry.cseq and step.request is not None
        if same and entry.dst == answer.entry.src and entry.src.host == answer.entry.dst.host:
            return step
    return None


def binding_gone(case: Case) -> Iterator[Finding]:
    """Find messages to a binding of a NAT that has died, or that never let their sender in."""
    died = [note for note in case.notes(NatDropped) if note.reason == "binding died"]
    if died:
        yield Finding(
            "VX-NAT-BINDING-GONE",
            Certainty.CERTAIN,
            f"{died[0].nat} has forgotten the phone: {died[0].why}",
            "RFC 5626 s.4.4, RFC 6314 s.4.1.2",
            "keep the binding alive: let the phone ping more often than a binding lives",
            _lost_at(case, died[0]),
            (f"{len(died)} messages were dropped there",),
        )
    shut = [note for note in case.notes(NatDropped) if note.reason == "filtered"]
    if shut:
        yield Finding(
            "VX-NAT-FILTERED",
            Certainty.CERTAIN,
            f"{shut[0].nat} lets {shut[0].src} not in: {shut[0].why}",
            "RFC 6314 s.4.1.1",
            "send from the address and port that the phone itself sends to",
            _lost_at(case, shut[0]),
            (f"{len(shut)} messages were dropped there",),
        )


def _lost_at(case: Case, note: NatDropped) -> tuple[Evidence, ...]:
    lost = (step for step in case.steps if step.entry.dst == note.dst and not case.arrived(step))
    return tuple(step.shows("", f"sent to {note.dst}, dropped by {note.nat}") for step in list(lost)[:1])


def _drops(case: Case, reason: str) -> tuple[str, ...]:
    found = [note for note in case.notes(NatDropped) if note.reason == reason]
    return (f"{found[0].nat} dropped {len(found)}: {found[0].why}",) if found else ()


# -- media


def one_way(case: Case) -> Iterator[Finding]:
    """Find RTP that is sent to a private address out of a description: who is there hears nothing."""
    lost = [block for block in case.rtp_blocks if is_private(block.dst.host) and bool((block.outcome == REFUSED).all())]
    for dst in dict.fromkeys(block.dst for block in lost):
        packets = sum(len(block) for block in lost if block.dst == dst)
        if packets < _FEW_PACKETS:
            continue
        who = case.name_of(dst)
        yield Finding(
            "VX-NAT-ONE-WAY",
            Certainty.CERTAIN,
            f"{who} hears nothing: {packets} RTP packets went to the private address {dst} of its SDP",
            "RFC 7362 s.4, RFC 4961",
            "latch: send RTP to where it comes from, not to where the SDP says",
            _described(case, dst, "a private address, of no use outside the NAT"),
            (f"{packets} packets to {dst} found no way",),
        )


def unlatched(case: Case) -> Iterator[Finding]:
    """Find a far end behind a NAT whose RTP comes from where no signalling does: nobody takes it for the far end's."""
    blocks, taken = case.rtp_blocks, {(stream.src, stream.dst) for stream in case.streams}
    for note in case.notes(MediaStarted):
        came = [block for block in blocks if block.dst == note.local and not is_private(block.src.host)]
        came = [block for block in came if (block.src, block.dst) not in taken]
        packets = sum(map(len, came))  # the first may come before there is a latch
        answered = any(block.src == note.local for block in blocks)
        if not is_private(note.remote.host) or packets < _FEW_PACKETS or answered:
            continue
        source = came[0].src
        yield Finding(
            "VX-NAT-ONE-WAY",
            Certainty.CERTAIN,
            f"{case.name_of(note.remote)} is not heard and hears nothing: its SDP names the private address "
            f"{note.remote}, and its RTP comes from {source}, where no signalling comes from",
            "RFC 7362 s.4, s.5",
            "let the operator of that phone relay its media, or put the public address into its SDP",
            _described(case, note.remote, "a private address, of no use outside the NAT"),
            (f"{packets} packets came from {source} and were nobody's; none was sent back",),
        )
        return


def hijacked(case: Case) -> Iterator[Finding]:
    """Find RTP that goes to somebody who had no part in the signalling: a latch took the first packet from anywhere."""
    known = {host for step in case.steps for host in (step.entry.src.host, step.entry.dst.host)}
    known |= {host for step in case.steps for host in _sdp_hosts(step)}
    blocks = case.rtp_blocks
    for block in blocks:
        if block.dst.host in known or not any(other.src == block.dst and other.dst == block.src for other in blocks):
            continue
        packets = sum(len(other) for other in blocks if other.dst == block.dst)
        came = sum(len(other) for other in blocks if other.src == block.dst)
        yield Finding(
            "VX-LATCH-HIJACK",
            Certainty.CERTAIN,
            f"the audio goes to a stranger at {block.dst}, whose packet came first",
            "RFC 7362 s.5",
            "latch only on the address that signalling comes from, or use SRTP",
            _latched(case, block.src),
            (f"{came} packets came from {block.dst}, {packets} went there; no message names it",),
            ("VX-NAT-ONE-WAY",),
        )
        return


def _latched(case: Case, port: Address) -> tuple[Evidence, ...]:
    """Return the description whose sender the audio of a port was meant for."""
    for step in case.steps:
        if step.sdp is not None and any(media.port == port.port for media in step.sdp.media):
            return (step.shows("m=", f"the port {port.port} that the stranger found"),)
    return ()


def _sdp_hosts(step: Step) -> set[str]:
    description = step.sdp
    if description is None:
        return set()
    lines = [description.connection, *(media.connection for media in description.media)]
    return {line.address for line in lines if line is not None}


def _described(case: Case, address: Address, remark: str) -> tuple[Evidence, ...]:
    """Return the description that names an address, as it was read outside the NAT where it was seen there."""
    found = [step for step in case.steps if address.host in _sdp_hosts(step)]
    return tuple(step.shows("c=", remark) for step in sorted(found, key=lambda step: case.wire(step) != "")[:1])


# -- gateways


def gateway(case: Case) -> Iterator[Finding]:
    """Find a message that is another on the far side of a NAT: something in the box rewrites SIP."""
    if not case.has_nats:
        return
    for near, far in _crossings(case):
        before, after = case.raw(near), case.raw(far)
        if before == after:
            continue
        nat = case.wire(near) or case.wire(far)
        removed, added = _differences(before, after)
        wrong = _length_wrong(after)
        yield Finding(
            "VX-ALG",
            Certainty.CERTAIN,
            f"a gateway in {nat} rewrites SIP" + (f": {wrong}" if wrong else ", and only half of it"),
            "RFC 3261 s.18.3; RFC 4475 s.3.1.2.2 (no RFC owns ALGs)",
            "switch the SIP ALG off, or use TLS, which it cannot read",
            tuple(Evidence(far.number, line, f"behind {nat} it was: {was}") for line, was in added)
            or tuple(Evidence(far.number, far.entry.label, f"without {line}") for line in removed),
            (f"message {near.number} and message {far.number} are one message on two sides of {nat}",),
            ("VX-NAT-REPLY-PORT", "VX-NAT-CONTACT", "VX-NAT-ONE-WAY", "VX-NAT-BINDING-GONE", "VX-NAT-FILTERED",
             "VX-ACK-LOST", "VX-CONTACT-UNREACHABLE", "VX-SYNTAX-REFUSED"),
        )  # fmt: skip
        return


def _crossings(case: Case) -> Iterator[tuple[Step, Step]]:
    """Yield each message with its copy on the other side of a NAT, which keeps their order."""
    paired: set[int] = set()
    for place, near in enumerate(case.steps):
        if near.entry.outcome != DELIVERED:
            continue
        first_line = case.raw(near).partition(b"\r\n")[0]
        for far in case.steps[place + 1 :]:
            if far.time_s - near.time_s > _CROSSING_S:
                break
            if far.number in paired or not _crosses(case, near, far):
                continue
            if case.raw(far).partition(b"\r\n")[0] == first_line and far.entry.call_id == near.entry.call_id:
                paired.add(far.number)
                yield near, far
                break


def _crosses(case: Case, near: Step, far: Step) -> bool:
    """Whether two messages may be one: outward its source changes at the NAT, inward its destination."""
    one, other = near.entry, far.entry
    if one.dst == other.dst and one.src != other.src:
        return bool(case.wire(near)) and case.wire(near) != case.wire(far)
    return one.src == other.src and one.dst != other.dst and bool(case.wire(far)) and case.wire(near) != case.wire(far)


def _differences(before: bytes, after: bytes) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the lines that are gone, and those that are new, each with the one that was there before."""
    old, new = (data.decode("utf-8", "replace").split("\r\n") for data in (before, after))
    gone, come = [line for line in old if line not in new], [line for line in new if line not in old]

    def was(line: str) -> str:
        start = line[:2] if line[1:2] == "=" else line.partition(":")[0]
        return next((each for each in gone if each.startswith(start)), "nothing")

    return gone[:_LINES_SHOWN], [(line, was(line)) for line in come[:_LINES_SHOWN]]


def _length_wrong(data: bytes) -> str:
    head, _, body = data.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() in {b"content-length", b"l"} and value.strip().isdigit():
            said = int(value)
            return f"Content-Length says {said}, the body has {len(body)} bytes" if said != len(body) else ""
    return ""


RULES = (contact_believed, reply_port, binding_gone, one_way, unlatched, hijacked, gateway)
