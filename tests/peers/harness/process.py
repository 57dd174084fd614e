"""One child program: its folder, its log, its end, its CPU time. Knows no protocol."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_POLL_S = 0.01


class NotReady(RuntimeError):
    """A program did not do what was waited for; the message ends with the tail of its log."""


def missing(*programs: str) -> str | None:
    """Return the reason to skip, with its cure, when a program is not installed; None when all are there."""
    packages = {"sipp": "sip-tester", "ip": "iproute2", "rtpengine": "rtpengine-daemon"}
    packages |= dict.fromkeys(("svmap", "svwar", "svcrack"), "sipvicious")
    absent = [name for name in programs if shutil.which(name) is None]
    if not absent:
        return None
    cure = " ".join(packages.get(name, name) for name in absent)
    return f"{', '.join(absent)} not installed; cure: apt-get install {cure}"


def wait_until(condition: Callable[[], bool], timeout_s: float, what: str) -> None:
    """Look at `condition` until it holds; raise `NotReady` naming `what` after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise NotReady(f"{what}: not within {timeout_s:g} s")
        time.sleep(_POLL_S)


class Program:
    """A child process in a session of its own, its output in `folder/NAME.log`.

    Parameters
    ----------
    argv : sequence of str
        Program and arguments.
    folder : Path
        Working folder; made when absent.
    name : str
        Names the log.
    prefix : sequence of str
        Put before `argv`: ``("ip", "netns", "exec", X)`` or ``("taskset", "-c", "0")``.
    environment : mapping
        Added to the environment of this process.
    told : bool
        Whether lines can be typed into it with `type`.
    """

    def __init__(
        self,
        argv: Sequence[str],
        folder: Path,
        name: str,
        *,
        prefix: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        told: bool = False,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.folder = folder
        self.log = folder / f"{name}.log"
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [*prefix, *argv],
                cwd=folder,
                stdin=subprocess.PIPE if told else subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "TERM": "xterm", **(environment or {})},
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Process id of the program (wrappers such as `ip netns exec` replace themselves by it)."""
        return self.process.pid

    def type(self, line: str) -> None:
        """Type a line into a program that was made to be `told`."""
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def tail(self, lines: int = 15) -> str:
        """Return the last lines of the log."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def wait_until(self, condition: Callable[[], bool], timeout_s: float, what: str) -> None:
        """Wait for `condition` as long as the program lives; `NotReady` carries the end of its log."""

        def met() -> bool:
            if condition():
                return True
            if self.process.poll() is not None:
                raise NotReady(f"{self.name} ended with {self.process.returncode} before: {what}\n{self.tail()}")
            return False

        try:
            wait_until(met, timeout_s, what)
        except NotReady as error:
            raise NotReady(f"{error}\n--- {self.name}\n{self.tail()}") from None

    def wait(self, timeout_s: float) -> int:
        """Wait for the program's own end, return its exit code; past `timeout_s` stop it and raise `NotReady`."""
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.stop()
            raise NotReady(f"{self.name} did not end within {timeout_s:g} s\n{self.tail()}") from None

    def stop(self, grace_s: float = 5.0) -> int:
        """End the program: SIGTERM, then, past the grace, SIGKILL to its own process group. Return the exit code."""
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):  # what it was told last, it need not hear any more
                self.process.stdin.close()
        if self.process.poll() is not None:
            return self.process.returncode
        self.process.terminate()
        try:
            return self.process.wait(grace_s)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)  # not reaped yet: the group is still ours
            return self.process.wait()

    def cpu_s(self) -> float:
        """User plus system time in seconds of the program and all its living descendants, from /proc."""
        return sum(_cpu_s(pid) for pid in _tree(self.pid))

    def holds_port(self, port: int, transport: str = "udp") -> bool:
        """Tell whether a socket of the program's network namespace is bound to (TCP: listens on) `port`."""
        return any(_bound(Path(f"/proc/{self.pid}/net/{transport}{version}"), port, transport) for version in ("", "6"))


def _stat_fields(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat after the name (which may hold blanks); empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _cpu_s(pid: int) -> float:
    fields = _stat_fields(pid)
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S if fields else 0.0


def _tree(root: int) -> list[int]:
    """Return `root` and its living descendants (by parent ids: not every kernel lists children)."""
    parents = {
        int(path.name): int(fields[1])
        for path in Path("/proc").glob("[0-9]*")
        if (fields := _stat_fields(int(path.name)))
    }
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def _bound(table: Path, port: int, transport: str) -> bool:
    try:
        rows = [line.split() for line in table.read_text().splitlines()[1:]]
    except (FileNotFoundError, ProcessLookupError):
        return False
    listening = "0A"
    return any(
        int(row[1].rpartition(":")[2], 16) == port and (transport == "udp" or row[3] == listening) for row in rows
    )
