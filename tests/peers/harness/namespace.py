"""A street of hosts: a network namespace with addresses of its own, removed whatever happens. Knows no protocol."""

from __future__ import annotations

import atexit
import ctypes
import itertools
import os
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

T = TypeVar("T")
_CLONE_NEWNET = 0x40000000
_counter = itertools.count()


def cannot_build_streets() -> str | None:
    """Return the reason to skip, with its cure; None when namespaces can be made here."""
    if shutil.which("ip") is None:
        return "ip not installed; cure: apt-get install iproute2"
    if os.geteuid() != 0:
        return "network namespaces need root; cure: run this test as root, or: sudo -E env PATH=$PATH make test"
    return None


class Street:
    """A namespace with a veth pair that carries `houses` addresses 10.77.0.1, 10.77.0.2, ...

    Programs that announce the first address that is not loopback (baresip does) need such a place.
    """

    def __init__(self, houses: int = 3) -> None:
        self.name = f"vx{os.getpid()}-{next(_counter)}"
        self.door = Path("/run/netns") / self.name
        self.addresses = tuple(f"10.77.0.{number}" for number in range(1, houses + 1))

    def __enter__(self) -> Self:
        _ip("netns", "add", self.name)
        atexit.register(self._remove)
        try:
            self._build()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove()
        atexit.unregister(self._remove)

    @property
    def prefix(self) -> tuple[str, ...]:
        """What goes before a program's arguments to run it in the street."""
        return ("ip", "netns", "exec", self.name)

    def inside(self, work: Callable[[], T]) -> T:
        """Run `work` in a thread that has entered the street; a socket made there stays there for good."""

        def enter_and_work() -> T:
            with self.door.open() as door:
                if ctypes.CDLL(None, use_errno=True).setns(door.fileno(), _CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), f"cannot enter {self.name}")
            return work()

        with ThreadPoolExecutor(1) as thread:
            return thread.submit(enter_and_work).result()

    def _build(self) -> None:
        _ip("-n", self.name, "link", "set", "lo", "up")
        _ip("-n", self.name, "link", "add", "d0", "type", "veth", "peer", "name", "d1")
        for address in self.addresses:
            _ip("-n", self.name, "addr", "add", f"{address}/24", "dev", "d0")
        _ip("-n", self.name, "link", "set", "d0", "up")
        _ip("-n", self.name, "link", "set", "d1", "up")

    def _remove(self) -> None:
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True, check=False)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)
