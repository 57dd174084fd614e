"""The client side of digest: one name and password, and the challenges that were met with it (RFC 3261 s.22.2-22.3,
RFC 7616 s.3.4, RFC 8760 s.2.4).

Must not know transactions: it reads a response, and returns the header fields for the next request.
"""

from __future__ import annotations

from dataclasses import dataclass

from voxlab.base.errors import SipSyntaxError
from voxlab.base.ids import Ids
from voxlab.sip.digest import Challenge, Credentials, answer, is_supported, parse_challenges
from voxlab.sip.message import Request, Response

Header = tuple[str, str]

CHALLENGED_BY = {401: ("WWW-Authenticate", "Authorization"), 407: ("Proxy-Authenticate", "Proxy-Authorization")}
_MAX_ROUNDS = 3
_MAX_CALLS = 256


@dataclass(slots=True)
class _Known:
    """A challenge that can be answered again, and how often it was."""

    challenge: Challenge
    count: int = 0


class Keyring:
    """Answers challenges with one name and password, each nonce's rejection believed (s.22.1: no second try with what
    was just rejected).

    Parameters
    ----------
    username, password : str
        The password is shown by nothing.
    ids : Ids
        Where cnonces come from.
    """

    def __init__(self, username: str, password: str, ids: Ids) -> None:
        self.username = username
        self._password = password
        self._ids = ids
        self._known: dict[tuple[str, str], _Known] = {}
        self._rounds: dict[str, int] = {}

    def headers(self, request: Request) -> list[Header]:
        """Return credentials for every realm met so far, to go along before anybody asks (s.22.2 SHOULD)."""
        self._rounds.pop(_exchange(request), None)
        return [self._header(key, request) for key in self._known]

    def answer(self, response: Response, request: Request) -> list[Header]:
        """Return the credentials to send ``request`` again with, after this 401 or 407; none if it cannot be answered,
        or was, and rejected.

        One more answer is due when the server says that only the nonce was stale (RFC 7616 s.3.3), up to three in a
        row.
        """
        names = CHALLENGED_BY.get(response.status)
        if names is None:
            return []
        best = _best(parse_challenges(response.headers.get_all(names[0])))
        if not best or not self._may_answer(best, names[1], request):
            return []
        for challenge in best:
            self._known[names[1], challenge.realm] = _Known(challenge)
        keys = [(names[1], challenge.realm) for challenge in best]
        # What other realms on the way have accepted goes along: each proxy wants its own (s.22.3).
        keys += [key for key in self._known if key not in keys and key[1] in _shown(request, key[0])]
        return [self._header(key, request) for key in keys]

    def authorize(self, response: Response, request: Request) -> Header | None:
        """Return the one header field that answers the topmost challenge, None where no answer is possible."""
        return next(iter(self.answer(response, request)), None)

    def _may_answer(self, challenges: list[Challenge], name: str, request: Request) -> bool:
        shown, exchange = _shown(request, name), _exchange(request)
        rounds = self._rounds.pop(exchange, 0)
        if not any(challenge.realm in shown for challenge in challenges):
            rounds = 0
        for challenge in challenges:
            if shown.get(challenge.realm) == challenge.nonce:
                return False
            if rounds and challenge.realm in shown and not challenge.stale:
                return False
        if len(self._rounds) >= _MAX_CALLS:
            del self._rounds[next(iter(self._rounds))]
        self._rounds[exchange] = rounds + 1
        return rounds < _MAX_ROUNDS

    def _header(self, key: tuple[str, str], request: Request) -> Header:
        known = self._known[key]
        known.count += 1
        value = answer(
            [known.challenge],
            request.method,
            request.uri_text,
            self.username,
            self._password,
            cnonce=self._ids.token(8),
            nc=known.count,
            body=request.body,
        )
        return key[0], value or ""

    def __repr__(self) -> str:
        return f"Keyring({self.username!r}, {len(self._known)} realms)"


def _exchange(request: Request) -> str:
    """Return what the tries of one request have in common; a request that is yet to be sent has no Via, so the
    header field is asked.
    """
    return request.headers.get("Call-ID", "") or ""


def _best(challenges: tuple[Challenge, ...]) -> list[Challenge]:
    """Return the topmost challenge of each realm that can be answered (RFC 8760 s.2.4)."""
    best: dict[str, Challenge] = {}
    for challenge in challenges:
        if is_supported(challenge.algorithm) and (not challenge.qop or {"auth", "auth-int"} & set(challenge.qop)):
            best.setdefault(challenge.realm, challenge)
    return list(best.values())


def _shown(request: Request, name: str) -> dict[str, str]:
    """Return the nonces that a request answered, by realm."""
    shown = {}
    for value in request.headers.get_all(name):
        try:
            credentials = Credentials.parse(value)
        except SipSyntaxError:
            continue
        shown[credentials.realm] = credentials.nonce
    return shown
