"""Another operator as an object: its phones, its telephones, its switch, and whom it lets in."""

from __future__ import annotations

import pytest

from tests.lab.operators import DID, OMA, MakeOperators, Operators
from voxlab.base.errors import CallFailed, VoxlabError
from voxlab.lab.call import Call
from voxlab.lab.lab import Lab


def columns(call: Call) -> list[str]:
    """Return who takes part, from left to right."""
    flow = call.ladder().flow
    assert flow is not None
    return [participant.name for participant in flow.participants]


def test_a_phone_of_another_operator_calls_a_user_of_ours_without_registering_here(both: Operators) -> None:
    call = both.oma.dial("sip:alice@shop.acme.voxlab.test").wait("connected")
    both.lab.run(1.0)
    call.hang_up()
    assert "· +4930555001 → shop.forward → alice · PCMU" in repr(call).replace("\n", " ")
    heard = call.media
    assert len(heard) == 4
    assert (heard["packets"] > 30).all()
    assert (heard["lost"] == 0).all()


def test_it_reaches_a_number_of_ours_at_our_address(both: Operators) -> None:
    both.shop.number(DID)
    call = both.oma.dial(DID).wait("connected")
    call.hang_up()
    asked = [message for message in both.lab.journal.messages() if message.data.startswith(b"INVITE sip:+4930999100@")]
    assert b";user=phone SIP/2.0" in asked[-1].data
    assert "shop.reception" in repr(call)


def test_the_ladder_shows_both_operators_as_one_call(operators: Operators) -> None:
    call = operators.oma.dial("sip:alice@shop.acme.voxlab.test").wait("connected")
    call.hang_up()
    assert columns(call) == ["oma", "gigafon", "cloud", "alice"]


def test_a_stranger_gets_403_and_only_the_journal_knows_why(make_operators: MakeOperators) -> None:
    operators = make_operators(seed=7, friends=False)
    with pytest.raises(CallFailed, match="403 Forbidden, said by cloud"):
        operators.oma.dial("sip:alice@shop.acme.voxlab.test").wait()
    assert operators.refusals() == [
        "198.51.100.1 is in no trunk's whitelist, and From sip:+4930555001@gigafon.example is no user of ours"
    ]
    operators.account.trunk("gigafon", allow=[operators.giga.network])
    operators.oma.dial("sip:alice@shop.acme.voxlab.test").wait("connected")


def test_calls_between_its_own_phones_never_come_to_us(operators: Operators) -> None:
    opa = operators.giga.phone("+4930555002", name="opa", answer_after=0.1)
    call = operators.oma.dial("+4930555002").wait("connected")
    call.hang_up()
    assert "+4930555001 → gigafon.switch → opa" in repr(call).replace("\n", " ")
    assert opa.state == "idle"
    assert columns(call) == ["oma", "gigafon", "opa"]


def test_nobody_calls_through_it_in_a_subscriber_s_name(operators: Operators) -> None:
    with pytest.raises(CallFailed, match="407"):
        operators.giga.phone("+4930555003", password="Wrong-1!").dial(OMA).wait()


@pytest.mark.parametrize(
    ("cause", "status"), [(1, 404), (17, 486), (19, 480), (20, 480), (21, 603), (22, 410), (27, 502), (34, 503)]
)
def test_a_telephone_that_cannot_be_reached_says_why(operators: Operators, cause: int, status: int) -> None:
    operators.giga.telephone("+4930555900", cause_of_failure=cause)
    call = operators.oma.dial("+4930555900")
    with pytest.raises(CallFailed, match=rf"^{status} "):
        call.wait()
    reasons = [m.data for m in operators.lab.journal.messages() if f"Q.850;cause={cause};".encode() in m.data]
    assert reasons


def test_a_telephone_rings_and_is_picked_up(both: Operators) -> None:
    both.giga.telephone("+4930555901", answer_after=0.2, progress="180+183")
    call = both.oma.dial("+4930555901").wait("connected")
    both.lab.run(0.5)
    call.hang_up()
    said = [message.label for message in call.ladder().flow.arrows]
    assert said.count("180 Ringing") == 1
    assert said.count("183 Session Progress") == 1
    assert (call.media["packets"] > 20).all()


def test_a_telephone_keeps_a_long_call_alive_and_takes_a_hold(operators: Operators) -> None:
    operators.giga.telephone("+4930555903", answer_after=0.1)
    caller = operators.giga.phone("+4930555004", name="uncle", session_expires=90, refresher="uas", audio="silence")
    call = caller.dial("+4930555903").wait("connected")
    operators.lab.run(300)
    assert call.state == "connected"
    caller.hold()
    caller.resume()
    with pytest.raises(VoxlabError):
        caller.transfer("+4930555001")
    call.hang_up()
    said = [message.data.split(b" ", 1)[0] for message in operators.lab.journal.messages()]
    assert said.count(b"UPDATE") + said.count(b"INVITE") > 6  # refreshed every 45 s


def test_a_failure_may_be_spoken_before_it_is_signalled(operators: Operators) -> None:
    operators.giga.telephone("+4930555902", cause_of_failure=20, announces=True)
    call = operators.oma.dial("+4930555902")
    with pytest.raises(CallFailed, match="480"):
        call.wait()
    assert operators.lab.now > 2.0
    heard = operators.oma.machine.terminals[1].heard()  # type: ignore[union-attr]
    assert heard is not None
    assert abs(heard.astype(float)).mean() > 1000


def test_a_number_that_nobody_has_is_announced_where_the_operator_does_so(operators: Operators) -> None:
    with pytest.raises(CallFailed, match="404"):
        operators.oma.dial("+4930555999").wait()
    operators.lab.carrier("gigafon", announces=True)
    call = operators.oma.dial("+4930555999")
    with pytest.raises(CallFailed, match="404"):
        call.wait()
    assert "183 Session Progress" in call.ladder().text()


def test_a_number_that_no_operator_has_leads_nowhere(operators: Operators) -> None:
    with pytest.raises(CallFailed, match="404"):
        operators.oma.dial("+14155550100").wait()


def test_operators_find_each_other_by_their_numbers(operators: Operators) -> None:
    other = operators.lab.carrier("telco", network="203.0.113.0/24", numbers=["+4940777*"])
    other.allow(operators.giga.network)
    aunt = other.phone("+4940777001", name="aunt", answer_after=0.1)
    call = operators.oma.dial("+4940777001").wait("connected")
    call.hang_up()
    assert columns(call) == ["oma", "gigafon", "telco", "aunt"]
    with pytest.raises(CallFailed, match="403 Forbidden, said by gigafon"):
        aunt.dial(OMA).wait()  # GigaFon does not know telco
    assert operators.refusals()[-1] == "203.0.113.1 is not on the whitelist of gigafon"


def test_a_carrier_survives_starting_over(operators: Operators) -> None:
    operators.lab.reset()
    call = operators.oma.dial("sip:alice@shop.acme.voxlab.test").wait("connected")
    call.hang_up()
    assert operators.giga.address == "198.51.100.1:5060"


def test_equal_labs_with_carriers_keep_equal_journals(make_operators: MakeOperators) -> None:
    digests = []
    for _ in range(2):
        operators = make_operators(seed=3)
        operators.oma.dial("sip:alice@shop.acme.voxlab.test").wait("connected").hang_up()
        digests.append(operators.lab.journal.digest())
    assert digests[0] == digests[1]


# -- what cannot be


def test_a_carrier_is_made_once_and_updated(operators: Operators) -> None:
    assert operators.lab.carrier("gigafon") is operators.giga
    with pytest.raises(VoxlabError, match=r"say where it is, network='198\.51\.100\.0/24'"):
        operators.lab.carrier("telco")
    with pytest.raises(VoxlabError, match="cannot name a carrier"):
        operators.lab.carrier("Giga Fon", network="198.51.100.0/24")
    with pytest.raises(VoxlabError, match=r"a range of numbers is written '\+4930555\*'"):
        operators.lab.carrier("telco", network="203.0.113.0/24", numbers="030*")


@pytest.mark.parametrize("number", ["+4930999001", "030555001", "oma"])
def test_a_phone_has_a_number_of_its_operator(operators: Operators, number: str) -> None:
    with pytest.raises(VoxlabError, match=r"a number of gigafon|is no number of gigafon"):
        operators.giga.phone(number)


def test_an_operator_that_cannot_do_trunks_says_what_it_can(operators: Operators) -> None:
    crutch = operators.lab.carrier("smallfon", network="203.0.113.0/24", numbers="+4940777*", can_whitelist=False)
    with pytest.raises(VoxlabError, match=r"cannot do trunks.*sip_registration"):
        crutch.allow("192.0.2.10")
    assert "no trunks, registrations" in repr(crutch)
    neither = operators.lab.carrier("smallfon", accepts_registrations=False)
    with pytest.raises(VoxlabError, match="lets nobody else register"):
        neither.line("acme-office")


def test_its_repr_says_who_it_is_and_whom_it_lets_in(operators: Operators) -> None:
    operators.giga.telephone("+4930555901", answer_after=1)
    operators.giga.allow("192.0.2.10")
    assert repr(operators.giga).splitlines() == [
        "<Carrier gigafon: gigafon.example at 198.51.100.1:5060, numbers +4930555*, trunks, registrations>",
        "  lets in without a password: 192.0.2.10/32",
        "  <Phone oma (UDP 198.51.100.2:5060): registered, idle>",
        "  <Telephone +4930555901>",
    ]


def test_a_lab_without_addresses_of_its_own_has_no_room_for_another_operator() -> None:
    with Lab(live=True, bind="127.0.0.1", port=0) as lab, pytest.raises(VoxlabError, match="cannot be mapped"):
        lab.carrier("gigafon", network="198.51.100.0/24")


# -- a real operator


def test_a_real_operator_has_a_name_and_an_address_and_its_phones_are_its_own(operators: Operators) -> None:
    lab, giga = operators.lab, operators.giga
    giga.allow(lab.cloud.place.host)
    telco = lab.carrier("telco", address="sip:203.0.113.9:5060")
    assert repr(telco) == "<ExternalCarrier telco at sip:203.0.113.9:5060>"
    assert telco.network == "203.0.113.9/32"
    trunk = operators.account.trunk("telco", allow=[telco.network], gateway=telco.address)
    assert "no answer to OPTIONS" in str(trunk.probe())
    assert "telco" in lab.ladder().text(width=120)
    with pytest.raises(AttributeError, match=r"telco is a real operator: 'phone' is its own business"):
        telco.phone("+4930777001")
    with pytest.raises(VoxlabError, match=r"sbc\.example is a name, a whitelist holds addresses"):
        _ = lab.carrier("telco", address="sbc.example").network
    with pytest.raises(VoxlabError, match="a real one needs another name"):
        lab.carrier("gigafon", address="203.0.113.9")
