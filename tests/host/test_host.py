"""The driver: streams, keep-alives, refusals of what cannot be framed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.stage import MakeStage
from voxlab.base.datagram import Address, Flow
from voxlab.elements.keep_alive import mapped_address
from voxlab.sip.parser import Request, parse
from voxlab.sip.uri import Uri

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

    def rested(self) -> None: ...

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


class Device(Stream):
    """A host with one UDP port that nobody has seen before."""

    def __init__(self, stage: Any) -> None:
        self.lab = stage.lab
        self.heard = b""
        self.closed = False
        attach = stage.lab.network.attach
        self.endpoint = stage.lab.world.submit(lambda: attach("device", HERE.host, HERE.port, self, ("UDP",)))
        self.flow = Flow("UDP", HERE, Address("192.0.2.10", 5060))


def test_a_stun_request_on_the_sip_port_is_answered_and_is_no_message(make_stage: MakeStage) -> None:
    stage = make_stage()
    device = Device(stage)
    before = len(stage.lab.journal)
    answer = device.say(b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(range(12)))  # RFC 5626 s.5.4
    assert mapped_address(answer) == HERE
    assert len(stage.lab.journal) == before
    for nonsense in (b"\0", b"\0\0\0\0", b"\0\1", b"\1" * 40):
        assert device.say(nonsense) == b""
    assert not stage.lab.world.errors


def binding(stage: Any, **parts: Any) -> None:
    """Have bob be bound to a contact that the test makes up."""
    cloud = stage.lab.cloud
    aor = f"bob@{stage.shop.domain}"

    def bind() -> None:
        (known,) = cloud.location.lookup(aor, cloud.now())
        cloud.location.replace(aor, (known._replace(**parts),))

    stage.lab.world.submit(bind)


@pytest.mark.parametrize("scripted", [True, False], ids=["scenario", "route"])
def test_rfc3327_s5_4_a_call_to_a_contact_with_a_path_goes_along_it(make_stage: MakeStage, *, scripted: bool) -> None:
    stage = make_stage()
    if scripted:
        stage.forwards()
    else:
        stage.shop.rule("direct", route="users")
    edge = Device(stage)
    binding(stage, path=(f"<sip:{HERE};lr>", "<sip:10.9.9.9;lr>"))
    stage.alice.dial("bob")
    stage.lab.run(0.3)
    request = parse(edge.heard)
    assert isinstance(request, Request)
    assert request.headers.split("Route") == [f"<sip:{HERE};lr>", "<sip:10.9.9.9;lr>"]
    assert request.uri.user == "bob"


@pytest.mark.parametrize("scripted", [True, False], ids=["scenario", "route"])
def test_a_device_behind_a_nat_is_called_where_it_came_from(make_stage: MakeStage, *, scripted: bool) -> None:
    stage = make_stage()
    if scripted:
        stage.forwards()
    else:
        stage.shop.rule("direct", route="users")
    device = Device(stage)
    flow = Flow("UDP", device.flow.remote, HERE)
    binding(stage, contact=Uri.parse("sip:bob@10.1.1.1:5060"), flow=flow, is_behind_nat=True)
    stage.alice.dial("bob")
    stage.lab.run(0.3)
    request = parse(device.heard)
    assert isinstance(request, Request)
    assert request.uri_text == "sip:bob@10.1.1.1:5060"


def test_a_connection_that_closes_takes_its_outbound_binding_along(make_stage: MakeStage) -> None:
    stage = make_stage()
    stream = Stream(stage)
    assert stream.say(OPTIONS % (3, 3)).startswith(b"SIP/2.0 200")
    cloud = stage.lab.cloud
    connection = stage.lab.world.submit(lambda: next(iter(cloud.host._framers)))
    flow = Flow("TCP", stream.flow.remote, HERE, connection)
    binding(stage, flow=flow, reg_id=1, instance="<urn:x>")
    stage.lab.world.submit(stream.endpoint.close_connection, stream.flow)
    stage.lab.run(1)
    assert stage.lab.world.submit(lambda: cloud.location.lookup(f"bob@{stage.shop.domain}", cloud.now())) == ()
