"""RFC 3261 s.16: what a stateful proxy does with requests and responses, requirement by requirement."""

from __future__ import annotations

import re

import pytest

from tests.elements.proxying import OUR_DOMAIN, Street
from tests.elements.rig import SDP
from tests.elements.rig import request as write_request
from voxlab.base.datagram import Flow
from voxlab.elements.passages import Routed
from voxlab.elements.routing import Challenge, Reject
from voxlab.elements.target_set import Target
from voxlab.sip.message import Request, Response


def record_route(request: Request) -> str:
    """Return the topmost Record-Route value."""
    return request.headers.get_all("record-route")[0]


# -- s.16.2


def test_s16_2_a_100_is_sent_at_once_and_the_hop_behind_does_the_same_for_itself() -> None:
    street = Street()
    street.invite()
    assert [response.status for response in street.caller.responses("INVITE")] == [100]
    street.answer(100)
    assert street.caller.lines.count("100 INVITE") == 1  # s.16.7 item 5: 100 is never forwarded


def test_s16_2_no_100_is_sent_for_other_requests_before_rfc_4320_allows_it() -> None:
    street = Street()
    street.send("MESSAGE")
    assert street.caller.got == []
    assert street.reach() == ["MESSAGE"]


def test_s16_2_retransmissions_are_absorbed_by_the_server_transaction() -> None:
    street = Street()
    street.invite()
    street.invite()
    assert street.reach() == ["INVITE"]
    assert street.policy.asked == 1


# -- s.16.3


@pytest.mark.parametrize(
    "uri", ["http://example.com/", "soap.beep://192.0.2.103:3002", "nobodyKnowsThisScheme:totallyopaque"]
)
def test_s16_3_item_2_a_scheme_that_is_not_understood_is_refused_with_416(uri: str) -> None:
    street = Street()
    street.send("INVITE", uri=uri)
    assert street.answers == [416]


def test_s16_3_item_3_a_request_without_hops_left_is_refused_with_483() -> None:
    street = Street()
    street.send("INVITE", "Max-Forwards: 0")
    assert street.answers == [483]
    assert street.callee.got == []


def test_s16_3_item_5_an_extension_that_proxies_need_is_refused_and_named() -> None:
    street = Street()
    street.send("INVITE", "Proxy-Require: foo, bar")
    assert street.answers == [420]
    assert street.final().headers.split("Unsupported") == ["foo", "bar"]


def test_s16_3_what_is_required_of_the_user_agent_is_not_the_proxys_business() -> None:
    street = Street()
    assert street.invite("Require: 100rel").headers.get("Require") == "100rel"


def test_s16_3_a_header_field_nobody_understands_is_passed_on_as_it_is() -> None:
    street = Street()
    got = street.invite("Date: yesterday, I think", 'X-Odd:   "spaces   kept"', "x-CASE: kEpt")
    assert b'\r\nDate: yesterday, I think\r\nX-Odd:   "spaces   kept"\r\nx-CASE: kEpt\r\n' in got.raw


def test_s16_3_an_unknown_method_is_passed_on() -> None:
    street = Street()
    street.send("NEWMETHOD")
    street.answer(200, method="NEWMETHOD")
    assert street.caller.lines == ["200 NEWMETHOD"]


def test_s16_3_item_6_a_challenge_of_the_policy_is_the_answer_and_nothing_is_forwarded() -> None:
    street = Street()
    street.policy.answer = Challenge("example.com", (("Proxy-Authenticate", 'Digest realm="example.com"'),), "who?")
    street.send("INVITE")
    assert street.answers == [407]
    assert street.final().headers.get("Proxy-Authenticate") == 'Digest realm="example.com"'
    assert street.callee.got == []


def test_s16_3_what_the_policy_refuses_is_refused_with_its_status() -> None:
    street = Street()
    street.policy.answer = Reject(403, None, "not you")
    street.send("INVITE")
    assert (street.answers, street.refusals) == ([403], [])  # the policy keeps a record of its own


# -- s.16.4


def test_s16_4_a_route_that_names_us_is_taken_off() -> None:
    street = Street()
    got = street.invite(f"Route: <sip:{street.proxy.address};lr>")
    assert "Route" not in got.headers


def test_s16_4_a_route_that_names_a_domain_of_ours_is_taken_off_too() -> None:
    street = Street()
    assert "Route" not in street.invite(f"Route: <sip:{OUR_DOMAIN};lr>").headers


def test_a_preloaded_route_that_leads_elsewhere_is_refused_we_are_no_open_relay() -> None:
    street = Street()
    street.send("INVITE", f"Route: <sip:{street.proxy.address};lr>, <sip:192.0.2.77;lr>")
    assert street.answers == [403]
    assert street.policy.asked == 0


def test_s16_4_a_maddr_that_names_us_is_taken_off() -> None:
    street = Street()
    street.lead_to(Target(street.uri(street.callee)))
    street.send("INVITE", uri=f"sip:bob@{OUR_DOMAIN};maddr={street.proxy.address.host}")
    assert street.proxy.events(Routed)[-1].request.uri_text == f"sip:bob@{OUR_DOMAIN}"


def test_a_maddr_that_names_another_is_refused() -> None:
    street = Street()
    street.send("INVITE", uri=f"sip:bob@{OUR_DOMAIN};maddr=192.0.2.77")
    assert street.answers == [403]


def answered(street: Street) -> str:
    """Answer a call and return our Record-Route."""
    request = street.invite()
    street.answer(200, body=SDP)
    return record_route(request)


def inside(street: Street, method: str, route: str, *more: str, **parts: object) -> None:
    """Have the caller send a request inside the dialog along ``route``."""
    uri = parts.pop("uri", street.uri(street.callee))
    street.send(method, *(f"Route: {value}" for value in [route] if value), *more, uri=uri, to_tag="c0", **parts)


@pytest.mark.parametrize("method", ["BYE", "INFO", "UPDATE", "INVITE"])
def test_s16_4_inside_a_dialog_our_record_route_leads_through_us_to_the_contact(method: str) -> None:
    street = Street()
    inside(street, method, answered(street), cseq=2)
    got = street.got(method=method)
    assert (got.uri_text, "Route" in got.headers, got.max_forwards) == (street.uri(street.callee), False, 69)
    assert len(got.vias) == 2
    street.answer(200, method=method)
    assert street.final(method).status == 200


def test_s16_4_a_strict_router_before_us_has_put_our_uri_into_the_request_uri() -> None:
    street = Street()
    ours = answered(street).strip("<>")
    inside(street, "BYE", f"<{street.uri(street.callee)}>", uri=ours, cseq=2)
    assert street.got(method="BYE").uri_text == street.uri(street.callee)
    assert "Route" not in street.got(method="BYE").headers


def test_s16_12_a_route_that_is_left_over_is_where_the_request_goes_next() -> None:
    street = Street(2)
    street.lead_to(Target(street.uri(street.callee)))
    route = f"{answered(street)}, <sip:{street.callees[1].address};lr>"
    inside(street, "BYE", route, cseq=2)
    got = street.got(1, "BYE")
    assert (got.uri_text, got.headers.split("Route")) == (
        street.uri(street.callee),
        [f"<sip:{street.callees[1].address};lr>"],
    )


def test_s16_6_item_6_a_strict_router_behind_us_finds_itself_in_the_request_uri() -> None:
    street = Street(2)
    street.lead_to(Target(street.uri(street.callee)))
    strict = f"sip:{street.callees[1].address}"
    inside(street, "BYE", f"{answered(street)}, <{strict}>, <sip:192.0.2.50;lr>", cseq=2)
    got = street.got(1, "BYE")
    assert got.uri_text == strict
    assert got.headers.split("Route") == ["<sip:192.0.2.50;lr>", f"<{street.uri(street.callee)}>"]


@pytest.mark.parametrize("forged", ["0123456789abcdef", "x", "0123456789abcdef-00-00", ""])
def test_a_route_through_us_that_we_did_not_make_relays_for_nobody(forged: str) -> None:
    street = Street()
    answered(street)
    user = f"{forged}@" if forged else ""
    inside(street, "BYE", f"<sip:{user}{street.proxy.address};lr>", cseq=2)
    assert street.reach() == ["INVITE"]
    assert street.final("BYE").status == (403 if forged else 481)


def test_a_record_route_of_one_dialog_does_not_open_the_door_for_another() -> None:
    street = Street()
    route = answered(street)
    inside(street, "BYE", route, cseq=2, call_id="another-call")
    assert street.final("BYE").status == 403
    inside(street, "ACK", route, cseq=3, call_id="another-call")
    assert street.reach() == ["INVITE"]


def test_a_route_that_is_empty_is_no_route_whatever_the_request_uri_says() -> None:
    street = Street()
    ours = answered(street).strip("<>")
    raw = write_request("BYE", street.caller, street.proxy, "Route: ", uri=ours, to_tag="c0", cseq=2)
    street.rig.send(street.caller, street.proxy, raw)
    assert (street.reach(), street.final("BYE").status) == (["INVITE"], 404)


@pytest.mark.parametrize("broken", ["From: <<<", "From: \x00;tag=1", "Contact: <", "CSeq: 2  BYE", "Via: nonsense"])
def test_s16_3_item_1_what_is_broken_inside_a_dialog_never_raises(broken: str) -> None:
    street = Street()
    route = answered(street)
    name = broken.partition(":")[0].encode()
    raw = write_request(
        "BYE", street.caller, street.proxy, f"Route: {route}", uri=street.uri(street.callee), to_tag="c0", cseq=2
    )
    lines = [line for line in raw.split(b"\r\n") if name == b"Via" or not line.startswith(name + b":")]
    lines.insert(3, broken.encode())
    node, now = street.proxy.node, street.rig.now
    node.receive(Flow("UDP", street.proxy.address, street.caller.address), b"\r\n".join(lines), now)
    node.poll(now)
    while (due := node.next_timeout()) is not None:  # the 100 of RFC 4320, retransmissions, the end of everything
        now = max(now, due)
        node.handle_timeout(now)
        node.poll(now)
    assert not len(node.layer)


def test_s22_3_credentials_for_our_realm_go_no_further_those_for_others_do() -> None:
    street = Street()
    street.policy.answer = street.policy.answer._replace(realm="ours")  # type: ignore[union-attr]
    ours, theirs = (f'Digest username="a", realm="{realm}", response="x"' for realm in ("ours", "theirs"))
    got = street.invite(f"Proxy-Authorization: {ours}", f"Proxy-Authorization: {theirs}", f"Authorization: {ours}")
    assert got.headers.get_all("Proxy-Authorization") == [theirs]
    assert got.headers.get_all("Authorization") == [ours]


def test_the_same_header_fields_in_odd_spelling_are_understood() -> None:
    street = Street()
    route = answered(street)
    raw = (
        f"BYE {street.uri(street.callee)} SIP/2.0\r\nroute:{route}\r\nCSEQ: 2 BYE\r\n"
        f"v: SIP/2.0/UDP {street.caller.address};branch=z9hG4bKodd\r\nmax-forwards:  9\r\nt: <sip:b@x.y>;tag=c0\r\n"
        "f: <sip:puppet@example.net>;tag=p1\r\ni: puppet-call\r\nl: 0\r\n\r\n"
    )
    street.rig.send(street.caller, street.proxy, raw.encode())
    got = street.got(method="BYE")
    assert ("Route" in got.headers, got.max_forwards, len(got.vias)) == (False, 8, 2)


# -- s.16.6


def test_s16_6_the_copy_differs_from_the_original_in_what_a_hop_changes_and_in_nothing_else() -> None:
    street = Street()
    street.send("INVITE", "Subject: hello", body=SDP)
    lines = street.got().raw.split(b"\r\n")
    ours = [line for line in lines if line.startswith((b"Via: SIP/2.0/UDP 192.0.2.1:", b"Record-Route: "))]
    original = write_request(
        "INVITE", street.caller, street.proxy, "Subject: hello", body=SDP, contact=True, uri=street.uri(street.callee)
    )
    assert lines[1:3] == ours
    assert [line for line in lines if line not in ours] == original.replace(b"ds: 70", b"ds: 69").split(b"\r\n")


def test_s16_6_item_3_a_request_without_max_forwards_gets_70() -> None:
    street = Street()
    raw = (
        f"OPTIONS sip:bob@{OUR_DOMAIN} SIP/2.0\r\nVia: SIP/2.0/UDP {street.caller.address};branch=z9hG4bKo\r\n"
        f"From: <sip:a@b.c>;tag=1\r\nTo: <sip:bob@{OUR_DOMAIN}>\r\nCall-ID: o\r\n"
        "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )
    street.rig.send(street.caller, street.proxy, raw.encode())
    assert street.got(method="OPTIONS").max_forwards == 70


def test_s16_6_item_4_dialog_forming_requests_are_record_routed_with_a_loose_uri_of_ours() -> None:
    street = Street()
    routed = street.invite().record_routes[0]
    assert (routed.uri.host, routed.uri.port, "lr" in routed.uri.params) == ("192.0.2.1", 5060, True)
    street.send("MESSAGE", call_id="m")
    assert "Record-Route" not in street.got(method="MESSAGE").headers


def test_s16_6_item_4_our_record_route_stands_above_the_others() -> None:
    street = Street()
    got = street.invite("Record-Route: <sip:192.0.2.60;lr>")
    assert [entry.uri.host for entry in got.record_routes] == ["192.0.2.1", "192.0.2.60"]


def test_s16_6_item_8_each_copy_has_a_via_with_a_branch_of_its_own() -> None:
    street = Street(2)
    street.invite()
    vias = [street.got(callee).vias[0] for callee in range(2)]
    assert {via.host for via in vias} == {"192.0.2.1"}
    assert len({via.branch for via in vias}) == 2
    assert all((via.branch or "").startswith("z9hG4bK") for via in vias)


def test_s16_6_item_10_a_copy_that_is_too_large_for_a_datagram_goes_over_tcp() -> None:
    street = Street()
    street.send("INVITE", "X-Large: " + "x" * 1300)
    sent = [(message, flow) for _, message, flow in street.proxy.sent if isinstance(message, Request)]
    assert (sent[-1][1].transport, sent[-1][0].via.transport) == ("TCP", "TCP")


def test_an_uri_that_leads_nowhere_counts_as_unavailable() -> None:
    street = Street()
    street.lead_to(Target("sip:bob@no-such-host.invalid"))
    street.send("INVITE")
    assert street.answers == [500]  # s.16.7 item 6: what would be a 503


# -- s.16.7


def test_s16_7_item_3_our_via_is_taken_off_and_everything_else_stays() -> None:
    street = Street()
    street.invite()
    street.answer(183, "X-Kept:  as it came", body=SDP)
    response = street.caller.responses("INVITE")[-1]
    assert [via.host for via in response.vias] == ["192.0.2.2"]
    assert b"\r\nX-Kept: as it came" in response.raw
    assert response.raw.endswith(SDP)


def test_s16_7_item_3_a_response_with_no_via_but_ours_goes_nowhere() -> None:
    street = Street()
    got = street.invite()
    response = got.response(200, to_tag="c0").raw.replace(f"Via: {got.vias[1]}\r\n".encode(), b"")
    street.rig.send(street.callee, street.proxy, response)
    assert street.answers == []


def test_vias_joined_by_a_comma_are_taken_apart() -> None:
    street = Street()
    got = street.invite()
    raw = got.response(180, to_tag="c0").raw
    joined = re.sub(rb"\r\nVia: ([^\r]+)\r\nVia: ([^\r]+)", rb"\r\nVia: \1,\2", raw, count=1)
    assert joined.count(b"Via: ") == 1
    street.rig.send(street.callee, street.proxy, joined)
    assert street.answers == [180]
    assert [via.host for via in street.caller.responses("INVITE")[-1].vias] == ["192.0.2.2"]


def test_s16_7_item_5_provisional_and_successful_responses_are_forwarded_at_once() -> None:
    street = Street(2)
    street.invite()
    street.answer(180, callee=0)
    street.answer(183, callee=1)
    street.answer(200, callee=1)
    assert street.answers == [180, 183, 200]
    assert [response.to_tag for response in street.caller.responses("INVITE")[1:]] == ["c0", "c1", "c1"]


def test_s16_7_item_5_every_2xx_of_a_fork_is_forwarded() -> None:
    street = Street(2)
    street.invite()
    street.answer(200, callee=0)
    street.answer(200, callee=1)
    assert [(r.status, r.to_tag) for r in street.caller.responses("INVITE") if r.status > 100] == [
        (200, "c0"),
        (200, "c1"),
    ]


def test_s16_7_item_5_a_failure_waits_for_the_other_branches() -> None:
    street = Street(2)
    street.invite()
    street.answer(486, callee=0)
    assert street.answers == []
    assert street.reach(0) == ["INVITE", "ACK"]
    street.answer(200, callee=1)
    assert street.answers == [200]


def test_s16_7_item_5_a_6xx_ends_the_search_and_goes_upstream_when_the_others_are_done() -> None:
    street = Street(3)
    street.lead_by_q(1.0, 1.0, 0.5)
    street.invite()
    street.answer(180, callee=1)
    street.answer(603, callee=0)
    assert street.answers == [180]
    assert street.reach(1) == ["INVITE", "CANCEL"]
    street.answer(487, callee=1)
    assert street.answers == [180, 603]
    assert street.reach(2) == []


@pytest.mark.parametrize(
    ("statuses", "best"),
    [
        ((486, 404), 486),
        ((404, 302), 302),
        ((500, 486), 486),
        ((486, 407), 407),
        ((404, 484), 484),
        ((480, 415), 415),
        ((503, 404), 404),
        ((503, 500), 500),
        ((501, 503), 501),
        ((404, 603), 603),
        ((302, 600), 600),
        ((408, 486), 486),
    ],
)
def test_s16_7_item_6_the_best_response_is_chosen(statuses: tuple[int, int], best: int) -> None:
    street = Street(2)
    targets = [Target(street.uri(callee)) for callee in street.callees]
    street.lead_to(*targets, recurses=False)
    street.invite()
    for callee, status in enumerate(statuses):
        street.answer(status, callee=callee)
    assert street.answers == [best]


def test_s16_7_item_6_a_lone_503_goes_upstream_as_500() -> None:
    street = Street()
    street.invite()
    street.answer(503, "Retry-After: 10")
    assert street.answers == [500]
    assert "Retry-After" not in street.final().headers


def test_s16_7_item_6_what_is_forwarded_keeps_its_to_tag() -> None:
    street = Street()
    street.invite()
    street.answer(486, tag="from-the-callee")
    assert street.final().to_tag == "from-the-callee"


def test_s16_7_item_7_challenges_of_all_branches_are_gathered() -> None:
    street = Street(3)
    street.invite()
    street.answer(401, 'WWW-Authenticate: Digest realm="a", nonce="1"', callee=0)
    street.answer(407, 'Proxy-Authenticate: Digest realm="b", nonce="2"', callee=1)
    street.answer(486, callee=2)
    final = street.final()
    assert final.status == 401
    assert final.headers.get_all("WWW-Authenticate") == ['Digest realm="a", nonce="1"']
    assert final.headers.get_all("Proxy-Authenticate") == ['Digest realm="b", nonce="2"']


def test_s16_7_item_4_a_redirection_is_followed_in_the_order_of_q() -> None:
    street = Street(3)
    street.lead_to(Target(street.uri(street.callee)))
    street.invite()
    low, high = (f"<{street.uri(street.callees[at])}>;q={q}" for at, q in ((1, 0.2), (2, 0.7)))
    street.answer(302, f"Contact: {low}, {high}")
    assert street.answers == []
    assert (street.reach(1), street.reach(2)) == ([], ["INVITE"])
    street.answer(486, callee=2)
    assert street.reach(1) == ["INVITE"]
    street.answer(200, callee=1)
    assert street.answers == [200]


def test_s16_5_a_target_that_was_tried_is_never_tried_again() -> None:
    street = Street()
    street.invite()
    street.answer(302, f"Contact: <{street.uri(street.callee)}>")
    assert street.reach() == ["INVITE", "ACK"]
    assert street.answers == [302]


def test_s16_7_item_4_a_redirection_goes_upstream_where_it_is_not_to_be_followed() -> None:
    street = Street()
    street.lead_to(Target(street.uri(street.callee)), recurses=False)
    street.invite()
    street.answer(302, "Contact: <sip:elsewhere@192.0.2.99>")
    assert (street.answers, str(street.final().contacts[0].uri)) == ([302], "sip:elsewhere@192.0.2.99")


def test_s16_7_item_10_branches_that_still_ring_are_cancelled_with_the_reason() -> None:
    street = Street(3)
    street.invite()
    street.answer(180, callee=0)
    street.answer(180, callee=1)
    street.answer(200, callee=1)
    assert (street.reach(0), street.reach(1), street.reach(2)) == (["INVITE", "CANCEL"], ["INVITE"], ["INVITE"])
    # RFC 3326 s.3.1; the third has not said anything yet, so its CANCEL waits (s.9.1)
    assert street.got(0, "CANCEL").headers.get("Reason") == 'SIP ;cause=200 ;text="Call completed elsewhere"'
    street.answer(180, callee=2)
    assert street.reach(2) == ["INVITE", "CANCEL"]
    for callee in (0, 2):
        street.answer(200, callee=callee, method="CANCEL")
        street.answer(487, callee=callee)
        assert street.reach(callee)[-1] == "ACK"
    assert street.answers == [180, 180, 200]


def test_s16_7_item_10_the_cancel_goes_the_way_of_its_invite() -> None:
    street = Street(2)
    street.invite()
    street.answer(180, callee=0)
    street.answer(200, callee=1)
    invite, cancel = street.got(0), street.got(0, "CANCEL")
    assert (cancel.uri_text, cancel.vias[0].branch) == (invite.uri_text, invite.vias[0].branch)
    assert len(cancel.vias) == 1


# -- forking in series


def test_s16_6_targets_are_tried_by_falling_q_those_of_equal_q_together() -> None:
    street = Street(4)
    street.lead_by_q(0.3, 1.0, 0.3, 0.8)
    street.send("INVITE")
    assert [street.reach(at) for at in range(4)] == [[], ["INVITE"], [], []]
    street.answer(480, callee=1)
    assert [street.reach(at) for at in (0, 2, 3)] == [[], [], ["INVITE"]]
    street.answer(486, callee=3)
    assert street.reach(0) == street.reach(2) == ["INVITE"]
    street.answer(404, callee=0)
    street.answer(404, callee=2)
    assert street.answers == [480]


def test_a_group_that_rings_too_long_is_cancelled_and_the_next_is_tried() -> None:
    street = Street(2)
    street.lead_by_q(1.0, 0.5, ring_s=15.0)
    street.send("INVITE")
    street.answer(180, callee=0)
    street.rig.run(14.0)
    assert street.reach(0) == ["INVITE"]
    street.rig.run(1.2)
    assert street.reach(0) == ["INVITE", "CANCEL"]
    street.answer(487, callee=0)
    assert street.reach(1) == ["INVITE"]
    street.answer(200, callee=1)
    assert street.answers == [180, 200]


def test_if_nobody_answered_in_time_the_caller_hears_408_not_our_own_cancel() -> None:
    street = Street(2)
    street.lead_by_q(1.0, 0.5, ring_s=15.0)
    street.send("INVITE")
    street.answer(180, callee=0)
    street.rig.run(16.0)
    street.answer(487, callee=0)
    street.answer(408, callee=1)
    assert street.answers == [180, 408]


# -- s.16.8, s.16.9


def test_s16_8_timer_c_cancels_a_branch_that_rings_for_ever() -> None:
    street = Street()
    street.invite()
    street.answer(180)
    street.rig.run(180.0)
    assert street.reach() == ["INVITE"]
    street.rig.run(1.2)
    assert street.reach() == ["INVITE", "CANCEL"]
    street.answer(487)
    assert street.answers == [180, 408]


def test_s16_7_item_2_every_provisional_but_100_starts_timer_c_again() -> None:
    street = Street()
    street.invite()
    street.answer(180)
    street.rig.run(170.0)
    street.answer(183)
    street.rig.run(170.0)
    assert street.reach() == ["INVITE"]
    street.rig.run(11.2)
    assert street.reach() == ["INVITE", "CANCEL"]


def test_s16_7_item_6_without_any_answer_the_caller_gets_408() -> None:
    street = Street()
    street.rig.wire = lambda sender, message: 0.01 if isinstance(message, Response) else None
    street.send("INVITE")
    street.rig.run(40.0)
    assert street.answers[0] == 408


def test_s16_9_a_transport_error_counts_as_503() -> None:
    street = Street()
    street.invite()
    street.proxy.node.transport_error(street.proxy.sent[-1][2], "no such host", street.rig.now)
    street.rig.run(0.1)
    assert street.answers == [500]


# -- s.16.10


def test_s16_10_cancel_is_answered_at_once_and_cancels_every_branch() -> None:
    street = Street(2)
    street.invite()
    street.answer(180, callee=0)
    street.cancel('Reason: SIP;cause=600;text="gone"')
    assert street.final("CANCEL").status == 200
    assert street.reach(0) == ["INVITE", "CANCEL"]
    assert street.got(0, "CANCEL").headers.get("Reason") == 'SIP;cause=600;text="gone"'
    assert street.reach(1) == ["INVITE"]  # s.9.1: not before it has answered
    street.answer(180, callee=1)
    assert street.reach(1) == ["INVITE", "CANCEL"]
    street.answer(487, callee=0)
    street.answer(487, callee=1)
    assert street.answers[-1] == 487


def test_s16_10_no_further_target_is_tried_after_a_cancel() -> None:
    street = Street(2)
    street.lead_by_q(1.0, 0.5)
    street.send("INVITE")
    street.answer(180, callee=0)
    street.cancel()
    street.answer(487, callee=0)
    assert (street.answers, street.reach(1)) == ([180, 487], [])


def test_s16_10_a_callee_that_never_answers_its_cancel_counts_as_cancelled() -> None:
    street = Street()
    street.invite()
    street.answer(180)
    street.cancel()
    street.rig.run(33.0)
    assert street.answers[1] == 487


def test_s9_2_a_cancel_that_crosses_the_200_has_no_effect() -> None:
    street = Street()
    street.invite()
    street.answer(200)
    street.cancel()
    assert (street.answers, street.final("CANCEL").status, street.reach()) == ([200], 200, ["INVITE"])


def test_a_cancel_for_nothing_is_answered_with_481() -> None:
    street = Street()
    street.cancel()
    assert street.final("CANCEL").status == 481


# -- ACK


def test_s16_11_the_ack_to_a_2xx_follows_the_route_set_and_a_copy_of_it_stays_a_copy() -> None:
    street = Street()
    route = answered(street)
    for _ in range(2):
        inside(street, "ACK", route)
    first, second = street.callee.requests("ACK")
    assert first.raw == second.raw
    assert (first.uri_text, "Route" in first.headers, len(first.vias)) == (street.uri(street.callee), False, 2)


def test_s17_1_1_3_the_ack_to_a_refusal_is_the_proxys_own_on_either_side() -> None:
    street = Street()
    street.invite()
    street.answer(486)
    street.send("ACK", branch="INVITE1puppet-call", to_tag="c0")
    assert street.reach() == ["INVITE", "ACK"]
    assert len(street.got(method="ACK").vias) == 1


def test_an_ack_without_hops_left_is_dropped_and_not_answered() -> None:
    street = Street()
    inside(street, "ACK", answered(street), "Max-Forwards: 0")
    assert street.reach() == ["INVITE"]
    assert street.caller.lines == ["100 INVITE", "200 INVITE"]


def test_a_reinvite_and_its_ack_pass_like_the_first() -> None:
    street = Street()
    route = answered(street)
    inside(street, "INVITE", route, cseq=2)
    assert street.caller.lines[-1] == "100 INVITE"
    street.answer(200, body=SDP)
    assert street.answers == [200, 200]


# -- nothing is left


@pytest.mark.parametrize("end", ["answered", "refused", "cancelled", "silent"])
def test_when_a_call_is_over_nothing_of_it_is_left(end: str) -> None:
    street = Street(2)
    street.lead_by_q(1.0, 0.5)
    street.send("INVITE")
    if end == "answered":
        street.answer(200)
        inside(street, "BYE", record_route(street.got()), cseq=2)
        street.answer(200, method="BYE")
    elif end == "refused":
        street.answer(486)
        street.answer(404, callee=1)
    elif end == "cancelled":
        street.answer(180)
        street.cancel()
        street.answer(487)
    street.rig.run(400.0)
    assert street.is_empty
    assert repr(street.proxy.node.proxy) == "Proxy(0 requests, 0 branches)"
