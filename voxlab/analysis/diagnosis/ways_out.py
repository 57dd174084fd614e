"""What goes wrong between operators: stale lists, gateways, causes, hunting, loops, borders (RFC 3261, RFC 3398)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from voxlab.analysis.diagnosis.case import Case, Step
from voxlab.analysis.diagnosis.finding import Certainty, Finding
from voxlab.base.records import LegOpened, MediaBlocked, MessageRefused

_FINAL = frozenset({480, 486, 600, 603, 604, 606})
_AT_ONCE_S = 2.0  # later somebody has dialled again
_STATUS_OF_CAUSE: dict[int, frozenset[int]] = {
    1: frozenset({404}),
    2: frozenset({404}),
    3: frozenset({404}),
    17: frozenset({486, 600}),
    18: frozenset({408, 480}),
    19: frozenset({480}),
    20: frozenset({480}),
    21: frozenset({403, 603}),
    22: frozenset({301, 410}),
    27: frozenset({502}),
    28: frozenset({484}),
    34: frozenset({503}),
    38: frozenset({503}),
    41: frozenset({503}),
    42: frozenset({503}),
}
"""RFC 3398 s.7.2.4.1."""


def stale_sbcs(case: Case) -> Iterator[Finding]:
    """Find a 403 from an operator that has taken calls from the same side before."""
    for refused in case.responses("INVITE", 403, 403):
        invite = case.asked(refused)
        if invite is None or refused.sender != invite.receiver:
            continue
        before = [
            step
            for step in case.other_messages("INVITE", refused.time_s)
            if 180 <= step.status < 300 and (step.sender, step.receiver) == (refused.sender, invite.sender)
        ]
        if not before:
            continue
        address, earlier = invite.entry.src.host, before[-1].entry.dst.host
        whitelist = [
            note.reason
            for note in case.all_notes(MessageRefused)
            if note.status == 403 and note.src.host == address and "whitelist" in note.reason
        ]
        yield Finding(
            "VX-TRUNK-STALE",
            Certainty.CERTAIN if whitelist else Certainty.LIKELY,
            f"{refused.sender} does not know the address {address} of {invite.sender} any more"
            + (
                f": calls from {earlier} were taken earlier"
                if earlier != address
                else ": it took calls from it earlier"
            ),
            "RFC 3261 s.21.4.4; no RFC says how lists are kept",
            "let it import the addresses again: carrier.import_addresses(lab.media_resources)",
            (invite.shows("Via", "where it came from"), refused.shows()),
            tuple(whitelist[-1:]),
            covers=("VX-TRUNK-403",),
        )


def stale_media(case: Case) -> Iterator[Finding]:
    """Find RTP that a border keeps out while signalling passes."""
    for note in case.notes(MediaBlocked):
        answer = next((step for step in case.responses("INVITE", 200, 299) if step.sdp is not None), None)
        yield Finding(
            "VX-MEDIA-STALE",
            Certainty.CERTAIN,
            f"the call stands, but the border in front of {note.host} keeps RTP from {note.src.host} out: "
            f"{note.host} hears nothing",
            "RFC 5853 s.3.5; no RFC says how lists are kept",
            "let the operator import our media servers again: carrier.import_addresses(lab.media_resources)",
            () if answer is None else (answer.shows("c="),),
            (f"packets from {note.src} to {note.dst} were dropped",),
        )


def overloaded(case: Case) -> Iterator[Finding]:
    """Find a call that failed for the 503 of a gateway."""
    ours = {note.host for note in case.notes(LegOpened)}
    refused = next((step for step in case.responses("INVITE", 503, 503) if step.sender not in ours), None)
    if refused is None or any(case.responses("INVITE", 200, 299)):
        return
    invite = case.asked(refused)
    last = list(case.responses("INVITE", 300))[-1]
    first = invite is not None and invite.number == 1
    yield Finding(
        "VX-GATEWAY-503",
        Certainty.CERTAIN,
        f"{refused.sender} takes no calls now: 503" + ("" if first else ", and there was no other gateway to try"),
        "RFC 3261 s.21.5.4, RFC 3263 s.4.3",
        "try again later, or somewhere else"
        if first
        else "name a second gateway: trunk(gateway=[first, second]); what a proxy passes on of a lone 503 is 500",
        tuple(
            each
            for each in (
                None if invite is None else invite.shows(),
                refused.shows("Retry-After"),
                last.shows("", "what the caller hears") if last.number != refused.number else None,
            )
            if each is not None
        ),
    )


def cause_unmapped(case: Case) -> Iterator[Finding]:
    """Find a status that does not fit the cause of Q.850 beside it."""
    for step in case.responses("INVITE", 300):
        found = re.search(r"Q\.850\s*;.*?cause\s*=\s*(\d+)", step.value("reason"), re.IGNORECASE)
        cause = int(found.group(1)) if found is not None else 0
        fitting = _STATUS_OF_CAUSE.get(cause)
        if fitting and step.status not in fitting:
            yield Finding(
                "VX-CAUSE-UNMAPPED",
                Certainty.CERTAIN,
                f"{step.sender} says {step.status} {step.entry.reason}, the telephone network said cause {cause}: that "
                f"is {' or '.join(map(str, sorted(fitting)))}",
                "RFC 3398 s.7.2.4.1, RFC 3326 s.2",
                "map causes of Q.850 as RFC 3398 says; callers and failover act on the status",
                (step.shows("Reason"),),
            )


def hunts_on(case: Case) -> Iterator[Finding]:
    """Find the same number called again after the called party had said no."""
    invites = [step for step in case.requests("INVITE") if not step.entry.retransmission]
    for first in invites:
        said = case.final_answer(first)
        if said is None or said.status not in _FINAL:
            continue
        for second in invites:
            same = _user(second) == _user(first) and second.sender == first.sender
            same = same and (second.receiver == first.receiver or _user(second).lstrip("+").isdigit())
            at_once = 0 <= second.time_s - said.time_s < _AT_ONCE_S
            if same and at_once and second.entry.call_id != first.entry.call_id:
                yield Finding(
                    "VX-HUNT-AFTER-FINAL",
                    Certainty.LIKELY,
                    f"{second.sender} calls {_user(first)} again although {said.sender} had said {said.status} "
                    f"{said.entry.reason}: the same telephone rings twice",
                    "RFC 3261 s.21.4.24, s.21.6, s.16.7",
                    "go on to the next gateway after 503 and silence only",
                    (first.shows(), said.shows(), second.shows()),
                )


def loops(case: Case) -> Iterator[Finding]:
    """Find a call that went round until its hops were used up, or until somebody saw himself."""
    for step in case.responses("INVITE", 482, 483):
        invite = case.asked(step) or next(case.requests("INVITE"))
        began_s = case.steps[0].time_s
        others = [
            each
            for each in case.other_messages("INVITE", step.time_s)
            if each.request is not None and each.time_s >= began_s
        ]
        left = sorted({value for each in others if (value := each.value("max-forwards")).isdigit()}, key=int)
        facts = (
            (f"{len(others)} more INVITEs meanwhile, Max-Forwards from {left[-1]} down to {left[0]}",) if left else ()
        )
        yield Finding(
            "VX-LOOP",
            Certainty.CERTAIN,
            f"the call goes round in circles: {step.status} {step.entry.reason}, said by {step.sender}",
            "RFC 3261 s.8.1.1.6, s.16.3, s.21.4.20, s.21.4.21; RFC 5393",
            "end one of the forwardings; whoever makes new legs passes Max-Forwards on, less one",
            (invite.shows("Max-Forwards"), step.shows()),
            facts,
        )


def stripped(case: Case) -> Iterator[Finding]:
    """Find an INVITE that came to a host with headers of an application, and left it without them."""
    invites = [step for step in case.requests("INVITE") if not step.entry.retransmission]
    for came in invites:
        for left in invites:
            same = left.entry.call_id == came.entry.call_id and left.entry.cseq == came.entry.cseq
            if not same or left.sender != came.receiver or left.time_s < came.time_s:
                continue
            gone = [name for name in _extensions(came) if not left.has(name)]
            if gone:
                yield Finding(
                    "VX-HEADERS-STRIPPED",
                    Certainty.CERTAIN,
                    f"{left.sender} took {', '.join(gone)} out of the INVITE",
                    "RFC 7433 s.4; stripping X- headers is practice, no RFC says it",
                    "agree with the operator on what its border lets pass",
                    (came.shows(gone[0]), left.shows("", f"without {gone[0]}")),
                )


def _user(step: Step) -> str:
    return step.entry.target.partition(":")[2].partition("@")[0].partition(";")[0]


def _extensions(step: Step) -> list[str]:
    message = step.request
    names = [] if message is None else [name for name, _ in message.headers.items()]
    return [name for name in names if name.lower().startswith(("x-", "user-to-user"))]


RULES = (stale_sbcs, stale_media, overloaded, cause_unmapped, hunts_on, loops, stripped)
