"""``voxlab serve``: the ready line, the clean end, and files that are not what they should be."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from voxlab import Lab
from voxlab.base.errors import VoxlabError
from voxlab.cli import main, serve

SHOP = """
print("loading")
def setup(lab):
    shop = lab.account("acme").application("shop")
    shop.user("alice", password="secret-of-alice")
    @shop.scenario()
    async def forward(call):
        await call.forward_to_user()
    lab.certificate_authority("ca.pem")
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    file = tmp_path / "shop.py"
    file.write_text(SHOP)
    return file


@contextmanager
def serving(file: Path, *switches: str) -> Iterator[subprocess.Popen[str]]:
    """A platform in a process of its own, ended at the latest when the test is over."""
    command = [sys.executable, "-m", "voxlab", "serve", str(file), *switches]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=file.parent, text=True, **pipes) as process:  # type: ignore[call-overload]
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_the_ready_line_is_all_of_standard_output_and_a_signal_ends_it_cleanly(shop: Path, end: signal.Signals) -> None:
    with serving(shop, "--json", "--bind", "127.0.0.41", "--port", "0") as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        process.send_signal(end)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert out == ""
    assert list(ready) == ["ready", "sip", "http"]
    assert list(ready["sip"]) == ["udp", "tcp", "tls", "ws"]
    assert ready["sip"]["udp"].startswith("127.0.0.41:")
    assert ready["sip"]["tls"].startswith("127.0.0.41:")
    assert (ready["ready"], ready["sip"]["ws"], ready["http"]) == (True, None, None)
    assert "loading" in err
    assert "Traceback" not in err
    assert "BEGIN CERTIFICATE" in (shop.parent / "ca.pem").read_text()


OWNED = """
def setup(lab):
    account = lab.account("acme")
    account.application("shop").user("alice", password="secret-of-alice")
    account.api_key("creds.json")
    lab.certificate_authority("ca.pem")
"""


def test_the_management_api_is_served_over_https_and_what_it_makes_is_there_after_a_restart(tmp_path: Path) -> None:
    file, ready = tmp_path / "shop.py", {}
    file.write_text(OWNED)
    switches = ("--json", "--bind", "127.0.0.47", "--port", "0", "--http-port", "0", "--store", "acme.db")
    for name in ("carol", "erin"):
        with serving(file, *switches) as process:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            assert ready["http"].startswith("https://127.0.0.47:")
            endpoint = ready["http"].removeprefix("https://")
            call = f"api.add_user({name!r}, {name!r}, 'Secret-123', application_name='shop')"
            program = f"""
import os
os.environ["REQUESTS_CA_BUNDLE"] = "ca.pem"
from voximplant.apiclient import VoximplantAPI
api = VoximplantAPI("creds.json", endpoint={endpoint!r})
{call}
print(*[user["user_name"] for user in api.get_users(application_name="shop")["result"]])
"""
            client = subprocess.run(
                [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
            )
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=60)
            assert process.returncode == 0
            assert "Traceback" not in err
    assert client.stdout.split() == ["alice", "carol", "erin"]


def test_scenarios_over_the_api_need_the_api(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", str(shop), "--bind", "127.0.0.48", "--port", "0", "--allow-remote-scenarios"]) == 1
    assert "goes with --http-port" in capsys.readouterr().err


def test_people_read_who_lives_there_and_which_rules_hold(shop: Path) -> None:
    with serving(shop, "--bind", "127.0.0.42", "--port", "0") as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(5)]
    assert said[1].startswith("✓ ready · udp 127.0.0.42:")
    assert "shop.acme.voxlab.test: alice" in said[2]
    assert "rule forward: .* → forward" in said[3]


def test_options_are_answered(shop: Path) -> None:
    with serving(shop, "--json", "--bind", "127.0.0.43", "--port", "0") as process:
        assert process.stdout is not None
        host, _, port = json.loads(process.stdout.readline())["sip"]["udp"].rpartition(":")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.bind(("127.0.0.44", 0))
            peer.settimeout(20)
            mine = "{}:{}".format(*peer.getsockname())
            lines = [
                "OPTIONS sip:shop.acme.voxlab.test SIP/2.0",
                f"Via: SIP/2.0/UDP {mine};branch=z9hG4bK1", "Max-Forwards: 70",
                "From: <sip:me@example.com>;tag=1", "To: <sip:shop.acme.voxlab.test>", f"Call-ID: 1@{mine}",
                "CSeq: 1 OPTIONS", "Content-Length: 0", "", "",
            ]  # fmt: skip
            peer.sendto("\r\n".join(lines).encode(), (host, int(port)))
            assert peer.recv(4096).startswith(b"SIP/2.0 200 OK")


def test_a_port_that_is_taken_is_named(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.45", 0))
        port = other.getsockname()[1]
        assert main(["serve", str(shop), "--bind", "127.0.0.45", "--port", str(port)]) == 1
    said = capsys.readouterr().err
    assert f"127.0.0.45:{port}" in said
    assert "taken" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x = 1", "defines no setup(lab)"),
        ("setup = 3", "defines no setup(lab)"),
        ("def setup(lab):\n    lab.acount('acme')", "line 2, in setup"),
        ("import nowhere_to_be_found", "No module named"),
        ("def setup(lab)", "SyntaxError"),
        ("async def setup(lab):\n    pass", "without async"),
        ("def setup(lab):\n    lab.account('A B')", "account"),
    ],
)
def test_a_file_that_will_not_do_is_refused_with_its_own_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, sentence: str
) -> None:
    file = tmp_path / "shop.py"
    file.write_text(text)
    assert main(["serve", str(file), "--bind", "127.0.0.46", "--port", "0"]) == 1
    said = capsys.readouterr().err
    assert sentence in said
    assert "Traceback" not in said


def test_a_file_that_is_not_there_says_how_to_write_one(tmp_path: Path) -> None:
    with pytest.raises(VoxlabError, match=r"def setup\(lab\):"):
        serve.load(tmp_path / "nowhere.py")


def test_calls_that_run_are_ended_with_a_bye_before_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    with Lab(live=True) as lab:
        shop = lab.account("acme").application("shop")
        alice, bob = shop.user("alice").phone(), shop.user("bob").phone(answer_after=0.0)

        @shop.scenario()
        async def forward(call: object) -> None:
            await call.forward_to_user()  # type: ignore[attr-defined]

        call = alice.dial("bob").wait("connected", timeout=20)
        with monkeypatch.context() as patch:
            patch.setattr(lab, "close", lambda: None)
            serve._farewell(lab)
        lab.world.wait(lambda: (alice.state, bob.state) == ("idle", "idle"), 20)
        messages = call.messages
        assert set(messages.leg[messages.method == "BYE"]) == {"A", "B"}
