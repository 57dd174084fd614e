"""The torture messages of RFC 4475 at a live cloud, over UDP and TCP: its answers are those of the RFC, and a call goes
through afterwards.

The messages go out byte for byte, except that the Request-URI names the cloud's own domain, because what is asked is
how an element treats them that they are for, and that three have branches of their own. They lie beside the checkout.
"""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.live.hostile import ADDRESS, DOMAIN, request
from tests.sip.corpora import CORPORA, NEEDS_CORPORA, vectors
from voxlab import Lab
from voxlab.lab.phone import Phone

pytestmark = NEEDS_CORPORA
MESSAGES = {entry["name"]: entry for entry in vectors("torture/rfc4475/index.json", "messages")}
TRANSPORTS = ("UDP", "TCP")
_PATIENCE_S = 10.0

SILENCE = 0
# What is malformed beyond doubt, refused by the parser.
REFUSED = {
    "badinv01": 400, "clerr": 400, "ncl": 400, "scalar02": 400, "mismatch01": 400, "mismatch02": 400, "insuf": 400,
    "multi01": 400, "mcl01": 400, "badvers": 505,
}  # fmt: skip
# What is well-formed, and refused by the element that it is for; the registrar asks everybody who they are.
UNDERSTOOD = {
    "intmeth": 501, "esc02": 501, "unkscm": 416, "novelsc": 416, "bext01": 420, "invut": 415, "sdp01": 406,
    "unksm2": 400, "regaut01": 401, "escnull": 401, "dblreq": 401, "cparam01": 401, "cparam02": 401, "regescrt": 401,
    "mpart01": 404, "wsinv": 481, "lwsdisp": 200, "semiuri": 200, "transports": 200, "longreq": 200, "inv2543": 200,
    "esc01": 404, "zeromf": 483,
}  # fmt: skip
# Where a liberal element may guess what was meant, ours does, and treats the message as what it guesses.
GUESSED = {
    "quotbal": 200, "ltgtruri": 200, "lwsruri": 481, "lwsstart": 200, "trws": 200, "escruri": 200, "baddate": 200,
    "regbadct": 401, "badaspec": 200, "baddn": 200, "badbranch": 200,
}  # fmt: skip
# Responses to nothing, and what is no SIP at all.
IGNORED = dict.fromkeys(("unreason", "noreason", "scalarlg", "bigcode", "bcast", "test"), SILENCE)
ANSWERS = REFUSED | UNDERSTOOD | GUESSED | IGNORED
OPEN_ENDED = {"clerr"}  # a stream waits for the rest of the body
SENT_BY = {"quotbal": 5050, "bext01": 5061}  # the port of the top Via, where responses over UDP go; else 5060

SAME_BRANCH = {"cparam02", "regescrt", "unkscm"}  # as cparam01, escnull, novelsc: retransmissions (RFC 3261 s.17.2.3)


class Cloud:
    """A live lab whose application takes every call, and passes what is for ``zeromf`` on."""

    def __init__(self) -> None:
        self.lab = Lab(live=True, payloads="none")
        self.lab.account("acme").trunk("torture", allow=[ADDRESS])
        shop = self.lab.account("acme").application("shop")

        @shop.scenario(pattern="alice|bob")
        async def forward(call: Any) -> None:
            await call.forward_to_user()

        shop.rule("passed on", pattern="zeromf", route="users")

        @shop.scenario(pattern="user|UserB|1_unusual.*")
        async def answer(call: Any) -> None:
            await call.answer()

        self.alice: Phone = shop.user("alice").phone(audio="silence")
        shop.user("bob").phone(audio="silence", answer_after=0.0)
        self.server = self.lab.cloud.addresses

    def is_well(self) -> None:
        """A good call goes through, and nothing escaped from the machines or a script."""
        self.alice.dial("bob").wait("connected", timeout=20).hang_up()
        assert self.lab.world.errors == []
        assert self.lab.errors == []


@pytest.fixture(scope="module", params=TRANSPORTS)
def cloud(request: pytest.FixtureRequest) -> Iterator[tuple[Cloud, str]]:
    """A cloud for each transport: the second copy of a message would be taken for a retransmission of the first."""
    made = Cloud()
    yield made, request.param
    made.is_well()
    made.lab.close()


def message(name: str) -> bytes:
    """Return a message as the RFC has it, for our domain."""
    data = (CORPORA / "torture/rfc4475" / MESSAGES[name]["file"]).read_bytes()
    if not MESSAGES[name]["has_header_end"] and name == "baddn":
        data += b"\r\n"  # the archive has lost its empty line
    start, end, rest = data.partition(b"\r\n")
    start = re.sub(rb"(?<=[@:])(?:[a-z-]+\.)*(?:example|company|examle)\.(?:com|org|net)", DOMAIN.encode(), start)
    if name == "zeromf":
        start = start.replace(b"sip:user@", b"sip:zeromf@")
    if name in SAME_BRANCH:
        rest = rest.replace(b"z9hG4bKkdjuw", b"z9hG4bK" + name.encode(), 1)
    return start + end + rest


def ping(transport: str) -> tuple[bytes, bytes]:
    """Return an OPTIONS and its Call-ID: what has not been answered before it was is not answered at all."""
    data = request("OPTIONS").replace(b"/UDP", f"/{transport}".encode())
    return data, data.partition(b"Call-ID: ")[2].partition(b"\r\n")[0]


def identity(data: bytes) -> bytes:
    """Return what an answer to a message holds: its Call-ID, or where it has none its branch."""
    found = re.search(rb"(?im)^(?:call-id|i)\s*:\s*(\S+)", data) or re.search(rb"(branch=\S+)", data)
    return found.group(1) if found else b"nothing of the sort"


def statuses(received: bytes, who: bytes) -> list[int]:
    """Return the final statuses of the responses that hold ``who``."""
    found = re.finditer(rb"SIP/2\.0 (\d\d\d) [^\r]*\r\n((?:[^\r]+\r\n)*)\r\n", received)
    return [int(each.group(1)) for each in found if who in each.group(2) and each.group(1) >= b"200"]


def answers_over_udp(cloud: Cloud, name: str) -> list[int]:
    """Send a message from where its answer comes to, and return the final statuses that come."""
    data = message(name)
    question, sign = ping("UDP")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind((ADDRESS, SENT_BY.get(name, 5060)))
        peer.settimeout(_PATIENCE_S)
        peer.sendto(data, cloud.server["UDP"])
        peer.sendto(question, cloud.server["UDP"])
        received = bytearray()
        while sign not in received or (ANSWERS[name] and not statuses(received, identity(data))):
            received += peer.recv(65_535)
    return statuses(received, identity(data))


def answers_over_tcp(cloud: Cloud, name: str) -> list[int]:
    """Do the same over a connection; one that the cloud has closed, or that waits for more, tells no more."""
    data = message(name)
    question, sign = ping("TCP")
    received = bytearray()
    with socket.create_connection(cloud.server["TCP"], _PATIENCE_S, (ADDRESS, 0)) as peer:
        peer.sendall(data)
        if ANSWERS[name] and name not in OPEN_ENDED:
            while not statuses(received, identity(data)):
                received += peer.recv(65_535)
            return statuses(received, identity(data))
        with socket.create_connection(cloud.server["TCP"], _PATIENCE_S, (ADDRESS, 0)) as other:
            other.sendall(question)
            while sign not in received:
                received += other.recv(65_535)
        peer.setblocking(False)
        with contextlib.suppress(BlockingIOError, ConnectionResetError):
            received += peer.recv(65_535)
    return statuses(received, identity(data))


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_a_torture_message_gets_the_answer_of_the_rfc(cloud: tuple[Cloud, str], name: str) -> None:
    lab, transport = cloud
    ask = answers_over_udp if transport == "UDP" else answers_over_tcp
    expected = [] if ANSWERS[name] == SILENCE or (transport == "TCP" and name in OPEN_ENDED) else [ANSWERS[name]]
    assert ask(lab, name)[: len(expected) or 1] == expected


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_what_is_expected_is_what_the_rfc_allows(name: str) -> None:
    entry = MESSAGES[name]
    allowed = {answer for answers in (entry["strict_answer"] or {}).values() for answer in answers}
    allowed |= {400} if "4xx_error" in allowed else set()
    allowed |= {SILENCE} if allowed & {"discard", "drop"} else set()
    if name in GUESSED:
        assert entry["liberal_allowed"] or allowed & {"process", "process_as_rfc2543"}
    elif entry["strict_answer"] is not None and ANSWERS[name] != 401:
        assert ANSWERS[name] in allowed
    elif ANSWERS[name] == 401:  # a registrar that knows nobody yet grants what it will grant after this
        assert allowed & {200, 401}


def test_every_message_is_sent() -> None:
    assert set(ANSWERS) == set(MESSAGES)
