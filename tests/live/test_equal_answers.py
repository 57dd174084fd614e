"""Who asks a live cloud whether somebody exists gets the same answer, byte for byte, after the same work."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator

import pytest

from voxlab import Lab
from voxlab.sip import digest_server
from voxlab.sip.digest import answer
from voxlab.sip.message import Response
from voxlab.sip.parser import parse

DOMAIN = "shop.acme.voxlab.test"
METHODS = ("REGISTER", "INVITE", "MESSAGE", "SUBSCRIBE", "OPTIONS", "PUBLISH")
REQUEST = """\
{method} {uri} SIP/2.0
Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{number};rport
Max-Forwards: 70
From: <sip:{user}@{domain}>;tag=f
To: <sip:{user}@{domain}>
Call-ID: call-{number}
CSeq: {number} {method}
Contact: <sip:{user}@{host}:{port}>
Event: presence
{more}Content-Length: 0

"""


class Prober:
    """Asks about one user after the other from one socket."""

    def __init__(self, lab: Lab, server: tuple[str, int]) -> None:
        self.lab = lab
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(10.0)
        self.server = server
        self.number = 0

    def ask(self, method: str, user: str, domain: str, more: str = "") -> Response:
        """Send a request and return its final answer."""
        self.number += 1
        host, port = self.socket.getsockname()
        uri = f"sip:{domain}" if method == "REGISTER" else f"sip:{user}@{domain}"
        text = REQUEST.format(
            method=method, uri=uri, host=host, port=port, number=self.number, user=user, domain=domain, more=more
        )
        self.socket.sendto(text.replace("\n", "\r\n").encode(), self.server)
        while True:
            message = parse(self.socket.recv(65_535))
            assert isinstance(message, Response)
            if message.status >= 200 and message.call_id == f"call-{self.number}":
                return message

    def guess(self, method: str, user: str, domain: str) -> tuple[Response, Response]:
        """Ask, answer the challenge with a wrong password, and return both answers."""
        first = self.ask(method, user, domain)
        proxy = first.status == 407
        challenges = first.headers.get_all("Proxy-Authenticate" if proxy else "WWW-Authenticate")
        uri = f"sip:{domain}" if method == "REGISTER" else f"sip:{user}@{domain}"
        if not challenges:
            return first, first
        proof = answer(challenges, method, uri, user, "not the password", cnonce="c")
        name = "Proxy-Authorization" if proxy else "Authorization"
        return first, self.ask(method, user, domain, f"{name}: {proof}\n")


@pytest.fixture
def prober() -> Iterator[Prober]:
    with Lab(live=True) as lab:
        shop = lab.account("acme").application("shop")
        shop.user("alice", password="rosebud-7")

        @shop.scenario()
        async def forward(call: object) -> None:
            await call.forward_to_user()  # type: ignore[attr-defined]

        address = lab.cloud.host.endpoint.addresses["UDP"]  # type: ignore[union-attr]
        made = Prober(lab, (address.host, address.port))
        yield made
        made.socket.close()


def without_chance(response: Response, user: str) -> bytes:
    """Return an answer without what is different each time: nonce, tag, branch and numbers; and without the name."""
    text = re.sub(rb'nonce="[^"]*"|;tag=[^\r\n;>]*|branch=[^;\r\n]*|call-\d+|CSeq: \d+', b"", response.raw)
    return text.replace(user.encode(), b"")


@pytest.mark.parametrize("by_address", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_a_known_and_an_unknown_user_are_answered_alike(prober: Prober, method: str, by_address: bool) -> None:
    domain = prober.server[0] if by_address else DOMAIN
    known, unknown = (
        [without_chance(response, user) for response in prober.guess(method, user, domain)]
        for user in ("alice", "mella")
    )
    assert known == unknown


def test_a_lock_out_is_shown_alike(prober: Prober) -> None:
    answers = {
        user: [without_chance(prober.guess("REGISTER", user, DOMAIN)[1], user) for _ in range(12)]
        for user in ("alice", "mella")
    }
    assert answers["alice"] == answers["mella"]
    assert answers["alice"][9].startswith(b"SIP/2.0 401")
    assert answers["alice"][10].startswith(b"SIP/2.0 403")


def test_a_wrong_password_is_worked_on_as_long_for_nobody_as_for_somebody(
    prober: Prober, monkeypatch: pytest.MonkeyPatch
) -> None:
    worked: list[str] = []
    real = digest_server.response

    def counted(*given: object, **named: object) -> str:
        worked.append("digest")
        return real(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(digest_server, "response", counted)
    done = []
    for user in ("alice", "mella"):
        worked.clear()
        prober.guess("REGISTER", user, DOMAIN)
        done.append(len(worked))
    assert done == [1, 1]
