"""The door: new INVITEs that are one too many get 503 unread, and nothing else does."""

from __future__ import annotations

import pytest

from voxlab.base.datagram import Address, Flow, Transmit
from voxlab.base.ids import Ids
from voxlab.elements.door import Door, Limits
from voxlab.sip.message import Response
from voxlab.sip.parser import parse

HERE = Address("192.0.2.1", 5060)
UDP = Flow("UDP", HERE, Address("192.0.2.66", 5062))


class Bench:
    """A door, how many calls there are, and which branches have a transaction."""

    def __init__(self, **limits: int | None) -> None:
        self.calls = 0
        self.known: set[str] = set()
        self.now = 100.0
        self.door = Door(
            Ids.seeded(3), Limits(**limits), lambda: self.calls, lambda branch, _via: branch in self.known, host="cloud"
        )

    def send(self, data: bytes, flow: Flow = UDP) -> Transmit | bool:
        return self.door.turn_away(flow, data, self.now)

    def refusal(self, data: bytes, flow: Flow = UDP) -> Response:
        answer = self.send(data, flow)
        assert isinstance(answer, Transmit)
        response = parse(answer.data)
        assert isinstance(response, Response)
        return response


def message(
    method: str = "INVITE", branch: str = "z9hG4bKa", *, to_tag: str = "", via: str = "", more: str = ""
) -> bytes:
    lines = [
        f"{method} sip:bob@example.net SIP/2.0",
        f"Via: {via or f'SIP/2.0/UDP 192.0.2.66:5062;branch={branch};rport'}",
        "Via: SIP/2.0/TCP 198.51.100.7;branch=z9hG4bKfirst",
        f"From: Alice <sip:alice@example.org>;tag=f-{branch}",
        f"To: <sip:bob@example.net>{to_tag}",
        f"Call-ID: c-{branch}@192.0.2.66",
        f"CSeq: 1 {method}",
        *([more] if more else []),
        "Content-Length: 0",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def test_one_call_too_many_gets_503_with_a_time_and_every_field_that_a_response_repeats() -> None:
    bench = Bench(calls=2)
    assert bench.send(message()) is False
    bench.calls = 2
    response = bench.refusal(message())
    assert (response.status, response.headers.get("Retry-After")) == (503, "5")
    assert [(via.branch, via.received, via.rport) for via in response.vias] == [
        ("z9hG4bKa", "192.0.2.66", 5062),
        ("z9hG4bKfirst", None, None),
    ]
    assert (response.call_id, response.cseq, response.cseq_method) == ("c-z9hG4bKa@192.0.2.66", 1, "INVITE")
    assert response.from_tag == "f-z9hG4bKa"
    assert response.to_tag


def test_s8_2_7_a_retransmission_gets_the_same_bytes_though_there_is_room_by_now() -> None:
    bench = Bench(calls=1)
    bench.calls = 1
    first = bench.send(message())
    bench.calls = 0
    assert bench.send(message()) == first
    assert bench.send(message(branch="z9hG4bKb")) is False
    bench.now += 32.0
    assert bench.send(message()) is False, "whoever comes that late is a caller, not a copy"
    assert bench.door.turned_away == 1


def test_the_ack_to_the_503_is_done_with_and_any_other_is_let_in() -> None:
    bench = Bench(calls=0)
    response = bench.refusal(message())
    assert bench.send(message("ACK", to_tag=f";tag={response.to_tag}")) is True
    assert bench.send(message("ACK", to_tag=";tag=somebody-elses")) is False


@pytest.mark.parametrize(
    "data",
    [
        message(to_tag=";tag=inside"),
        message(branch="z9hG4bKknown"),
        message(more="Subject: one\r\n two"),
        message().replace(b"Call-ID:", b"i:"),
        message(via="SIP/2.0/UDP 192.0.2.66:5062;branch=z9hG4bKa, SIP/2.0/UDP 192.0.2.67;branch=z9hG4bKb"),
        message(via="nonsense;branch=z9hG4bKa"),
        message()[:-4],
    ],
    ids=["inside a dialog", "has a transaction", "folded", "compact", "joined Vias", "no Via", "torn"],
)
def test_what_is_no_plain_new_invite_is_let_in(data: bytes) -> None:
    bench = Bench(calls=0)
    bench.known.add("z9hG4bKknown")
    assert bench.send(data) is False


def test_so_many_calls_may_begin_within_a_second() -> None:
    bench = Bench(calls_per_second=2)
    for number in range(2):
        assert bench.send(message(branch=f"z9hG4bK{number}")) is False
        bench.door.began(bench.now)
    assert isinstance(bench.send(message(branch="z9hG4bKc")), Transmit)
    bench.now += 1.0
    assert bench.send(message(branch="z9hG4bKd")) is False


def test_while_messages_wait_too_long_new_calls_are_turned_away() -> None:
    bench = Bench()
    bench.door.is_late = True
    assert bench.refusal(message()).status == 503
    bench.door.is_late = False
    assert bench.send(message(branch="z9hG4bKb")) is False


def test_without_rport_the_answer_goes_to_the_port_of_the_via_and_over_a_stream_to_the_stream() -> None:
    bench = Bench(calls=0)
    data = message(via="SIP/2.0/UDP 10.0.0.9:5099;branch=z9hG4bKa")
    answer = bench.send(data)
    assert isinstance(answer, Transmit)
    assert answer.flow.remote == Address("192.0.2.66", 5099)
    stream = Flow("TCP", HERE, Address("192.0.2.66", 40000), 7)
    over = bench.send(message(branch="z9hG4bKb", via="SIP/2.0/TCP 10.0.0.9;branch=z9hG4bKb"), stream)
    assert isinstance(over, Transmit)
    assert over.flow == stream


def test_one_record_a_second_tells_of_all_who_were_turned_away() -> None:
    bench = Bench(calls=0)
    for number in range(50):
        bench.send(message(branch=f"z9hG4bK{number}"))
    assert bench.door.poll(bench.now) == []
    bench.now += 1.0
    (told,) = bench.door.poll(bench.now)
    assert (told.calls, told.since_s, told.reason) == (50, 100.0, "more than 0 calls at once")
    assert bench.door.poll(bench.now, at_once=True) == []


def test_what_is_remembered_of_those_turned_away_ends_by_itself() -> None:
    bench = Bench(calls=0)
    for number in range(500):
        bench.send(message(branch=f"z9hG4bK{number}"))
    assert len(bench.door._gone) == 500
    bench.now += 32.0
    bench.send(message(branch="z9hG4bKlast"))
    assert len(bench.door._gone) == 1
