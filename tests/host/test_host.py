"""The driver: streams, keep-alives, refusals of what cannot be framed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.stage import MakeStage
from voxlab.base.datagram import Address, Flow

HERE = Address("203.0.113.7", 40_000)


class Stream:
    """The far end of one connection to the cloud, in the simulated network."""

    def __init__(self, stage: Any) -> None:
        self.lab = stage.lab
        self.heard = b""
        self.closed = False
        attach = stage.lab.network.attach
        self.endpoint = stage.lab.world.submit(lambda: attach("stream", HERE.host, HERE.port, self, ("TCP",)))
        self.flow = Flow("TCP", HERE, Address("192.0.2.10", 5060))

    def received(self, flow: Flow, data: bytes, now: float) -> None:
        self.heard += data

    def transport_error(self, flow: Flow, reason: str, now: float) -> None: ...

    def closed_flow(self, flow: Flow, now: float) -> None:
        self.closed = True

    def say(self, data: bytes) -> bytes:
        """Send, let a second pass, and return what came back."""
        self.heard = b""
        self.lab.world.submit(self.endpoint.send, self.flow, data)
        self.lab.run(1)
        return self.heard


OPTIONS = (
    b"OPTIONS sip:192.0.2.10 SIP/2.0\r\nVia: SIP/2.0/TCP 203.0.113.7:40000;branch=z9hG4bK%d\r\nMax-Forwards: 70\r\n"
    b"From: <sip:a@b.example>;tag=1\r\nTo: <sip:192.0.2.10>\r\nCall-ID: %d\r\nCSeq: 1 OPTIONS\r\n"
    b"Content-Length: 0\r\n\r\n"
)


def test_a_ping_on_a_stream_gets_its_pong(make_stage: MakeStage) -> None:
    stream = Stream(make_stage())
    assert stream.say(b"\r\n\r\n") == b"\r\n"  # RFC 5626 s.3.5.1
    assert not stream.lab.world.errors


def test_messages_in_pieces_and_in_one_piece_are_answered_alike(make_stage: MakeStage) -> None:
    stream = Stream(make_stage())
    both = OPTIONS % (1, 1) + OPTIONS % (2, 2)
    assert stream.say(both[:100]) == b""
    assert stream.say(both[100:]).count(b"SIP/2.0 200 OK") == 2


def test_a_stream_that_cannot_be_framed_is_refused_and_closed(make_stage: MakeStage) -> None:
    stage = make_stage().forwards()
    stream = Stream(stage)
    bad = (OPTIONS % (1, 1)).replace(b"Content-Length: 0", b"Content-Length: many")
    assert stream.say(bad).startswith(b"SIP/2.0 400")
    assert stream.closed
    assert not stage.lab.world.errors
    assert stage.alice.dial("bob").wait("connected").state == "connected"


@pytest.mark.parametrize("data", [b"\r\n\r\n", b"\r\n", b"\0\0\0\0", b""])
def test_keep_alive_datagrams_are_no_messages(make_stage: MakeStage, data: bytes) -> None:
    stage = make_stage()
    before = len(stage.lab.journal.notes)
    cloud = stage.lab.cloud
    flow = Flow("UDP", cloud.addresses["UDP"], HERE)
    stage.lab.world.submit(cloud.host.received, flow, data, stage.lab.now)
    stage.lab.run(1)
    assert len(stage.lab.journal.notes) == before
    assert not stage.lab.world.errors
