"""RFC 3263 s.4.3: a next hop that fails is followed by the next one, on a new branch."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.elements.proxying import Street
from voxlab.base.datagram import Flow
from voxlab.elements.target_set import Target
from voxlab.sip.uri import Uri

GATEWAYS = "sip:bob@gateways.example"


class Gateways(Street):
    """Two hosts behind one name."""

    def __init__(self) -> None:
        super().__init__(2)
        self.lead_to(Target(GATEWAYS))
        node = self.proxy.node
        usual = node.next_hops

        def next_hops(uri: Uri) -> Sequence[Flow]:
            if uri.host != "gateways.example":
                return usual(uri)
            return [Flow("UDP", self.proxy.address, callee.address) for callee in self.callees]

        node.next_hops = next_hops  # type: ignore[method-assign]


def test_s4_3_a_503_leads_on_to_the_next_host_with_a_new_branch() -> None:
    street = Gateways()
    street.send("INVITE")
    street.answer(503, callee=0)
    assert (street.reach(0), street.reach(1)) == (["INVITE", "ACK"], ["INVITE"])
    assert street.got(0).branch != street.got(1).branch
    assert street.got(1).uri_text == GATEWAYS
    street.answer(200, callee=1)
    assert street.answers == [200]


def test_s4_3_a_transport_error_leads_on_too() -> None:
    street = Gateways()
    street.send("INVITE")
    street.proxy.node.transport_error(street.proxy.sent[-1][2], "refused", street.rig.now)
    street.rig.run(0.1)
    assert street.reach(1) == ["INVITE"]


def test_s4_3_a_host_that_says_nothing_is_given_up_after_64_t1() -> None:
    street = Gateways()
    street.send("INVITE")
    street.rig.run(31.0)
    assert street.reach(1) == []
    street.rig.run(2.0)
    assert street.reach(1)[0] == "INVITE"


@pytest.mark.parametrize("status", [486, 500, 603, 408])
def test_s4_3_any_other_refusal_is_the_answer(status: int) -> None:
    street = Gateways()
    street.send("INVITE")
    street.answer(status, callee=0)
    assert (street.answers, street.reach(1)) == ([status], [])


def test_a_host_that_rang_is_not_given_up_for_another_by_the_clock() -> None:
    street = Gateways()
    street.send("INVITE")
    street.answer(180, callee=0)
    street.rig.run(60.0)
    assert street.reach(1) == []
    street.answer(503, callee=0)
    assert street.reach(1)[0] == "INVITE"


def test_when_every_host_has_failed_the_caller_hears_500() -> None:
    street = Gateways()
    street.send("INVITE")
    street.answer(503, callee=0)
    street.answer(503, callee=1)
    assert street.answers == [500]


def test_after_the_caller_has_cancelled_no_other_host_is_tried() -> None:
    street = Gateways()
    street.send("INVITE")
    street.answer(180, callee=0)
    street.cancel()
    street.answer(503, callee=0)
    assert street.reach(1) == []
