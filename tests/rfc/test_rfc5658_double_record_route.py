"""RFC 5658 s.5: where the transport changes, a proxy stands in the route set twice, once for each side."""

from __future__ import annotations

from tests.elements.proxying import OUR_DOMAIN, Street
from tests.elements.rig import SDP, answer_to, request
from voxlab.base.datagram import Address, Flow
from voxlab.elements.target_set import Target
from voxlab.sip.message import Request
from voxlab.sip.parser import parse


class Streams(Street):
    """A caller on a TCP connection of its own; the callee is reached by datagram."""

    def __init__(self) -> None:
        super().__init__()
        self.connection = Flow("TCP", self.proxy.address, Address(self.caller.address.host, 49_152), 7)

    def over_tcp(self, raw: bytes) -> None:
        """Let something arrive at the proxy over the caller's connection."""
        self.proxy.node.receive(self.connection, raw.replace(b"SIP/2.0/UDP", b"SIP/2.0/TCP", 1), self.rig.now)
        self.rig.run(0.1)

    def call(self) -> Request:
        self.over_tcp(request("INVITE", self.caller, self.proxy, body=SDP, uri=f"sip:bob@{OUR_DOMAIN}", contact=True))
        return self.got()

    def sent_on(self, flow_of: str) -> list[bytes]:
        return [message.raw for _, message, flow in self.proxy.sent if flow.transport == flow_of]


def test_s5_the_side_that_the_request_leaves_by_stands_on_top_of_the_side_it_came_by() -> None:
    routes = Streams().call().record_routes
    assert [entry.uri.params.get("transport") for entry in routes] == [None, "tcp"]
    assert all("lr" in entry.uri.params and entry.uri.port == 5060 for entry in routes)


def test_s5_where_the_transport_stays_there_is_one() -> None:
    assert len(Street().invite().record_routes) == 1


def test_s5_both_entries_are_taken_off_whichever_side_a_request_comes_from() -> None:
    street = Streams()
    got = street.call()
    first, second = got.headers.get_all("record-route")
    street.answer(200, body=SDP)
    parts = {"uri": street.uri(street.callee), "cseq": 2, "to_tag": "c0"}
    street.over_tcp(request("INFO", street.caller, street.proxy, f"Route: {second}, {first}", **parts))  # type: ignore[arg-type]
    assert (street.got(method="INFO").uri_text, "Route" in street.got(method="INFO").headers) == (
        street.uri(street.callee),
        False,
    )


def test_rfc5626_s5_3_a_request_towards_the_caller_goes_down_the_connection_that_it_opened() -> None:
    street = Streams()
    got = street.call()
    first, second = got.headers.get_all("record-route")
    street.rig.send(street.callee, street.proxy, answer_to(got, 200, "c0", body=SDP, contact="<sip:bob@192.0.2.3>"))
    bye = request(
        "BYE",
        street.callee,
        street.proxy,
        f"Route: {first}, {second}",
        uri="sip:puppet@10.9.9.9:5060;transport=tcp",  # an address that nobody can reach
        to_tag="p1",
        from_tag="c0",
    )
    street.rig.send(street.callee, street.proxy, bye)
    _, message, flow = street.proxy.sent[-1]
    assert isinstance(message, Request)
    assert (message.method, flow.connection, flow.remote) == ("BYE", 7, street.connection.remote)
    street.over_tcp(message.response(200).raw)
    assert parse(street.callee.got[-1].raw).cseq_method == "BYE"


def test_rfc5626_s5_3_a_flow_that_is_gone_is_said_with_430() -> None:
    street = Street()
    street.lead_to(Target(street.uri(street.callee), Flow("TCP", street.proxy.address, street.callee.address, 9)))
    street.send("INVITE")
    street.proxy.node.transport_error(street.proxy.sent[-1][2], "connection lost", street.rig.now)
    street.rig.run(0.1)
    assert street.answers == [430]


def test_a_caller_behind_a_nat_is_reached_where_its_requests_came_from() -> None:
    street = Street()
    raw = request("INVITE", street.caller, street.proxy, body=SDP, uri=f"sip:bob@{OUR_DOMAIN}", contact=True)
    private = raw.replace(str(street.caller.address).encode(), b"10.1.2.3:5060")
    street.rig.send(street.caller, street.proxy, private.replace(b";branch", b";rport;branch", 1))
    route = street.got().headers.get("record-route")
    street.answer(200, body=SDP)
    bye = request(
        "BYE",
        street.callee,
        street.proxy,
        f"Route: {route}",
        uri="sip:puppet@10.1.2.3:5060",
        to_tag="p1",
        from_tag="c0",
    )
    street.rig.send(street.callee, street.proxy, bye)
    assert street.caller.requests("BYE")[-1].uri_text == "sip:puppet@10.1.2.3:5060"
