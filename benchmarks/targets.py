"""The servers under load, each on an address and a CPU core of its own choosing: voxlab, sippy's B2BUA, Kamailio."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Protocol

from peers.calls import CALLEE, CALLEE_PORT, DOMAIN, PASSWORD, register
from peers.harness.kamailio import Kamailio
from peers.harness.ports import own_address
from peers.harness.process import NotReady, Program
from peers.harness.serve import Served

SERVER_PORT = 5060
CALLER_HOST = own_address()
CALLER_DOMAIN = "carrier.example"
# Calls come over a trunk and need no password: sippy's B2BUA asks for none, and a digest round on one side only would
# be no comparison.
OPEN_FORWARDING = f"""
def setup(lab):
    lab.account("acme").trunk("load", allow=["{CALLER_HOST}/32"])
    shop = lab.account("acme").application("shop")
    for name in ("{CALLEE}", *(f"user{{{{number}}}}" for number in range({{users}}))):
        shop.user(name, password="{PASSWORD}")

    @shop.scenario()
    async def forward(call):
        await call.forward_to_user()
"""
OPEN_ROUTE = f"""
def setup(lab):
    lab.account("acme").trunk("load", allow=["{CALLER_HOST}/32"])
    shop = lab.account("acme").application("shop")
    shop.user("{CALLEE}", password="{PASSWORD}")
    shop.rule("direct", route="users")
"""


def cores() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the prefixes that pin a load generator and a server to different cores; empty where there is but one."""
    available = sorted(os.sched_getaffinity(0))
    if len(available) < 2:
        return (), ()
    return tuple(("taskset", "-c", str(core)) for core in (available[0], available[-1]))  # type: ignore[return-value]


LOAD_CORE, SERVER_CORE = cores()


@contextmanager
def pinned_to_load_core() -> Iterator[None]:
    """Keep this very process on the load generator's core, so that it does not sit on the server's."""
    before = os.sched_getaffinity(0)
    if LOAD_CORE:
        os.sched_setaffinity(0, {int(LOAD_CORE[-1])})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Server(Protocol):
    """What a benchmark needs of a server: where it is, what it costs, its end."""

    host: str

    def cpu_s(self) -> float: ...
    def tail(self, lines: int = 15) -> str: ...


class Sippy(Program):
    """sippy's `b2bua_simple`: every call goes to the callee's port on the same address."""

    def __init__(self, folder: Path, host: str) -> None:
        self.host = host
        argv = [sys.executable, "-m", "sippy.b2bua_simple", "-f", "-l", host, "-p", str(SERVER_PORT)]
        quiet = {"SIPLOG_LVL": "ERR", "SIPLOG_BEND": "stderr"}
        super().__init__([*argv, "-n", f"{host}:{CALLEE_PORT}"], folder, "sippy", prefix=SERVER_CORE, environment=quiet)


@contextmanager
def sippy(folder: Path) -> Iterator[Server]:
    """Run sippy's B2BUA; it knows its callee from the start."""
    with Sippy(folder, own_address()) as server:
        server.wait_until(lambda: server.holds_port(SERVER_PORT), 10, "sippy's port")
        yield server


@contextmanager
def voxlab(folder: Path, users: int = 0) -> Iterator[Server]:
    """Run `voxlab serve` with an open forwarding rule, bob registered, and `users` more accounts for registrations."""
    _compile_beforehand()
    with Served(OPEN_FORWARDING.format(users=users), folder, host=own_address(), prefix=SERVER_CORE) as server:
        server.until_ready()
        _register_callee(server, folder)
        yield server


@contextmanager
def proxying(folder: Path) -> Iterator[Server]:
    """Run `voxlab serve` with a rule that passes calls on without a script, bob registered."""
    _compile_beforehand()
    with Served(OPEN_ROUTE, folder, host=own_address(), prefix=SERVER_CORE) as server:
        server.until_ready()
        _register_callee(server, folder)
        yield server


@contextmanager
def kamailio(folder: Path) -> Iterator[Server]:
    """Run Kamailio as registrar and proxy with one worker (several reorder 180 and 200), bob registered."""
    server = Kamailio(
        folder,
        host=own_address(),
        domain=DOMAIN,
        password=PASSWORD,
        challenge_calls=False,
        tcp=False,
        prefix=SERVER_CORE,
    )
    with server:
        server.until_ready()
        _register_callee(server, folder)
        yield server


def missing_sippy() -> str | None:
    """Return why sippy cannot run, with the cure; None when it can."""
    return None if importlib.util.find_spec("sippy") else "sippy is not installed; cure: pip install sippy"


@cache
def _compile_beforehand() -> None:
    """Fill the disk cache of compiled code: a server without it compiles beside its first calls, on the same core."""
    subprocess.run([sys.executable, "-m", "voxlab.net.plane.warm"], stdout=subprocess.DEVNULL, check=False)


def _register_callee(server: Served | Kamailio, folder: Path) -> None:
    answer = register(CALLEE, folder, server=f"{server.host}:{SERVER_PORT}", host=server.host, port=CALLEE_PORT)
    if answer.successful != 1:
        raise NotReady(f"{CALLEE} could not register at {server.name}\n{server.tail()}")
