"""RFC 5393 s.4: a proxy that may fork finds loops by the second part of its branches, and lets spirals pass."""

from __future__ import annotations

from tests.elements.proxying import OUR_DOMAIN, Street
from voxlab.elements.target_set import Target
from voxlab.sip.message import Request


def come_back(street: Street, got: Request, uri: str) -> None:
    """Have the callee's side send what it got to the proxy again, as another proxy would, under this Request-URI."""
    vias = [f"Via: {value}" for value in got.headers.get_all("via")]
    raw = got.raw.split(b"\r\n")
    lines = [f"INVITE {uri} SIP/2.0", f"Via: SIP/2.0/UDP {street.callee.address};branch=z9hG4bKback", *vias]
    rest = [line for line in raw[1:] if not line.startswith(b"Via:")]
    street.rig.send(street.callee, street.proxy, "\r\n".join(lines).encode() + b"\r\n" + b"\r\n".join(rest))


def test_s4_2_2_a_request_that_comes_back_unchanged_has_looped() -> None:
    street = Street()
    come_back(street, street.invite(), f"sip:bob@{OUR_DOMAIN}")
    assert street.callee.responses("INVITE")[-1].status == 482


def test_s4_2_2_a_request_that_comes_back_for_somebody_else_is_a_spiral_and_goes_on() -> None:
    street = Street(2)
    street.lead_to(Target(street.uri(street.callee)))
    got = street.invite()
    street.lead_to(Target(street.uri(street.callees[1])))
    come_back(street, got, f"sip:carol@{OUR_DOMAIN}")
    assert street.got(1).uri_text == street.uri(street.callees[1])
    assert len(street.got(1).vias) == 4


def test_s4_2_1_the_second_part_is_the_same_for_the_cancel() -> None:
    street = Street()
    got = street.invite()
    street.answer(180)
    street.cancel()
    assert street.got(method="CANCEL").branch == got.branch


def test_a_via_with_our_address_that_is_not_ours_is_no_loop() -> None:
    street = Street()
    street.send("INVITE", f"Via: SIP/2.0/UDP {street.proxy.address};branch=z9hG4bKsomebody-elses")
    assert street.reach() == ["INVITE"]


def test_two_proxies_that_send_a_call_to_each_other_stop_at_once_and_not_after_seventy_hops() -> None:
    street = Street()
    other = street.rig.side("other", policy=street.policy)
    uris = {other: f"sip:bob@{other.address}", street.proxy: f"sip:bob@{street.proxy.address}"}

    class BackAndForth(type(street.policy)):  # type: ignore[misc]
        def route(self, request: Request, flow: object, now: float) -> object:
            here = other if flow.local == other.address else street.proxy  # type: ignore[attr-defined]
            there = street.proxy if here is other else other
            return street.policy.answer._replace(targets=(Target(uris[there]),))  # type: ignore[union-attr]

    street.policy.__class__ = BackAndForth
    street.send("INVITE")
    street.rig.run(2.0)
    assert set(street.answers) == {482}
    sent = [m for host in (street.proxy, other) for _, m, _ in host.sent if isinstance(m, Request)]
    assert sum(message.method == "INVITE" for message in sent) <= 4
