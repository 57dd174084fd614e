"""Server transactions over virtual time: absorbed retransmissions, 100, ACK, RFC 2543 clients, where responses go."""

from __future__ import annotations

import pytest

from tests.transaction.world import make_request, pair
from voxlab.base.datagram import Address, Flow
from voxlab.base.errors import VoxlabError
from voxlab.sip.parser import parse
from voxlab.transaction.events import AckArrived, RequestArrived, TransactionEnded, TransactionFailed
from voxlab.transaction.tables import State


def wire(method, via="SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1", **parts):
    """Make a request as it stands on the wire."""
    request = make_request(method, **parts)
    request.push_via(via)
    return request.raw


def test_an_unanswered_invite_gets_a_100_without_tag_after_200_ms():
    _, bob = pair()
    bob.receive(wire("INVITE"))
    bob.run(10)
    assert [(time, message.status, message.to_tag) for time, message, _ in bob.sent] == [(0.2, 100, None)]


def test_an_answer_within_200_ms_makes_the_100_unnecessary():
    _, bob = pair()
    bob.receive(wire("INVITE"))
    bob.run(0.1)
    bob.respond(180)
    bob.run(10)
    assert [message.status for _, message, _ in bob.sent] == [180]


def test_a_repeated_invite_gets_the_latest_provisional_and_does_not_reach_the_user():
    _, bob = pair()
    for _ in range(2):
        bob.receive(wire("INVITE"))
    assert bob.sent == []
    bob.respond(180)
    bob.respond(183)
    bob.receive(wire("INVITE"))
    assert [message.status for _, message, _ in bob.sent] == [180, 183, 183]
    assert len(bob.events(RequestArrived)) == 1


def test_a_failure_is_repeated_at_doubling_intervals_up_to_t2_until_timer_h():
    _, bob = pair()
    bob.receive(wire("INVITE"))
    bob.respond(486)
    bob.run(100)
    assert bob.times() == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    number = bob.told[0][1].number
    assert bob.told[1:] == [(32, TransactionFailed(number, "timeout")), (32, TransactionEnded(number))]


def test_a_failure_is_sent_once_on_a_reliable_transport_and_still_waits_for_its_ack():
    _, bob = pair("TCP")
    bob.receive(wire("INVITE"))
    bob.respond(486)
    bob.run(100)
    assert bob.times() == [0]
    assert bob.told[1][0] == 32


def test_the_ack_to_a_failure_is_absorbed_and_ends_the_repetitions():
    _, bob = pair()
    bob.receive(wire("INVITE"))
    bob.respond(486)
    bob.run(1)
    for _ in range(2):
        bob.receive(wire("ACK", to="<sip:bob@example.com>;tag=b1"))
    bob.receive(wire("INVITE"))  # a late copy
    bob.run(100)
    assert bob.times() == [0, 0.5]
    assert bob.events(AckArrived) == []
    assert bob.told[-1] == (6, TransactionEnded(bob.told[0][1].number))  # Timer I is T4


def test_a_repeated_invite_is_absorbed_in_accepted_and_the_users_2xx_passes():
    _, bob = pair()
    bob.receive(wire("INVITE"))
    answer = bob.respond(200)
    number = bob.told[0][1].number
    bob.receive(wire("INVITE"))
    bob.run(0.5)
    bob.layer.respond(number, answer, bob.now)
    bob.drain()
    bob.run(100)
    assert bob.times() == [0, 0.5]  # the machine repeats no 2xx
    assert len(bob.events(RequestArrived)) == 1
    assert bob.told[-1] == (32, TransactionEnded(number))  # Timer L


def test_the_ack_to_a_2xx_reaches_the_user_with_a_branch_of_its_own_or_of_the_invite():
    _, bob = pair()
    bob.receive(wire("INVITE"))
    bob.respond(200)
    bob.receive(wire("ACK", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK2"))
    bob.receive(wire("ACK"))  # what some phones do wrong
    assert len(bob.events(AckArrived)) == 2


def test_a_late_response_of_the_user_is_dropped_and_counted():
    _, bob = pair("TCP")
    bob.receive(wire("OPTIONS"))
    bob.respond(200)
    bob.respond(200)
    assert len(bob.sent) == 1
    assert bob.layer.counters.late_responses == 1


def test_a_non_invite_request_is_answered_again_for_each_copy_until_timer_j():
    _, bob = pair()
    bob.receive(wire("OPTIONS"))
    bob.receive(wire("OPTIONS"))
    assert bob.sent == []
    bob.respond(200)
    bob.receive(wire("OPTIONS"))
    assert [message.status for _, message, _ in bob.sent] == [200, 200]
    bob.run(100)
    assert bob.told[-1] == (32, TransactionEnded(bob.told[0][1].number))
    bob.receive(wire("OPTIONS"))
    assert len(bob.events(RequestArrived)) == 2


def test_a_non_invite_request_gets_its_100_when_timer_e_reaches_t2_and_is_given_up_with_timer_f():
    _, bob = pair()
    bob.receive(wire("MESSAGE"))
    bob.run(100)
    assert [(time, message.status) for time, message, _ in bob.sent] == [(3.5, 100)]  # RFC 4320 s.4.1
    assert bob.told[1:] == [(32, TransactionEnded(bob.told[0][1].number))]
    assert len(bob.layer) == 0


@pytest.mark.parametrize("status", [180, 183, 408])
def test_what_rfc_4320_forbids_to_a_non_invite_request_is_refused(status):
    _, bob = pair()
    bob.receive(wire("BYE"))
    with pytest.raises(VoxlabError, match="RFC 4320"):
        bob.respond(status)


def test_a_client_transaction_cannot_be_answered():
    alice, _ = pair()
    number = alice.request("OPTIONS")
    with pytest.raises(VoxlabError, match="OPTIONS"):
        alice.layer.respond(number, parse(alice.last.raw).response(200), 0.0)


# Matching (s.17.2.3)


def test_a_request_matches_by_branch_sent_by_and_method():
    _, bob = pair()
    bob.receive(wire("OPTIONS"))
    bob.receive(wire("OPTIONS", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK2"))
    bob.receive(wire("OPTIONS", "SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bK1"))
    bob.receive(wire("MESSAGE"))
    assert len(bob.events(RequestArrived)) == 4
    bob.receive(wire("OPTIONS", "SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bK1"))
    assert len(bob.events(RequestArrived)) == 4


def test_vias_joined_by_commas_match_by_the_topmost():
    _, bob = pair()
    via = "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1, SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK9;received=192.0.2.8"
    for _ in range(2):
        bob.receive(wire("OPTIONS", via))
    answer = bob.respond(200)
    assert len(bob.events(RequestArrived)) == 1
    assert [str(via.branch) for via in answer.vias] == ["z9hG4bK1", "z9hG4bK9"]


def test_a_cancel_names_its_invite_by_branch_and_sent_by():
    _, bob = pair()
    bob.receive(wire("INVITE"))
    number = bob.told[0][1].number
    bob.receive(wire("CANCEL"))
    assert bob.layer.cancel_target(bob.told[1][1].request) == number
    assert bob.layer.cancel_target(parse(wire("CANCEL", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK2"))) is None


OLD_VIA = "SIP/2.0/UDP 192.0.2.1:5060"


def test_an_rfc_2543_client_is_matched_by_uri_tags_call_id_cseq_and_via():
    _, bob = pair()
    for _ in range(2):
        bob.receive(wire("INVITE", OLD_VIA))
    assert len(bob.events(RequestArrived)) == 1
    bob.receive(wire("INVITE", OLD_VIA, cseq=2))
    assert len(bob.events(RequestArrived)) == 2
    bob.receive(wire("INVITE", f"{OLD_VIA};branch=1"))
    assert len(bob.events(RequestArrived)) == 3


def test_the_ack_of_an_rfc_2543_client_is_recognised_by_the_tag_of_our_response():
    _, bob = pair()
    bob.receive(wire("INVITE", OLD_VIA))
    bob.respond(486, to_tag="b1")
    number = bob.told[0][1].number
    bob.receive(wire("ACK", OLD_VIA, to="<sip:bob@example.com>;tag=other"))
    assert bob.layer.state(number) is State.COMPLETED
    assert len(bob.events(AckArrived)) == 1
    bob.receive(wire("ACK", OLD_VIA, to="<sip:bob@example.com>;tag=b1"))
    assert bob.layer.state(number) is State.CONFIRMED


def test_the_ack_of_an_rfc_2543_client_to_a_2xx_reaches_the_user():
    _, bob = pair()
    bob.receive(wire("INVITE", OLD_VIA, to="<sip:bob@example.com>;tag=b1"))  # in a dialog
    bob.respond(200)
    bob.receive(wire("ACK", OLD_VIA, to="<sip:bob@example.com>;tag=b1"))
    assert len(bob.events(AckArrived)) == 1


def test_the_cancel_of_an_rfc_2543_client_names_its_invite():
    _, bob = pair()
    bob.receive(wire("INVITE", OLD_VIA))
    assert bob.layer.cancel_target(parse(wire("CANCEL", OLD_VIA))) == bob.told[0][1].number


# Where responses go (s.18.2, RFC 3581)

PUBLIC = "198.51.100.7"
SOURCE = Address(PUBLIC, 9988)
SEEN = f"received={PUBLIC}"
FILLED = f"{SEEN};rport=9988"
BRANCH = "branch=z9hG4bK1"
BEHIND_NAT = Flow("UDP", Address("192.0.2.2", 5060), SOURCE)


@pytest.mark.parametrize(
    ("via", "stamped", "goes_to"),
    [
        (f"192.0.2.1:4540;rport;{BRANCH}", f"192.0.2.1:4540;{FILLED};{BRANCH}", SOURCE),
        (f"192.0.2.1:4540;{BRANCH};rport", f"192.0.2.1:4540;{BRANCH};{FILLED}", SOURCE),
        (f"192.0.2.1:4540;{BRANCH}", f"192.0.2.1:4540;{BRANCH};{SEEN}", Address(PUBLIC, 4540)),
        (f"alice.example.com;{BRANCH}", f"alice.example.com;{BRANCH};{SEEN}", Address(PUBLIC, 5060)),
        (f"{PUBLIC}:9988;{BRANCH}", f"{PUBLIC}:9988;{BRANCH}", SOURCE),
        (f"{PUBLIC};{BRANCH}", f"{PUBLIC};{BRANCH}", Address(PUBLIC, 5060)),
        (f"{PUBLIC}:9988;rport;{BRANCH}", f"{PUBLIC}:9988;{FILLED};{BRANCH}", SOURCE),
        (f"{PUBLIC}0:9988;{BRANCH}", f"{PUBLIC}0:9988;{BRANCH};{SEEN}", SOURCE),
        (f"192.0.2.1:4540;rportal=1;{BRANCH}", f"192.0.2.1:4540;rportal=1;{BRANCH};{SEEN}", Address(PUBLIC, 4540)),
        # What a client forged is overwritten.
        (f"[2001:db8::9]:5062;{BRANCH};rport=1;received=203.0.113.9", f"[2001:db8::9]:5062;{BRANCH};{FILLED}", SOURCE),
        (
            f"192.0.2.1:5070;{BRANCH};maddr=203.0.113.1",
            f"192.0.2.1:5070;{BRANCH};maddr=203.0.113.1;{SEEN}",
            Address("203.0.113.1", 5070),
        ),
    ],
)  # fmt: skip
def test_the_via_says_where_the_request_came_from_and_the_response_goes_there(via, stamped, goes_to):
    _, bob = pair()
    bob.receive(wire("OPTIONS", f"SIP/2.0/UDP {via}"), BEHIND_NAT)
    bob.respond(200)
    _, response, flow = bob.sent[0]
    got, expected = response.via, parse(wire("OPTIONS", f"SIP/2.0/UDP {stamped}")).via
    assert (got.host, got.port, dict(got.params)) == (expected.host, expected.port, dict(expected.params))
    assert flow == BEHIND_NAT._replace(remote=goes_to)


def test_a_response_takes_the_connection_of_its_request():
    _, bob = pair()
    flow = Flow("TCP", Address("192.0.2.2", 5060), Address("192.0.2.1", 40_000), 12)
    bob.receive(wire("OPTIONS", "SIP/2.0/TCP 192.0.2.1:5062;branch=z9hG4bK1"), flow)
    bob.respond(200)
    assert bob.sent[0][2] == flow


@pytest.mark.parametrize(
    ("transport", "sent_by", "port"),
    [
        ("TCP", "192.0.2.1:5062", 5062),
        ("TCP", "192.0.2.1", 5060),
        ("TLS", "alice.example.com", 5061),
        ("TCP", "[2001:db8::1]", 5060),
    ],
)
def test_a_response_whose_connection_is_gone_takes_a_new_one_to_the_sent_by_port(transport, sent_by, port):
    _, bob = pair()
    flow = Flow(transport, Address("192.0.2.2", 5060), Address("192.0.2.1", 40_000), 12)
    bob.receive(wire("INVITE", f"SIP/2.0/{transport} {sent_by};branch=z9hG4bK1"), flow)
    bob.respond(486)
    bob.fail(flow)
    backup = Flow(transport, flow.local, Address("192.0.2.1", port))
    assert [used for _, _, used in bob.sent] == [flow, backup]
    bob.fail(backup)
    assert bob.events(TransactionFailed) == [TransactionFailed(bob.told[0][1].number, "transport")]
    assert bob.layer.state(bob.told[0][1].number) is State.COMPLETED  # RFC 6026 s.8.8


def test_a_transport_error_leaves_a_server_transaction_to_absorb_copies():
    _, bob = pair()
    bob.receive(wire("INVITE"))
    bob.respond(200)
    bob.fail()
    bob.receive(wire("INVITE"))
    assert len(bob.events(RequestArrived)) == 1
    assert len(bob.events(TransactionFailed)) == 1


# What hostile or too many peers do


def test_past_the_limit_a_request_gets_a_503_without_a_transaction_and_the_same_again():
    _, bob = pair(max_transactions=1)
    bob.receive(wire("INVITE"))
    for _ in range(2):
        bob.receive(wire("INVITE", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK2"))
    assert [message.status for _, message, _ in bob.sent] == [503, 503]
    assert bob.sent[0][1].raw == bob.sent[1][1].raw
    assert int(bob.sent[0][1].headers.get("Retry-After")) > 0
    assert (len(bob.layer), bob.layer.counters.refused_requests) == (1, 2)
    bob.receive(wire("INVITE"))  # a copy of what runs is still absorbed
    assert len(bob.events(RequestArrived)) == 1


def test_a_via_with_an_impossible_port_raises_nothing():
    alice, bob = pair()
    for method in ("INVITE", "ACK"):
        bob.receive(wire(method, "SIP/2.0/UDP 192.0.2.1:99999;branch=z9hG4bK1"))
    alice.request("OPTIONS")
    bob.receive(alice.last)
    alice.receive(bob.respond(200).raw.replace(b"192.0.2.1:5060", b"192.0.2.1:99999"))
    assert alice.statuses() == []
    assert bob.layer.counters.unreadable + alice.layer.counters.unreadable > 0
