"""What goes wrong between descriptions: secrecy that one side wants, T.38, sips: (RFC 4568, RFC 3264, RFC 5630)."""

from __future__ import annotations

from collections.abc import Iterator

from voxlab.analysis.diagnosis.case import Case, Step
from voxlab.analysis.diagnosis.finding import Certainty, Finding
from voxlab.analysis.diagnosis.refusals import came_to_terms

_SECRET = ("RTP/SAVP", "RTP/SAVPF", "UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF")


def _asked_and_answered(case: Case) -> Iterator[tuple[Step, Step]]:
    """Yield the INVITEs with a description and their final answers: those that answered first were nearest."""
    pairs = [
        (invite, answer)
        for invite in case.requests("INVITE")
        if not invite.entry.retransmission and invite.sdp is not None
        if (answer := case.final_answer(invite)) is not None
    ]
    yield from sorted(pairs, key=lambda pair: pair[1].time_s)


def _protocols(step: Step, kind: str = "audio") -> list[str]:
    description = step.sdp
    return [] if description is None else [each.protocol.upper() for each in description.media if each.type == kind]


def srtp(case: Case) -> Iterator[Finding]:
    """Find one who wants SRTP and is offered none, or is offered it and answers without."""
    for invite, answer in _asked_and_answered(case):
        offered, told = _protocols(invite), _protocols(answer)
        wants_it = bool(set(told) & set(_SECRET)) and not came_to_terms(case, answer)
        if answer.status in (488, 606) and offered and not set(offered) & set(_SECRET) and wants_it:
            yield Finding(
                "VX-SRTP-REQUIRED",
                Certainty.CERTAIN,
                f"{answer.sender} takes SRTP only, {invite.sender} offers {offered[0]}: {answer.status}",
                "RFC 4568 s.7.1.2, RFC 3261 s.21.4.26",
                'offer SRTP: phone(srtp=True); transport="TLS" beside it, for the keys stand in the description',
                (invite.shows("m=", "no SAVP"), answer.shows("m=", "what it could do")),
                covers=("VX-CODEC-MISMATCH",),
            )
        if 200 <= answer.status < 300 and offered and told and offered[0] != told[0]:
            yield Finding(
                "VX-SRTP-PROFILE",
                Certainty.CERTAIN,
                f"{invite.sender} offers {offered[0]}, {answer.sender} answers {told[0]}: no stream comes of it",
                "RFC 3264 s.6, RFC 4568 s.7.1.2",
                "answer in the profile of the offer, or refuse the stream with port 0",
                (invite.shows("m="), answer.shows("m=")),
            )


def fax(case: Case) -> Iterator[Finding]:
    """Find a change to T.38 that is refused, as a whole or by port 0."""
    for invite, answer in _asked_and_answered(case):
        if not _protocols(invite, "image"):
            continue
        image = [each for each in answer.sdp.media if each.type == "image"] if answer.sdp is not None else []
        refused = answer.status >= 300 and not answer.entry.is_challenge
        if refused or (image and image[0].port == 0):
            how = f"{answer.status} {answer.entry.reason}" if refused else "port 0 in its m= line"
            yield Finding(
                "VX-T38-REFUSED",
                Certainty.CERTAIN,
                f"{invite.sender} wants to go over to T.38, {answer.sender} does not: {how}; the call stays as it was",
                "RFC 3264 s.6, RFC 3261 s.14.2, RFC 6141",
                "go on in G.711, without comfort noise and echo control, or let a gateway with T.38 take the call",
                (invite.shows("m=image"), answer.shows("" if refused else "m=image")),
            )


def sips(case: Case) -> Iterator[Finding]:
    """Find a sips: address that is refused, or carried where everybody can read."""
    for invite in case.requests("INVITE"):
        if not invite.entry.target.lower().startswith("sips:") or invite.entry.retransmission:
            continue
        answer = case.final_answer(invite)
        if answer is not None and answer.status == 416:
            yield Finding(
                "VX-SIPS-REFUSED",
                Certainty.CERTAIN,
                f"{answer.sender} takes no sips: address: 416",
                "RFC 3261 s.8.2.2.1, RFC 5630 s.3.1.4",
                'dial sip:, and use TLS on the way to the platform: phone(transport="TLS")',
                (invite.shows(), answer.shows()),
                covers=("VX-SIPS-CLEAR",),
            )
        if invite.entry.transport not in ("TLS", "WSS"):
            yield Finding(
                "VX-SIPS-CLEAR",
                Certainty.CERTAIN,
                f"{invite.sender} calls a sips: address over {invite.entry.transport}: all on the way can read it",
                "RFC 5630 s.5.1.1, RFC 3261 s.26.2.2",
                'use TLS for sips:, phone(transport="TLS"), or do not promise it',
                (invite.shows(),),
            )


RULES = (srtp, fax, sips)
