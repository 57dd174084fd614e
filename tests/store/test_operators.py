"""What belongs to other operators outlives a lab too: trunks with their way out, numbers, registrations, routes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.lab.operators import DID, Operators
from tests.lab.stage import MakeStage
from voxlab import Lab
from voxlab.store.image import image
from voxlab.store.sealing import Seal


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "acme.db"


def test_a_trunk_comes_back_with_its_way_out_its_limits_and_its_password(file: Path) -> None:
    with Lab(store=file) as lab:
        shop = lab.account("acme").application("shop")
        shop.number(DID)
        lab.account("acme").trunk(
            "telco",
            allow=["198.51.100.0/24"],
            gateway=["sip:192.0.2.1", "sip:192.0.2.2:5070"],
            reaches="+4930*",
            caller_id=DID,
            username="us",
            password="open-sesame",
            number_format="national",
            country="49",
            channels=3,
            transit=True,
        )
        before = image(lab.platform, Seal(None))["trunks"].keys()
        record = lab.platform.accounts["acme"].trunks["telco"]
        wanted = repr((record.dialect, record.gateways, str(record.reaches), record.usage.channels, record.identity))
    assert b"open-sesame" not in b"".join(path.read_bytes() for path in file.parent.iterdir())
    with Lab(store=file) as lab:
        record = lab.platform.accounts["acme"].trunks["telco"]
        found = repr((record.dialect, record.gateways, str(record.reaches), record.usage.channels, record.identity))
        assert found == wanted
        assert record.password is not None
        assert (record.password.reveal(), record.username, record.transit) == ("open-sesame", "us", True)
        assert image(lab.platform, Seal(None))["trunks"].keys() == before
        assert lab.platform.numbers[DID].application.name == "shop"


def test_a_registration_elsewhere_registers_again_after_a_restart(file: Path) -> None:
    def operators(lab: Lab) -> Any:
        lab.carrier("gigafon", network="198.51.100.0/24", numbers="+4930555*", can_whitelist=False)
        return lab.carrier("gigafon").line("acme-office", number="+4930555900", password="open-sesame")

    with Lab(store=file) as lab:
        line = operators(lab)
        shop = lab.account("acme").application("shop")
        first = shop.sip_registration(line.username, proxy=line.proxy, password=line.password).wait()
        assert first.state == "successful"
        contact = first.record.contact_user
    with Lab(store=file) as lab:
        operators(lab)
        (again,) = lab.account("acme").application("shop").sip_registrations
        lab.world.wait(lambda: again.state == "successful", 120)
        assert (again.state, again.record.contact_user) == ("successful", contact)


def test_a_routed_call_is_on_record_before_it_is_answered(file: Path, make_stage: MakeStage) -> None:
    stage = make_stage(live=True, store=file)
    stage.shop.rule("direct", pattern="[a-z]+", route="users")
    call = stage.alice.dial("bob").wait("connected", timeout=20)
    row = stage.lab.history.loc[1]
    assert (row.answered, row.rule, row.scenario, row.destination) == (True, "direct", "route users", "bob")
    call.hang_up()
    stage.lab.close()
    with Lab(live=True, store=file) as lab:
        assert [str(rule.route) for rule in lab.account("acme").application("shop").rules] == ["users"]


def test_the_stage_of_two_operators_is_the_same_after_a_restart(file: Path) -> None:
    operators = Operators(store=file)
    before = image(operators.lab.platform, Seal(None))
    operators.lab.close()
    with Lab(store=file) as lab:
        after = image(lab.platform, Seal(None))
    assert after == before
