"""Registrations that are granted for less, under odd URIs, or from elsewhere than the calls (RFC 3261 s.10)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from voxlab.analysis.diagnosis.case import Case, Step
from voxlab.analysis.diagnosis.finding import Certainty, Finding
from voxlab.analysis.diagnosis.refusals import reason_of, refusals
from voxlab.base.errors import SipSyntaxError
from voxlab.sip.headers import STAR, NameAddr
from voxlab.sip.message import Request, Response

_ROW = 3


def _contacts(message: Request | Response | None) -> list[NameAddr]:
    try:
        return [] if message is None else [each for each in message.contacts if each is not STAR]
    except SipSyntaxError:
        return []


def _seconds(text: str | None) -> int | None:
    digits = (text or "").strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 11 else None


class _Grant(NamedTuple):
    """A REGISTER that binds a contact, and its 2xx: seconds asked for and granted; None where not said."""

    asked: Step
    answer: Step
    asked_s: int | None
    granted_s: int | None
    is_mine: bool


def _grants(case: Case) -> Iterator[_Grant]:
    for answer in case.responses("REGISTER", 200, 299):
        asked = case.asked(answer)
        wanted = _contacts(asked.request) if asked is not None else []
        if asked is None or not wanted:
            continue
        asked_s = _seconds(wanted[0].params.get("expires") or asked.value("Expires"))
        mine = [each for each in _contacts(answer.response) if each.uri.equivalent(wanted[0].uri)]
        granted = mine[0].params.get("expires") if mine else None
        if asked_s != 0:
            yield _Grant(asked, answer, asked_s, _seconds(granted or answer.value("Expires")), bool(mine))


def expiry(case: Case) -> Iterator[Finding]:
    """Find grants that are shorter than what was asked for, once or each time a little more."""
    grants = [each for each in _grants(case) if each.asked_s is not None and each.granted_s is not None]
    times = [each.granted_s or 0 for each in grants]
    shrinking = [at for at in range(_ROW - 1, len(times)) if times[at - 2] > times[at - 1] > times[at]]
    if shrinking:
        first, last = grants[shrinking[0] - 2], grants[-1]
        echoed = last.asked_s == grants[-2].granted_s
        yield Finding(
            "VX-EXPIRY-SHRINKS",
            Certainty.CERTAIN,
            f"each refresh is granted less: {', '.join(str(each) for each in times[-5:])} s"
            + ("; the device asks for what it was granted last" if echoed else ""),
            "RFC 3261 s.10.2.1.1, s.10.3",
            "ask for the whole interval each time; it ends in 423 otherwise",
            (first.answer.shows("Contact"), last.answer.shows("Contact")),
            covers=("VX-EXPIRY-SHORTENED",),
        )
    short = next((each for each in grants if (each.granted_s or 0) < (each.asked_s or 0)), None)
    if short is not None:
        yield Finding(
            "VX-EXPIRY-SHORTENED",
            Certainty.CERTAIN,
            f"{short.answer.sender} grants {short.granted_s} s, {short.asked_s} s were asked for: who refreshes by its "
            "own clock is gone in between",
            "RFC 3261 s.10.2.4, s.10.3",
            f"refresh by what the 200 says; or ask for that: phone(expires={short.granted_s})",
            (short.asked.shows("Expires"), short.answer.shows("Contact")),
        )


def too_brief(case: Case) -> Iterator[Finding]:
    """Find a REGISTER that asks for less time than the registrar grants at all."""
    for answer in case.responses("REGISTER", 423, 423):
        asked = case.asked(answer)
        least = answer.value("Min-Expires")
        yield Finding(
            "VX-MIN-EXPIRES",
            Certainty.CERTAIN,
            f"{answer.sender} registers for {least or 'more'} s at least"
            + (f", {asked.value('Expires')} s were asked for" if asked and asked.has("Expires") else ""),
            "RFC 3261 s.10.3, s.20.23, s.21.4.17",
            f"ask for that at once: phone(expires={least or 3600})",
            (*((asked.shows("Expires"),) if asked else ()), answer.shows("Min-Expires")),
        )
        return


def not_mine(case: Case) -> Iterator[Finding]:
    """Find a 200 to REGISTER that does not name the contact that was bound."""
    for grant in _grants(case):
        if grant.is_mine or not grant.answer.has("Contact"):
            continue
        yield Finding(
            "VX-CONTACT-NOT-MINE",
            Certainty.CERTAIN,
            f"{grant.answer.sender} does not say that it bound the Contact of {grant.asked.sender}: something rewrote "
            "it, and calls go to what stands there",
            "RFC 3261 s.10.2.4, s.10.3",
            "let the registrar return the Contact as it was given; switch off what rewrites it (ALG, fix_contact)",
            (grant.asked.shows("Contact"), grant.answer.shows("Contact")),
        )
        return


def form(case: Case) -> Iterator[Finding]:
    """Find a REGISTER that is refused and has an odd form: a user in its Request-URI, another user in its Contact."""
    for answer in case.responses("REGISTER", 400, 699):
        asked = case.asked(answer)
        request = None if asked is None else asked.request
        if asked is None or request is None or answer.status in {423, 503}:
            continue
        answers_challenge = asked.has("Authorization") or asked.has("Proxy-Authorization")
        user = asked.entry.target.partition(":")[2].partition("@")[0] if "@" in asked.entry.target else ""
        if user and (not answer.entry.is_challenge or answers_challenge):
            yield _user_in_uri(asked, answer, user)
        if answer.status in {400, 403, 404} and not reason_of(case, answer, asked):
            yield from _other_user(asked, answer, request)


def _user_in_uri(asked: Step, answer: Step, user: str) -> Finding:
    return Finding(
        "VX-REGISTER-URI",
        Certainty.LIKELY,
        f"REGISTER is sent to the user {user!r}, and {answer.sender} refuses it with {answer.status}: only the domain "
        "may stand there",
        "RFC 3261 s.10.2",
        "register at the domain alone, REGISTER sip:example.com; whose registration it is stands in To",
        (asked.shows(), answer.shows()),
        covers=("VX-DIGEST-URI", "VX-AUTH-LOOP", "VX-REFUSED", "VX-WRONG-PASSWORD"),
    )


def _other_user(asked: Step, answer: Step, request: Request) -> Iterator[Finding]:
    wanted = request.to.uri.user
    other = next((each for each in _contacts(request) if each.uri.user != wanted), None)
    if other is not None:
        yield Finding(
            "VX-CONTACT-REFUSED",
            Certainty.LIKELY,
            f"{answer.sender} refuses to bind {other.uri.user!r} to {wanted!r}: it wants the same user in Contact and "
            "To",
            "RFC 3261 s.10.2, s.10.3",
            "bind a Contact with the same user as To, or ask for a lenient registrar",
            (asked.shows("To"), asked.shows("Contact"), answer.shows()),
            covers=("VX-403",),
        )


def source_differs(case: Case) -> Iterator[Finding]:
    """Find a call that is forbidden and comes from another address than the registration of its caller."""
    for refusal in refusals(case, 403):
        asked, answer = refusal.asked, refusal.answer
        if refusal.why:
            continue
        here = asked.entry.src.host
        sources = _sources(case, asked.entry.from_uri, answer.sender, asked.time_s)
        if sources and here not in sources:
            where = " and ".join(sorted(sources))
            yield Finding(
                "VX-SOURCE-DIFFERS",
                Certainty.LIKELY,
                f"the INVITE comes from {here}, REGISTER of {asked.entry.from_uri.partition(':')[2]} came from "
                f"{where}: "
                f"{answer.sender} takes calls from where was registered only",
                "RFC 5853 s.3.5",
                f"register from {here}, too; or send both from one address (one SBC)",
                (asked.shows("From"), answer.shows()),
                (f"REGISTER of this user was accepted from {where}",),
                ("VX-403", "VX-IDENTITY-MISSING", "VX-FROM-DOMAIN"),
            )


def _sources(case: Case, aor_uri: str, registrar: str, until_s: float) -> set[str]:
    """Return the addresses that an address-of-record is registered from, as the last answer to each says."""
    asked = {}
    sources: set[str] = set()
    for step in case.other_messages("REGISTER", until_s):
        if step.entry.to_uri.partition(";")[0] != aor_uri.partition(";")[0]:
            continue
        if step.request is not None and step.receiver == registrar:
            asked[step.entry.branch] = step
        before = asked.get(step.entry.branch)
        if before is not None and 200 <= step.status < 300:
            host = before.entry.src.host
            bound = before.value("Expires") != "0"
            sources = sources | {host} if bound else sources - {host}
    return sources


RULES = (expiry, too_brief, not_mine, form, source_differs)
