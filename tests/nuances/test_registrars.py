"""Nuances 19 to 23: registrations, digest, and where calls come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

from tests.lab.operators import MakeOperators
from tests.lab.stage import MakeStage, Stage
from tests.nuances.play import dialled
from voxlab import Lab
from voxlab.lab.phone import Phone


class Nuance(NamedTuple):
    """A fault of the registrar or of the phone: where registration stands with it, what explains it, what cures it."""

    fault: str
    finding: str
    stands: str = "registered"
    at: str = "registrar"
    times: int = 1
    parameters: Mapping[str, Any] = {}
    cure: Mapping[str, Any] | None = None


REFUSED = "failed, 401 Unauthorized"
NUANCES = [
    Nuance("short_expiry", "VX-EXPIRY-SHORTENED", cure={"expires": 60}),
    Nuance("min_expires", "VX-MIN-EXPIRES", parameters={"least_s": 5000}, cure={"expires": 5000}),
    Nuance("expiry_shrinks", "VX-EXPIRY-SHRINKS", times=4),
    Nuance("contact_rewritten", "VX-CONTACT-NOT-MINE"),
    Nuance("user_in_register", "VX-REGISTER-URI", REFUSED, "phone"),
    Nuance("auth_loop", "VX-AUTH-LOOP", REFUSED),
    Nuance("stale_forever", "VX-NONCE-STALE", REFUSED),
    Nuance("wrong_realm", "VX-WRONG-REALM", REFUSED),
    Nuance("auth_refused", "VX-403", "backing off, 403 Forbidden"),
    Nuance("digest_uri_rewritten", "VX-DIGEST-URI", REFUSED, "phone"),
    Nuance("auth_int_only", "VX-DIGEST-QOP", REFUSED),
    Nuance("sha256_first", "VX-DIGEST-ALGORITHM", REFUSED),
    Nuance("algorithm_unknown", "VX-DIGEST-ALGORITHM", REFUSED),
    Nuance("nc_reused", "VX-NC-REUSED", at="phone", times=3),
]  # fmt: skip


def registered(stage: Stage, nuance: Nuance, **options: Any) -> Phone:
    """Return carol's new phone, registered as often as the nuance says, with the fault on."""
    if nuance.at == "registrar":
        stage.lab.registrar.fault(nuance.fault, **nuance.parameters)
        carol: Phone = stage.shop.user("carol").phone(**options)
    else:
        carol = stage.shop.user("carol").phone(**options)
        carol.fault(nuance.fault, **nuance.parameters)
    for _ in range(nuance.times if nuance.at == "phone" else nuance.times - 1):
        carol.register()
    return carol


@pytest.mark.parametrize("nuance", NUANCES, ids=[each.fault for each in NUANCES])
def test_the_symptom_shows_and_is_explained_by_name(make_stage: MakeStage, nuance: Nuance) -> None:
    stage = make_stage(seed=7)
    carol = registered(stage, nuance)
    assert carol.registration == nuance.stands
    found = carol.explain()
    assert found.ids == (nuance.finding,)
    assert all(each.evidence and each.cure and each.rfc for each in found.findings)
    assert "☛" in found.ladder().text()


@pytest.mark.parametrize("nuance", NUANCES, ids=[each.fault for each in NUANCES])
def test_the_cure_is_one_line(make_stage: MakeStage, nuance: Nuance) -> None:
    stage = make_stage(seed=7)
    if nuance.cure is not None:
        assert registered(stage, nuance, **nuance.cure).explain().ids == ()
        return
    stage.lab.registrar.fault(nuance.fault, **nuance.parameters) if nuance.at == "registrar" else None
    stage.lab.registrar.heal()
    carol = stage.shop.user("carol").phone()
    assert (carol.registration, carol.explain().ids) == ("registered", ())


@pytest.mark.parametrize(
    "fault",
    ["expires_in_header", "foreign_contact_first", "register_challenged_407", "no_qop", "opaque_checked",
     "no_user_in_register", "strict_registrar"],
)  # fmt: skip
def test_what_is_allowed_is_understood_and_no_finding(make_stage: MakeStage, fault: str) -> None:
    stage = make_stage(seed=7)
    stage.lab.registrar.fault(fault)
    carol = stage.shop.user("carol").phone()
    carol.register()
    assert (carol.registration, carol.explain().ids) == ("registered", ())


def test_both_of_two_devices_in_the_list_of_contacts_are_told_apart(make_stage: MakeStage) -> None:
    stage = make_stage(seed=7)
    stage.lab.registrar.fault("foreign_contact_first")
    carol = stage.shop.user("carol").phone()
    stage.lab.run(600.0)
    refreshes = [m for m in stage.lab.journal.messages() if m.data.startswith(b"REGISTER") and b"carol" in m.data]
    assert len(refreshes) == 2  # challenged once: the 60 s of the other device are not hers
    assert carol.registration == "registered"


def test_a_registrar_that_checks_the_request_uri_refuses_a_user_there(make_stage: MakeStage) -> None:
    stage = make_stage(seed=7)
    stage.lab.registrar.fault("no_user_in_register")
    stage.alice.fault("user_in_register")
    stage.alice.register()
    assert stage.alice.registration == "failed, 400 Invalid Request-URI"
    assert stage.alice.explain().ids == ("VX-REGISTER-URI",)
    stage.alice.heal()
    stage.alice.register()
    assert stage.alice.registration == "registered"
    assert stage.alice.explain().ids == ()


def test_an_opaque_that_does_not_come_back_is_missed(make_stage: MakeStage) -> None:
    stage = make_stage(seed=7)
    stage.lab.registrar.fault("opaque_checked")
    stage.alice.fault("opaque_dropped")
    stage.alice.register()
    assert stage.alice.registration == REFUSED
    assert stage.alice.explain().ids == ("VX-DIGEST-OPAQUE",)
    stage.alice.heal()
    stage.alice.register()
    assert stage.alice.registration == "registered"
    assert stage.alice.explain().ids == ()


def test_a_registrar_that_compares_contact_and_to_refuses_our_unguessable_contact(
    make_operators: MakeOperators,
) -> None:
    operators = make_operators(seed=7)
    line = operators.giga.line("acme-office", number="+4930555900")
    with operators.giga.fault("strict_registrar"):
        registration = operators.shop.sip_registration(line.username, proxy=line.proxy, password=line.password).wait()
        assert (registration.state, registration.code) == ("failed", 403)
        assert registration.explain().ids == ("VX-CONTACT-REFUSED",)
    assert registration.refresh().state == "successful"
    assert registration.explain().ids == ()


def test_a_call_from_another_address_than_the_registration_is_refused_and_named(make_stage: MakeStage) -> None:
    stage = make_stage(seed=7).forwards()
    mobile = stage.shop.user("alice").phone("mobile")
    stage.lab.registrar.fault("registered_source_only")
    stage.alice.register()
    mobile.unregister()
    found = dialled(mobile, "bob").explain()
    assert found.ids == ("VX-SOURCE-DIFFERS",)
    assert "the INVITE comes from 10.0.0.3" in found.findings[0].text
    assert "came from 10.0.0.1" in found.findings[0].text
    mobile.register()
    call = dialled(mobile, "bob")
    assert (call.state, call.explain().ids) == ("connected", ())


def test_a_wrong_password_an_unknown_user_and_a_lock_out_are_told_apart_by_the_journal_alone(
    make_stage: MakeStage,
) -> None:
    stage = make_stage(seed=7)
    wrong = stage.shop.user("dave").phone(password="not-the-one-1")
    assert wrong.explain().ids == ("VX-WRONG-PASSWORD",)
    for _ in range(12):
        wrong.register()
    assert wrong.registration.endswith("403 Forbidden")
    assert "VX-LOCKED-OUT" in wrong.explain()
    assert "not-the-one-1" not in wrong.explain().text()


def test_a_whitelist_and_a_registration_behind_one_address_are_told_apart(make_operators: MakeOperators) -> None:
    """The precedence: From of ours means digest, whoever's whitelist the address is on; and then it says so."""
    operators = make_operators(seed=7)
    stranger = operators.giga.phone("+4930555002", name="tante")
    call = dialled(stranger, f"sip:alice@{operators.shop.domain}")
    assert (call.state, call.explain().ids) == ("connected", ())
    operators.account.trunk("gigafon", allow=[])
    refused = dialled(operators.oma, f"sip:alice@{operators.shop.domain}")
    assert refused.explain().ids == ("VX-TRUNK-STALE",)  # it was let in before
    assert "is in no trunk's whitelist" in refused.explain().text()


@pytest.mark.parametrize("fault", ["auth_loop", "stale_forever", "wrong_realm", "auth_refused", "min_expires"])
def test_what_was_wrong_once_is_not_held_against_whoever_is_registered_now(make_stage: MakeStage, fault: str) -> None:
    stage = make_stage(seed=7)
    with stage.lab.registrar.fault(fault):
        carol = stage.shop.user("carol").phone(expires=600)
        assert len(carol.explain().ids) == 1
    carol.register()
    carol.register()
    assert carol.registration == "registered"
    expected = ("VX-MIN-EXPIRES",) if fault == "min_expires" else ()  # that one succeeded, by way of a 423
    assert carol.explain().ids == expected


def test_the_same_registration_is_explained_in_the_same_words() -> None:
    def run() -> str:
        lab = Lab(seed=4)
        shop = lab.account("acme").application("shop")
        lab.registrar.fault("wrong_realm")
        text = repr(shop.user("alice").phone().explain())
        lab.close()
        return text

    assert run() == run()
