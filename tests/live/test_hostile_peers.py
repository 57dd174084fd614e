"""Whatever a peer sends to the live cloud over real sockets, the lab stays up, small and of use to others.

Half requests, headers of a megabyte, bodies in bodies, 20,000 mutations of valid messages (RFC 3261 s.18.3, s.21.4,
s.26.3.2.4; RFC 4475).
"""

from __future__ import annotations

import gc
import random
import socket
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest

from tests.live.hostile import ADDRESS, DOMAIN, Peer, invitation, nested, originals, replies, request, until_the_end
from tests.sip.test_fuzz import mutated
from voxlab import Lab
from voxlab.lab.phone import Phone
from voxlab.net.lease import Outcome
from voxlab.transaction.timers import Timers

MUTATIONS, BURST = 20_000, 50
CONVERSATIONS = 400
STATUS = Path("/proc/self/status")
# Transactions end 64*T1 after their last message: with 30 ms the test need not wait half a minute for it.
QUICK = Timers(t1_s=0.03, t2_s=0.1, t4_s=0.1)


class Stage:
    """A live lab with two phones, and a hostile peer whose calls its rules take."""

    def __init__(self) -> None:
        self.lab = Lab(live=True, timers=QUICK, limit_messages=8000)
        self.lab.account("acme").trunk("mallory", allow=[ADDRESS])
        shop = self.lab.account("acme").application("shop")
        shop.user("mallory", password="rosebud-7")

        @shop.scenario(pattern="echo")
        async def echo(call):  # type: ignore[no-untyped-def]
            await call.answer()

        @shop.scenario(pattern="refuse")
        async def refuse(call):  # type: ignore[no-untyped-def]
            await call.reject(486)

        @shop.scenario()
        async def forward(call):  # type: ignore[no-untyped-def]
            await call.forward_to_user()

        self.callers: dict[str, Phone] = {}
        self.callees: dict[str, Phone] = {}
        for transport in ("UDP", "TCP", "TLS"):
            caller, callee = (shop.user(f"{who}-{transport.lower()}") for who in ("caller", "callee"))
            self.callers[transport] = caller.phone(transport=transport, audio="silence")
            self.callees[transport] = callee.phone(transport=transport, audio="silence", answer_after=0.0)
        self.mallory = Peer(self.lab.cloud.addresses["UDP"])

    def good_calls_work(self) -> None:
        """Let a phone of each transport reach another."""
        for transport, caller in self.callers.items():
            caller.dial(self.callees[transport].user.name).wait("connected", timeout=20).hang_up()
        self.is_well()

    def is_well(self) -> None:
        """Nothing may have escaped: neither from the protocol machines nor from a script."""
        assert self.lab.world.errors == []
        assert self.lab.errors == []

    def until_calls_are_over(self) -> None:
        """Let the calls that were begun run into their timers."""
        exchange, node = self.lab.exchange, self.lab.cloud.node
        over = self.lab.world.wait(lambda: not exchange.sessions and not node.user_agent.calls_in, 60.0)
        assert over is Outcome.HELD, self.lab.cloud

    def settle(self) -> None:
        """Let the transactions end too; the longest, in which a refusal came, stays for the 32 s of Timer D."""
        self.until_calls_are_over()
        layer = self.lab.cloud.node.layer
        assert self.lab.world.wait(lambda: not len(layer), 60.0) is Outcome.HELD, layer

    def close(self) -> None:
        self.mallory.__exit__(None, None, None)
        self.lab.close()


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage()
    yield made
    made.close()


def resident_mib() -> float:
    """Return how much memory this process has."""
    gc.collect()
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


@pytest.mark.slow
@pytest.mark.skipif(not STATUS.exists(), reason="memory is read from /proc: run this test on Linux")
def test_twenty_thousand_mutations_leave_no_trace(stage: Stage) -> None:
    draw = random.Random(3261)
    after: list[float] = []
    for sent in range(0, MUTATIONS, BURST):
        messages = (mutated(draw.choice(originals()), draw) for _ in range(BURST))
        for message in messages:
            stage.mallory.send(message)
        assert stage.mallory.ask(request("OPTIONS")).startswith(b"SIP/2.0 200")
        if (sent + BURST) % (MUTATIONS // 4) == 0:
            stage.settle()
            after.append(resident_mib())
    stage.good_calls_work()
    # A leak grows in each quarter; what grows in one alone is the allocator's business.
    growth = [later - earlier for earlier, later in pairwise(after)]
    assert len(growth) * median(growth) < 8.0, f"resident MiB after each quarter: {after}"


@pytest.mark.slow
def test_mutations_within_a_dialog_and_in_responses_are_survived(stage: Stage) -> None:
    draw = random.Random(3264)
    stage.mallory.register("mallory", "rosebud-7")
    for number in range(CONVERSATIONS):
        stage.mallory.send(invitation("mallory" if number % 2 else "echo"))
        for data in stage.mallory.heard(until=request("OPTIONS")):
            for reply in replies(data):
                stage.mallory.send(reply if draw.random() < 0.2 else mutated(reply, draw))
    stage.is_well()
    stage.lab.world.submit(stage.lab.exchange.end_all, "enough")  # whoever was answered may talk for ever
    stage.until_calls_are_over()
    stage.good_calls_work()


def test_half_a_request_holds_nobody_up_and_its_other_half_is_answered(stage: Stage) -> None:
    whole = request("OPTIONS").replace(b"/UDP", b"/TCP")
    streams = [stage.mallory.connect() for _ in range(200)]
    for number, stream in enumerate(streams):
        stream.sendall(whole[: 1 + number * (len(whole) - 2) // len(streams)])
    stage.good_calls_work()
    last = streams[-1]
    last.sendall(whole[1 + (len(streams) - 1) * (len(whole) - 2) // len(streams) :])
    assert last.recv(65_536).startswith(b"SIP/2.0 200")


def test_a_header_of_a_megabyte_is_refused_before_it_is_all_there(stage: Stage) -> None:
    stream = stage.mallory.connect()
    stream.sendall(request("OPTIONS").partition(b"Content-Length")[0] + b"X-Long: " + b"x" * 70_000)
    assert until_the_end(stream).startswith(b"SIP/2.0 513")
    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        stream.sendall(b"x" * 1_000_000)
    stage.good_calls_work()


@pytest.mark.parametrize("length", [b"1000000000", b"99999999999999999999999999", b"-1", b"a lot"])
def test_a_body_that_cannot_be_ends_the_connection(stage: Stage, length: bytes) -> None:
    stream = stage.mallory.connect()
    stream.sendall(request("OPTIONS").replace(b"Content-Length: 0", b"Content-Length: " + length))
    assert until_the_end(stream)[:9] == b"SIP/2.0 4"
    stage.good_calls_work()


def test_what_came_whole_before_a_fault_is_still_answered(stage: Stage) -> None:
    stream = stage.mallory.connect()
    stream.sendall(request("OPTIONS").replace(b"/UDP", b"/TCP") + b"\x16\x03\x01 this is no SIP")
    assert until_the_end(stream).startswith(b"SIP/2.0 200")
    stage.good_calls_work()


def test_a_ping_on_a_stream_gets_its_pong(stage: Stage) -> None:
    stream = stage.mallory.connect()
    stream.sendall(b"\r\n\r\n")
    assert stream.recv(16) == b"\r\n"
    stream.sendall(b"\r\n")
    stream.sendall(request("OPTIONS").replace(b"/UDP", b"/TCP"))
    assert stream.recv(65_536).startswith(b"SIP/2.0 200")


@pytest.mark.parametrize("depth", [5, 200, 900])
def test_bodies_in_bodies_are_refused(stage: Stage, depth: int) -> None:
    kind = b"Content-Type: multipart/mixed;boundary=b%d\r\n" % (depth - 1)
    answer = stage.mallory.ask(request("INVITE", "echo", extra=kind, body=nested(depth)))
    assert answer[:9] == b"SIP/2.0 4", answer
    stage.good_calls_work()


def test_plain_text_at_the_tls_port_is_turned_away(stage: Stage) -> None:
    stream = stage.mallory.connect(stage.lab.cloud.addresses["TLS"].port)
    stream.sendall(request("OPTIONS"))
    assert b"SIP/2.0" not in until_the_end(stream)
    stage.good_calls_work()


def test_a_peer_that_does_not_read_its_answers_is_cut_off(stage: Stage) -> None:
    stream = stage.mallory.connect()
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stream.settimeout(0.5)
    with pytest.raises((ConnectionResetError, BrokenPipeError, TimeoutError)):
        stream.sendall(b"".join(request("OPTIONS").replace(b"/UDP", b"/TCP") for _ in range(30_000)))
    stage.good_calls_work()


def test_garbage_of_every_size_is_survived(stage: Stage) -> None:
    draw = random.Random(17)
    for size in (1, 2, 3, 4, 5, 100, 1500, 9000, 65_000):
        stage.mallory.send(draw.randbytes(size))
        stage.mallory.send(b"\0" * size)
        stage.mallory.send(b"INVITE " * (size // 7))
    assert stage.mallory.ask(request("OPTIONS", DOMAIN)).startswith(b"SIP/2.0 200")
    stage.good_calls_work()


@pytest.mark.parametrize(
    ("target", "to", "status"),
    [
        (b"sitel:p:bob@shop.acme.voxlab.test", b"<sip:bob@shop.acme.voxlab.test>", b"416"),
        (b"sitel:p:bob@shop.acme.voxlab.test", b"<sip:bob@shop.acme.voxlab.tsip:t>", b"400"),
        (b"tel:+4930555001", b"<sip:bob@shop.acme.voxlab.tsip:t>", b"400"),
    ],
)
def test_a_message_to_what_cannot_be_read_is_refused(stage: Stage, target: bytes, to: bytes, status: bytes) -> None:
    lines = [b"To: " + to if line.startswith(b"To:") else line for line in request("MESSAGE").split(b"\r\n")[1:]]
    message = b"\r\n".join([b"MESSAGE " + target + b" SIP/2.0", *lines])
    assert stage.mallory.ask(message).startswith(b"SIP/2.0 " + status)
    stage.is_well()
