"""Nuances 1 to 6, 26 and 27 between two operators: numbers, identities, announcements, routes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pytest

from tests.lab.operators import DID, OMA, MakeOperators, Operators
from tests.nuances.play import dialled, opened
from tests.nuances.test_healthy_calls import forwarded
from voxlab import PeerProfile
from voxlab.lab.call import Call


def out(operators: Operators) -> Call:
    return dialled(operators.alice, OMA)


def inward(operators: Operators) -> Call:
    return dialled(operators.oma, DID)


def for_half_a_minute(operators: Operators) -> Call:
    return dialled(operators.alice, OMA, seconds=40.0)


def anonymously(operators: Operators) -> Call:
    return dialled(operators.oma, DID, anonymous=True)


def nobody(operators: Operators) -> Call:
    return dialled(operators.alice, "+4930555999")


class Nuance(NamedTuple):
    """A fault of the other operator: what explains it and how surely, what the ladder shows, which option cures it."""

    fault: str
    finding: str
    certainty: str
    symptom: str
    call: Callable[[Operators], Call] = out
    parameters: Mapping[str, Any] = {}
    before: Mapping[str, Any] = {}
    cure: Mapping[str, Any] | None = None
    also: tuple[str, ...] = ()


def early(operators: Operators) -> Call:
    """Call a phone that speaks before it is picked up."""
    operators.giga.phone(OMA, early_media=True, answer_after=1.0)
    return dialled(operators.alice, OMA)


UNSURE = ("VX-IDENTITY-MISSING", "VX-FROM-DOMAIN", "VX-403")
NUANCES = [
    Nuance("number_format", "VX-NUMBER-FORMAT", "certain", "404 Not Found", parameters={"style": "national"},
           cure={"number_format": "national", "country": "49"}),
    Nuance("number_format", "VX-NUMBER-FORMAT", "certain", "404 Not Found",
           parameters={"style": "e164", "prefix": "99#"}, cure={"prefix": "99#"}),
    Nuance("plus_stripped", "VX-NUMBER-PLUS", "certain", "404 Not Found", inward, cure={"number_format": "plain"}),
    Nuance("plus_doubled", "VX-NUMBER-PLUS", "certain", "404 Not Found", inward),
    Nuance("identity_required", "VX-IDENTITY-MISSING", "possible", "403 Forbidden", cure={"identity": "pai"},
           also=UNSURE),
    Nuance("identity_required", "VX-IDENTITY-MISSING", "possible", "403 Forbidden", parameters={"header": "rpid"},
           cure={"identity": "rpid"}, also=UNSURE),
    Nuance("identity_stripped", "VX-IDENTITY-STRIPPED", "likely", "INVITE", anonymously),
    Nuance("from_domain_required", "VX-FROM-DOMAIN", "possible", "403 Forbidden",
           cure={"from_domain": "gigafon.example"}, also=UNSURE),
    Nuance("stir_required", "VX-STIR-REQUIRED", "certain", "428 Use Identity"),
    Nuance("announce_then_fail", "VX-ANNOUNCEMENT", "certain", "183 Session", nobody),
    Nuance("early_media_dropped", "VX-EARLY-MEDIA-DROPPED", "likely", "183 Session", early),
    Nuance("no_lr", "VX-ROUTE-LR", "certain", "↻ 200 OK", for_half_a_minute),
    Nuance("record_route_unresolvable", "VX-ROUTE-UNRESOLVED", "likely", "↻ 200 OK", for_half_a_minute),
    Nuance("contact_unreachable", "VX-CONTACT-UNREACHABLE", "certain", "↻ 200 OK", for_half_a_minute),
]  # fmt: skip


def names(nuance: Nuance) -> str:
    return "-".join((nuance.fault, *map(str, nuance.parameters.values())))


@pytest.mark.parametrize("nuance", NUANCES, ids=names)
def test_the_symptom_shows_and_is_explained_by_name(make_operators: MakeOperators, nuance: Nuance) -> None:
    operators = opened(make_operators, **nuance.before)
    operators.giga.fault(nuance.fault, **nuance.parameters)
    call = nuance.call(operators)
    assert nuance.symptom in call.ladder().text()
    found = call.explain()
    assert set(found.ids) == {nuance.finding, *nuance.also}
    mine = next(each for each in found.findings if each.id == nuance.finding)
    assert mine.certainty.word == nuance.certainty
    assert mine.evidence
    assert "RFC" in mine.rfc


@pytest.mark.parametrize("nuance", NUANCES, ids=names)
def test_the_cure_is_one_line(make_operators: MakeOperators, nuance: Nuance) -> None:
    operators = opened(make_operators, **nuance.before)
    operators.giga.fault(nuance.fault, **nuance.parameters)
    if nuance.cure is None:
        operators.giga.heal()
    else:
        operators.account.trunk("gigafon", **nuance.cure)
    call = nuance.call(operators)
    if nuance.fault == "announce_then_fail":
        assert call.explain().ids == ("VX-REFUSED",)  # nobody has the number all the same, and says so at once
        return
    assert (call.state, call.explain().ids) == ("connected", ())


def test_a_name_that_the_operator_serves_leads_there(make_operators: MakeOperators) -> None:
    operators = opened(make_operators)
    operators.giga.fault("record_route_unresolvable", host="sbc1.gigafon.example")
    call = for_half_a_minute(operators)
    assert (call.state, call.explain().ids) == ("connected", ())


def test_digits_without_user_phone_are_taken_for_a_name_by_a_strict_operator(make_operators: MakeOperators) -> None:
    operators = opened(make_operators, number_format="plain")
    operators.lab.carrier("gigafon", number_format="plain")
    operators.giga.fault("user_phone_required")
    call = out(operators)
    assert (call.explain().ids, "484" in call.verdict) == (("VX-NUMBER-USER-PHONE",), True)
    operators.giga.heal()
    assert out(operators).explain().ids == ()


def test_a_temperament_of_a_carrier_is_a_preset(make_operators: MakeOperators) -> None:
    operators = opened(make_operators)
    operators.giga.fault(PeerProfile.preset("no_plus", "wants_identity"))
    assert operators.giga.faults == ("number_format", "identity_required")
    operators.account.trunk("gigafon", number_format="plain", identity="pai")
    assert out(operators).state == "connected"


def test_visual_separators_are_understood(make_operators: MakeOperators) -> None:
    operators = opened(make_operators)
    operators.giga.fault("visual_separators")
    call = inward(operators)
    assert any(b"+49-30-999100" in m.data for m in operators.lab.journal.messages())
    assert call.explain().ids == ()


def test_a_foreign_number_of_a_forwarded_call_needs_diversion(make_operators: MakeOperators) -> None:
    operators = opened(make_operators, forwarding="none")
    forwarded(operators)
    operators.giga.fault("diversion_required")
    call = inward(operators)
    assert "403" in call.verdict
    assert call.explain().ids == ("VX-DIVERSION-MISSING",)
    assert "+4930555001, which is not ours" in call.explain().findings[0].text
    operators.lab.run(1.0)
    operators.account.trunk("gigafon", forwarding="diversion")
    call = inward(operators)
    assert (call.state, call.explain().ids) == ("connected", ())


@pytest.mark.parametrize(
    ("fault", "finding", "option"),
    [
        ("identity_required", "VX-IDENTITY-MISSING", {"identity": "pai"}),
        ("from_domain_required", "VX-FROM-DOMAIN", {"from_domain": "gigafon.example"}),
    ],
)
def test_a_call_that_was_taken_before_tells_what_the_forbidden_one_lacks(
    make_operators: MakeOperators, fault: str, finding: str, option: dict[str, str]
) -> None:
    operators = opened(make_operators, **option)
    operators.giga.fault(fault)
    out(operators).hang_up()
    operators.account.trunk("gigafon", identity="from", from_domain="")
    found = out(operators).explain()
    assert found.ids == (finding,)
    assert found.findings[0].certainty.word == "likely"
    assert "it took one" in found.findings[0].text


def test_an_operator_that_writes_its_own_numbers_otherwise_is_likely_to_want_them_so(
    make_operators: MakeOperators,
) -> None:
    operators = opened(make_operators)
    operators.giga.fault("plus_stripped")
    inward(operators)
    operators.lab.run(1.0)
    operators.giga.fault("user_phone_required")
    operators.account.trunk("gigafon", number_format="plain")
    call = out(operators)
    assert "VX-NUMBER-USER-PHONE" in call.explain()


def test_a_whitelist_that_lacks_us_is_told_from_the_journal(make_operators: MakeOperators) -> None:
    operators = opened(make_operators)
    operators.giga.allow("203.0.113.7")
    found = out(operators).explain()
    assert found.ids == ("VX-TRUNK-403",)
    assert found.findings[0].certainty.word == "certain"
    assert "not on the whitelist of gigafon, which has 203.0.113.7" in found.findings[0].text


def test_a_403_without_a_clue_is_never_left_alone(make_operators: MakeOperators) -> None:
    operators = opened(make_operators, identity="pai", from_domain="gigafon.example")
    operators.giga.fault("diversion_required", own="+1")
    found = out(operators).explain()
    assert found.ids == ("VX-403",)
    assert "does it know the address 192.0.2.10" in found.findings[0].cure
    assert found.findings[0].evidence[1].line.startswith("From:")


def test_an_invite_that_its_signature_has_made_too_big_goes_over_tcp(make_operators: MakeOperators) -> None:
    operators = opened(make_operators)
    operators.alice.fault("identity_too_big")
    assert out(operators).explain().ids == ("VX-INVITE-TOO-BIG",)
    operators.lab.run(1.0)
    operators.alice.hang_up()
    alice = operators.shop.user("alice").phone(transport="TCP")
    alice.fault("identity_too_big")
    assert dialled(alice, OMA).explain().ids == ()


# -- refusals by hosts of ours: the wire says little, the journal says why


def test_two_accounts_behind_one_address_that_nothing_tells_apart_are_named(make_operators: MakeOperators) -> None:
    operators = make_operators(seed=7)
    other = operators.lab.account("zeta")
    other.application("desk").number("+4930999200")
    operators.shop.number(DID)
    other.trunk("gigafon", allow=[operators.giga.network])
    cloud = operators.lab.cloud.place.host
    found = dialled(operators.oma, f"sip:nobody@{cloud}").explain()
    assert found.ids == ("VX-SHARED-ADDRESS",)
    assert "acme and zeta" in found.findings[0].text


@pytest.mark.parametrize(
    ("number", "finding", "words"),
    [
        ("+4930999101", "VX-TRANSIT", "is no number of account 'acme'"),
        ("112", "VX-EMERGENCY", "is an emergency number"),
    ],
)
def test_calls_at_our_expense_and_emergency_calls_are_named(
    make_operators: MakeOperators, number: str, finding: str, words: str
) -> None:
    operators = opened(make_operators)
    found = dialled(operators.oma, f"sip:{number}@{operators.lab.cloud.place.host}").explain()
    assert found.ids == (finding,)
    assert words in found.findings[0].text
    assert found.findings[0].certainty.word == "certain"


def test_whoever_is_not_registered_is_named(make_operators: MakeOperators) -> None:
    operators = opened(make_operators)
    operators.oma.unregister()
    found = out(operators).explain()
    assert found.ids == ("VX-NOT-REGISTERED",)
    assert found.findings[0].facts[0].startswith("noted by gigafon:")
