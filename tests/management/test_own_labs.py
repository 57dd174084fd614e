"""Labs of their own, each with its API: scenarios as text, restarts, the end."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from voximplant.apiclient import VoximplantAPI

from tests.management.test_web import token
from voxlab import Lab
from voxlab.base.errors import LabClosed, VoxlabError
from voxlab.management.server import serve
from voxlab.management.web import web


def test_a_live_lab_without_http_says_how_to_get_it() -> None:
    with Lab(live=True) as bare, pytest.raises(VoxlabError, match="--http-port"):
        _ = bare.media_resources_url


def test_a_closed_lab_has_given_its_port_back_and_its_api_says_so(tmp_path: Path) -> None:
    lab = Lab(live=True)
    server = serve(lab)
    account = lab.account("acme")
    app = web(lab)
    credentials = account.api_key(tmp_path / "creds.json")
    lab.close()
    with Lab(live=True) as again:
        assert serve(again, server.port, host=server.host).port == server.port

    async def ask() -> Any:
        headers = {"Authorization": token(credentials)}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://lab") as http:
            return (await http.post("/platform_api/GetAccountInfo", headers=headers)).json()

    assert asyncio.run(ask())["error"]["code"] == 2
    with pytest.raises(LabClosed):
        lab.media_resources()


# -- scenarios as text


SCRIPT = """
GREETING = 486

async def greet(call):
    await call.reject(GREETING)
"""


@pytest.fixture
def open_api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The client of a lab that takes scenarios as text, and its file."""
    monkeypatch.chdir(tmp_path)
    made: list[Lab] = []

    def start() -> tuple[Lab, Any]:
        lab = Lab(live=True, store="acme.db")
        made.append(lab)
        server = serve(lab, allow_scripts=True)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(lab.certificate_authority("ca.pem")))
        if not Path("creds.json").exists():
            lab.account("acme").api_key("creds.json")
        return lab, VoximplantAPI("creds.json", endpoint=f"{server.host}:{server.port}")

    yield start
    for lab in made:
        lab.close()


def test_a_scenario_as_text_runs_where_the_owner_allows_it_and_after_a_restart(open_api: Any) -> None:
    lab, api = open_api()
    api.add_application("shop")
    api.add_user("alice", "Alice", "Alice-123", application_name="shop")
    number = api.add_scenario("greet", SCRIPT, application_name="shop")["scenario_id"]
    api.add_rule("all", ".*", application_name="shop", scenario_id=[number])
    shop = lab.account("acme").application("shop")
    call = shop.user("alice").phone(password="Alice-123").dial("bob")
    call.wait("ended", timeout=20)
    assert lab.history.status.tolist() == [486]
    api.set_scenario_info(scenario_id=number, scenario_script=SCRIPT.replace("486", "603"))
    assert api.get_scenarios(scenario_id=number, with_script=True)["result"][0]["scenario_script"].count("603") == 1
    for wrong in ("async def greet(call)", "1 / 0", "x = 1", "async def a(c): ...\nasync def b(c): ..."):
        answer = api._perform_request("AddScenario", {"scenario_name": "bad", "scenario_script": wrong})
        assert answer["error"]["code"] == 101
    assert (
        api._perform_request("AddScenario", {"scenario_name": "greet", "scenario_script": SCRIPT})["error"]["code"]
        == 133
    )
    too_long = {"scenario_name": "long", "scenario_script": "#" * 131_072}
    assert api._perform_request("AddScenario", too_long)["error"]["code"] == 130
    lab.close()
    again, api = open_api()  # the key of before is known, the scenario runs from its text
    assert api.get_scenarios()["result"][0]["scenario_id"] == number
    shop = again.account("acme").application("shop")
    shop.user("alice").phone(password="Alice-123").dial("bob").wait("ended", timeout=20)
    assert again.history.status.tolist() == [486, 603]


def test_what_the_api_answered_is_on_record(open_api: Any) -> None:
    lab, api = open_api()
    lab.store._writer.write([("ALTER TABLE applications RENAME TO elsewhere", ())]).result()
    assert api._perform_request("AddApplication", {"application_name": "shop"})["error"]["code"] == 4
    lab.store._writer.write([("ALTER TABLE elsewhere RENAME TO applications", ())]).result()
    assert api.add_application("help")["result"] == 1
    lab.close()
    again, api = open_api()
    names = [each.name for each in again.account("acme").applications]
    assert names == ["shop", "help"]  # what could not be written at once was written later
