"""The rules of conftest.py hold: a skip fails in CI, and what a test leaves behind is found."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.leaks import child_processes, open_sockets

ROOT = Path(__file__).resolve().parent.parent
RULES = "from tests.conftest import *\n"
WAIT_FOR_INPUT = [sys.executable, "-c", "input()"]


def outcome(folder: Path, module: str, *, ci: str) -> str:
    """Run a module of tests under our rules in a pytest of its own and return its closing line."""
    (folder / "conftest.py").write_text(RULES)
    (folder / "test_one.py").write_text("import pytest\n" + module)
    environment = {**os.environ, "CI": ci, "PYTHONPATH": str(ROOT)}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # they cost seconds and change nothing here
    options = ["-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(folder), str(folder)]
    command = [sys.executable, "-m", "pytest", *options]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return run.stdout.splitlines()[-1]


@pytest.mark.parametrize(("ci", "verdict"), [("true", "1 failed"), ("", "1 skipped")])
def test_a_skip_fails_in_ci_only(tmp_path: Path, ci: str, verdict: str) -> None:
    assert verdict in outcome(tmp_path, "def test_it(): pytest.skip('no peer')", ci=ci)


def test_a_module_that_skips_itself_fails_in_ci(tmp_path: Path) -> None:
    assert "1 error" in outcome(tmp_path, "pytest.skip('no peer', allow_module_level=True)", ci="true")


def test_a_test_marked_so_may_skip_in_ci(tmp_path: Path) -> None:
    marked = "@pytest.mark.may_skip('needs a kernel module')\ndef test_it(): pytest.skip('no module')"
    assert "1 skipped" in outcome(tmp_path, marked, ci="true")


def test_an_expected_failure_is_no_skip(tmp_path: Path) -> None:
    expected = "@pytest.mark.xfail(strict=True, reason='later')\ndef test_it(): assert False"
    assert "1 xfailed" in outcome(tmp_path, expected, ci="true")


def test_a_socket_left_open_is_an_error(tmp_path: Path) -> None:
    leaking = "import socket\nkept = []\ndef test_it():\n    kept.append(socket.create_server(('127.0.0.1', 0)))\n"
    assert "1 passed, 1 error" in outcome(tmp_path, leaking, ci="")


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_a_bound_socket_is_seen_while_it_is_open(kind: socket.SocketKind) -> None:
    before = open_sockets()
    with socket.socket(socket.AF_INET, kind) as ours:
        ours.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            ours.listen()
        port = ours.getsockname()[1]
        new = [name for inode, name in open_sockets().items() if inode not in before]
        assert [name.rsplit(":", 1)[1] for name in new] == [f"{port:04X}"]
    assert open_sockets() == before


def test_a_child_process_is_seen_until_it_is_reaped() -> None:
    before = child_processes()
    with subprocess.Popen(WAIT_FOR_INPUT, stdin=subprocess.PIPE) as child:
        assert child.pid in child_processes()
    assert child_processes() == before
