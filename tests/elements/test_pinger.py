from __future__ import annotations

import pytest

from voxlab.base.datagram import Address, Flow
from voxlab.base.ids import Ids
from voxlab.elements.pinger import Pinger, Reply

VIA = "SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK1"
FLOW = Flow("UDP", Address("192.0.2.10", 5060), Address("198.51.100.1", 5060))


class Asked:
    """A pinger and what it has heard."""

    def __init__(
        self, *, flows: tuple[Flow, ...] = (FLOW,), method: str = "OPTIONS", every_s: float | None = None
    ) -> None:
        self.heard: list[Reply] = []
        self.pinger = Pinger(
            "sip:198.51.100.1",
            lambda: flows,
            "sip:voxlab.test",
            Ids.seeded(1),
            self.heard.append,
            method=method,
            every_s=every_s,
        )


def test_a_question_is_an_options_outside_any_dialog() -> None:
    asked = Asked()
    asked.pinger.ask(5.0)
    ((request, flow),) = asked.pinger.requests()
    request.push_via(VIA)
    assert (request.method, request.uri_text, flow, request.to_tag) == ("OPTIONS", "sip:198.51.100.1", FLOW, None)
    asked.pinger.ask(5.1)  # one under way is waited for
    assert asked.pinger.requests() == []
    asked.pinger.receive(request.response(200, to_tag="t"), 5.25)
    assert asked.heard == [Reply(5.25, 200, "OK", True, 0.25)]
    assert asked.pinger.next_timeout() is None


def test_a_register_is_asked_for_the_platform_s_own_name() -> None:
    asked = Asked(method="REGISTER")
    asked.pinger.ask(0.0)
    ((request, _),) = asked.pinger.requests()
    request.push_via(VIA)
    assert (request.method, str(request.to.uri), request.contacts) == ("REGISTER", "sip:voxlab.test", ())


@pytest.mark.parametrize(("cause", "code", "reason"), [("timeout", 408, "no answer"), ("transport", 503, "transport")])
def test_no_answer_is_told_apart_from_an_answer_that_says_so(cause: str, code: int, reason: str) -> None:
    asked = Asked()
    asked.pinger.ask(0.0)
    asked.pinger.requests()
    asked.pinger.failed(cause, 32.0)
    assert asked.heard == [Reply(32.0, code, reason, False, 32.0)]


def test_a_neighbour_without_an_address_has_not_answered() -> None:
    asked = Asked(flows=())
    asked.pinger.ask(1.0)
    assert [(reply.code, reply.by_peer) for reply in asked.heard] == [(503, False)]
    assert asked.pinger.requests() == []


def test_it_asks_again_and_again_and_reads_when_it_shall_come_back() -> None:
    asked = Asked(every_s=10.0)
    asked.pinger.ask(0.0)
    ((request, _),) = asked.pinger.requests()
    request.push_via(VIA)
    asked.pinger.receive(request.response(503, headers=[("Retry-After", "120 (in service)")]), 0.1)
    assert asked.heard[0].retry_after_s == 120.0
    assert asked.pinger.next_timeout() == 10.0
    asked.pinger.handle_timeout(9.9)
    assert asked.pinger.requests() == []
    asked.pinger.handle_timeout(10.0)
    assert [request.headers.get("CSeq") for request, _ in asked.pinger.requests()] == ["2 OPTIONS"]
    assert asked.pinger.next_timeout() == 20.0
