"""What users of real platforms complain about, in their words, and the name under which it is explained here."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple

import pytest

from tests.lab.operators import DID, OMA, MakeOperators, Operators
from tests.lab.stage import MakeStage
from tests.nuances.play import called, dialled, direct, opened
from voxlab import VoxlabError


class Complaint(NamedTuple):
    """Somebody's words, the carrier's fault that is behind them, and the finding."""

    words: str
    fault: str
    finding: str
    parameters: Mapping[str, Any] = {}


OF_OPERATORS = [
    Complaint("the leading + is doubled and nobody finds our number", "plus_doubled", "VX-NUMBER-PLUS"),
    Complaint("the leading + is stripped and nobody finds our number", "plus_stripped", "VX-NUMBER-PLUS"),
    Complaint("numbers are refused until they are written otherwise", "number_format", "VX-NUMBER-FORMAT"),
    Complaint("a sips: address is refused though TLS is there", "no_sips", "VX-SIPS-REFUSED"),
    Complaint("early media is dropped before the 200", "early_media_dropped", "VX-EARLY-MEDIA-DROPPED"),
    Complaint("calls drop after 32 s: the ACK goes to an unreachable Contact", "contact_unreachable",
              "VX-CONTACT-UNREACHABLE"),
    Complaint("calls drop after 32 s: the ACK follows a Record-Route that nobody can resolve",
              "record_route_unresolvable", "VX-ROUTE-UNRESOLVED"),
]  # fmt: skip
INWARD = {"VX-NUMBER-PLUS"}


@pytest.mark.parametrize("complaint", OF_OPERATORS, ids=[each.words for each in OF_OPERATORS])
def test_of_an_operator(make_operators: MakeOperators, complaint: Complaint) -> None:
    operators = opened(make_operators)
    operators.giga.fault(complaint.fault, **complaint.parameters)
    if complaint.finding in INWARD:
        call = dialled(operators.oma, DID)
    elif complaint.fault == "no_sips":
        call = dialled(operators.oma, f"sips:alice@{operators.shop.domain}")
    else:
        if complaint.fault == "early_media_dropped":
            operators.oma = operators.giga.phone(OMA, name="opa", answer_after=1.0, early_media=True)
        call = dialled(operators.alice, OMA, seconds=40.0)
    assert complaint.finding in call.explain().ids
    operators.giga.heal()


def test_register_leaves_from_one_sbc_and_the_invite_from_another(make_stage: MakeStage) -> None:
    stage = make_stage(seed=7).forwards()
    mobile = stage.shop.user("alice").phone("mobile")
    stage.lab.registrar.fault("registered_source_only")
    stage.alice.register()
    mobile.unregister()
    assert dialled(mobile, "bob").explain().ids == ("VX-SOURCE-DIFFERS",)


def test_failover_rings_the_callee_twice_after_busy(make_operators: MakeOperators) -> None:
    operators = opened(make_operators)
    busy = "+4930555900"
    operators.giga.telephone(busy, cause_of_failure=17)
    trunk = operators.account.trunk("gigafon", gateway=[operators.giga.address, "sip:gigafon.example"])
    trunk.fault("hunts_after_final")
    assert dialled(operators.alice, busy).explain().ids == ("VX-HUNT-AFTER-FINAL",)


def test_a_registrar_grants_one_second_less_each_time(make_stage: MakeStage) -> None:
    stage = make_stage(seed=7)
    stage.lab.registrar.fault("expiry_shrinks")
    for _ in range(4):
        stage.alice.register()
    assert stage.alice.explain().ids == ("VX-EXPIRY-SHRINKS",)


def test_both_sides_refresh_the_session_timer_and_collide(make_stage: MakeStage) -> None:
    stage = direct(make_stage(seed=7, bob={"answer_after": 0.5}))
    stage.alice = stage.shop.user("alice").phone(session_expires=90, refresher="uac")
    stage.bob.fault("both_refresh")
    assert "VX-GLARE" in called(stage, seconds=60.0).explain().ids


def test_behind_a_nat_calls_go_to_the_private_address(make_stage: MakeStage) -> None:
    stage = make_stage(seed=7).forwards()
    home = stage.lab.nat("home")
    carol = stage.shop.user("carol").phone(nat=home, answer_after=0.5)
    with stage.lab.sbc.fault("contact_believed"):
        carol.register()
        assert "VX-NAT-CONTACT" in dialled(stage.alice, "carol", seconds=40.0).explain().ids


def test_an_anonymous_caller_loses_the_asserted_identity(make_operators: MakeOperators) -> None:
    operators = opened(make_operators)
    operators.giga.fault("identity_stripped")
    assert "VX-IDENTITY-STRIPPED" in dialled(operators.oma, DID, anonymous=True).explain().ids


def test_a_whitelist_does_not_shadow_a_registration_in_the_same_network(operators: Operators) -> None:
    """The precedence: From of ours means digest, whoever's whitelist the address is on."""
    trunk = operators.account.trunk("everybody", allow=["10.0.0.0/8"])
    stranger = operators.shop.user("bob").phone(password="not-the-one-2")
    call = dialled(stranger, "alice")
    assert "VX-WRONG-PASSWORD" in call.explain().ids
    assert "From in a domain of ours is challenged all the same (407)" in repr(trunk.explain("10.0.0.1"))


def test_403_forbidden_and_no_clue_why(make_operators: MakeOperators) -> None:
    operators = make_operators(seed=7)
    operators.account.trunk("gigafon", allow=[])
    call = operators.oma.dial(f"sip:alice@{operators.shop.domain}")
    with suppress(VoxlabError):
        call.wait("connected")
    (finding,) = call.explain().findings
    assert finding.cure
    assert "whitelist" in call.explain().text()
    sources = set(call.messages["src"].str.partition(":")[0])
    told = [repr(operators.account.trunk("gigafon").explain(source)) for source in sources]
    assert any("refused at" in each for each in told)
