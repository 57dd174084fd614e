"""Calls that have to be refreshed, and changes that are refused or cross (RFC 4028, RFC 3311, RFC 3261 s.14.1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from voxlab.analysis.diagnosis.case import Case, Step
from voxlab.analysis.diagnosis.finding import Certainty, Finding
from voxlab.analysis.dropped import is_expiry
from voxlab.dialog.session_timer import interval_of

_LEAST_WAIT_S = 10.0
_CROSSING_S = 0.1


def min_se(case: Case) -> Iterator[Finding]:
    """Find an INVITE whose session interval was too small for the callee."""
    for answer in case.responses("INVITE", 422, 422):
        asked = case.asked(answer)
        if asked is None:
            continue
        again = [step for step in case.requests("INVITE", leg=answer.leg) if step.time_s > answer.time_s]
        went = (
            "it was sent again with that and went on" if any(s.has("Session-Expires") for s in again) else "it failed"
        )
        yield Finding(
            "VX-MIN-SE",
            Certainty.CERTAIN,
            f"{answer.sender} wants sessions of {answer.value('Min-SE')} s at least, "
            f"{asked.value('Session-Expires').partition(';')[0]} s were asked for: {went}",
            "RFC 4028 s.5, s.7.3, s.9",
            f"ask for that at once: phone(session_expires={answer.value('Min-SE') or 1800})",
            (asked.shows("Session-Expires"), answer.shows("Min-SE")),
        )
        return


class _Settled(NamedTuple):
    """What a 2xx says of the session interval: seconds, and who refreshes."""

    step: Step
    seconds: int
    refresher: str


def _settled(case: Case, leg: str) -> _Settled | None:
    """Return the last interval that was settled on a leg, as its callee said it."""
    found = None
    for answer in (*case.responses("INVITE", 200, 299, leg=leg), *case.responses("UPDATE", 200, 299, leg=leg)):
        interval = None if answer.response is None else interval_of(answer.response)
        asked = case.asked(answer)
        later = found is None or answer.entry.cseq != found.step.entry.cseq
        if interval is not None and asked is not None and later and not answer.entry.retransmission:
            who = case.origin_of(asked) if interval.refresher != "uas" else answer.sender
            found = _Settled(answer, interval.seconds, who)
    return found


def _legs(case: Case) -> list[str]:
    return list(dict.fromkeys(step.leg for step in case.steps))


def expired(case: Case) -> Iterator[Finding]:
    """Find a BYE that comes when the session interval is over and nobody has refreshed it."""
    for leg in _legs(case):
        settled = _settled(case, leg)
        bye = next(case.requests("BYE", leg=leg), None)
        if settled is None or bye is None:
            continue
        passed_s = bye.time_s - settled.step.time_s
        if not is_expiry(passed_s, settled.seconds):
            continue
        yield Finding(
            "VX-SESSION-EXPIRED",
            Certainty.CERTAIN,
            f"the call was to be refreshed every {settled.seconds} s; {settled.refresher} had promised to and did not, "
            f"so {bye.sender} hung up after {passed_s:.0f} s",
            "RFC 4028 s.7.2, s.10",
            "let the other side refresh: phone(refresher=...); or let the peer keep its promise",
            (settled.step.shows("Session-Expires"), bye.shows()),
        )


def unanswered(case: Case) -> Iterator[Finding]:
    """Find a change or refresh of the call that nobody answers."""
    for step in case.requests("INVITE", "UPDATE"):
        if step.request is None or not step.request.to_tag or case.final_answer(step) is not None:
            continue
        if step.entry.retransmission or not case.arrived(step) or case.origin_of(step) != step.sender:
            continue
        bye = next((each for each in case.requests("BYE", leg=step.leg) if each.time_s > step.time_s), None)
        until_s = case.now if bye is None else bye.time_s
        if until_s - step.time_s < _LEAST_WAIT_S:
            continue
        yield Finding(
            "VX-REFRESH-UNANSWERED",
            Certainty.CERTAIN,
            f"{case.target_of(step)} never answers the {step.entry.method} by which {step.sender} refreshes the call"
            + (f", so {bye.sender} hung up after {bye.time_s - step.time_s:.0f} s" if bye else ""),
            "RFC 4028 s.10, RFC 3261 s.12.2.1.2",
            f"let {case.target_of(step)} answer requests inside the call; without refreshes: no session_expires",
            (step.shows(), *((bye.shows(),) if bye else ())),
            covers=("VX-SESSION-EXPIRED", "VX-OFFERLESS-REFRESH"),
        )
        return


def update_refused(case: Case) -> Iterator[Finding]:
    """Find an UPDATE that is refused as a method nobody knows, though it was named in Allow."""
    for answer in case.responses("UPDATE", 405, 405):
        asked = case.asked(answer)
        named = next(
            (s for s in case.responses("INVITE", 200, 299, leg=answer.leg) if "UPDATE" in s.value("Allow")), None
        )
        yield Finding(
            "VX-UPDATE-REFUSED",
            Certainty.CERTAIN,
            f"{answer.sender} refuses UPDATE" + (", which its own Allow names" if named else ", which its Allow lacks"),
            "RFC 3311 s.4, RFC 3261 s.21.4.6",
            "let the peer take UPDATE out of its Allow: then refreshes come as re-INVITE",
            tuple(each.shows(part) for each, part in ((named, "Allow"), (asked, ""), (answer, "Allow")) if each),
            covers=("VX-SESSION-EXPIRED",),
        )
        return


def offerless(case: Case) -> Iterator[Finding]:
    """Find a re-INVITE without an offer: allowed, and a surprise to many."""
    for step in case.requests("INVITE"):
        if step.request is not None and step.request.to_tag and not step.request.body:
            yield Finding(
                "VX-OFFERLESS-REFRESH",
                Certainty.POSSIBLE,
                f"{step.sender} sends a re-INVITE without an offer: {case.target_of(step)} has to make one, "
                "and codecs may change",
                "RFC 3261 s.14.1, s.14.2, RFC 4028 s.7.4",
                "offer what stands again, with the same o= line",
                (step.shows(),),
            )
            return


def glare(case: Case) -> Iterator[Finding]:
    """Find changes of a call that crossed: 491, and a second try later."""
    for answer in case.responses("", 491, 491):
        asked = case.asked(answer)
        if asked is None or case.origin_of(asked) == answer.sender:
            continue
        again = _tried_again(case, answer)
        both = _refused_others(case, asked)
        timers = "; both refresh the session timer" if both and asked.has("Session-Expires") else ""
        yield Finding(
            "VX-GLARE",
            Certainty.CERTAIN,
            f"{answer.sender} refuses a change while another is under way"
            + (": both sides asked at once" if both else "")
            + timers
            + (f"; tried again {again.time_s - answer.time_s:.1f} s later" if again else "; it was never tried again"),
            "RFC 3261 s.14.1, s.21.4.27",
            "nothing: back off, 2.1 to 4 s for who made the Call-ID, else up to 2 s, and try again"
            + ("; let one side refresh: refresher=" if timers else ""),
            (asked.shows(), answer.shows(), *((again.shows(),) if again else ())),
            covers=("VX-SESSION-EXPIRED",),
        )
        return


def _tried_again(case: Case, answer: Step) -> Step | None:
    """Return the next change of the leg, by whichever side: what crossed is not tried again before its back-off."""
    for step in case.requests("INVITE", "UPDATE", leg=answer.leg):
        if step.time_s > answer.time_s + _CROSSING_S and not step.entry.retransmission:
            return step
    return None


def _refused_others(case: Case, asked: Step) -> bool:
    for answer in case.responses("", 491, 491, leg=asked.leg):
        other = case.asked(answer)
        if other is not None and other.entry.from_uri != asked.entry.from_uri:
            return True
    return False


RULES = (min_se, expired, unanswered, update_refused, offerless, glare)
