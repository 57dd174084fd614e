from __future__ import annotations

from voxlab.base.datagram import Address, Flow
from voxlab.elements.routing import Answer, Challenge, Handle, Reject, admit_by
from voxlab.sip.message import Request

FLOW = Flow("UDP", Address("127.0.0.1", 5060), Address("127.0.0.2", 5062))


class Fixed:
    """A policy with one answer."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[tuple[Request, Flow, float]] = []

    def route(self, request: Request, flow: Flow, now: float) -> Answer:
        self.asked.append((request, flow, now))
        return self.answer


def admitted(answer: Answer) -> tuple[object, ...]:
    policy = Fixed(answer)
    request = Request.build("INVITE", "sip:bob@shop", [])
    found = admit_by(policy)(request, FLOW, 7.0)
    assert policy.asked == [(request, FLOW, 7.0)]
    return found.status, found.target, found.reason, found.headers, found.why


def test_what_is_handled_here_is_admitted_to_its_target() -> None:
    target = object()
    assert admitted(Handle(target)) == (0, target, None, (), "")


def test_what_is_rejected_shows_the_status_and_keeps_the_reason() -> None:
    retry = (("Retry-After", "5"),)
    assert admitted(Reject(403, None, "in no whitelist")) == (403, None, None, (), "in no whitelist")
    assert admitted(Reject(503, "Busy", "full", retry)) == (503, None, "Busy", retry, "full")


def test_a_challenge_is_a_407_with_its_header_fields() -> None:
    headers = (("Proxy-Authenticate", "Digest"),)
    assert admitted(Challenge("voxlab.test", headers, "no credentials")) == (407, None, None, headers, "no credentials")
