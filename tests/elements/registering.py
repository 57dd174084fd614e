"""A registrar with two users and a device that talks to it in bytes, for the tests of registration."""

from __future__ import annotations

import re

from voxlab.base.datagram import Address, Flow
from voxlab.base.ids import Ids
from voxlab.elements.authentication import Authenticator
from voxlab.elements.location import LocationService
from voxlab.elements.lockout import Lockout
from voxlab.elements.registrar import Intervals, Record, Registrar
from voxlab.sip.digest import answer, ha1
from voxlab.sip.digest_server import DigestServer
from voxlab.sip.message import Request, Response
from voxlab.sip.parser import parse

REALM = "voxlab.test"
DOMAIN = "shop.acme.voxlab.test"
HERE = Address("127.0.0.1", 5060)
UDP = Flow("UDP", HERE, Address("127.0.0.2", 5062))
PASSWORDS = {"alice": "wonderland", "bob": "builder"}


class Somebody:
    """A subscriber of the test's own making."""

    def __init__(self, name: str, domain: str) -> None:
        self.name = name
        self.aor = f"{name}@{domain}"

    def ha1(self, username: str, algorithm: str) -> str | None:
        if username not in {self.name, self.aor}:
            return None
        return ha1(username, REALM, PASSWORDS[self.name], algorithm)


class People:
    """alice and bob at two domains."""

    domains = (DOMAIN, "help.acme.voxlab.test")

    def serves(self, host: str) -> bool:
        return host in self.domains

    def homes(self, user: str) -> list[str]:
        """Return where they are known by name alone: alice at one domain, bob at both."""
        return {"alice": [DOMAIN], "bob": list(self.domains)}.get(user, [])

    def user_named(self, username: str, host: str) -> Somebody | None:
        name, at, domain = username.rpartition("@")
        if not at:
            name, domain = username, host
        return Somebody(name, domain) if name in PASSWORDS and domain in self.domains else None


class Bench:
    """A registrar, and a device in front of it."""

    def __init__(
        self,
        *,
        algorithms: tuple[str, ...] = ("MD5",),
        max_contacts: int = 10,
        max_bindings: int = 1000,
        lockout: Lockout | None = None,
        **options: object,
    ) -> None:
        ids = Ids.seeded(5)
        self.location = LocationService(max_contacts=max_contacts, max_bindings=max_bindings)
        self.digest = DigestServer(REALM, ids, algorithms=algorithms)
        self.authenticator = Authenticator(self.digest, People(), lockout=lockout, addresses=("127.0.0.1",))
        self.registrar = Registrar(
            self.location,
            self.authenticator,
            People(),
            ids,
            host="cloud",
            addresses=("127.0.0.1",),
            **options,  # type: ignore[arg-type]
        )
        self.now = 1000.0
        self.cseq = 0

    def request(
        self,
        *lines: str,
        user: str = "alice",
        to: str | None = None,
        uri: str = f"sip:{DOMAIN}",
        call_id: str = "c1",
        cseq: int | None = None,
        authorization: str | None = None,
    ) -> Request:
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        who = to or f"<sip:{user}@{DOMAIN}>"
        head = [
            f"REGISTER {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.2:5062;branch=z9hG4bK{cseq};rport",
            "Max-Forwards: 70",
            f"From: {who};tag=f1",
            f"To: {who}",
            f"Call-ID: {call_id}",
            f"CSeq: {cseq} REGISTER",
            *lines,
        ]
        if authorization is not None:
            head.append(f"Authorization: {authorization}")
        message = parse("\r\n".join([*head, "Content-Length: 0", "", ""]).encode())
        assert isinstance(message, Request)
        return message

    def send(self, request: Request, flow: Flow = UDP) -> Response:
        response = self.registrar.register(request, flow, self.now)
        parsed = parse(response.raw)
        assert isinstance(parsed, Response)
        return parsed

    def credentials(
        self,
        *,
        username: str = "alice",
        password: str | None = None,
        uri: str = f"sip:{DOMAIN}",
        nonce_of: Response | None = None,
        flow: Flow = UDP,
    ) -> str:
        challenged = nonce_of or self.send(self.request(), flow)
        text = answer(
            challenged.headers.get_all("WWW-Authenticate"),
            "REGISTER",
            uri,
            username,
            PASSWORDS.get(username.partition("@")[0], "") if password is None else password,
            cnonce="abc",
        )
        assert text is not None
        return text

    def register(self, *lines: str, username: str | None = None, flow: Flow = UDP, **parts: object) -> Response:
        """Send a REGISTER with good credentials and return the answer; what was recorded on the way is dropped."""
        uri = str(parts.get("uri", f"sip:{DOMAIN}"))
        authorization = self.credentials(username=username or str(parts.get("user", "alice")), uri=uri, flow=flow)
        self.registrar.poll()
        return self.send(self.request(*lines, authorization=authorization, **parts), flow)  # type: ignore[arg-type]

    def records(self) -> list[Record]:
        return self.registrar.poll()

    def bindings(self, aor: str = f"alice@{DOMAIN}") -> list[str]:
        return [str(binding.contact) for binding in self.location.lookup(aor, self.now)]


def contacts(response: Response) -> dict[str, int]:
    """Return what a response lists: contact URI to seconds left."""
    return {str(found.uri): int(found.params["expires"] or "") for found in response.contacts}


def nonces(response: Response) -> set[str]:
    return set(re.findall(r'nonce="([^"]+)"', " ".join(response.headers.get_all("WWW-Authenticate"))))


ALICE = "Contact: <sip:alice@127.0.0.2:5062>"
__all__ = ["ALICE", "DOMAIN", "HERE", "REALM", "UDP", "Bench", "Intervals", "contacts", "nonces"]
