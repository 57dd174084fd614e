"""What every test may rely on: the shared texts, no silent skip in CI, and a check that nothing is left running."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.leaks import child_processes, open_sockets

ROOT = Path(__file__).resolve().parent.parent
IN_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of RFC texts and independent test vectors, which lies beside the checkout and is not part of it."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("the RFC texts and vectors are not here: put the folder 'shared' beside the checkout")
    return folder


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a skipped test is a failed one, unless it is marked ``may_skip``; an expected failure stays what it is."""
    report = yield
    if IN_CI and report.skipped and not hasattr(report, "wasxfail") and not item.get_closest_marker("may_skip"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which counts as a failure in CI: {skip_reason(report)}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """In CI a module that skips itself as a whole is a failed one."""
    report = yield
    if IN_CI and report.skipped:
        report.longrepr = f"a whole module skipped, which counts as a failure in CI: {skip_reason(report)}"
        report.outcome = "failed"
    return report


def skip_reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Return why a test was skipped, in its own words."""
    return str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    """At the end of a worker's session: no child process and no bound socket that was not there before."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell starts what runs in its background
        signal.signal(signal.SIGINT, signal.default_int_handler)
    processes, sockets = child_processes(), open_sockets()
    yield
    gc.collect()
    left = [f"process {pid}: {command}" for pid, command in child_processes().items() if pid not in processes]
    left += [f"socket {name}" for inode, name in open_sockets().items() if inode not in sockets]
    assert not left, "the tests left something running:\n" + "\n".join(left)
