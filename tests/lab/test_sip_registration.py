"""The crutch: the platform registers as a telephone of another operator, and calls go both ways over that."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from tests.lab.operators import OMA, Operators
from voxlab.base.datagram import Address, Flow
from voxlab.base.errors import CallFailed, VoxlabError
from voxlab.lab.sip_registration import SipRegistration
from voxlab.sip.message import Request
from voxlab.sip.parser import parse

OFFICE = "+4930555900"


def registered(operators: Operators, **given: Any) -> SipRegistration:
    """Let GigaFon do no trunks, and register there as acme-office."""
    operators.lab.carrier("gigafon", can_whitelist=False)
    line = operators.giga.line("acme-office", number=OFFICE)

    @operators.shop.scenario(pattern="nothing matches this")
    async def incoming(call: Any) -> None:
        await call.forward_to_user("alice")

    @operators.shop.scenario(pattern=r"\+49.*")
    async def dial_out(call: Any) -> None:
        await call.forward_to_sip(call.destination, registration="acme-office")

    options = {"proxy": line.proxy, "password": line.password, "rule": "incoming", **given}
    return operators.shop.sip_registration(line.username, **options).wait()


def states(registration: SipRegistration) -> list[tuple[str, int]]:
    return [(step.state, step.code) for step in registration.history]


# -- its life


def test_it_registers_with_digest_and_keeps_its_history(both: Operators) -> None:
    registration = registered(both)
    assert (registration.state, registration.code, registration.reason) == ("successful", 200, "OK")
    assert states(registration) == [("in_progress", 0), ("in_progress", 401), ("successful", 200)]
    assert repr(registration) == f"<SipRegistration acme-office at {both.giga.address}: successful → rule incoming>"
    assert both.shop.sip_registrations[0].record is registration.record


def test_calls_come_in_over_it_and_its_rule_takes_them_whatever_its_pattern(both: Operators) -> None:
    registered(both)
    call = both.oma.dial(OFFICE).wait("connected")
    both.lab.run(1.0)
    call.hang_up()
    assert "+4930555001 → shop.incoming → alice" in repr(call).replace("\n", " ")
    assert (call.media["packets"] > 30).all()


def test_calls_go_out_over_it_with_digest(both: Operators) -> None:
    registered(both)
    call = both.alice.dial(OMA).wait("connected")
    both.lab.run(1.0)
    call.hang_up()
    assert "alice → shop.dial_out → +4930555001" in repr(call).replace("\n", " ")
    assert (call.media["packets"] > 30).all()
    asked = [parse(m.data) for m in both.lab.journal.messages() if m.data.startswith(b"INVITE sip:+4930555001@")]
    ours = [request for request in asked if isinstance(request, Request) and request.from_.uri.user == "acme-office"]
    assert any("Proxy-Authorization" in request.headers for request in ours)


def test_it_is_refreshed_in_time_and_taken_back_when_it_is_removed(operators: Operators) -> None:
    registration = registered(operators)
    operators.lab.run(4000)
    assert states(registration)[-2:] == [("successful", 200), ("successful", 200)]
    assert registration.history[-1].time_s < 3600
    registration.remove()
    assert registration.state == "deactivated"
    assert operators.shop.sip_registrations == ()
    with pytest.raises(CallFailed, match="480"):
        operators.oma.dial(OFFICE).wait()
    with pytest.raises(CallFailed, match=r"500 "):
        operators.alice.dial(OMA).wait()


def test_its_machine_is_drawn_with_the_path_that_it_took(operators: Operators) -> None:
    drawn = registered(operators).diagram()
    text = drawn.text()
    assert text.splitlines()[0] == "registration, 3 steps, now Registered"
    assert "● Registered" in text
    assert "[2]    401, 407" in text
    assert "[3]    2xx" in text
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "registration, 3 steps, now Registered" in drawn.svg


def test_a_wrong_password_is_tried_once_and_no_storm_follows(operators: Operators) -> None:
    registration = registered(operators, password="Wrong-1!")
    assert (registration.state, registration.code) == ("failed", 401)
    sent = sum(m.data.startswith(b"REGISTER") and b"acme-office" in m.data for m in operators.lab.journal.messages())
    operators.lab.run(7200)
    later = sum(m.data.startswith(b"REGISTER") and b"acme-office" in m.data for m in operators.lab.journal.messages())
    assert sent == later == 2
    line = operators.giga.line("acme-office")
    assert operators.shop.sip_registration("acme-office", password=line.password).wait().state == "successful"


def test_a_registrar_that_answers_403_is_asked_ever_more_rarely(operators: Operators) -> None:
    registrar = Registrar(operators, 403)
    registration = operators.shop.sip_registration("acme-office", proxy="203.0.113.9", password="x").wait()
    assert (registration.state, registration.code, registration.reason) == ("failed", 403, "Forbidden")
    operators.lab.run(3600)
    gaps = [later - earlier for earlier, later in pairwise(registrar.asked_at)]
    assert len(registrar.asked_at) < 10
    assert gaps[-1] > gaps[0] >= 15
    registrar.status = 200
    operators.lab.run(3600)
    assert registration.state == "successful"
    assert [step.state for step in registration.history][-2:] == ["in_progress", "successful"]


def test_a_registrar_that_wants_longer_intervals_gets_them(operators: Operators) -> None:
    registrar = Registrar(operators, 423, ("Min-Expires", "7200"))
    registration = operators.shop.sip_registration("acme-office", proxy="203.0.113.9", password="x")
    registrar.after_first = 200
    registration.wait()
    assert registration.state == "successful"
    assert [request.headers.get("Expires") for request in registrar.requests] == ["3600", "7200"]


def test_a_proxy_whose_name_leads_nowhere_is_looked_up_again(operators: Operators) -> None:
    line = operators.giga.line("acme-office")
    registration = operators.shop.sip_registration("acme-office", proxy="sbc.nowhere.example", password=line.password)
    assert (registration.state, registration.code) == ("failed", 503)
    assert registration.reason == "no address is known of sbc.nowhere.example"
    operators.lab.zone.a("sbc.nowhere.example", "198.51.100.1")
    operators.lab.run(40)
    assert registration.code in (403, 404)  # GigaFon is there, but that is not its name


def test_an_outbound_proxy_and_a_name_for_digest_may_differ(operators: Operators) -> None:
    line = operators.giga.line("acme-trunk")
    operators.giga.line("acme-office", password=line.password)
    registration = operators.shop.sip_registration(
        "acme-office", proxy="gigafon.example", outbound_proxy=operators.giga.address, password=line.password
    ).wait()
    assert registration.state == "successful"
    other = operators.shop.sip_registration("acme-office", auth_user="acme-trunk").wait()
    assert (other.state, other.code) == ("failed", 403)  # the digest is right, but it is another subscriber's


def test_it_comes_back_when_the_lab_starts_over_and_follows_when_the_sbc_moves(operators: Operators) -> None:
    registration = registered(operators)
    operators.lab.reset()
    assert registration.wait().state == "successful"
    operators.oma.dial(OFFICE).wait("connected").hang_up()
    operators.lab.move_sbc()
    assert registration.wait().state == "successful"
    call = operators.oma.dial(OFFICE).wait("connected")
    call.hang_up()
    assert "shop.incoming" in repr(call)


# -- bound to a user


def test_one_that_is_bound_to_a_user_stands_while_he_is_logged_in(operators: Operators) -> None:
    registration = registered(operators, persistent=False, user="alice")
    assert registration.state == "successful"
    operators.alice.unregister()
    operators.lab.run(1)
    assert registration.state == "deactivated"
    operators.alice.register()
    operators.lab.run(1)
    assert registration.state == "successful"
    assert repr(registration.record).endswith("successful, while alice is logged in>")


def test_a_user_has_one_at_most(operators: Operators) -> None:
    first = registered(operators, user="alice")
    line = operators.giga.line("second-office")
    operators.shop.sip_registration("second-office", proxy=line.proxy, password=line.password, user="alice")
    assert first.record.user is None


# -- what cannot be


def test_what_is_no_registration_is_refused(operators: Operators) -> None:
    shop = operators.shop
    with pytest.raises(VoxlabError, match=r"is new: say proxy='gigafon\.example' and password"):
        shop.sip_registration("acme-office")
    with pytest.raises(VoxlabError, match="say user="):
        shop.sip_registration("acme-office", proxy="gigafon.example", password="x", persistent=False)
    with pytest.raises(VoxlabError, match="a proxy is a domain"):
        shop.sip_registration("acme-office", proxy="sip:oma@gigafon.example", password="x")
    with pytest.raises(VoxlabError, match="a SIP user name is a string"):
        shop.sip_registration("", proxy="gigafon.example", password="x")
    with pytest.raises(VoxlabError, match="did you mean 'forward'"):
        shop.sip_registration("acme-office", proxy="gigafon.example", password="x", rule="forwrd")
    assert operators.lab.platform.registrations == {}


def test_the_contact_of_a_registration_opens_nothing_to_others(operators: Operators) -> None:
    registration = registered(operators)
    other = operators.lab.carrier("telco", network="203.0.113.0/24", numbers="+4940777*")
    spy = other.phone("+4940777001", name="spy")
    with pytest.raises(CallFailed, match="403 Forbidden, said by cloud"):
        spy.dial(f"sip:{registration.record.contact_user}@192.0.2.10").wait()
    assert "whose registrar is at 198.51.100.1" in operators.refusals()[-1]


class Registrar:
    """Somebody at 203.0.113.9 who answers every REGISTER in one way."""

    def __init__(self, operators: Operators, status: int, *headers: tuple[str, str]) -> None:
        self.status, self.headers, self.after_first = status, headers, 0
        self.asked_at: list[float] = []
        self.requests: list[Request] = []
        attach = operators.lab.network.attach
        self._endpoint = operators.lab.world.submit(lambda: attach("registrar", "203.0.113.9", 5060, self, ("UDP",)))

    def rested(self) -> None: ...

    def received(self, flow: Flow, data: bytes, now: float) -> None:
        request = parse(data)
        assert isinstance(request, Request)
        self.asked_at.append(now)
        self.requests.append(request)
        headers = self.headers if self.status != 200 else (("Contact", str(request.contacts[0])), ("Expires", "3600"))
        answer = request.response(self.status, to_tag="r", headers=headers)
        self.status = self.after_first or self.status
        self._endpoint.send(Flow("UDP", Address("203.0.113.9", 5060), flow.remote), answer.raw)

    def transport_error(self, flow: Flow, reason: str, now: float) -> None: ...

    def closed_flow(self, flow: Flow, now: float) -> None: ...
