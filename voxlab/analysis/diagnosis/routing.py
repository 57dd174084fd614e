"""Where the rest of the call goes: Record-Route and Contact that lead nowhere (RFC 3261 s.12.2.1.1, s.16.6)."""

from __future__ import annotations

from collections.abc import Iterator

from voxlab.analysis.diagnosis.case import Case, Step
from voxlab.analysis.diagnosis.finding import Certainty, Finding
from voxlab.base.errors import SipSyntaxError
from voxlab.sip.headers import STAR

_ACK = ("VX-ACK-LOST", "VX-ACK-LATE")


def _answers(case: Case) -> Iterator[Step]:
    """Yield each 2xx to an INVITE, as every hop passed it on."""
    return (step for step in case.responses("INVITE", 200, 299) if not step.entry.retransmission)


def _ack_failed(case: Case, answer: Step) -> bool:
    """Whether the answer had to be repeated, or the call went on without an ACK."""
    again = [s for s in case.responses("INVITE", 200, 299, leg=answer.leg) if s.entry.cseq == answer.entry.cseq]
    return any(step.entry.retransmission for step in again)


def strict_route(case: Case) -> Iterator[Finding]:
    """Find a proxy that puts itself into the route without ;lr."""
    for answer in _answers(case):
        try:
            routes = answer.response.record_routes if answer.response is not None else ()
        except SipSyntaxError:
            continue
        strict = [each for each in routes if "lr" not in each.uri.params]
        if not strict:
            continue
        swapped = next((a for a in case.requests("ACK", leg=answer.leg) if a.entry.target == str(strict[0].uri)), None)
        yield Finding(
            "VX-ROUTE-LR",
            Certainty.CERTAIN,
            f"{strict[0].uri.host} stands in Record-Route without ;lr, as a strict router: requests inside the call "
            "bear its URI in their Request-URI"
            + ("; the ACK was lost on that way" if _ack_failed(case, answer) else ""),
            "RFC 3261 s.12.2.1.1, s.16.4, s.16.6, s.19.1.1",
            "put ;lr into Record-Route",
            (answer.shows("Record-Route"), *((swapped.shows(),) if swapped is not None else ())),
            covers=_ACK,
        )
        return


def unresolved_route(case: Case) -> Iterator[Finding]:
    """Find a route through a name that led nowhere: the ACK did not arrive."""
    for answer in _answers(case):
        try:
            routes = answer.response.record_routes if answer.response is not None else ()
        except SipSyntaxError:
            continue
        named = [each.uri.host for each in routes if not _is_address(each.uri.host)]
        if not named or not _ack_failed(case, answer):
            continue
        ack = next((step for step in case.requests("ACK", leg=answer.leg) if step.time_s >= answer.time_s), None)
        yield Finding(
            "VX-ROUTE-UNRESOLVED",
            Certainty.LIKELY,
            f"the rest of the call is to go through {named[0]}, a name that leads nowhere from {answer.receiver}: "
            "the ACK is lost, and the call drops after 64*T1",
            "RFC 3261 s.12.2.1.1, s.16.6, RFC 3263 s.4",
            "put an address into Record-Route, or a name that DNS knows and the proxy takes for its own",
            (answer.shows("Record-Route"), *((ack.shows("Route"),) if ack is not None else ())),
            covers=_ACK,
        )
        return


def unreachable_contact(case: Case) -> Iterator[Finding]:
    """Find a Contact that is not where the 200 came from, and where nobody takes the ACK."""
    for answer in _answers(case):
        message = answer.response
        try:
            contact = message.contacts[0] if message is not None and message.contacts else None
        except SipSyntaxError:
            continue
        if contact is None or contact is STAR or contact.uri.host == answer.entry.src.host:
            continue
        host = contact.uri.host
        sent = [a for a in case.requests("ACK", leg=answer.leg) if a.entry.dst.host == host]
        if not sent or any(map(case.arrived, sent)):
            continue
        yield Finding(
            "VX-CONTACT-UNREACHABLE",
            Certainty.CERTAIN,
            f"the 200 comes from {answer.entry.src.host} and its Contact says {host}: ACK and BYE go there, and nobody "
            "takes them",
            "RFC 3261 s.12.1.2, s.12.2.1.1, s.8.1.1.8",
            f"let {answer.sender} put its own address into Contact, or stay in the route (Record-Route)",
            (answer.shows("Contact"), sent[0].shows()),
            covers=_ACK,
        )
        return


def _is_address(host: str) -> bool:
    return host.replace(".", "").isdigit() or ":" in host


RULES = (strict_route, unresolved_route, unreachable_contact)
