"""The node as a whole: what is malformed, hostile or too much, where requests go, and what is left afterwards."""

from __future__ import annotations

import random

import pytest

from tests.elements.rig import SDP, Puppet, Rig, Side, invite, request
from voxlab.base.datagram import Address, Flow, Transmit
from voxlab.base.ids import Ids
from voxlab.dialog import events as ev
from voxlab.dialog.tables import State
from voxlab.elements.node import Malformed, Node, NodeEvent
from voxlab.elements.user_agent import Incoming
from voxlab.sip.message import Request, Response
from voxlab.sip.uri import Uri

HERE = Address("192.0.2.1", 5060)
UDP = Flow("UDP", HERE, Address("192.0.2.2", 5060))


@pytest.fixture
def rig() -> Rig:
    return Rig()


@pytest.fixture
def alice(rig: Rig) -> Side:
    return rig.side("alice")


@pytest.fixture
def peer(rig: Rig, alice: Side) -> Puppet:
    return rig.puppet()


def valid_messages() -> list[bytes]:
    """Return every message of a call with a re-INVITE, an INFO and a CANCEL beside it, as both sides sent them."""
    rig = Rig()
    alice, bob = rig.side("alice"), rig.side("bob")
    out, _ = rig.connect(alice, bob)
    alice.agent.send(out, rig.now, "INFO", "text/plain", b"hello")
    rig.run(0.1)
    alice.agent.hang_up(out, rig.now)
    second = rig.dial(alice, bob)
    bob.agent.ring(bob.last(Incoming).leg, rig.now, status=183, sdp=SDP)
    rig.run(0.1)
    alice.agent.hang_up(second, rig.now)
    rig.run(1)
    return [message.raw for side in (alice, bob) for _, message, _ in side.sent]


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Damage a message as wires and fuzzers do."""
    kind = chance.randrange(6)
    at = chance.randrange(len(data))
    if kind == 0:
        return data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]
    if kind == 1:
        return data[:at]
    if kind == 2:
        return data[:at] + data[at + chance.randrange(1, 40) :]
    lines = data.split(b"\r\n")
    line = chance.randrange(len(lines))
    if kind == 3:
        del lines[line]
    elif kind == 4:
        lines.insert(line, lines[chance.randrange(len(lines))])
    else:
        name, _, _ = lines[line].partition(b":")
        junk = bytes(chance.randrange(256) for _ in range(chance.randrange(12)))
        lines[line] = name + b": " + chance.choice([b"", b"<", b"sip:[::zz]", b"\xff\xfe", b"9" * 30, b"*", junk])
    return b"\r\n".join(lines)


def react(side: Side, events: list[NodeEvent], chance: random.Random, now: float) -> None:
    """Do what an owner may do, by chance: answer, ring, refuse, or nothing."""
    for event in events:
        if isinstance(event, ev.OfferReceived):
            side.agent.answer_offer(event.leg, now, SDP)
        elif isinstance(event, Incoming):
            chance.choice([
                lambda leg: side.agent.answer(leg, now, sdp=SDP), lambda leg: side.agent.ring(leg, now),
                lambda leg: side.agent.reject(leg, now, 486), lambda leg: None,
            ])(event.leg)  # fmt: skip


def test_20000_mutations_of_valid_messages_raise_nothing_and_the_next_good_call_works() -> None:
    chance = random.Random(20_000)
    messages = valid_messages()
    rig = Rig()
    alice, bob = rig.side("alice"), rig.side("bob")
    node, from_alice = bob.node, Flow("UDP", bob.address, alice.address)
    calling = None
    for count in range(20_000):
        if count % 100 == 0:
            target = f"sip:a@{alice.address}"
            calling = bob.agent.dial(target, from_alice, from_="<sip:bob@x>", offer=SDP, now=rig.now)
        rig.now += 0.01
        data = mutated(messages[count % len(messages)], chance)
        node.receive(from_alice, data, rig.now)
        transmits, events = node.poll(rig.now)
        own = [transmit.data for transmit in transmits if transmit.data.startswith(b"INVITE")]
        for reply in own:  # answers to what it really sent get further than those to a stranger's messages
            for status in (b"180 Ringing", b"200 OK", b"407 No"):
                head = reply.partition(b"\r\n")[2]
                node.receive(from_alice, mutated(b"SIP/2.0 " + status + b"\r\n" + head, chance), rig.now)
        react(bob, events, chance, rig.now)
        if calling is not None and count % 100 == 50:
            bob.agent.hang_up(calling, rig.now)
        due = node.next_timeout()
        if due is not None and due <= rig.now:
            node.handle_timeout(rig.now)
            node.poll(rig.now)
    for number in range(1, bob.agent._legs._last_number + 1):
        bob.agent.hang_up(number, rig.now)
    node.poll(rig.now)
    rig.run(200)
    assert len(bob.agent._legs) == len(node.layer) == 0
    assert node.next_timeout() is None
    out, into = rig.connect(alice, bob)
    assert alice.agent.state(out) is bob.agent.state(into) is State.CONNECTED


def test_a_malformed_request_is_answered_400_and_told_as_malformed(rig: Rig, alice: Side, peer: Puppet) -> None:
    data = invite(peer, alice).replace(b"Content-Length: ", b"Content-Length: x")
    rig.send(peer, alice, data)
    assert peer.lines == ["400 INVITE"]
    told = alice.last(Malformed)
    assert (told.data, told.error.status, told.error.header) == (data, 400, "Content-Length")
    assert alice.events(Incoming) == []


@pytest.mark.parametrize("data", [b"hello", b"\r\n\r\n\r\n\r\nx", b"SIP/2.0 abc\r\n\r\n", b"\x00" * 50])
def test_what_is_no_message_at_all_is_told_and_not_answered(rig: Rig, alice: Side, peer: Puppet, data: bytes) -> None:
    rig.send(peer, alice, data)
    assert peer.got == []
    assert len(alice.events(Malformed)) == 1


def test_a_1_megabyte_header_is_refused(rig: Rig, alice: Side, peer: Puppet) -> None:
    rig.send(peer, alice, invite(peer, alice, f"X-Big: {'x' * 1_000_000}"))
    assert len(alice.events(Malformed)) == 1
    assert alice.events(Incoming) == []


def test_a_register_to_a_node_without_registrar_gets_405(rig: Rig, alice: Side, peer: Puppet) -> None:
    rig.send(peer, alice, request("REGISTER", peer, alice))
    assert peer.lines == ["405 REGISTER"]


class Services:
    """A registrar that says 200, and a registrant that has one request to send."""

    def __init__(self) -> None:
        self.pending = [
            (Request.build("REGISTER", "sip:example.com", [("From", "<sip:a@x>;tag=1"), ("To", "<sip:a@x>"),
             ("Call-ID", "reg"), ("CSeq", "1 REGISTER")]), UDP)
        ]  # fmt: skip
        self.answers: list[int] = []
        self.failures: list[str] = []
        self.timeouts: list[float] = []

    def register(self, request: Request, flow: Flow, now: float) -> Response:
        return request.response(200, to_tag="r")

    def requests(self) -> list[tuple[Request, Flow]]:
        pending, self.pending = self.pending, []
        return pending

    def pings(self, now: float) -> list[Transmit]:
        return []

    def pong(self, flow: Flow, data: bytes, now: float) -> None: ...

    def flow_closed(self, flow: Flow, now: float) -> None: ...

    def receive(self, response: Response, now: float) -> None:
        self.answers.append(response.status)

    def failed(self, cause: str, now: float) -> None:
        self.failures.append(cause)

    def next_timeout(self) -> float | None:
        return 3600.0

    def handle_timeout(self, now: float) -> None:
        self.timeouts.append(now)


def test_a_registrar_answers_register_and_a_registrant_gets_its_response() -> None:
    rig = Rig()
    services = Services()
    alice, peer = rig.side("alice", registrar=services), rig.puppet()
    alice.node.add_client(services)
    rig.run(0.1)
    rig.send(peer, alice, request("REGISTER", peer, alice))
    rig.send(peer, alice, peer.requests("REGISTER")[0].response(200, to_tag="z"))
    assert "200 REGISTER" in peer.lines
    assert services.answers == [200]


def test_a_registrant_that_was_removed_hears_nothing_more() -> None:
    rig = Rig()
    services = Services()
    alice, peer = rig.side("alice"), rig.puppet()
    alice.node.add_client(services)
    rig.run(0.1)
    alice.node.remove_client(services)
    rig.send(peer, alice, peer.requests("REGISTER")[0].response(200, to_tag="z"))
    assert services.answers == []


def test_a_registrant_is_told_of_silence() -> None:
    rig = Rig()
    services = Services()
    alice = rig.side("alice")
    alice.node.add_client(services)
    rig.run(40)
    assert services.failures == ["timeout"]


def test_housekeeping_keeps_nobody_waiting() -> None:
    rig = Rig()
    services = Services()
    services.pending = []
    alice = rig.side("alice", registrar=services)
    assert alice.node.next_timeout() is None
    assert alice.node.next_housekeeping() == 3600.0
    alice.node.handle_timeout(3600.0)
    assert services.timeouts == [3600.0]


@pytest.mark.parametrize(
    ("uri", "flow"),
    [
        ("sip:b@192.0.2.7", ("UDP", "192.0.2.7", 5060)),
        ("sip:b@192.0.2.7:5070", ("UDP", "192.0.2.7", 5070)),
        ("sip:b@192.0.2.7;transport=tcp", ("TCP", "192.0.2.7", 5060)),
        ("sips:b@192.0.2.7", ("TLS", "192.0.2.7", 5061)),
        ("sip:b@[2001:db8::1]:5080", ("UDP", "2001:db8::1", 5080)),
        ("sip:b@known.example", ("UDP", "192.0.2.33", 5060)),
        ("sip:b@unknown.example", None),
        ("sip:b@999.1.1.1", None),
        ("sip:b@1.2.3", None),
        ("sip:b@192.0.2.7;transport=sctp", None),
        ("tel:+4930", None),
        ("mailto:a@b", None),
    ],
)
def test_a_uri_is_reached_by_its_address_port_and_transport(uri: str, flow: tuple[str, str, int] | None) -> None:
    listens = {"UDP": HERE, "TCP": HERE, "TLS": Address("192.0.2.1", 5061)}
    node = Node(Ids.seeded(1), listens, resolve={"known.example": "192.0.2.33"}.get)
    found = node.flow_for(Uri.parse(uri))
    assert (found and (found.transport, found.remote.host, found.remote.port)) == flow
    assert node.flow_to(uri, UDP) == (found or UDP)
    stream = Flow("TCP", HERE, Address("192.0.2.2", 40_000), 3)
    assert node.flow_to(uri, stream) is stream


def test_a_uri_that_cannot_be_read_stays_on_the_usual_flow() -> None:
    assert Node(Ids.seeded(1), {"UDP": HERE}).flow_to("nonsense", UDP) is UDP


def test_the_contact_names_user_address_and_transport() -> None:
    node = Node(Ids.seeded(1), {"UDP": HERE, "TCP": HERE}, user="alice")
    assert node.contact(UDP) == "<sip:alice@192.0.2.1:5060>"
    assert node.contact(UDP._replace(transport="TCP")) == "<sip:alice@192.0.2.1:5060;transport=tcp>"


def test_two_runs_with_one_seed_send_the_same_bytes() -> None:
    assert valid_messages() == valid_messages()
