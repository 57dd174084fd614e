"""RFC 3261 s.17 by example: the messages printed in the text itself."""

from __future__ import annotations

from voxlab.base.datagram import Address, Flow, Transmit
from voxlab.base.ids import Ids
from voxlab.sip.parser import parse
from voxlab.transaction.hop_by_hop import ack_to_failure
from voxlab.transaction.layer import TransactionLayer

INVITE = (
    b"INVITE sip:bob@biloxi.com SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKkjshdyff\r\n"
    b"To: Bob <sip:bob@biloxi.com>\r\n"
    b"From: Alice <sip:alice@atlanta.com>;tag=88sja8x\r\n"
    b"Max-Forwards: 70\r\n"
    b"Call-ID: 987asjd97y7atg\r\n"
    b"CSeq: 986759 INVITE\r\n\r\n"
)
ACK = {
    "Via": "SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKkjshdyff",
    "To": "Bob <sip:bob@biloxi.com>;tag=99sa0xk",
    "From": "Alice <sip:alice@atlanta.com>;tag=88sja8x",
    "Max-Forwards": "70",
    "Call-ID": "987asjd97y7atg",
    "CSeq": "986759 ACK",
    "Content-Length": "0",
}


def test_s17_1_1_3_the_ack_to_a_failure_looks_like_the_one_printed():
    invite = parse(INVITE)
    ack = ack_to_failure(invite, invite.headers.get("Via"), invite.response(486, to_tag="99sa0xk"))
    assert ack.start_line == "ACK sip:bob@biloxi.com SIP/2.0"
    assert dict(ack.headers.items()) == ACK


def _answered(source: Address, request: bytes) -> Transmit:
    layer = TransactionLayer(Ids.seeded(1), sent_by=lambda flow: flow.local)
    layer.receive(parse(request), Flow("UDP", Address("192.0.2.2", 5060), source), 0.0)
    arrived = layer.poll()[0]
    layer.respond(arrived.number, arrived.request.response(200, to_tag="b"), 0.0)
    return layer.poll()[0]


def test_s18_2_1_received_is_added_to_a_via_that_names_a_domain():
    sent = _answered(Address("192.0.2.4", 5060), INVITE.replace(b"pc33.atlanta.com;", b"bobspc.biloxi.com:5060;"))
    via = parse(sent.data).via
    assert (via.host, via.received) == ("bobspc.biloxi.com", "192.0.2.4")
    assert sent.flow.remote == Address("192.0.2.4", 5060)


def test_rfc3581_s6_the_response_goes_back_through_the_nat():
    request = INVITE.replace(b"pc33.atlanta.com;", b"10.1.1.1:4540;rport;")
    sent = _answered(Address("192.0.2.1", 9988), request)
    via = parse(sent.data).via
    assert (via.host, via.port, via.received, via.rport) == ("10.1.1.1", 4540, "192.0.2.1", 9988)
    assert (sent.flow.local, sent.flow.remote) == (Address("192.0.2.2", 5060), Address("192.0.2.1", 9988))
