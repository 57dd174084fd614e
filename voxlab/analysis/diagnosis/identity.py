"""Who calls is not said where the peer looks, or was lost on the way (RFC 3325, RFC 5806, RFC 7044, RFC 8224)."""

from __future__ import annotations

from collections.abc import Iterator

from voxlab.analysis.diagnosis.case import Case, Step
from voxlab.analysis.diagnosis.finding import Certainty, Finding
from voxlab.analysis.diagnosis.refusals import Refusal, refusals, said

_IDENTITIES = ("P-Asserted-Identity", "P-Preferred-Identity", "Remote-Party-ID")
_FORWARDED = ("Diversion", "History-Info")
_LARGEST_DATAGRAM_BYTES = 1300


def _silent(case: Case) -> Iterator[Refusal]:
    """Yield the 403s that no host of ours explains."""
    for refusal in refusals(case, 403, 433):
        if not refusal.why:
            yield refusal


def _user(uri: str) -> str:
    return uri.partition(":")[2].partition("@")[0].partition(";")[0]


def _host(uri: str) -> str:
    return uri.rpartition("@")[2].partition(";")[0].partition(":")[0]


def diversion_missing(case: Case) -> Iterator[Finding]:
    """Find a forwarded call whose caller's number is not ours, with nothing that says on whose behalf it comes."""
    for refusal in _silent(case):
        asked, came = refusal.asked, _came_in(case, refusal.asked)
        lacking = [name for name in _FORWARDED if not asked.has(name)]
        if came is None or not lacking or not _user(asked.entry.from_uri).lstrip("+").isdigit():
            continue
        if _digits(asked) != _digits(came) or _is_called_elsewhere(asked, came) is False:
            continue
        yield Finding(
            "VX-DIVERSION-MISSING",
            Certainty.LIKELY,
            f"{refusal.answer.sender} is called from {_user(asked.entry.from_uri)}, which is not ours: the call is "
            f"forwarded, and there is no {' and no '.join(lacking)} to say for whom",
            "RFC 5806 s.4, RFC 7044 s.5",
            'say on whose behalf: account.trunk(..., forwarding="diversion"), or "both"',
            (came.shows("From"), asked.shows("From"), refusal.answer.shows()),
            covers=("VX-403", "VX-IDENTITY-MISSING", "VX-FROM-DOMAIN", "VX-TRUNK-STALE"),
        )


def _digits(step: Step) -> str:
    return _user(step.entry.from_uri).lstrip("+0")


def _came_in(case: Case, asked: Step) -> Step | None:
    """Return the INVITE of another leg that a request goes on for, None where it is the first."""
    for step in case.requests("INVITE"):
        if step.leg != asked.leg and step.receiver == asked.sender and step.time_s <= asked.time_s:
            return step
    return None


def _is_called_elsewhere(asked: Step, came: Step) -> bool:
    return _user(asked.entry.target).lstrip("+0") != _user(came.entry.target).lstrip("+0")


def identity_missing(case: Case) -> Iterator[Finding]:
    """Find a call that is forbidden and says who calls in From alone."""
    for refusal in _silent(case):
        asked, name = refusal.asked, "P-Asserted-Identity"
        took = _taken(case, refusal)
        with_it = any(step.has(name) for step in took)
        if asked.has(name) or (took and not with_it):
            continue
        there = [each for each in _IDENTITIES if asked.has(each)]
        shown = f"{', '.join(there)} but no {name}" if there else "From alone"
        yield Finding(
            "VX-IDENTITY-MISSING",
            Certainty.LIKELY if with_it or "dentity" in said(refusal.answer) else Certainty.POSSIBLE,
            f"{refusal.answer.sender} forbids a call that says who calls in {shown}"
            + (f"; with {name} it took one" if with_it else ""),
            "RFC 3325 s.9.1",
            'say it where the peer looks: account.trunk(..., identity="pai"), or "rpid"',
            (asked.shows("From"), refusal.answer.shows()),
            covers=("VX-403", "VX-TRUNK-STALE") if with_it else (),
        )


def _taken(case: Case, refusal: Refusal) -> list[Step]:
    """Return the other calls of the same sender that the refuser took."""
    asked = [step for step in case.other_messages("INVITE") if step.sender == refusal.asked.sender]
    answers = [step for step in case.other_messages("INVITE") if step.sender == refusal.answer.sender]
    took = {step.entry.branch for step in answers if 200 <= step.status < 300}
    return [step for step in asked if step.request is not None and step.entry.branch in took]


def from_domain(case: Case) -> Iterator[Finding]:
    """Find a call that is forbidden and whose From names another domain than calls that were taken."""
    for refusal in _silent(case):
        asked, sender = refusal.asked, refusal.answer.sender
        host = _host(asked.entry.from_uri)
        if host == _host(asked.entry.target) or host.endswith(".invalid"):
            continue
        taken = sorted({_host(step.entry.from_uri) for step in _taken(case, refusal)})
        own = _domains_of(case, sender)
        if host in taken or host in own:
            continue
        theirs = next(iter([*taken, *own]), "")
        seen = f"; with {taken[0]} it took one" if taken else f"; its own domain is {theirs}" if theirs else ""
        yield Finding(
            "VX-FROM-DOMAIN",
            Certainty.LIKELY if taken else Certainty.POSSIBLE,
            f"{sender} forbids a call whose From names {host}{seen}",
            "RFC 3261 s.8.1.1.3",
            f'name the peer\'s domain: account.trunk(..., from_domain="{theirs or "its.domain"}")',
            (asked.shows("From"), refusal.answer.shows()),
            covers=("VX-403", "VX-TRUNK-STALE") if taken else (),
        )


def _domains_of(case: Case, peer: str) -> list[str]:
    """Return the domains that a peer's own users register at or call from."""
    seen = [_host(step.entry.from_uri) for step in case.other_messages("INVITE") if step.sender == peer]
    seen += [_host(step.entry.to_uri) for step in case.other_messages("REGISTER") if step.receiver == peer]
    return [each for each in dict.fromkeys(seen) if each and not each[0].isdigit()]


def stripped(case: Case) -> Iterator[Finding]:
    """Find an anonymous call that comes without an asserted identity: whoever has to bill or trace it cannot."""
    for step in case.requests("INVITE"):
        request = step.request
        if request is None or request.to_tag or step.entry.retransmission or any(map(step.has, _IDENTITIES)):
            continue
        if _host(step.entry.from_uri) == "anonymous.invalid" and _goes_on(case, step):
            yield Finding(
                "VX-IDENTITY-STRIPPED",
                Certainty.LIKELY,
                f"the call of {step.sender} is anonymous and bears no P-Asserted-Identity: between trusted peers the "
                "true caller goes along, hidden from the callee only",
                "RFC 3325 s.5, s.7, RFC 3323 s.4.1.1.3",
                f"let {step.sender} count {step.receiver} in its trust domain and keep P-Asserted-Identity and Privacy",
                (step.shows("From"),),
            )
            return


def _goes_on(case: Case, step: Step) -> bool:
    """Whether the receiver is no end device: what a callee gets may hide the caller, what an operator gets may not."""
    return any(other.sender == step.receiver and other.number > step.number for other in case.requests("INVITE"))


def stir(case: Case) -> Iterator[Finding]:
    """Find a call that is refused because nobody signed who calls."""
    for refusal in refusals(case, 428, 436, 437, 438):
        signed = refusal.asked.has("Identity")
        yield Finding(
            "VX-STIR-INVALID" if signed else "VX-STIR-REQUIRED",
            Certainty.CERTAIN,
            f"{refusal.answer.sender} "
            + ("does not accept the signature of" if signed else "wants a signature (Identity) of")
            + " who calls",
            "RFC 8224 s.6.2.2",
            "sign calls with a certificate for the number, or let the peer take them unsigned",
            (refusal.asked.shows("Identity"), refusal.answer.shows()),
        )


def too_big(case: Case) -> Iterator[Finding]:
    """Find an INVITE over UDP that its signature has made larger than a datagram should be."""
    for step in case.requests("INVITE"):
        size = step.entry.size_bytes
        signature = len(step.value("Identity"))
        if step.entry.transport != "UDP" or size <= _LARGEST_DATAGRAM_BYTES or not signature:
            continue
        unanswered = not any(True for _ in case.answers(step))
        yield Finding(
            "VX-INVITE-TOO-BIG",
            Certainty.CERTAIN if unanswered or not case.arrived(step) else Certainty.LIKELY,
            f"the INVITE has {size:,} bytes, {signature:,} of them the signature, and goes over UDP in fragments"
            + (": nothing came back" if unanswered else "; it came through here, others lose it"),
            "RFC 3261 s.18.1.1",
            'send it over TCP: phone(transport="TCP"), or a gateway with ;transport=tcp',
            (step.shows("Identity", f"{size} bytes in all"),),
            covers=("VX-FRAGMENTS",),
        )
        return


RULES = (diversion_missing, identity_missing, from_domain, stripped, stir, too_big)
