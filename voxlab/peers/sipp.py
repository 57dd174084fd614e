"""SIPp, driven through pysipp: one process that calls, answers or registers, its counts, its bounded life.

SIPp's exit code proves nothing by itself (a retransmitted 200 can satisfy a step that waits for another one), so what
is read are its counts. Must not know labs: addresses, names and numbers are given.
"""

from __future__ import annotations

import contextlib
import csv
import re
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from voxlab.base.datagram import Address
from voxlab.base.errors import VoxlabError
from voxlab.peers.pysipp_import import pysipp

SCENARIOS = Path(__file__).resolve().parent / "scenarios"
_TRANSPORTS = {"UDP": "u1", "TCP": "t1"}
# What pysipp's command line knows nothing of: a statistics file with a row a second, and buffers for load.
_TRACES = "-nostdin -trace_stat -fd 1 -trace_err -trace_rtt -rtt_freq 1"
_LOAD = "-buff_size 4000000 -deadcall_wait 0 -timer_resol 1"
_CALM = "-watchdog_minor_maxtriggers 100000 -watchdog_major_maxtriggers 1000"
_LOOK_EVERY_S = 0.1
_FAREWELL_S = 5.0
_TIME_STAMP = re.compile(r"^[0-9-]+[ \t]+[0-9:.]+[ \t]+[0-9.]+: ")
_CALL_ID_IN_ERROR = re.compile(r"Call-I[dD][: ]+'?([^'\s,]+)")


class Counts(NamedTuple):
    """What one SIPp has counted: calls begun, gone well, gone wrong, and requests and responses sent again."""

    created: int = 0
    successful: int = 0
    failed: int = 0
    retransmissions: int = 0


@dataclass(frozen=True)
class Task:
    """What one SIPp is to do.

    Attributes
    ----------
    name : str
        What it is called in errors.
    scenario : Path
        The SIPp scenario.
    local : Address
    peer : Address or None
        Where it sends; None for who waits.
    calls : int
        It ends by itself after so many.
    cps : float
        New calls a second.
    limit : int
        So many at once at most.
    user, password : str
        For ``[service]`` and digest.
    pause_s : float
        The scenario's pause.
    timeout_s : float
        After which SIPp gives up.
    keys : mapping
        Values for the scenario's keywords.
    """

    name: str
    scenario: Path
    local: Address
    peer: Address | None = None
    calls: int = 1
    cps: float = 10.0
    limit: int = 10_000
    user: str = ""
    password: str = field(default="", repr=False)
    transport: str = "UDP"
    pause_s: float = 0.0
    timeout_s: float = 60.0
    keys: Mapping[str, str] = field(default_factory=dict)


class Sipp:
    """One running SIPp; a context manager, at whose end the process is gone.

    Parameters
    ----------
    task : Task
    folder : Path
        Its own, for statistics and logs.

    Raises
    ------
    VoxlabError
        When SIPp or pysipp is not installed.
    """

    def __init__(self, task: Task, folder: Path) -> None:
        self.task = task
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._statistics = folder / "statistics.csv"
        self._errors = folder / "errors.log"
        argv = [*shlex.split(_command(task, folder)), *shlex.split(f"{_TRACES} {_LOAD} {_CALM}")]
        argv += ["-stf", str(self._statistics), "-error_file", str(self._errors)]
        self._log = (folder / "output.log").open("wb")
        self.process = subprocess.Popen(
            argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, start_new_session=True
        )

    def until_listening(self) -> None:
        """Wait until its port is taken and its statistics have begun.

        Raises
        ------
        VoxlabError
            When it ended before that.
        """
        self._until(lambda: self._rows() and not is_free(self.task.local, self.task.transport), 15.0)

    def until_done(self, watch: Callable[[Counts], None] = lambda _counts: None) -> Counts:
        """Wait for its own end, within its time limit; ``watch`` is told the counts now and then."""
        ends_at = time.monotonic() + self.task.timeout_s + 2 * _FAREWELL_S
        while self.process.poll() is None and time.monotonic() < ends_at:
            time.sleep(_LOOK_EVERY_S)
            watch(self.counts)
        self.close()
        return self.counts

    def stop(self) -> Counts:
        """Let it finish the calls in hand and end, and return its counts."""
        self._signal(signal.SIGUSR1)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(_FAREWELL_S)
        self.close()
        return self.counts

    def close(self) -> None:
        """End the process, if it has not ended; may be called twice."""
        for end in (signal.SIGTERM, signal.SIGKILL):
            if self.process.poll() is None:
                self._signal(end)
                try:
                    self.process.wait(_FAREWELL_S)
                except subprocess.TimeoutExpired:
                    continue
        self._log.close()

    def __enter__(self) -> Sipp:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- what it has to say

    @property
    def counts(self) -> Counts:
        """The counts of its last row of statistics."""
        rows = self._rows()
        if not rows:
            return Counts()
        last = rows[-1]
        return Counts(*(int(last[name]) for name in _COUNTED))

    @property
    def rows(self) -> list[tuple[float, int, int, int, int, int]]:
        """A row a second: seconds since its start, calls begun, at once now, gone well, gone wrong, retransmissions."""
        return [
            (
                _seconds(row["ElapsedTime(C)"]),
                int(row["TotalCallCreated"]),
                int(row["CurrentCall"]),
                *(int(row[name]) for name in _COUNTED[1:]),  # type: ignore[misc]
            )
            for row in self._rows()
        ]

    @property
    def response_times_ms(self) -> list[float]:
        """What the scenario's own response timer measured, a value per call."""
        times: list[float] = []
        for path in sorted(self.folder.glob(f"*_{self.process.pid}_rtt.csv")):
            with path.open(newline="") as file:
                times += [float(row["response_time_ms"]) for row in csv.DictReader(file, delimiter=";")]
        return times

    @property
    def first_error(self) -> str:
        """The first line of SIPp's own complaint, "" if it had none."""
        said = (line for line in self._error_lines() if "Call-I" in line or "error" in line.lower())
        return _TIME_STAMP.sub("", next(said, "")).strip().rstrip(":")

    @property
    def failed_call_ids(self) -> list[str]:
        """The Call-IDs of calls that went wrong, as far as SIPp names them, in order."""
        found = (match[1] for line in self._error_lines() if (match := _CALL_ID_IN_ERROR.search(line)))
        return list(dict.fromkeys(found))

    def tail(self, lines: int = 8) -> str:
        """Return the end of what it printed, for an error of ours."""
        text = (self.folder / "output.log").read_text(errors="replace")
        return "\n".join([*text.strip().splitlines()[-lines:], *self._error_lines()[:lines]])

    def _error_lines(self) -> list[str]:
        return self._errors.read_text(errors="replace").splitlines() if self._errors.exists() else []

    def _rows(self) -> list[dict[str, str]]:
        if not self._statistics.exists():
            return []
        with self._statistics.open(newline="") as file:
            return [row for row in csv.DictReader(file, delimiter=";") if row.get("ElapsedTime(C)")]

    def _until(self, condition: Callable[[], Any], limit_s: float) -> None:
        ends_at = time.monotonic() + limit_s
        while not condition():
            if self.process.poll() is not None or time.monotonic() > ends_at:
                raise VoxlabError(f"SIPp ({self.task.name}) did not get ready:\n{self.tail()}")
            time.sleep(_LOOK_EVERY_S / 4)

    def _signal(self, number: signal.Signals) -> None:
        if self.process.poll() is None:
            self.process.send_signal(number)


_COUNTED = ("TotalCallCreated", "SuccessfulCall(C)", "FailedCall(C)", "Retransmissions(C)")


def check_installed() -> None:
    """Refuse to go on where SIPp or pysipp is missing.

    Raises
    ------
    VoxlabError
        The text holds the command that installs what is missing.
    """
    if shutil.which("sipp") is None:
        raise VoxlabError("SIPp is not installed; cure: apt-get install sip-tester (see voxlab doctor)")
    pysipp()


def is_free(address: Address, transport: str) -> bool:
    """Whether nobody of this machine holds that port."""
    kind = socket.SOCK_DGRAM if transport == "UDP" else socket.SOCK_STREAM
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family, kind) as probe:
        try:
            probe.bind(address)
        except OSError:
            return False
    return True


def free_address(host: str, transport: str, count: int = 1) -> list[Address]:
    """Return addresses of ``host`` with ports that are free now."""
    kind = socket.SOCK_DGRAM if transport == "UDP" else socket.SOCK_STREAM
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    probes: list[socket.socket] = []
    try:
        for _ in range(count):
            probes.append(socket.socket(family, kind))
            probes[-1].bind((host, 0))
        return [Address(host, probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def _command(task: Task, folder: Path) -> str:
    """Let pysipp write the command line of a task."""
    package = pysipp()
    agent = package.agent.ua(
        scen_file=str(task.scenario),
        local_host=task.local.host,
        local_port=task.local.port,
        transport=_TRANSPORTS[task.transport],
        call_count=task.calls,
        rate=f"{task.cps:g}",
        limit=task.limit,
        pause_duration=round(task.pause_s * 1000),
        timeout=f"{task.timeout_s:g}",
        timeout_error=True,
        key_vals={"uri_transport": task.transport.lower(), **task.keys},
        **({"uri_username": task.user, "auth_username": task.user} if task.user else {}),
        **({"auth_password": task.password} if task.password else {}),
        **({"remote_host": task.peer.host, "remote_port": task.peer.port} if task.peer else {}),
    )
    return _without_empty(agent.render())


def _without_empty(command: str) -> str:
    """Drop ``:None`` and the like, which pysipp leaves where an address has no port."""
    return re.sub(r"(?<=\s):(?=\s|$)", "", command)


def _seconds(clock: str) -> float:
    """Read SIPp's ``HH:MM:SS`` or ``HH:MM:SS:microseconds``."""
    hours, minutes, seconds, *fraction = clock.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds) + (int(fraction[0]) / 1e6 if fraction else 0.0)


__all__ = ["SCENARIOS", "Counts", "Sipp", "Task", "check_installed", "free_address", "is_free"]
