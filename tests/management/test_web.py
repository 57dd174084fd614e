"""The API as HTTP: who is let in, the two styles of paths, forms that are none, and getMediaResources."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from voximplant.apiclient import VoximplantAPI

from voxlab import Lab
from voxlab.base.errors import VoxlabError
from voxlab.lab.account import Account
from voxlab.lab.api_key import key_pair
from voxlab.management.server import Server, serve
from voxlab.management.web import MAX_BODY, web


@pytest.fixture
def trusting(authority: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority))


@pytest.fixture
def post(server: Server, trusting: ssl.SSLContext, credentials: Path) -> Any:
    """Post to the API as the account."""
    header = VoximplantAPI(str(credentials)).build_auth_header()

    def post(path: str = "/platform_api", headers: dict[str, str] | None = None, **options: Any) -> httpx.Response:
        signed = {"Authorization": header} | (headers or {})
        return httpx.post(f"{server.url}{path}", headers=signed, verify=trusting, **options)

    return post


# -- who is let in


def token(credentials: Path, **claims: Any) -> str:
    """Sign a token with the account's key, some of its claims replaced."""
    said = json.loads(credentials.read_text())
    now = int(time.time())
    whole = {"iss": str(said["account_id"]), "iat": now - 5, "exp": now + 24} | claims
    return "Bearer " + jwt.encode(whole, said["private_key"], algorithm="RS256", headers={"kid": said["key_id"]})


def code(response: httpx.Response) -> int:
    """Return the code of an error object."""
    assert response.headers["content-type"] == "application/json"
    return int(response.json()["error"]["code"])


@pytest.mark.parametrize(
    "claims", [{"exp": 1_000}, {"iss": "999"}, {"iss": "0"}, {"exp": int(time.time()) + 10_000_000}, {"iat": 2**40}]
)
def test_a_token_that_does_not_hold_is_refused(post: Any, credentials: Path, claims: dict[str, Any]) -> None:
    answer = post(data={"cmd": "GetAccountInfo"}, headers={"Authorization": token(credentials, **claims)})
    assert (answer.status_code, code(answer)) == (200, 100)


def test_only_what_the_account_s_own_key_signed_with_rs256_is_taken(post: Any, credentials: Path) -> None:
    said = json.loads(credentials.read_text())
    now = int(time.time())
    claims = {"iss": str(said["account_id"]), "iat": now, "exp": now + 24}
    kid = {"kid": said["key_id"]}
    private, _ = key_pair()
    forged = [
        jwt.encode(claims, private, algorithm="RS256", headers=kid),
        jwt.encode(claims, said["private_key"], algorithm="RS256", headers={"kid": "another"}),
        jwt.encode(claims, said["private_key"], algorithm="RS256"),
        jwt.encode(claims, None, algorithm="none", headers=kid),
        jwt.encode(claims, "x" * 32, algorithm="HS256", headers=kid),
        "nonsense", "a.b.c",
    ]  # fmt: skip
    for each in forged:
        answer = post(data={"cmd": "GetAccountInfo"}, headers={"Authorization": f"Bearer {each}"})
        assert code(answer) == 100
    assert code(post(data={"cmd": "GetAccountInfo"}, headers={"Authorization": "Basic YTpi"})) == 100


def test_the_credentials_file_is_for_its_owner_alone(credentials: Path) -> None:
    assert credentials.stat().st_mode & 0o777 == 0o600
    assert sorted(json.loads(credentials.read_text())) == ["account_email", "account_id", "key_id", "private_key"]


def test_no_private_key_is_kept(lab: Lab, account: Account, credentials: Path) -> None:
    kept = [key for key in lab.platform.api_keys.values() if key.account == account.name]
    assert len(kept) == 1
    assert "PRIVATE" not in kept[0].public_key
    assert credentials.exists()


# -- forms and paths


def test_the_method_stands_in_the_path_or_in_cmd(post: Any, account: Account) -> None:
    for answer in (
        post("/platform_api/GetAccountInfo"),
        post("/platform_api", data={"cmd": "GetAccountInfo"}),
        post("/platform_api/", data={"cmd": "GetAccountInfo"}),
        post("/platform_api?cmd=GetAccountInfo"),
    ):
        assert answer.json()["result"]["account_name"] == account.name


def test_what_is_no_request_of_the_api_gets_its_error_object(post: Any) -> None:
    assert code(post(data={})) == 102
    assert code(post(data={"cmd": "NoSuch"})) == 103
    assert code(post("/platform_api/NoSuch")) == 103
    assert code(post(json={"cmd": "GetAccountInfo"})) == 101
    assert code(post(content=b"x" * (MAX_BODY + 1))) == 101
    assert code(post(data={f"f{number}": "1" for number in range(201)})) == 101
    assert code(post(data={"cmd": "GetRules", "application_id": "x"})) == 116
    assert code(post(data={"cmd": "GetUsers", "application_id": "1;2"})) == 116
    assert code(post(data={"cmd": "GetRules", "video_conference": "maybe"})) == 101
    assert code(post(data={"cmd": "GetCallHistory", "from_date": "yesterday", "to_date": "x"})) == 111
    for path in ("/", "/platform_apis", "/platform_api/a/b"):
        lost = post(path, data={"cmd": "GetAccountInfo"})
        assert (lost.status_code, code(lost)) == (404, 103)


def test_a_name_in_bytes_that_are_no_utf8_is_refused_and_not_a_fault(post: Any) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    answer = post(content=b"cmd=AddApplication&application_name=%ff%fe", headers=form)
    assert code(answer) == 107


# -- getMediaResources


@pytest.mark.parametrize(
    "flags", ["", "with_nodes", "with_mediaservers", "with_sbcs", "with_mediaservers&with_sbcs&with_x"]
)
def test_media_resources_are_told_to_anybody_by_flag(
    lab: Lab, server: Server, trusting: ssl.SSLContext, flags: str
) -> None:
    answer = httpx.get(f"{server.url}/getMediaResources?{flags}", verify=trusting)
    wanted = {flag.removeprefix("with_") for flag in flags.split("&") if flag in {"with_sbcs", "with_mediaservers"}}
    found = answer.json()
    assert set(found) == wanted
    for sbc in found.get("sbcs", []):
        where = lab.cloud.addresses
        assert sbc["ip"] == where["UDP"].host
        assert sbc["ports"] == {"udp": where["UDP"].port, "tcp": where["TCP"].port, "tls": where["TLS"].port}
    for media in found.get("mediaservers", []):
        assert media["ip"] == lab.cloud.place.host


def test_the_url_of_the_media_resources_leads_there_and_answers_in_process_too(
    lab: Lab, trusting: ssl.SSLContext
) -> None:
    url = lab.media_resources_url
    assert httpx.get(url, verify=trusting).json() == url() == lab.media_resources()


def test_the_addresses_are_those_that_packets_come_from() -> None:
    with Lab() as simulated:
        shop = simulated.account("acme").application("shop")
        shop.user("bob").phone(answer_after=0.1)

        @shop.scenario()
        async def forward(call: Any) -> None:
            await call.forward_to_user()

        call = shop.user("alice").phone().dial("bob").wait("connected")
        simulated.run(1)
        call.hang_up()
        resources = simulated.media_resources()
        (media,), (sbc,) = resources["mediaservers"], resources["sbcs"]
        streams = {str(block.src.host): block.src.port for block in simulated.journal.rtp_blocks}
        low, high = media["rtp_ports"]
        assert low <= streams[media["ip"]] <= high
        sent = {(message.src.host, message.src.port) for message in simulated.journal.messages()}
        assert (sbc["ip"], sbc["ports"]["udp"]) in sent
        assert simulated.media_resources_url.endswith("/getMediaResources?with_mediaservers&with_sbcs")
        assert simulated.media_resources_url() == resources


# -- in process


def test_a_simulated_lab_is_asked_in_process_and_has_no_sockets(tmp_path: Path) -> None:
    with Lab() as simulated:
        with pytest.raises(VoxlabError, match="in process"):
            serve(simulated)
        account = simulated.account("acme")
        shop = account.application("shop")
        client = VoximplantAPI(str(account.api_key(tmp_path / "creds.json")))

        async def ask(cmd: str, **form: str) -> Any:
            transport = httpx.ASGITransport(web(simulated))
            async with httpx.AsyncClient(transport=transport, base_url="https://lab") as http:
                headers = {"Authorization": client.build_auth_header()}
                return (await http.post("/platform_api", data={"cmd": cmd, **form}, headers=headers)).json()

        added = asyncio.run(ask("AddUser", user_name="alice", user_display_name="Alice", user_password="Alice-123"))
        assert added["result"] == 1
        assert [user.name for user in shop.users] == ["alice"]
        asked = asyncio.run(ask("GetCallHistory", from_date="2026-01-01 00:00:00", to_date="2026-01-02 00:00:00"))
        assert asked["result"] == []

        @shop.scenario()
        async def through_the_api(call: Any) -> None:
            """Ask the API from inside a scenario, where everything is awaited in the lab's own thread."""
            found = await ask("GetUsers", application_name="shop")
            print([user["user_name"] for user in found["result"]])
            history = await ask("GetCallHistory", from_date="2026-01-01 00:00:00", to_date="2026-01-02 00:00:00")
            await call.reject(486 if history["count"] == 1 else 500)

        shop.user("bob")
        call = shop.user("alice").phone().dial("bob")
        call.wait("ended")
        assert simulated.history.status.tolist() == [486]


def test_a_port_that_is_taken_is_named(lab: Lab, server: Server) -> None:
    with pytest.raises(VoxlabError, match=f"{server.port}"):
        serve(lab, server.port)
    assert lab.http is server
