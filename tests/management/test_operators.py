"""The API and other operators, in the simulated world: what it defines takes effect on the wire at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from voximplant.apiclient import VoximplantAPI

from tests.lab.operators import DID, MakeOperators, Operators, make_operators
from voxlab.base.errors import CallFailed
from voxlab.management.web import web

__all__ = ["make_operators"]
Ask = Callable[..., Any]


@pytest.fixture
def operators(make_operators: MakeOperators) -> Operators:
    return make_operators(seed=7, friends=False)


@pytest.fixture
def ask(operators: Operators, tmp_path: Path) -> Ask:
    """Ask the API of the simulated lab, in process."""
    client = VoximplantAPI(str(operators.account.api_key(tmp_path / "creds.json")))
    application = web(operators.lab)

    async def post(cmd: str, form: dict[str, Any]) -> Any:
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="https://lab") as http:
            headers = {"Authorization": client.build_auth_header()}
            return (await http.post("/platform_api", data={"cmd": cmd, **form}, headers=headers)).json()

    return lambda cmd, **form: asyncio.run(post(cmd, form))


def test_an_operator_on_the_whitelist_may_call_at_once_and_no_more_when_it_is_taken_off(
    operators: Operators, ask: Ask
) -> None:
    uri = f"sip:alice@{operators.shop.domain}"
    with pytest.raises(CallFailed, match="403"):
        operators.oma.dial(uri).wait("connected")
    number = ask("AddSipWhiteListItem", sip_whitelist_network="198.51.100.0/24")["sip_whitelist_id"]
    operators.oma.dial(uri).wait("connected").hang_up()
    assert ask("DelSipWhiteListItem", sip_whitelist_id=str(number)) == {"result": 1}
    with pytest.raises(CallFailed, match="403"):
        operators.oma.dial(uri).wait("connected")


def test_a_number_that_the_api_binds_to_a_rule_leads_there(operators: Operators, ask: Ask) -> None:
    ask("AddSipWhiteListItem", sip_whitelist_network="198.51.100.0/24")
    operators.shop.number(DID)
    bound = ask("BindPhoneNumberToApplication", phone_number=DID, application_name="shop", rule_name="reception")
    assert bound == {"result": 1}
    (found,) = ask("GetPhoneNumbers")["result"]
    assert (found["phone_number"], found["rule_name"]) == (DID[1:], "reception")
    address = operators.lab.cloud.sip_address
    call = operators.oma.dial(f"sip:{DID}@{address}").wait("connected")
    call.hang_up()
    assert operators.lab.history.rule.tolist()[-1] == "reception"


def test_a_registration_of_the_api_registers_and_takes_itself_off(operators: Operators, ask: Ask) -> None:
    lab = operators.lab
    lab.carrier("gigafon", can_whitelist=False)
    line = operators.giga.line("acme-office", number="+4930555900")
    binding = {"application_name": "shop", "rule_name": "reception"}
    made = ask("CreateSipRegistration", sip_username="acme-office", proxy=line.proxy, password="wrong", **binding)
    number = made["sip_registration_id"]
    (record,) = lab.platform.registrations.values()
    lab.world.wait(lambda: record.state == "failed", 60)
    (found,) = ask("GetSipRegistrations", successful="False")["result"]
    assert (found["sip_registration_id"], found["successful"]) == (number, False)
    assert found["status_code"] in {401, 403}
    assert ask("UpdateSipRegistration", sip_registration_id=number, password=line.password)["result"] == 1
    lab.world.wait(lambda: record.state == "successful", 60)
    (found,) = ask("GetSipRegistrations", successful="True", status_code="200:299")["result"]
    assert (found["rule_name"], found["status_code"]) == ("reception", 200)
    operators.oma.dial("+4930555900").wait("connected").hang_up()
    assert ask("DeleteSipRegistration", sip_registration_id=number) == {"result": 1}
    lab.run(2)
    assert ask("GetSipRegistrations")["total_count"] == 0
    removed = [m for m in lab.journal.messages() if m.data.startswith(b"REGISTER") and b"Expires: 0" in m.data]
    assert removed


def test_the_carrier_imports_the_addresses_from_the_url(operators: Operators) -> None:
    operators.giga.import_addresses(operators.lab.media_resources_url)
    assert str(operators.lab.cloud.place.host) in repr(operators.giga)
