"""Who sent a request: the server side of digest (RFC 3261 s.22.1-22.4, RFC 7616 s.5).

Must not know what an authenticated user may do; ``keyring`` is the client side.
"""

from __future__ import annotations

from collections.abc import Container
from typing import NamedTuple, Protocol

from voxlab.base.datagram import Flow
from voxlab.base.errors import SipSyntaxError
from voxlab.elements.keyring import CHALLENGED_BY, Header
from voxlab.elements.lockout import Lockout
from voxlab.sip.digest import Credentials
from voxlab.sip.digest_server import DigestServer, Outcome, Verdict
from voxlab.sip.message import Request
from voxlab.sip.uri import Uri

_LONGEST_NAME = 128


class Subscriber(Protocol):
    """Somebody who can prove who they are."""

    @property
    def aor(self) -> str:
        """The canonical address-of-record, such as ``alice@shop.acme.voxlab.test``."""

    def ha1(self, username: str, algorithm: str) -> str | None:
        """Return H(A1) for one of the subscriber's names, None if that is none or the algorithm is unknown."""


class Subscribers(Protocol):
    """Finds whom a device means when it says who it is."""

    def user_named(self, username: str, host: str) -> Subscriber | None:
        """Return whose name ``username`` is; a name without a domain is meant at ``host``."""


class Judgement(NamedTuple):
    """Who sent a request, or how to refuse it.

    Attributes
    ----------
    subscriber : Subscriber or None
        Who it is; None if that is not proved.
    verdict : str
        "accepted", or why not.
    username : str
        As the credentials say, "" if there are none for our realm.
    status : int
        How to refuse: 401, 407, or 403 during a lock-out; 0 if accepted.
    headers : tuple
        The challenges.
    """

    subscriber: Subscriber | None
    verdict: str
    username: str
    status: int = 0
    headers: tuple[Header, ...] = ()


class Authenticator:
    """Judges the credentials of requests, and challenges where there are none that will do.

    What the wire shows is the same for an unknown user and for a wrong password; the verdict tells them apart.

    Parameters
    ----------
    digest : DigestServer
    subscribers : Subscribers
    lockout : Lockout or None
        Who is turned away for wrong passwords; by default one of its own.
    addresses : container of str
        Our own addresses: credentials may name one of them where the Request-URI has the domain (s.22.4 item 6: not
        necessarily a failure), as SIPp
        and phones with a fixed proxy do.
    """

    def __init__(
        self,
        digest: DigestServer,
        subscribers: Subscribers,
        *,
        lockout: Lockout | None = None,
        addresses: Container[str] = (),
    ) -> None:
        self._digest = digest
        self._subscribers = subscribers
        self.lockout = Lockout() if lockout is None else lockout
        self._addresses = addresses

    @property
    def realm(self) -> str:
        """The protection domain of the challenges."""
        return self._digest.realm

    def has_credentials(self, request: Request, status: int) -> bool:
        """Whether the request answers a challenge of ours with that status, rightly or wrongly."""
        return self._credentials(request, status) is not None

    def judge(self, request: Request, host: str, status: int, flow: Flow, now: float) -> Judgement:
        """Say who sent ``request``.

        Parameters
        ----------
        host : str
            Where a user name without a domain belongs.
        status : int
            401 or 407: which pair of header fields is meant.

        Raises
        ------
        SipSyntaxError
            400 for digest credentials that cannot be read.
        """
        credentials = self._credentials(request, status)
        if credentials is None:
            return self._challenge("no credentials", "", status, flow, now)
        username = credentials.username
        subscriber = self._subscribers.user_named(username, host)
        address, name = flow.remote.host, _told(username, host) if subscriber is None else subscriber.aor
        if self.lockout.is_locked(address, name, now):
            return Judgement(None, "locked out", username, 403)
        verdict = self._verify(credentials, request, subscriber, address, now)
        if verdict.outcome is Outcome.OK:
            self.lockout.passed(address, name)
            return Judgement(subscriber, "accepted", username)
        if verdict.outcome is not Outcome.WRONG:
            return self._challenge(verdict.outcome.value, username, status, flow, now, stale=True)
        why = _why(verdict, subscriber)
        if verdict.is_guess and self.lockout.failed(address, name, now):
            why += f"; {name} is locked out at {address} for {self.lockout.remaining_s(address, name, now):.0f} s"
        return self._challenge(why, username, status, flow, now)

    def _credentials(self, request: Request, status: int) -> Credentials | None:
        """Return the credentials for our realm; other realms are those of others (s.22.3)."""
        name = CHALLENGED_BY[status][1]
        if name not in request.headers:
            return None
        for value in request.headers.get_all(name):
            if value[:6].lower() != "digest":
                continue  # s.22: Basic is neither asked for nor accepted
            credentials = Credentials.parse(value)
            if credentials.realm == self._digest.realm:
                return credentials
        return None

    def _verify(
        self, credentials: Credentials, request: Request, subscriber: Subscriber | None, address: str, now: float
    ) -> Verdict:
        uri = request.uri_text
        if credentials.uri != uri and self._is_our_address(credentials.uri):
            uri = credentials.uri
        lookup = _nobody if subscriber is None else subscriber.ha1
        return self._digest.verify(credentials, request.method, uri, lookup, now, request.body, address)

    def _is_our_address(self, uri_text: str) -> bool:
        try:
            return Uri.parse(uri_text).host in self._addresses
        except SipSyntaxError:
            return False

    def _challenge(
        self, verdict: str, username: str, status: int, flow: Flow, now: float, *, stale: bool = False
    ) -> Judgement:
        values = self._digest.challenge(now, stale, flow.remote.host)
        name = CHALLENGED_BY[status][0]
        return Judgement(None, verdict, username, status, tuple([(name, value) for value in values]))


def _nobody(username: str, algorithm: str) -> str | None:
    return None


def _told(username: str, host: str) -> str:
    """Return whom a name means that is nobody's: the same, whichever of its two forms was tried."""
    name = username[:_LONGEST_NAME]
    return name if "@" in name else f"{name}@{host}"


def _why(verdict: Verdict, subscriber: Subscriber | None) -> str:
    if subscriber is None:
        return "unknown user"
    return "wrong response" if verdict.reason.startswith("the user is unknown") else verdict.reason
