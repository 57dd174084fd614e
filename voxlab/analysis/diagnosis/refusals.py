"""Who refused, and why: refusals as said where they were said first, and the reasons that hosts of ours noted.

The wire says only 403; a host of this lab notes the true reason (``MessageRefused``). Of other peers nothing is noted:
then what is odd about the request itself is looked at by the rules of the families, and what nobody explains is listed
here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from voxlab.analysis.diagnosis.case import Case, Step
from voxlab.analysis.diagnosis.finding import Certainty, Finding
from voxlab.base.records import MessageRefused

_SAME_MOMENT_S = 0.05


class Refusal(NamedTuple):
    """A final response that refuses a request outside a dialog, where it was said first.

    Attributes
    ----------
    answer, asked : Step
    why : str
        The reason that the host noted, "" where it is none of ours.
    """

    answer: Step
    asked: Step
    why: str


def refusals(case: Case, *statuses: int, method: str = "INVITE") -> Iterator[Refusal]:
    """Yield the refusals with one of these statuses, all but challenges if none is given; relayed ones are left out."""
    told: set[tuple[str, int]] = set()
    for answer in case.responses(method, 300):
        if answer.entry.retransmission:
            continue
        asked = case.asked(answer)
        told.add((answer.receiver, answer.status))
        relayed = (answer.sender, answer.status) in told
        wanted = answer.status in statuses if statuses else not answer.entry.is_challenge
        if wanted and not relayed and asked is not None and not _inside(asked):
            yield Refusal(answer, asked, reason_of(case, answer, asked))


def came_to_terms(case: Case, refusal: Step) -> bool:
    """Whether whoever refused an INVITE has accepted a later one of the same sender: no harm came of it."""
    return any(
        each.time_s > refusal.time_s
        and each.status < 300
        and (each.sender, each.receiver) == (refusal.sender, refusal.receiver)
        for each in case.responses("INVITE", 200)
    )


def _inside(asked: Step) -> bool:
    return asked.request is not None and bool(asked.request.to_tag)


def reason_of(case: Case, answer: Step, asked: Step) -> str:
    """Return why the host that said it refused a request, as it noted; "" where it noted nothing."""
    for note in case.all_notes(MessageRefused):
        here = note.host == answer.sender and note.status == answer.status and note.src.host == asked.entry.src.host
        if here and abs(note.time_s - answer.time_s) < _SAME_MOMENT_S:
            return note.reason
    return ""


class Meaning(NamedTuple):
    """What a noted reason means: words in it, the finding, and what to do."""

    words: str
    id: str
    rfc: str
    cure: str


_MEANINGS = (
    Meaning("not on the whitelist", "VX-TRUNK-403", "RFC 5853 s.3.5",
            "let the peer whitelist the address that we call from: import_addresses(lab.media_resources)"),
    Meaning("in no trunk's whitelist", "VX-TRUNK-403", "RFC 5853 s.3.5",
            "whitelist the address, account.trunk(..., allow=[...]), or let the caller be one of our users"),
    Meaning("is on the whitelists of", "VX-SHARED-ADDRESS", "RFC 3261 s.16.3",
            "let the caller name the domain in the Request-URI, or give each account numbers of its own"),
    Meaning("calls the contact of registration", "VX-SOURCE-DIFFERS", "RFC 5853 s.3.5",
            "let the operator call from where its registrar is, or whitelist its other addresses, too"),
    Meaning("the credentials are those of", "VX-FROM-MISMATCH", "RFC 3261 s.22.3",
            "put the user into From whose password is used, or trust the trunk's From: trunk(trusts_from=True)"),
    Meaning("locked out", "VX-LOCKED-OUT", "RFC 3261 s.26.3.2.4",
            "correct the password, and wait a minute: wrong ones were tried too often from this address"),
    Meaning("is an emergency number", "VX-EMERGENCY", "RFC 3261 s.21.4.4",
            "dial emergency numbers over a telephone line: there is no location and no centre here"),
    Meaning("no transit", "VX-TRANSIT", "RFC 3261 s.26.1.1",
            "call only numbers of this operator here: it carries nobody's calls elsewhere"),
    Meaning("calls are not carried through", "VX-TRANSIT", "RFC 3261 s.26.1.1",
            "make the number ours, application.number(...), or let the trunk through: trunk(transit=True)"),
    Meaning("belongs to account", "VX-OTHER-ACCOUNT", "RFC 3261 s.16.3",
            "call an application of the caller's own account, or make a trunk between the two"),
    Meaning("has no device registered", "VX-NOT-REGISTERED", "RFC 3261 s.21.4.18",
            "let a device of that user register: phone.explain() says why it is not"),
    Meaning("cannot do trunks", "VX-TRUNK-403", "RFC 5853 s.3.5",
            "register there as one of its telephones: application.sip_registration(...)"),
)  # fmt: skip


def noted(case: Case) -> Iterator[Finding]:
    """Find refusals whose reason the host itself noted: the wire hides it, the journal does not."""
    for method in ("INVITE", "REGISTER"):
        for refusal in refusals(case, method=method):
            if not refusal.why or "is not how" in refusal.why or refusal.answer.status in {401, 407}:
                continue
            meaning = next((each for each in _MEANINGS if each.words in refusal.why), None)
            yield Finding(
                meaning.id if meaning else "VX-REFUSED",
                Certainty.CERTAIN,
                f"{refusal.answer.sender} refused it: {refusal.why}",
                meaning.rfc if meaning else "RFC 3261 s.21.4",
                meaning.cure if meaning else "change what the reason names",
                (refusal.asked.shows(), refusal.answer.shows()),
                (f"noted by {refusal.answer.sender}: {refusal.why}",),
                ("VX-403",),
            )


def unexplained(case: Case) -> Iterator[Finding]:
    """Find a 403 that says nothing: what to look at, in the order in which it helps."""
    for method in ("INVITE", "REGISTER"):
        for refusal in refusals(case, 403, method=method):
            if refusal.why:
                continue
            answer, asked = refusal.answer, refusal.asked
            yield Finding(
                "VX-403",
                Certainty.POSSIBLE,
                f"{answer.sender} forbids it and does not say why; asking again will not help",
                "RFC 3261 s.21.4.4",
                _checklist(answer.sender, asked),
                (asked.shows(), asked.shows("From"), answer.shows()),
            )


def _checklist(sender: str, asked: Step) -> str:
    if asked.entry.method == "REGISTER":
        return f"ask {sender} about the user name, the password (was it locked?), the Contact and the source address"
    return (
        f"ask {sender} in this order: does it know the address {asked.entry.src.host} (whitelist or registration); "
        "does it take this From (number, domain, P-Asserted-Identity); may this number be called, written so"
    )


def said(step: Step) -> str:
    """Return what a refusal says in words beyond its status: Warning and Reason, "" for nothing."""
    return " ".join(filter(None, (step.value("Warning"), step.value("Reason"))))


RULES = (noted, unexplained)
