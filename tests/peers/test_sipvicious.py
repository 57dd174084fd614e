"""sipvicious looks for extensions and guesses passwords at a live cloud, and learns nothing; no call gets out.

svwar tells users apart by the answers that they get, svcrack tries one password after the other.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from .calls import PASSWORD, register
from .harness.ports import free_port, own_address
from .harness.process import Program, missing
from .harness.serve import Served

TOOLS = missing("svmap", "svwar", "svcrack")
pytestmark = [pytest.mark.peers, pytest.mark.skipif(TOOLS is not None, reason=str(TOOLS))]
DOMAIN = "shop.acme.voxlab.test"
KNOWN = "105"
SETUP = """
def setup(lab):
    acme = lab.account("acme")
    shop = acme.application("shop")
    shop.user("105", password="{password}")
    acme.trunk("telco", allow=["{gateway_host}/32"], gateway="{gateway_host}:{gateway_port}")

    @shop.scenario()
    async def out(call):
        await call.forward_to_pstn()
"""


class Target:
    """A platform with one user and a trunk, and the socket at the trunk's far end that nobody is to reach."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.gateway = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.gateway.bind((own_address(), 0))
        self.gateway.setblocking(False)
        host, port = self.gateway.getsockname()
        setup = SETUP.format(password=PASSWORD, gateway_host=host, gateway_port=port)
        self.cloud = Served(setup, folder / "voxlab", host=own_address())
        self.server = ""

    def __enter__(self) -> Target:
        self.cloud.__enter__()
        self.server = self.cloud.until_ready()["udp"]
        return self

    def __exit__(self, *problem: object) -> None:
        self.cloud.__exit__(None, None, None)
        self.gateway.close()

    def calls_that_got_out(self) -> list[bytes]:
        """Return the INVITEs that came to the gateway."""
        found = []
        while True:
            try:
                found.append(self.gateway.recv(65_535))
            except BlockingIOError:
                return [data for data in found if data.startswith(b"INVITE")]

    def attacked_by(self, tool: str, *arguments: str, at: str | None = None) -> str:
        """Let a tool of sipvicious work on the platform, and return what it says."""
        host, _, port = self.server.partition(":")
        here = at or own_address()
        local = ["-P", str(free_port(here)), "-b", here, "-x", here]
        patience = [] if tool == "svmap" else ["--maximumtime=2"]
        command = [tool, "-v", *local, "-p", port, *patience, *arguments, host]
        with Program(command, self.folder / tool, tool, environment={"HOME": str(self.folder)}) as program:
            program.wait(60.0)
            return program.tail(1000)


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    """Return a platform for this test alone."""
    with Target(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """Return a platform for all that only look."""
    with Target(tmp_path_factory.mktemp("scanned")) as made:
        yield made


def words(folder: Path, *lines: str) -> str:
    """Write a dictionary for a tool, and return its path."""
    path = folder / "words.txt"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


@pytest.mark.parametrize("method", ["REGISTER", "INVITE", "OPTIONS"])
def test_svwar_cannot_tell_who_is_a_user(scanned: Target, method: str) -> None:
    said = scanned.attacked_by("svwar", "-e", "100-109", "-m", method, "--force")
    assert "found nothing" in said, said
    assert "Ok SIP device found" in said, said  # it did ask


def test_svcrack_is_locked_out_before_it_comes_to_the_right_password(target: Target, tmp_path: Path) -> None:
    guesses = [f"guess-{number}" for number in range(12)]
    said = target.attacked_by("svcrack", "-u", KNOWN, "-d", words(tmp_path, *guesses, PASSWORD, "more"))
    assert PASSWORD not in said, said
    assert register(KNOWN, tmp_path / "owner", server=target.server, host=own_address(), port=5070).successful == 1


def test_svcrack_finds_what_is_among_the_first_guesses(target: Target, tmp_path: Path) -> None:
    """The tool works, and the platform lets it try: else the test above would prove nothing."""
    said = target.attacked_by("svcrack", "-u", KNOWN, "-d", words(tmp_path, "one", "two", PASSWORD))
    assert PASSWORD in said, said


def test_svmap_finds_the_server_and_no_call_of_a_stranger_gets_out(scanned: Target) -> None:
    said = scanned.attacked_by("svmap", "-m", "OPTIONS")
    assert scanned.server in said, said
    scanned.attacked_by("svmap", "-m", "INVITE", "-e", "+4930555001")
    scanned.attacked_by("svwar", "-m", "INVITE", "-e", "4930555001-4930555009", "--force")
    assert scanned.calls_that_got_out() == []
