"""Path (RFC 3327), Service-Route (RFC 3608) and outbound flows (RFC 5626): registrar, device and the calls to it."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.elements.registering import ALICE, DOMAIN, HERE, Bench
from tests.elements.test_registrant import PLACE
from voxlab.base.datagram import Address, Flow, Transmit
from voxlab.base.ids import Ids
from voxlab.elements.keep_alive import FlowFailed, KeepAlive, binding_response, mapped_address
from voxlab.elements.keyring import Keyring
from voxlab.elements.location import Binding
from voxlab.elements.registrant import Outbound, Registrant, State
from voxlab.sip.message import Request

URN = "urn:uuid:00000000-0000-1000-8000-000A95A0E128"
FLOW = Flow("TCP", HERE, Address("127.0.0.2", 49_152), 7)
AOR = f"alice@{DOMAIN}"
EDGE = "Path: <sip:token@192.0.2.40;lr;ob>"


def outbound(reg_id: int = 1, uri: str = "sip:alice@10.0.0.2:5060;transport=tcp", *, instance: str = URN) -> str:
    return f'Contact: <{uri}>;+sip.instance="<{instance}>";reg-id={reg_id}'


SUPPORTED = "Supported: path, outbound"


@pytest.fixture
def bench() -> Bench:
    return Bench()


def bindings(bench: Bench) -> tuple[Binding, ...]:
    return bench.location.lookup(AOR, bench.now)


# -- RFC 3327


def test_rfc3327_s5_3_the_path_is_kept_with_the_binding_and_copied_into_the_answer(bench: Bench) -> None:
    path = ["<sip:core.example.com;lr>", "<sip:edge.example.com;lr>"]
    response = bench.register(ALICE, SUPPORTED, *(f"Path: {value}" for value in path))
    assert response.headers.split("Path") == path
    assert [binding.path for binding in bindings(bench)] == [tuple(path)]
    assert not bindings(bench)[0].needs_flow


def test_rfc3327_s5_3_a_path_for_a_device_that_does_not_know_of_it_is_refused_with_420(bench: Bench) -> None:
    response = bench.register(ALICE, "Path: <sip:edge.example.com;lr>")
    assert (response.status, response.headers.get("Unsupported")) == (420, "path")


def test_rfc3327_s5_3_a_refresh_without_the_path_forgets_it(bench: Bench) -> None:
    bench.register(ALICE, SUPPORTED, EDGE)
    response = bench.register(ALICE, SUPPORTED)
    assert "Path" not in response.headers
    assert bindings(bench)[0].path == ()


@pytest.mark.parametrize("name", ["path", "outbound"])
def test_an_extension_that_the_registrar_has_may_be_required(bench: Bench, name: str) -> None:
    assert bench.register(ALICE, f"Require: {name}").status == 200


# -- RFC 3608


def test_rfc3608_s6_3_the_service_route_is_told_in_every_2xx() -> None:
    route = ("<sip:P2.example.com;lr>", "<sip:HSP.example.com;lr>")
    bench = Bench(service_route=route)
    assert tuple(bench.register(ALICE).headers.split("Service-Route")) == route
    assert tuple(bench.register().headers.split("Service-Route")) == route
    assert "Service-Route" not in bench.send(bench.request(ALICE)).headers


# -- RFC 5626, the registrar


def test_rfc5626_s6_a_flow_is_known_by_instance_and_reg_id_and_agreed_to_with_require(bench: Bench) -> None:
    response = bench.register(outbound(), SUPPORTED, flow=FLOW)
    assert response.headers.get("Require") == "outbound"
    assert [(b.instance, b.reg_id, b.flow, b.needs_flow) for b in bindings(bench)] == [(f"<{URN}>", 1, FLOW, True)]
    assert "reg-id=1" in response.headers.get("Contact", "")


def test_rfc5626_s6_the_same_reg_id_replaces_the_flow_whatever_the_contact(bench: Bench) -> None:
    bench.register(outbound(), SUPPORTED, flow=FLOW)
    later = FLOW._replace(remote=Address("127.0.0.2", 50_000), connection=8)
    bench.register(outbound(uri="sip:alice@10.0.0.99"), SUPPORTED, flow=later, call_id="another")
    assert [(str(b.contact), b.flow) for b in bindings(bench)] == [("sip:alice@10.0.0.99", later)]


def test_rfc5626_s6_another_reg_id_or_another_instance_is_another_flow(bench: Bench) -> None:
    bench.register(outbound(1), SUPPORTED, flow=FLOW)
    bench.register(outbound(2), SUPPORTED, flow=FLOW)
    bench.register(outbound(1, instance="urn:uuid:other"), SUPPORTED, flow=FLOW)
    assert len(bindings(bench)) == 3


@pytest.mark.parametrize(
    ("contact", "supported"),
    [
        (outbound(), "Supported: path"),
        ("Contact: <sip:alice@10.0.0.2>;reg-id=1", SUPPORTED),
        (f'Contact: <sip:alice@10.0.0.2>;+sip.instance="<{URN}>"', SUPPORTED),
        (f'Contact: <sip:alice@10.0.0.2>;+sip.instance="<{URN}>";reg-id=0', SUPPORTED),
        (f'Contact: <sip:alice@10.0.0.2>;+sip.instance="<{URN}>";reg-id=first', SUPPORTED),
    ],
)
def test_rfc5626_s6_without_all_three_of_them_the_contact_is_an_ordinary_one(
    bench: Bench, contact: str, supported: str
) -> None:
    response = bench.register(contact, supported, flow=FLOW)
    assert (response.status, response.headers.get("Require")) == (200, None)
    assert bindings(bench)[0].reg_id is None


def test_rfc5626_s6_more_than_one_contact_with_a_reg_id_is_refused(bench: Bench) -> None:
    two = f"{outbound(1)}, <sip:alice@10.0.0.3>"
    assert bench.register(two, SUPPORTED, flow=FLOW).status == 400
    assert bindings(bench) == ()


def test_rfc5626_s6_a_contact_may_be_removed_in_the_request_that_registers_a_flow(bench: Bench) -> None:
    bench.register(ALICE)
    bench.register(f"{outbound()}, <sip:alice@127.0.0.2:5062>;expires=0", SUPPORTED, flow=FLOW)
    assert [b.reg_id for b in bindings(bench)] == [1]


def test_rfc5626_s6_behind_a_first_hop_that_cannot_the_flow_is_refused_with_439(bench: Bench) -> None:
    via = "Via: SIP/2.0/UDP 127.0.0.9:5060;branch=z9hG4bKdevice"
    response = bench.register(outbound(), SUPPORTED, via)
    assert (response.status, response.reason) == (439, "First Hop Lacks Outbound Support")
    assert bench.register(outbound(), SUPPORTED, via, "Path: <sip:192.0.2.40;lr>").status == 439
    assert bench.register(outbound(), SUPPORTED, via, EDGE).status == 200
    assert bindings(bench)[0].path == ("<sip:token@192.0.2.40;lr;ob>",)


def test_rfc5626_s6_the_flow_timer_is_told_to_devices_that_come_directly() -> None:
    bench = Bench(flow_timer_s=120)
    assert bench.register(outbound(), SUPPORTED, flow=FLOW).headers.get("Flow-Timer") == "120"
    assert "Flow-Timer" not in bench.register(ALICE).headers


def test_a_connection_that_closes_takes_its_outbound_bindings_along_and_no_others(bench: Bench) -> None:
    bench.register(outbound(), SUPPORTED, flow=FLOW)
    bench.register("Contact: <sip:alice@127.0.0.2:5062;transport=tcp>", flow=FLOW)
    bench.records()
    bench.registrar.flow_closed(FLOW, bench.now)
    assert [str(b.contact) for b in bindings(bench)] == ["sip:alice@127.0.0.2:5062;transport=tcp"]
    assert [(r.state, r.contact) for r in bench.records()] == [("removed", "sip:alice@10.0.0.2:5060;transport=tcp")]  # type: ignore[union-attr]
    bench.registrar.flow_closed(FLOW, bench.now)


# -- behind a NAT


def natted(bench: Bench, port: int, contact_port: int = 5060, *, call_id: str = "c1") -> None:
    """Have a device on 10.1.1.1 register through a NAT that gives it ``port``."""
    flow = Flow("UDP", HERE, Address("127.0.0.5", port))
    authorization = bench.credentials(flow=flow)
    request = bench.request(
        f"Contact: <sip:alice@10.1.1.1:{contact_port}>", authorization=authorization, call_id=call_id
    )
    request.set_via(f"SIP/2.0/UDP 10.1.1.1:5060;branch=z9hG4bKx{port};received=127.0.0.5;rport={port}")
    assert bench.registrar.register(request, flow, bench.now).status == 200


def test_a_device_behind_a_nat_is_reached_where_its_register_came_from(bench: Bench) -> None:
    natted(bench, 40_000)
    assert [(b.is_behind_nat, b.needs_flow, b.flow.remote.port) for b in bindings(bench)] == [(True, True, 40_000)]


def test_a_contact_that_names_another_host_than_the_sender_is_believed(bench: Bench) -> None:
    bench.register("Contact: <sip:alice@192.0.2.77>")
    assert not bindings(bench)[0].needs_flow


def test_a_device_whose_nat_gave_it_another_port_leaves_no_zombie(bench: Bench) -> None:
    natted(bench, 40_000, 40_000)
    natted(bench, 41_000, 41_000)  # it has learned its port from rport and says so
    assert [b.flow.remote.port for b in bindings(bench)] == [41_000]


def test_two_devices_behind_one_nat_are_two(bench: Bench) -> None:
    natted(bench, 40_000, 40_000)
    natted(bench, 41_000, 41_000, call_id="another-device")
    assert len(bindings(bench)) == 2


# -- RFC 5626, the device


class Device:
    """A registrant that asks for a flow, with the registrar's part played by hand."""

    def __init__(self, flow: Flow = FLOW) -> None:
        self.now = 0.0
        self.machine = Registrant(
            PLACE._replace(flow=flow), Keyring("alice", "x", Ids.seeded(1)), Ids.seeded(2), outbound=Outbound(URN)
        )
        self.machine.register(self.now)
        ((self.request, _),) = self.machine.requests()

    def accept(self, *headers: tuple[str, str]) -> None:
        self.request.push_via("SIP/2.0/TCP 127.0.0.2:5062;branch=z9hG4bK1")
        contact = ("Contact", f"<{PLACE.contact}>;expires=3600")
        self.machine.receive(self.request.response(200, to_tag="r", headers=(contact, *headers)), self.now)

    def wait(self) -> list[Transmit]:
        due_s = self.machine.next_timeout()
        assert due_s is not None
        self.now = due_s
        self.machine.handle_timeout(self.now)
        return self.machine.pings(self.now)

    def asked(self) -> list[Request]:
        return [request for request, _ in self.machine.requests()]


AGREED = ("Require", "outbound")


def test_rfc5626_s4_2_1_a_device_names_itself_its_flow_and_what_it_supports() -> None:
    request = Device().request
    assert request.headers.split("Supported") == ["path", "outbound"]
    assert request.contacts[0].params == {"+sip.instance": f"<{URN}>", "reg-id": "1"}


def test_rfc3327_and_rfc3608_a_device_keeps_what_the_registrar_tells_it() -> None:
    device = Device()
    device.accept(("Path", "<sip:edge;lr>"), ("Service-Route", "<sip:core;lr>, <sip:home;lr>"))
    assert device.machine.path == ("<sip:edge;lr>",)
    assert device.machine.service_route == ("<sip:core;lr>", "<sip:home;lr>")


def test_rfc5626_s4_4_1_a_device_pings_its_stream_and_the_pong_lets_it_rest() -> None:
    device = Device()
    device.accept(AGREED)
    for _ in range(3):
        before_s = device.now
        assert device.wait() == [Transmit(FLOW, b"\r\n\r\n")]
        assert 95 <= device.now - before_s <= 120
        device.machine.pong(FLOW, b"\r\n", device.now + 1)
        device.now += 1
    assert device.machine.state is State.REGISTERED


def test_rfc5626_s4_4_the_flow_timer_sets_the_pace() -> None:
    device = Device()
    device.accept(AGREED, ("Flow-Timer", "30"))
    device.wait()
    assert 24 <= device.now <= 30


def test_rfc5626_s4_4_without_agreement_nobody_pings() -> None:
    device = Device()
    device.accept()
    assert device.machine.keep_alive is None


def test_rfc5626_s4_4_1_without_a_pong_in_ten_seconds_the_flow_is_gone_and_registered_anew() -> None:
    device = Device()
    device.accept(AGREED)
    device.wait()
    at_s = device.now
    assert device.wait() == []
    assert device.now - at_s == 10
    assert [request.method for request in device.asked()] == ["REGISTER"]
    assert device.machine.state is State.REFRESHING
    assert "no pong" in device.machine.reason


# -- keep-alive with STUN

UDP = Flow("UDP", Address("127.0.0.2", 5062), Address("127.0.0.1", 5060))
SEEN = Address("203.0.113.5", 40_000)


def ping(machine: KeepAlive, now: float) -> bytes:
    machine.handle_timeout(now)
    (output,) = machine.poll()
    assert isinstance(output, Transmit)
    return output.data


@pytest.mark.parametrize("source", [SEEN, Address("2001:db8::5", 1)])
def test_rfc5626_s5_4_a_stun_binding_request_is_answered_with_where_it_came_from(source: Address) -> None:
    request = b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(range(12))
    answer = binding_response(request, source)
    assert answer is not None
    assert (answer[:2], answer[4:20]) == (b"\x01\x01", request[4:])
    assert mapped_address(answer) == source


def test_rfc8489_s14_2_the_address_is_xored_as_in_the_vector_of_rfc5769() -> None:
    # RFC 5769 s.2.2: 192.0.2.1 port 32853 becomes a1 47 e1 12 a6 43.
    request = b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes.fromhex("b7e7a701bc34d686fa87dfae")
    answer = binding_response(request, Address("192.0.2.1", 32_853))
    assert answer is not None
    assert answer.endswith(bytes.fromhex("0001a147e112a643"))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"\0\1\0\0",
        b"\x01\x01\x00\x00\x21\x12\xa4\x42" + bytes(12),
        b"\x00\x01\x00\x04\x21\x12\xa4\x42" + bytes(12),
        b"\x00\x01\x00\x00\x00\x00\x00\x00" + bytes(12),
        b"OPTIONS sip:a SIP/2.0\r\n\r\n",
    ],
)
def test_what_is_no_binding_request_gets_no_answer(data: bytes) -> None:
    assert binding_response(data, SEEN) is None


def test_rfc5626_s4_4_2_a_binding_request_goes_out_every_24_to_29_seconds() -> None:
    machine = KeepAlive(UDP, Ids.seeded(3))
    machine.start(0.0)
    now = machine.next_timeout()
    assert now is not None
    assert 24 <= now <= 29
    answer = binding_response(ping(machine, now), SEEN)
    assert answer is not None
    machine.receive(answer, now + 0.1)
    assert machine.mapped == SEEN
    again = machine.next_timeout()
    assert again is not None
    assert 24 <= again - now - 0.1 <= 29


def test_rfc5626_s4_4_2_after_seven_requests_without_an_answer_the_flow_has_failed() -> None:
    machine = KeepAlive(UDP, Ids.seeded(3))
    machine.start(0.0)
    times: list[float] = []
    failed: list[FlowFailed] = []
    while not failed:
        due = machine.next_timeout()
        assert due is not None
        machine.handle_timeout(due)
        for output in machine.poll():
            if isinstance(output, FlowFailed):
                failed.append(output)
            times.append(due)
    assert [round(later - earlier, 3) for earlier, later in pairwise(times)] == [
        0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 8.0,
    ]  # fmt: skip
    assert machine.next_timeout() is None


def test_rfc5626_s4_4_2_another_mapped_address_or_an_error_is_a_failure_of_the_flow() -> None:
    for second, error in ((Address("203.0.113.5", 41_000), b"\x01\x01"), (SEEN, b"\x01\x11")):
        machine = KeepAlive(UDP, Ids.seeded(3))
        machine.start(0.0)
        for seen, kind in ((SEEN, b"\x01\x01"), (second, error)):
            due = machine.next_timeout()
            assert due is not None
            answer = binding_response(ping(machine, due), seen)
            assert answer is not None
            machine.receive(kind + answer[2:], due)
        assert [type(output) for output in machine.poll()] == [FlowFailed]


def test_an_answer_that_nobody_asked_for_is_ignored() -> None:
    machine = KeepAlive(UDP, Ids.seeded(3))
    machine.start(0.0)
    before = machine.next_timeout()
    machine.receive(b"\x01\x01\x00\x00\x21\x12\xa4\x42" + bytes(12), 1.0)
    machine.receive(b"\r\n", 1.0)
    assert machine.next_timeout() == before
