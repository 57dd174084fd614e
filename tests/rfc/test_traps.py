"""What goes wrong in every young SIP stack, and the tests that hold that it does not go wrong here.

``TRAPS`` is the list: what may go wrong, and by which tests one would hear of it. Those that had no test elsewhere are
below it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from voxlab import Lab
from voxlab.base.datagram import Address, Flow
from voxlab.net import live_media
from voxlab.sip.message import Request, Response
from voxlab.sip.parser import parse

TESTS = Path(__file__).resolve().parents[1]
TRAPS = {
    "the ACK to a 2xx is its own transaction, sent again for each copy of the 200": (
        "test_the_ack_to_a_2xx_gets_a_branch_of_its_own_and_the_same_copy_again_for_each_2xx",
        "test_13_2_2_4_a_repeated_200_to_a_re_invite_gets_its_own_ack_again",
    ),
    "with a delayed offer B's ACK waits for A's answer": (
        "test_with_a_delayed_offer_the_ack_waits_for_the_answer_and_carries_it",
        "test_a_delayed_offer_is_answered_in_the_ack_only_when_the_other_end_has_answered",
    ),
    "a surplus 2xx of a fork gets ACK, then BYE": (
        "test_a_surplus_200_of_a_fork_is_acknowledged_once_more_each_time_and_hung_up_once",
    ),
    "a 180 after the 200": ("test_a_180_after_the_200_is_ignored",),
    "CANCEL waits for a provisional response": ("test_cancel_waits_for_a_provisional_response",),
    "a 200 that crosses the CANCEL": ("test_a_200_that_crosses_the_cancel_is_acknowledged_and_hung_up",),
    "CANCEL and ACK are never challenged": ("test_cancel_and_ack_are_never_challenged",),
    "no BYE of the callee before the ACK": (
        "test_s15_a_callee_sends_bye_neither_before_the_ack_nor_before_its_deadline",
    ),
    "one state of offer and answer per To-tag": ("test_s4_each_early_dialog_of_a_fork_counts_for_itself",),
    "early media of several branches": ("test_the_answer_of_another_early_dialog_replaces_the_first",),
    "answered elsewhere": ("test_every_device_of_a_user_rings_and_the_others_hear_that_one_has_answered",),
    "a session refresh is answered locally": ("test_a_refresh_with_the_same_o_line_is_answered_by_the_cloud_itself",),
    "Max-Forwards minus one crosses the legs": ("test_max_forwards_minus_one_crosses_the_legs",),
    "a Session-ID joins the legs": ("test_an_identity_that_a_trunk_asserts_goes_along_unless_privacy_forbids",),
    "glare": ("test_s14_1_glare_is_answered_491_by_both_and_who_owns_the_call_id_waits_longer",),
    "UPDATE: 491 or 500 with Retry-After": (
        "test_s5_2_an_offer_while_ours_has_no_answer_gets_491",
        "test_a_second_reinvite_before_the_first_is_answered_gets_500_with_retry_after",
    ),
    "the retry after a challenge": (
        "test_the_ack_to_a_407_has_its_to_tag_and_the_retry_has_none",
        "test_a_challenge_is_answered_with_the_next_cseq_and_the_same_call_id",
    ),
    "retransmissions are absorbed before nc is checked": ("test_a_copy_of_a_request_with_credentials_is_no_replay",),
    "a nonce count works once, and counts may overtake each other": (
        "test_a_nonce_count_works_once_and_counts_may_overtake_each_other",
    ),
    "lock-out counts only answers to nonces that went to that address": (
        "test_nobody_can_lock_another_out_by_writing_his_address_on_a_packet",
    ),
    "an unknown user looks like a wrong password": (
        "test_a_wrong_password_and_an_unknown_user_look_the_same_on_the_wire_and_not_in_the_journal",
    ),
    "a response with a foreign sent-by": ("test_a_response_with_a_foreign_sent_by_is_dropped",),
    "Vias in one line with commas": (
        "test_vias_joined_by_commas_match_by_the_topmost",
        "test_vias_that_are_joined_by_commas_as_sipp_does_lose_the_first_of_them",
    ),
    "the reply goes over the same connection": ("test_the_flow_of_what_came_leads_back_over_the_same_connection",),
    "a certificate is checked": ("test_a_certificate_that_nobody_vouches_for_is_refused",),
    "large requests move to TCP": ("test_an_invite_larger_than_1300_bytes_moves_to_tcp",),
    "failover takes a new branch": ("test_s4_3_a_503_leads_on_to_the_next_host_with_a_new_branch",),
    "contacts compare by the rules for URIs": ("test_s10_3_step_7_equivalent_contacts_are_one_binding",),
    "order by Call-ID and CSeq": ("test_s10_3_step_7_a_request_out_of_order_changes_nothing",),
    "zombie bindings of a NAT": ("test_a_device_whose_nat_gave_it_another_port_leaves_no_zombie",),
    "expires rounds up": ("test_s10_3_step_8_what_is_left_is_rounded_up",),
    "a Request-URI of REGISTER has no user part": (
        "test_s10_2_a_user_part_in_the_request_uri_is_overlooked_unless_strict",
    ),
    "a lone 503 goes upstream as 500": ("test_s16_7_item_6_a_lone_503_goes_upstream_as_500",),
    "only a 6xx forbids new branches": (
        "test_s16_7_item_5_a_6xx_ends_the_search_and_goes_upstream_when_the_others_are_done",
    ),
    "strict-routing neighbours": (
        "test_s16_4_a_strict_router_before_us_has_put_our_uri_into_the_request_uri",
        "test_s16_6_item_6_a_strict_router_behind_us_finds_itself_in_the_request_uri",
    ),
    "RTCP shares the port only if both want it": (
        "test_rtcp_shares_the_port_only_where_both_want_it",
        "test_rtcp_goes_where_the_attribute_says_and_never_past_the_last_port",
    ),
    "latching is bounded": ("test_a_latch_is_bounded_in_time_and_address",),
    "kernel stamps survive a clock step": ("test_the_system_s_clock_may_be_set_while_packets_come",),
    "a second call while ringing": ("test_a_second_call_while_ringing_waits_or_hears_busy_by_choice",),
    "CANCEL against the answer timer": ("test_a_cancel_beats_the_answer_timer_of_its_own_line_only",),
    "crossing BYEs": ("test_two_byes_that_cross_are_both_answered_and_each_side_ends_once",),
    "REFER while held": ("test_a_refer_while_held_leaves_the_call_on_hold_when_the_transfer_fails",),
    "no wildcard, and no whitelist with 127.0.0.1": (
        "test_a_wildcard_is_refused",
        "test_no_whitelist_holds_the_address_that_every_program_of_the_machine_may_use",
    ),
    "RFC 4475: what the parser refuses and what an element does": (
        "test_a_torture_message_gets_the_answer_of_the_rfc",
    ),
}


def test_each_trap_has_its_tests() -> None:
    source = "\n".join(path.read_text("utf-8") for path in TESTS.rglob("test_*.py"))
    there = set(re.findall(r"^(?:async )?def (test_\w+)", source, re.MULTILINE))
    missing = {trap: set(names) - there for trap, names in TRAPS.items() if set(names) - there}
    assert not missing


# -- those that had no test of their own

STRANGER = Flow("UDP", Address("10.0.0.1", 5060), Address("192.0.2.9", 5060))


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab(seed=7) as made:
        shop = made.account("acme").application("shop")

        @shop.scenario()
        async def forward(call: Any) -> None:
            await call.forward_to_user()

        shop.user("alice").phone()
        shop.user("bob").phone(answer_after=0.1)
        yield made


def sent(lab: Lab, start: bytes) -> list[Request | Response]:
    """Return the messages of the journal whose first line begins so."""
    return [parse(message.data) for message in lab.journal.messages() if message.data.startswith(start)]


@pytest.mark.parametrize("method", ["CANCEL", "ACK"])
def test_cancel_and_ack_are_never_challenged(lab: Lab, method: str) -> None:
    cloud = lab.cloud
    data = (
        f"{method} sip:bob@shop.acme.voxlab.test SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK1\r\n"
        "Max-Forwards: 70\r\nFrom: <sip:alice@shop.acme.voxlab.test>;tag=a\r\nTo: <sip:bob@shop.acme.voxlab.test>\r\n"
        f"Call-ID: c1\r\nCSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n"
    ).encode()
    before = len(sent(lab, b"SIP/2.0 "))
    flow = STRANGER._replace(local=cloud.addresses["UDP"])
    lab.world.submit(lambda: cloud.host.received(flow, data, cloud.now()))
    answers = sent(lab, b"SIP/2.0 ")[before:]
    assert [answer.status for answer in answers if isinstance(answer, Response)] == [481] * (method == "CANCEL")


def test_the_ack_to_a_407_has_its_to_tag_and_the_retry_has_none(lab: Lab) -> None:
    lab.phones[0].dial("bob").wait("connected")
    (challenge,) = sent(lab, b"SIP/2.0 407")
    asked, retried = (invite for invite in sent(lab, b"INVITE ") if invite.call_id == challenge.call_id)
    acknowledged = next(ack for ack in sent(lab, b"ACK ") if ack.call_id == challenge.call_id)
    assert challenge.to_tag
    assert (acknowledged.to_tag, acknowledged.cseq, acknowledged.branch) == (challenge.to_tag, asked.cseq, asked.branch)
    assert (retried.to_tag, retried.cseq, retried.from_tag) == (None, asked.cseq + 1, asked.from_tag)


def test_a_copy_of_a_request_with_credentials_is_no_replay(lab: Lab) -> None:
    cloud, alice = lab.cloud, lab.phones[0]
    alice.dial("bob").wait("connected")
    invite = next(each for each in sent(lab, b"INVITE ") if "Proxy-Authorization" in each.headers)
    before = len(sent(lab, b"SIP/2.0 407")), cloud.node.user_agent.calls_in
    flow = Flow("UDP", cloud.addresses["UDP"], Address(invite.via.host, invite.via.port or 5060))
    lab.world.submit(lambda: cloud.host.received(flow, invite.raw, cloud.now()))
    assert (len(sent(lab, b"SIP/2.0 407")), cloud.node.user_agent.calls_in) == before


@pytest.mark.parametrize("step_s", [-3600.0, 3600.0])
def test_the_system_s_clock_may_be_set_while_packets_come(step_s: float) -> None:
    now_ns = time.time_ns()
    stamp = live_media._TIMESPEC.pack(now_ns // 1_000_000_000, now_ns % 1_000_000_000)
    kind = live_media._SO_TIMESTAMPNS
    if kind is None:
        pytest.skip("this system stamps no datagrams: run this test on Linux")
    assert live_media._age_s([(0, kind, stamp)], now_ns + 5_000_000) == pytest.approx(0.005)
    assert live_media._age_s([(0, kind, stamp)], now_ns + int(step_s * 1e9)) == 0.0
