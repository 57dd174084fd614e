"""A live lab whose API is asked by the reference's own client, unchanged; every test has an account of its own."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from voximplant.apiclient import VoximplantAPI

from voxlab import Lab
from voxlab.lab.account import Account
from voxlab.lab.api_key import key_pair, write_credentials
from voxlab.management.server import Server, serve
from voxlab.platform.access import ApiKey

_count = itertools.count(1)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A live lab that serves its API."""
    with Lab(live=True) as made:
        serve(made)
        yield made


@pytest.fixture(scope="module")
def server(lab: Lab) -> Server:
    assert isinstance(lab.http, Server)
    return lab.http


@pytest.fixture(scope="module")
def authority(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The certificate of the lab's own authority."""
    return lab.certificate_authority(tmp_path_factory.mktemp("authority") / "ca.pem")


@pytest.fixture
def account(lab: Lab) -> Account:
    """An account that no other test has."""
    return lab.account(f"acme{next(_count)}")


@pytest.fixture(scope="session")
def pair() -> tuple[str, str]:
    """One key for all accounts of the tests: making one takes its time."""
    return key_pair()


@pytest.fixture
def credentials(lab: Lab, account: Account, pair: tuple[str, str], tmp_path: Path) -> Path:
    """The account's credentials file."""
    private, public = pair
    key = ApiKey(f"key of {account.name}", account.name, public)
    lab.platform.api_keys[key.key_id] = key
    number = lab.platform.ledger.entry("account", account.name, now_s=time.time()).number
    return write_credentials(tmp_path / "creds.json", key, private, number, f"{account.name}@voxlab.test")


@pytest.fixture
def api(credentials: Path, server: Server, authority: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The reference's client, told nothing but where the API is and whom to trust."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority))
    made = VoximplantAPI(str(credentials), endpoint=f"{server.host}:{server.port}")
    # The key read once, not for each of the 150 calls of these tests, which costs the client 0.14 s every time.
    made.credentials["private_key"] = load_pem_private_key(made.credentials["private_key"].encode(), None)
    return made


@pytest.fixture
def shop(account: Account) -> Any:
    """An application with two users and a scenario of the owner's."""
    made = account.application("shop")
    made.user("alice", password="Alice-1!")
    made.user("bob", password="Bob-123!", display_name="Bob")

    @made.scenario("incoming")
    async def incoming(call: Any) -> None:
        await call.forward_to_user()

    return made
