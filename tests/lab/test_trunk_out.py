"""Calls leave through trunks: numbers and callers in the operator's dialect, gateways by priority, failover, health."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from tests.lab.operators import DID, OMA, MakeOperators, Operators
from voxlab.base.errors import CallFailed, VoxlabError
from voxlab.elements.zone import Srv
from voxlab.lab.carrier import Carrier
from voxlab.sip.message import Request
from voxlab.sip.parser import parse

CLOUD = "192.0.2.10"


@pytest.fixture
def out(operators: Operators) -> Operators:
    """Two operators that let each other in; numbers go out through the trunk."""
    return opened(operators)


def opened(operators: Operators) -> Operators:
    operators.giga.allow(operators.lab.cloud.place.host)
    operators.account.trunk("gigafon", gateway=operators.giga.address)
    operators.shop.number(DID)

    @operators.shop.scenario(pattern=r"\+49.*")
    async def dial_out(call: Any) -> None:
        await call.forward_to_pstn()

    return operators


def invites(operators: Operators, *, to: str = "") -> list[Request]:
    """Return the INVITEs that left the cloud, the first copies."""
    found: dict[str, Request] = {}
    for message in operators.lab.journal.messages():
        if message.src.host == operators.lab.cloud.place.host and message.data.startswith(b"INVITE"):
            request = parse(message.data)
            assert isinstance(request, Request)
            if message.dst.host.startswith(to) and not message.dst.host.startswith("10."):
                found.setdefault(request.branch, request)
    return list(found.values())


def twin(operators: Operators, **options: Any) -> Carrier:
    """Return a second operator that has the same numbers, and lets the cloud in."""
    other = operators.lab.carrier("telco", network="203.0.113.0/24", numbers="+4930555*", **options)
    other.allow(CLOUD)
    other.telephone(OMA, answer_after=0.1)
    return other


# -- the whole way


def test_a_user_of_ours_calls_a_number_of_another_operator(both: Operators) -> None:
    opened(both)
    call = both.alice.dial(OMA).wait("connected")
    both.lab.run(1.0)
    call.hang_up()
    assert "alice → shop.dial_out → +4930555001 · PCMU" in repr(call).replace("\n", " ")
    assert len(call.media) == 4
    assert (call.media["packets"] > 30).all()
    assert repr(both.trunk).startswith(
        f"<Trunk gigafon: in ✓ {both.giga.network} · out ✓ {both.giga.address} (✓ 200 OK)"
    )


def test_a_scenario_calls_a_number_and_a_uri_by_itself(out: Operators) -> None:
    reached = []

    @out.shop.scenario(pattern="both")
    async def both_ways(call: Any) -> None:
        await call.answer()
        for leg in (
            await call.session.call_pstn(OMA, DID),
            await call.session.call_sip(f"sip:{OMA}@gigafon.example"),
        ):
            await leg.hang_up()
            reached.append(leg.destination)
        await call.hang_up()

    out.alice.dial("both").wait("ended")
    assert reached == [OMA, OMA]
    by_number, by_uri = invites(out)
    assert by_number.uri_text == f"sip:{OMA}@198.51.100.1:5060;user=phone"
    assert by_uri.uri_text == f"sip:{OMA}@gigafon.example"


# -- numbers and callers in the operator's dialect


@pytest.mark.parametrize(
    ("style", "called", "caller"),
    [
        ("e164", "+4930555001", "+4930999100"),
        ("00", "004930555001", "004930999100"),
        ("plain", "4930555001", "4930999100"),
        ("national", "030555001", "030999100"),
    ],
)
def test_numbers_are_written_as_the_operator_wants_them(out: Operators, style: str, called: str, caller: str) -> None:
    out.lab.carrier("gigafon", number_format=style, country="49")
    out.account.trunk("gigafon", number_format=style, country="49", prefix="")
    out.alice.dial(OMA).wait("connected")
    (invite,) = invites(out)
    assert (invite.uri.user, invite.from_.uri.user) == (called, caller)
    assert ("user" in invite.uri.params) == called.startswith("+")


def test_an_operator_refuses_what_is_not_its_dialect_and_says_so_in_the_journal(out: Operators) -> None:
    out.lab.carrier("gigafon", number_format="national", country="49")
    with pytest.raises(CallFailed, match="404 Not Found, said by gigafon"):
        out.alice.dial(OMA).wait()
    assert out.refusals()[-1] == "+4930555001 is not how gigafon wants numbers written: 030555001"


def test_a_technical_prefix_goes_before_the_number(out: Operators) -> None:
    out.account.trunk("gigafon", prefix="77#")
    with pytest.raises(CallFailed):
        out.alice.dial(OMA).wait()
    assert invites(out)[0].uri.user == "77#+4930555001"


@pytest.mark.parametrize(
    ("identity", "header", "value"),
    [
        ("pai", "P-Asserted-Identity", "<sip:+4930999100@shop.acme.voxlab.test;user=phone>"),
        ("ppi", "P-Preferred-Identity", "<sip:+4930999100@shop.acme.voxlab.test;user=phone>"),
        (
            "rpid",
            "Remote-Party-ID",
            "<sip:+4930999100@shop.acme.voxlab.test;user=phone>;party=calling;screen=yes;privacy=off",
        ),
    ],
)
def test_the_operator_is_told_who_calls_in_its_way(out: Operators, identity: str, header: str, value: str) -> None:
    out.account.trunk("gigafon", identity=identity)
    out.alice.dial(OMA).wait("connected")
    assert invites(out)[0].headers.get(header) == value


def test_an_anonymous_caller_is_known_to_the_operator_alone(out: Operators) -> None:
    @out.shop.scenario(pattern=r"\+49.*")
    async def dial_out(call: Any) -> None:
        await call.forward_to_pstn(anonymous=True)

    out.alice.dial(OMA).wait("connected")
    (invite,) = invites(out)
    assert str(invite.from_).startswith('"Anonymous" <sip:anonymous@anonymous.invalid>')
    assert invite.headers.get("Privacy") == "id"
    assert "+4930999100" in (invite.headers.get("P-Asserted-Identity") or "")


def test_a_caller_who_asks_for_privacy_gets_it_across_the_trunk(out: Operators) -> None:
    out.alice.dial(OMA, anonymous=True).wait("connected")
    (invite,) = invites(out)
    assert invite.headers.get("Privacy") == "id"
    assert invite.from_.uri.host == "anonymous.invalid"


@pytest.mark.parametrize(
    ("forwarding", "lines"),
    [
        ("diversion", {"Diversion": "<sip:+4930999100@acme.example;user=phone>;reason=unconditional;counter=1"}),
        (
            "history-info",
            {
                "History-Info": "<sip:+4930999100@acme.example;user=phone>;index=1, "
                "<sip:+4930555900@acme.example;user=phone>;index=1.1;mp=1"
            },
        ),
        ("none", {}),
    ],
)
def test_a_forwarded_call_says_on_whose_behalf_it_comes(out: Operators, forwarding: str, lines: dict[str, str]) -> None:
    out.giga.telephone("+4930555900", answer_after=0.1)
    out.account.trunk("gigafon", forwarding=forwarding, from_domain="acme.example")

    @out.shop.scenario(pattern=r"\+4930999.*")
    async def reception(call: Any) -> None:
        await call.forward_to_pstn("+4930555900")

    out.oma.dial(DID).wait("connected")
    (invite,) = invites(out)
    assert invite.from_.uri.user == OMA  # who really calls
    told = {name: invite.headers.get(name) for name in ("Diversion", "History-Info") if name in invite.headers}
    assert told == lines


def test_a_trunk_may_want_a_password(out: Operators) -> None:
    line = out.giga.line("acme-trunk")
    out.giga.allow("203.0.113.77")
    credentials = {"username": line.username, "password": line.password, "from_domain": out.giga.domain}
    out.account.trunk("gigafon", **credentials)
    call = out.alice.dial(OMA).wait("connected")
    call.hang_up()
    assert "407 Proxy Authentication Required" in call.ladder().text(width=160)
    assert "Proxy-Authorization" in invites(out)[-1].headers
    with pytest.raises(VoxlabError, match="a username and no password"):
        out.account.trunk("telco", username="acme")


# -- several gateways


def test_when_nobody_answers_the_next_gateway_is_tried_and_the_dead_one_last_from_then_on(out: Operators) -> None:
    out.account.trunk("gigafon", gateway=["203.0.113.9", out.giga.address])
    out.alice.dial(OMA).wait("connected").hang_up()
    assert [invite.uri.host for invite in invites(out)] == ["203.0.113.9", "198.51.100.1"]
    assert out.lab.now > 32.0  # Timer B
    dead, alive = out.trunk.gateways
    assert (dead.health.is_up, dead.health.code, alive.health.is_up) == (False, 408, True)
    out.alice.dial(OMA).wait("connected").hang_up()
    assert [invite.uri.host for invite in invites(out)][2:] == ["198.51.100.1"]


def test_after_503_the_next_gateway_is_tried(out: Operators) -> None:
    out.giga.telephone(OMA, cause_of_failure=34)
    other = twin(out)
    out.account.trunk("gigafon", gateway=[out.giga.address, other.address])
    call = out.alice.dial(OMA).wait("connected")
    assert [participant.name for participant in call.ladder().flow.participants] == [
        "alice",
        "cloud",
        "gigafon",
        "telco",
    ]


@pytest.mark.parametrize(("cause", "status"), [(17, 486), (21, 603), (20, 480), (1, 404)])
def test_what_the_called_party_says_is_final(out: Operators, cause: int, status: int) -> None:
    out.giga.telephone(OMA, cause_of_failure=cause)
    other = twin(out)
    out.account.trunk("gigafon", gateway=[out.giga.address, other.address])
    with pytest.raises(CallFailed, match=f"^{status} "):
        out.alice.dial(OMA).wait()
    assert invites(out, to="203.") == []


def test_the_next_trunk_is_tried_when_the_first_does_not_serve(out: Operators) -> None:
    out.giga.telephone(OMA, cause_of_failure=42)
    other = twin(out)
    out.account.trunk("second", gateway=other.address)
    out.alice.dial(OMA).wait("connected")
    assert [invite.uri.host for invite in invites(out)] == ["198.51.100.1", "203.0.113.1"]


def test_when_nobody_serves_the_caller_hears_the_last_refusal(out: Operators) -> None:
    out.giga.telephone(OMA, cause_of_failure=34)
    with pytest.raises(CallFailed, match="503 Service Unavailable"):
        out.alice.dial(OMA).wait()


def test_equals_share_the_calls_by_weight(out: Operators) -> None:
    other = twin(out)
    out.giga.telephone(OMA, answer_after=0.0)
    out.account.trunk("gigafon", gateway=[(out.giga.address, 1, 3), (other.address, 1, 1)])
    for _ in range(40):
        out.alice.dial(OMA).wait("connected").hang_up()
    first = sum(invite.uri.host == "198.51.100.1" for invite in invites(out))
    assert 20 <= first < 40


def test_a_gateway_with_a_name_is_found_by_dns(out: Operators) -> None:
    out.lab.zone.srv_records(
        "_sip._udp.sbc.gigafon.example", Srv(1, 0, 5060, "dead.example"), Srv(2, 0, 5060, "gigafon.example")
    )
    out.lab.zone.a("dead.example", "203.0.113.9")
    out.account.trunk("gigafon", gateway="sbc.gigafon.example")
    call = out.alice.dial(OMA).wait("connected")
    assert {invite.uri_text for invite in invites(out)} == {f"sip:{OMA}@sbc.gigafon.example;user=phone"}
    assert [p.name for p in call.ladder().flow.participants] == ["alice", "cloud", "203.0.113.9", "gigafon", "oma"]


# -- what may not leave


def test_a_number_that_no_trunk_reaches_is_explained_in_the_log(
    out: Operators, capsys: pytest.CaptureFixture[str]
) -> None:
    out.account.trunk("gigafon", reaches="+1*")
    with pytest.raises(CallFailed, match="404"):
        out.alice.dial(OMA).wait()
    assert (
        "404 No Route: no trunk of account 'acme' reaches +4930555001: gigafon (reaches +1*)" in capsys.readouterr().out
    )


def test_no_emergency_call_is_made_by_a_script_either(out: Operators, capsys: pytest.CaptureFixture[str]) -> None:
    @out.shop.scenario(pattern="help")
    async def help_me(call: Any) -> None:
        await call.forward_to_pstn("112")

    with pytest.raises(CallFailed, match="403 Emergency Calls Not Supported"):
        out.alice.dial("help").wait()
    assert "use a telephone that does" in capsys.readouterr().out
    assert invites(out) == []


def test_another_operator_s_call_does_not_leave_again_as_it_came(make_operators: MakeOperators) -> None:
    operators = make_operators(seed=7)
    operators.giga.allow(CLOUD)
    operators.account.trunk("gigafon", gateway=operators.giga.address)

    @operators.shop.scenario(pattern=r"\+.*")
    async def dial_out(call: Any) -> None:
        await call.forward_to_pstn()

    fraud = "sip:+19005550100@shop.acme.voxlab.test"
    with pytest.raises(CallFailed, match="403 Forbidden, said by cloud"):
        operators.oma.dial(fraud).wait()
    assert invites(operators) == []
    operators.account.trunk("gigafon", transit=True)
    with pytest.raises(CallFailed, match="403 Forbidden, said by gigafon"):  # which carries nothing through either
        operators.oma.dial(fraud).wait()
    assert len(invites(operators)) == 1


def test_channels_are_counted_in_both_directions(out: Operators) -> None:
    out.account.trunk("gigafon", channels=1)
    other = out.shop.user("carol").phone()
    standing = out.alice.dial(OMA).wait("connected")
    assert out.trunk.usage.calls == 1
    with pytest.raises(CallFailed, match="503"):
        other.dial("+4930555002").wait()
    standing.hang_up()
    out.lab.run(1)
    assert out.trunk.usage.calls == 0


# -- health


def test_a_probe_says_what_each_gateway_answered(out: Operators) -> None:
    out.account.trunk("gigafon", gateway=[out.giga.address, "203.0.113.9"])
    probe = out.trunk.probe()
    assert probe
    assert str(probe).splitlines() == [
        "✓ 198.51.100.1:5060: 200 OK to OPTIONS after 1 ms",
        "✗ 203.0.113.9: no answer to OPTIONS (nobody is there, or a firewall drops what we send)",
    ]
    out.giga.allow("203.0.113.77")
    refused = out.trunk.probe()
    assert not refused
    assert str(refused).splitlines()[1] == (
        "  it does not know our address: let it import lab.media_resources(); "
        "or register there, it answers REGISTER with 401"
    )
    assert "no gateway to ask" in str(out.account.trunk("empty").probe())


def test_gateways_are_asked_again_and_again_where_that_is_wanted(out: Operators) -> None:
    out.account.trunk("gigafon", options_every=10)
    out.lab.run(35)
    asked = [m.time_s for m in out.lab.journal.messages() if m.data.startswith(b"OPTIONS")]
    assert [round(b - a, 3) for a, b in pairwise(asked)] == [10.0, 10.0, 10.0]
    assert "out ✓ 198.51.100.1:5060 (✓ 200 OK in 1 ms)" in repr(out.trunk)
    out.account.trunk("gigafon", options_every=None)
    out.lab.run(30)
    assert sum(m.data.startswith(b"OPTIONS") for m in out.lab.journal.messages()) == len(asked)
    with pytest.raises(VoxlabError, match="options_every takes seconds"):
        out.account.trunk("gigafon", options_every=0)


@pytest.mark.parametrize("wrong", ["", "sip:", "oma@gigafon.example", 5060, "tel:+49"])
def test_what_is_no_gateway_is_refused(out: Operators, wrong: Any) -> None:
    with pytest.raises(VoxlabError, match=r"a gateway is a host|gateways are a list"):
        out.account.trunk("gigafon", gateway=wrong)
