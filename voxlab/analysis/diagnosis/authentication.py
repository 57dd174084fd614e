"""Credentials that are refused: why, from what the host noted or from the challenge and the answer themselves (RFC 3261
s.22, RFC 7616, RFC 8760).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from voxlab.analysis.diagnosis.case import Case, Step
from voxlab.analysis.diagnosis.finding import Certainty, Evidence, Finding
from voxlab.base.errors import SipSyntaxError
from voxlab.base.records import AuthenticationVerdict
from voxlab.sip.digest import Challenge, Credentials, base_algorithm, is_supported, parse_challenges
from voxlab.sip.digest_server import same_target

_SAME_MOMENT_S = 0.05
_METHODS = ("INVITE", "REGISTER", "SUBSCRIBE", "PUBLISH", "MESSAGE", "OPTIONS")
_FIELDS = {401: ("WWW-Authenticate", "Authorization"), 407: ("Proxy-Authenticate", "Proxy-Authorization")}


class _Try(NamedTuple):
    """Credentials that answered a challenge, and were challenged again."""

    challenged: Step
    asked: Step
    again: Step
    challenge: Challenge
    credentials: Credentials
    verdict: str

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        asks, answers = _FIELDS[self.challenged.status]
        return self.challenged.shows(asks), self.asked.shows(answers), self.again.shows()


def _challenges(step: Step) -> tuple[Challenge, ...]:
    message = step.response
    try:
        return () if message is None else parse_challenges(message.headers.get_all(_FIELDS[step.status][0]))
    except (SipSyntaxError, KeyError):
        return ()


def _credentials(step: Step, status: int) -> Credentials | None:
    value = step.value(_FIELDS[status][1])
    try:
        return Credentials.parse(value) if value[:6].lower() == "digest" else None
    except SipSyntaxError:
        return None


def _tries(case: Case) -> Iterator[_Try]:
    """Yield each answer to a challenge of the same host that was challenged again."""
    last: dict[tuple[str, str], tuple[Step, dict[str, Challenge]]] = {}
    for again in case.steps:
        if 200 <= again.status < 300:
            last.pop((again.entry.call_id, again.sender), None)  # answered; a later challenge begins anew
        if again.status not in _FIELDS or again.entry.method not in _METHODS or again.entry.retransmission:
            continue
        key = (again.entry.call_id, again.sender)
        before = last.get(key)
        last[key] = again, {each.nonce: each for each in _challenges(again)}
        asked = case.asked(again)
        credentials = None if asked is None else _credentials(asked, again.status)
        if before is None or asked is None or credentials is None or credentials.nonce not in before[1]:
            continue
        offered = [each for each in _challenges(before[0]) if _fits(each, credentials)]
        challenge = offered[0] if offered else before[1][credentials.nonce]
        yield _Try(before[0], asked, again, challenge, credentials, _verdict(case, again, credentials.username))


def _fits(challenge: Challenge, credentials: Credentials) -> bool:
    return (challenge.algorithm or "MD5").upper() == credentials.algorithm.upper()


def _verdict(case: Case, again: Step, username: str) -> str:
    """Return what the host noted about credentials, "" where it noted nothing."""
    for note in case.all_notes(AuthenticationVerdict):
        same = note.host == again.sender and note.username == username and note.method == again.entry.method
        if same and abs(note.time_s - again.time_s) < _SAME_MOMENT_S and note.verdict != "accepted":
            return note.verdict
    return ""


class _Reason(NamedTuple):
    """A finding's id, certainty, sentence, section and cure."""

    id: str
    certainty: Certainty
    text: str
    rfc: str
    cure: str


def refused(case: Case) -> Iterator[Finding]:
    """Find credentials that answered a challenge and were challenged again, and say why."""
    for each in _tries(case):
        reason = next(filter(None, (ask(each) for ask in _REASONS)))
        noted = (f"noted by {each.again.sender}: {each.verdict}",) if each.verdict else ()
        yield Finding(reason.id, reason.certainty, reason.text, reason.rfc, reason.cure, each.evidence, noted)


def _other_uri(each: _Try) -> _Reason | None:
    uri, target = each.credentials.uri, each.asked.entry.target
    if "names another target" not in each.verdict and (each.verdict or same_target(uri, target)):
        return None
    return _Reason(
        "VX-DIGEST-URI", Certainty.CERTAIN if each.verdict else Certainty.LIKELY,
        f"the digest was computed for {uri}, the request goes to {target}: something between has rewritten one of them",
        "RFC 3261 s.22.4, RFC 7616 s.3.4.6",
        "let what is between (ALG, outbound proxy) leave the Request-URI alone",
    )  # fmt: skip


def _opaque(each: _Try) -> _Reason | None:
    if each.challenge.opaque in (None, each.credentials.opaque):
        return None
    return _Reason(
        "VX-DIGEST-OPAQUE", Certainty.LIKELY, f"{each.asked.sender} does not return the opaque of the challenge",
        "RFC 7616 s.3.3, s.3.4", "return opaque unchanged",
    )  # fmt: skip


def _qop(each: _Try) -> _Reason | None:
    offered = each.challenge.qop
    wrong = (
        "qop" in each.verdict
        or (offered and "auth" not in offered)
        or (each.credentials.qop is not None and each.credentials.qop not in (offered or ()))
    )
    if not wrong:
        return None
    return _Reason(
        "VX-DIGEST-QOP", Certainty.CERTAIN if each.verdict else Certainty.LIKELY,
        f"qop={', '.join(offered or ())} was offered, qop={each.credentials.qop} was answered, and that is not taken",
        "RFC 7616 s.3.3, s.3.4.3", 'let the peer offer qop="auth" as well',
    )  # fmt: skip


def _algorithm(each: _Try) -> _Reason | None:
    if "algorithm" not in each.verdict:
        return None
    return _Reason(
        "VX-DIGEST-ALGORITHM", Certainty.CERTAIN,
        f"{each.again.sender} challenges with {each.credentials.algorithm} and does not take the answer to it",
        "RFC 8760 s.2.4", "let the peer offer only what it keeps H(A1) for: MD5, or both",
    )  # fmt: skip


def _realm(each: _Try) -> _Reason | None:
    realm, domain = each.credentials.realm, each.asked.entry.to_uri.rpartition("@")[2].partition(":")[0]
    belongs = realm == domain or domain.endswith(f".{realm}") or realm.endswith(f".{domain}") or domain[:1].isdigit()
    if each.verdict or belongs:
        return None
    return _Reason(
        "VX-WRONG-REALM", Certainty.LIKELY,
        f"the challenge is for the realm {realm!r}, and the account is at {domain}: a password hashed for another "
        "realm never fits",
        "RFC 3261 s.22.1, s.22.4", "let the peer challenge with the realm that its accounts were made with",
    )  # fmt: skip


def _stale(each: _Try) -> _Reason | None:
    again = _challenges(each.again)
    if not (again and again[0].stale):
        return None
    if each.verdict == "replay":
        return _counted_twice(each)
    return _Reason(
        "VX-NONCE-STALE", Certainty.LIKELY,
        f"{each.again.sender} calls a nonce stale "
        f"{each.again.time_s - each.challenged.time_s:.3f} s after it gave it out",
        "RFC 7616 s.3.3, RFC 3261 s.22.3", "let the servers of the peer share their nonces, or keep them longer",
    )  # fmt: skip


def _counted_twice(each: _Try) -> _Reason:
    return _Reason(
        "VX-NC-REUSED", Certainty.CERTAIN,
        f"{each.asked.sender} uses nonce count {each.credentials.nc} of a nonce twice: it looks like a replay",
        "RFC 7616 s.3.4, s.5.5", "count nc up with every request on a nonce",
    )  # fmt: skip


def _password(each: _Try) -> _Reason | None:
    if each.verdict == "unknown user":
        return _Reason(
            "VX-UNKNOWN-USER", Certainty.CERTAIN, f"{each.again.sender} knows no user {each.credentials.username!r}",
            "RFC 3261 s.22.4", "correct the user name for digest; the wire shows the same as for a wrong password",
        )  # fmt: skip
    if not each.verdict:
        return None
    return _Reason(
        "VX-WRONG-PASSWORD", Certainty.CERTAIN,
        f"the password of {each.credentials.username!r} is wrong ({each.verdict})",
        "RFC 3261 s.22.4, s.8.1.3.5", "type the password again: phone(password=...)",
    )  # fmt: skip


def _loop(each: _Try) -> _Reason | None:
    return _Reason(
        "VX-AUTH-LOOP", Certainty.LIKELY,
        f"{each.again.sender} challenges again what answers its challenge: user name or password are others there",
        "RFC 3261 s.22.1, s.22.2, s.8.1.3.5", "compare user name, realm and password with those of the peer's account",
    )  # fmt: skip


_REASONS = (_other_uri, _opaque, _algorithm, _qop, _stale, _password, _realm, _loop)


def unanswerable(case: Case) -> Iterator[Finding]:
    """Find a challenge with no algorithm that anybody here has: it is not answered at all."""
    for step in case.steps:
        challenges = _challenges(step) if step.status in _FIELDS else ()
        if not challenges or any(is_supported(base_algorithm(each.algorithm or "MD5")) for each in challenges):
            continue
        names = ", ".join(each.algorithm or "MD5" for each in challenges)
        yield Finding(
            "VX-DIGEST-ALGORITHM",
            Certainty.CERTAIN,
            f"{step.sender} challenges with {names} only, and nobody knows that",
            "RFC 8760 s.2.4, RFC 7616 s.3.3",
            "let the peer offer SHA-256 and MD5 as well",
            (step.shows(_FIELDS[step.status][0]),),
        )
        return


def counts_reused(case: Case) -> Iterator[Finding]:
    """Find a nonce count that two different requests use."""
    seen: dict[tuple[str, str], Step] = {}
    for step in case.steps:
        if step.request is None or step.entry.retransmission:
            continue
        for status in _FIELDS:
            credentials = _credentials(step, status)
            if credentials is None or not credentials.nc:
                continue
            first = seen.setdefault((credentials.nonce, credentials.nc), step)
            different = first.entry.cseq != step.entry.cseq and first.entry.call_id == step.entry.call_id
            if different and step.entry.method not in {"ACK", "CANCEL"} and first.sender == step.sender:
                header = _FIELDS[status][1]
                yield Finding(
                    "VX-NC-REUSED",
                    Certainty.CERTAIN,
                    f"{step.sender} uses nonce count {credentials.nc} of a nonce twice: it looks like a replay",
                    "RFC 7616 s.3.4, s.5.5",
                    "count nc up with every request on a nonce",
                    (first.shows(header), step.shows(header)),
                    covers=("VX-NONCE-STALE",),
                )
                return


RULES = (refused, unanswerable, counts_reused)
