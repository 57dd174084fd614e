"""Client transactions over virtual time: retransmissions, ACK, CANCEL, forks, transport errors."""

from __future__ import annotations

import pytest

from tests.transaction.world import make_request, pair
from voxlab.base.datagram import Address, Flow
from voxlab.base.errors import VoxlabError
from voxlab.sip.parser import parse
from voxlab.transaction.events import ResponseArrived, StrayResponse, TransactionEnded, TransactionFailed
from voxlab.transaction.tables import State
from voxlab.transaction.timers import Timers


def test_an_invite_is_repeated_at_doubling_intervals_until_timer_b():
    alice, _ = pair()
    number = alice.request("INVITE")
    alice.run(100)
    assert alice.times() == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]  # seven requests (s.17.1.1.2)
    assert len({message.raw for _, message, _ in alice.sent}) == 1
    assert alice.told == [(32, TransactionFailed(number, "timeout")), (32, TransactionEnded(number))]
    assert alice.layer.next_timeout() is None


def test_a_non_invite_request_is_repeated_at_intervals_that_stop_growing_at_t2():
    alice, _ = pair()
    number = alice.request("OPTIONS")
    alice.run(100)
    assert alice.times() == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert alice.told == [(32, TransactionFailed(number, "timeout")), (32, TransactionEnded(number))]


def test_a_provisional_makes_a_non_invite_request_repeat_every_t2():
    alice, bob = pair()
    alice.request("OPTIONS")
    bob.receive(alice.last)
    alice.run(0.6)
    alice.receive(bob.respond(100, to_tag=None))
    alice.run(20)
    assert alice.times() == [0, 0.5, 1.5, 5.5, 9.5, 13.5, 17.5]  # Timer E runs on, then T2 each


def test_estimates_are_parameters():
    alice, _ = pair(timers=Timers(t1_s=0.25, t2_s=0.5))
    alice.request("OPTIONS")
    alice.run(2)
    assert alice.times() == [0, 0.25, 0.75, 1.25, 1.75]


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
def test_nothing_is_repeated_on_a_reliable_transport(method):
    alice, _ = pair("TCP")
    alice.request(method)
    alice.run(100)
    assert alice.times() == [0]
    assert alice.told[0][0] == 32  # timers B and F run on all transports


def test_a_provisional_ends_the_repetitions_of_an_invite_for_good():
    alice, bob = pair()
    number = alice.request("INVITE")
    bob.receive(alice.last)
    alice.receive(bob.respond(180))
    alice.run(1000)
    assert alice.times() == [0]
    assert alice.layer.state(number) is State.PROCEEDING


def test_a_failure_is_acknowledged_by_the_machine_and_told_once():
    alice, bob = pair()
    route = ("Route", "<sip:proxy.example.com;lr>")
    number = alice.request("INVITE", extra=(route, ("Require", "100rel")))
    invite = alice.last
    bob.receive(invite)
    response = bob.respond(486)
    for _ in range(3):
        alice.receive(response)
    assert alice.methods() == ["INVITE", "ACK", "ACK", "ACK"]
    assert alice.statuses() == [486]
    ack = alice.last
    assert ack.uri_text == invite.uri_text
    assert ack.headers.get("To") == response.headers.get("To")
    assert ack.headers.get("From") == invite.headers.get("From")
    assert ack.headers.get_all("Via") == invite.headers.get_all("Via")
    assert (ack.cseq, ack.cseq_method, ack.call_id) == (1, "ACK", invite.call_id)
    assert ack.headers.get_all("Route") == [route[1]]
    assert "Require" not in ack.headers
    assert alice.sent[-1][2] == alice.flow
    alice.run(100)
    assert alice.told[-1] == (32, TransactionEnded(number))  # Timer D


def test_timer_d_is_zero_on_a_reliable_transport_and_the_ack_is_still_sent():
    alice, bob = pair("TCP")
    number = alice.request("INVITE")
    bob.receive(alice.last)
    alice.receive(bob.respond(486))
    assert alice.methods() == ["INVITE", "ACK"]
    assert alice.told[-1] == (0, TransactionEnded(number))


def test_every_2xx_reaches_the_user_for_64_t1_repeated_or_from_another_branch():
    alice, bob = pair()
    number = alice.request("INVITE")
    bob.receive(alice.last)
    first = bob.respond(200, to_tag="b1")
    alice.receive(first)
    alice.run(4)
    alice.receive(first)
    alice.receive(bob.events(type(bob.told[0][1]))[0].request.response(200, to_tag="b2"))
    assert [event.response.to_tag for event in alice.events(ResponseArrived)] == ["b1", "b1", "b2"]
    assert alice.methods() == ["INVITE"]  # their ACKs are the user's
    alice.run(100)
    assert alice.told[-1] == (32, TransactionEnded(number))  # Timer M


def test_a_180_after_the_200_is_ignored():
    alice, bob = pair()
    alice.request("INVITE")
    bob.receive(alice.last)
    ringing = bob.respond(180)
    alice.receive(bob.respond(200))
    alice.receive(ringing)
    assert alice.statuses() == [200]


def test_a_2xx_after_timer_m_is_stray_and_its_ack_is_the_users():
    alice, bob = pair()
    alice.request("INVITE")
    bob.receive(alice.last)
    answer = bob.respond(200)
    alice.receive(answer)
    alice.run(100)
    alice.receive(answer)
    assert [event.response.status for event in alice.events(StrayResponse)] == [200]


def test_a_2xx_of_another_branch_after_a_failure_is_handed_to_the_user():
    alice, bob = pair()
    alice.request("INVITE")
    bob.receive(alice.last)
    arrived = bob.told[0][1].request
    alice.receive(arrived.response(486, to_tag="b1"))
    alice.receive(arrived.response(200, to_tag="b2"))
    assert [event.response.to_tag for event in alice.events(StrayResponse)] == ["b2"]


def test_the_final_response_to_a_non_invite_request_is_told_once():
    alice, bob = pair()
    number = alice.request("OPTIONS")
    bob.receive(alice.last)
    answer = bob.respond(200)
    alice.receive(answer)
    alice.receive(answer)
    alice.run(100)
    assert alice.statuses() == [200]
    assert alice.told[-1] == (5, TransactionEnded(number))  # Timer K


def test_a_response_with_a_foreign_sent_by_is_dropped():
    alice, bob = pair()
    alice.request("INVITE")
    bob.receive(alice.last)
    wire = bob.respond(180).raw
    alice.receive(wire.replace(b"UDP 192.0.2.1:5060", b"UDP 192.0.2.66:5060"))
    assert alice.statuses() == []
    assert alice.layer.counters.foreign_responses == 1
    alice.receive(wire)
    assert alice.statuses() == [180]


def test_sent_by_is_compared_as_a_host_and_not_as_text():
    alice, bob = pair(sent_by=lambda flow: Address("Alice.example.com", 5060))
    alice.request("INVITE")
    bob.receive(alice.last)
    wire = bob.respond(180).raw
    assert b"UDP alice.example.com:5060;" in wire
    alice.receive(wire.replace(b"UDP alice.example.com:5060;", b"UDP ALICE.example.com ;"))  # 5060 is the default
    assert alice.statuses() == [180]


def test_a_response_matches_by_branch_and_method():
    alice, bob = pair()
    alice.request("INVITE")
    bob.receive(alice.last)
    wire = bob.respond(180).raw
    alice.receive(wire.replace(b"CSeq: 1 INVITE", b"CSeq: 1 OPTIONS"))
    alice.receive(wire.replace(b"branch=z9hG4bK", b"branch=z9hG4bKx"))
    assert alice.statuses() == []
    assert alice.layer.counters.stray_responses == 2


def test_a_response_with_more_vias_than_ours_is_left_to_the_user():
    alice, bob = pair()
    request = make_request("OPTIONS", extra=(("Via", "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKup"),))
    alice.layer.request(request, alice.flow, 0.0)
    alice.drain()
    bob.receive(alice.last)
    alice.receive(bob.respond(200))
    assert len(alice.events(ResponseArrived)[0].response.vias) == 2


# CANCEL (s.9.1)


def test_cancel_waits_for_a_provisional_response():
    alice, bob = pair()
    invite = alice.request("INVITE", extra=(("Route", "<sip:proxy.example.com;lr>"), ("Proxy-Require", "foo")))
    number = alice.cancel(invite, headers=(("Reason", 'SIP;cause=200;text="Call completed elsewhere"'),))
    assert number is not None
    assert alice.methods() == ["INVITE"]
    bob.receive(alice.last)
    alice.receive(bob.respond(180))
    assert alice.methods() == ["INVITE", "CANCEL"]
    sent, cancel = alice.sent[0][1], alice.last
    assert cancel.uri_text == sent.uri_text
    for name in ("Via", "Call-ID", "From", "To", "Route"):
        assert cancel.headers.get_all(name) == sent.headers.get_all(name)
    assert (cancel.cseq, cancel.cseq_method) == (1, "CANCEL")
    assert "Proxy-Require" not in cancel.headers
    assert cancel.headers.get("Reason") is not None
    assert alice.layer.describe(number).method == "CANCEL"


def test_cancel_after_a_provisional_goes_at_once_and_both_transactions_end_by_themselves():
    alice, bob = pair()
    invite = alice.request("INVITE")
    bob.receive(alice.last)
    alice.receive(bob.respond(180))
    number = alice.cancel(invite)
    assert alice.cancel(invite) == number
    bob.receive(alice.last)
    cancelled = bob.layer.cancel_target(bob.told[-1][1].request)
    assert cancelled == bob.told[0][1].number
    alice.receive(bob.respond(200))
    alice.receive(bob.respond(487, number=cancelled))
    bob.receive(alice.last)
    assert alice.methods() == ["INVITE", "CANCEL", "ACK"]
    assert {(event.number, event.response.status) for event in alice.events(ResponseArrived)} == {
        (invite, 180), (number, 200), (invite, 487),
    }  # fmt: skip
    alice.run(100)
    bob.run(100)
    assert len(alice.layer) == len(bob.layer) == 0


@pytest.mark.parametrize("status", [200, 404])
def test_cancel_is_not_sent_once_a_final_response_has_come(status):
    alice, bob = pair()
    invite = alice.request("INVITE")
    bob.receive(alice.last)
    alice.receive(bob.respond(status))
    assert alice.cancel(invite) is None
    assert "CANCEL" not in alice.methods()


@pytest.mark.parametrize("status", [200, 404])
def test_a_waiting_cancel_is_dropped_when_a_final_response_comes_first(status):
    alice, bob = pair()
    invite = alice.request("INVITE")
    number = alice.cancel(invite)
    bob.receive(alice.last)
    alice.receive(bob.respond(status))
    assert "CANCEL" not in alice.methods()
    assert alice.events(TransactionEnded) == [TransactionEnded(number)]


def test_a_waiting_cancel_ends_with_its_invite_that_could_not_be_sent():
    alice, _ = pair()
    invite = alice.request("INVITE")
    number = alice.cancel(invite)
    alice.fail()
    assert alice.events(TransactionEnded) == [TransactionEnded(number), TransactionEnded(invite)]


def test_a_waiting_cancel_ends_with_its_invite_that_nobody_answered():
    alice, _ = pair()
    invite = alice.request("INVITE")
    number = alice.cancel(invite)
    alice.run(100)
    assert alice.events(TransactionEnded) == [TransactionEnded(number), TransactionEnded(invite)]


def test_an_invite_without_final_response_64_t1_after_its_cancel_counts_as_cancelled():
    alice, bob = pair()
    invite = alice.request("INVITE")
    bob.receive(alice.last)
    alice.receive(bob.respond(180))
    alice.run(10)
    alice.cancel(invite)
    alice.run(100)
    assert (42, TransactionFailed(invite, "timeout")) in alice.told
    assert len(alice.layer) == 0


def test_only_an_invite_sent_can_be_cancelled():
    alice, bob = pair()
    options = alice.request("OPTIONS")
    with pytest.raises(VoxlabError, match="OPTIONS"):
        alice.cancel(options)
    with pytest.raises(VoxlabError, match="no transaction 99"):
        alice.cancel(99)
    bob.receive(alice.last)
    with pytest.raises(VoxlabError, match="CANCEL is for an INVITE sent"):
        bob.cancel(bob.told[0][1].number)


@pytest.mark.parametrize(("method", "verb"), [("ACK", r"send\(\)"), ("CANCEL", r"cancel\(\)")])
def test_ack_and_cancel_are_not_requests_of_their_own(method, verb):
    alice, _ = pair()
    with pytest.raises(VoxlabError, match=verb):
        alice.request(method)


# Where requests go


def test_a_request_gets_a_via_of_its_own_with_rport():
    alice, _ = pair()
    alice.request("OPTIONS")
    alice.request("OPTIONS", cseq=2)
    vias = [message.via for _, message, _ in alice.sent]
    assert {(via.transport, via.host, via.port) for via in vias} == {("UDP", "192.0.2.1", 5060)}
    assert all("rport" in via.params and via.branch.startswith("z9hG4bK") for via in vias)
    assert vias[0].branch != vias[1].branch


def test_an_ipv6_sent_by_stands_in_brackets():
    alice, _ = pair(sent_by=lambda flow: Address("2001:db8::1", 5062))
    alice.request("OPTIONS")
    assert alice.last.headers.get("Via").startswith("SIP/2.0/UDP [2001:db8::1]:5062;branch=")


def test_the_ack_to_a_2xx_gets_a_branch_of_its_own_and_the_same_copy_again_for_each_2xx():
    alice, _ = pair()
    alice.request("INVITE")
    transmit = alice.layer.send(make_request("ACK"), alice.flow, 0.0)
    alice.layer.resend(transmit)
    alice.drain()
    invite, ack, again = (message for _, message, _ in alice.sent)
    assert ack.raw == again.raw
    assert ack.branch not in {"", invite.branch}
    assert len(ack.vias) == 1
    assert len(alice.layer) == 1


LARGE = b"x" * 1300


def test_a_large_request_moves_to_tcp_and_its_via_says_so():
    alice, bob = pair()
    alice.request("INVITE", body=LARGE)
    _, message, flow = alice.sent[0]
    assert flow == Flow("TCP", alice.flow.local, alice.flow.remote)
    assert message.via.transport == "TCP"
    alice.run(20)
    assert alice.times() == [0]
    bob.receive(message, Flow("TCP", bob.flow.local, bob.flow.remote, 3))
    alice.receive(bob.respond(200), flow)
    assert alice.statuses() == [200]


def test_a_large_request_returns_to_udp_once_when_tcp_fails():
    alice, _ = pair()
    number = alice.request("INVITE", body=LARGE)
    alice.fail(alice.sent[0][2])
    _, message, flow = alice.sent[1]
    assert (flow, message.via.transport) == (alice.flow, "UDP")
    assert message.branch == alice.sent[0][1].branch
    alice.run(2)
    assert alice.times() == [0, 0, 0.5, 1.5]
    alice.fail()
    assert alice.told == [(2, TransactionFailed(number, "transport")), (2, TransactionEnded(number))]


def test_a_large_request_stays_on_udp_where_congestion_control_is_off():
    alice, _ = pair(congestion_controlled=False)
    alice.request("INVITE", body=LARGE)
    assert alice.last.via.transport == "UDP"


def test_a_small_request_stays_on_udp():
    alice, _ = pair()
    alice.request("INVITE", body=b"x" * 900)
    assert alice.last.via.transport == "UDP"


# Transport errors (s.17.1.4)


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
def test_a_transport_error_fails_the_requests_that_wait_on_that_flow_and_no_others(method):
    alice, _ = pair()
    number = alice.request(method)
    other = alice.layer.request(
        make_request(method, cseq=2), alice.flow._replace(remote=Address("192.0.2.3", 5060)), 0.0
    )
    alice.fail()
    assert alice.events(TransactionFailed) == [TransactionFailed(number, "transport")]
    assert alice.layer.state(other) is not State.TERMINATED


def test_a_broken_connection_concerns_its_own_transactions_and_those_bound_to_none():
    alice, _ = pair("TCP")
    mine = alice.request("OPTIONS")
    unbound = alice.layer.request(make_request("OPTIONS", cseq=2), alice.flow._replace(connection=0), 0.0)
    other = alice.layer.request(make_request("OPTIONS", cseq=3), alice.flow._replace(connection=8), 0.0)
    alice.fail()
    assert {event.number for event in alice.events(TransactionFailed)} == {mine, unbound}
    assert alice.layer.state(other) is State.TRYING


def test_a_transport_error_does_not_end_an_invite_that_rings():
    alice, bob = pair()
    number = alice.request("INVITE")
    bob.receive(alice.last)
    alice.receive(bob.respond(180))
    alice.fail()
    assert alice.layer.state(number) is State.PROCEEDING


# Limits and the journal's view


def test_a_request_past_the_limit_is_refused_with_the_number():
    alice, _ = pair(max_transactions=1)
    alice.request("OPTIONS")
    with pytest.raises(VoxlabError, match="max_transactions is 1"):
        alice.request("OPTIONS")


def test_creation_and_every_transition_are_reported():
    created, seen = [], []
    alice, _ = pair(created=lambda *row: created.append(row), observer=lambda *row: seen.append(row))
    number = alice.request("INVITE")
    branch = alice.last.branch
    assert created == [(0.0, number, 0, "INVITE", "one@example.com", branch)]
    assert alice.layer.describe(number) == (0, "INVITE", "one@example.com", branch, 1)
    alice.run(0.5)
    response = parse(alice.last.raw).response(486, to_tag="b1")
    alice.receive(response)
    alice.run(100)
    names = [(now, State(state).name) for now, _, _, _, state in seen]
    assert names == [(0.5, "CALLING"), (0.5, "COMPLETED"), (32.5, "TERMINATED")]
    assert alice.layer.describe(number) is None
