"""REGISTER with digest over UDP beside Kamailio, in CPU time of the server (RFC 3261 s.10, s.22)."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path

from peers.calls import CALLER_PORT, DOMAIN, PASSWORD
from peers.harness.process import NotReady, missing
from peers.harness.sipp import Sipp

from .report import Bound, Figure, Skipped, Target, of_rounds
from .targets import LOAD_CORE, SERVER_PORT, Server, kamailio, voxlab

USERS = 100
RATE = 1000.0


def measure(quick: bool) -> Iterator[Figure | Skipped]:
    """Yield the CPU time of a REGISTER (each registration is two: 401, then 200) at 1,000 registrations/s."""
    name = "REGISTER with digest, UDP: CPU"
    if reason := missing("sipp", "kamailio"):
        yield Skipped(name, reason)
        return
    rounds, registrations = (2, 1500) if quick else (5, 3000)
    starts: dict[str, Callable[[Path], AbstractContextManager[Server]]] = {
        "voxlab": partial(voxlab, users=USERS),
        "kamailio": kamailio,
    }
    costs: dict[str, list[float]] = {who: [] for who in starts}
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        folder = Path(scratch)
        servers = {who: stack.enter_context(start(folder / who)) for who, start in starts.items()}
        for number in range(rounds):
            for who, server in servers.items():
                costs[who].append(cpu_per_register_us(server, folder / f"{who}-{number}", registrations))
    yield of_rounds(name, "us", costs["voxlab"], costs["kamailio"], "Kamailio", Target(Bound.AT_MOST, 2.5))


def cpu_per_register_us(server: Server, folder: Path, registrations: int) -> float:
    """Return the server's CPU time per REGISTER request in microseconds, over `registrations` of two requests each."""
    folder.mkdir(parents=True)
    users = folder / "users.csv"
    lines = (f"user{n};[authentication username=user{n} password={PASSWORD}]" for n in range(USERS))
    users.write_text("\n".join(["SEQUENTIAL", *lines, ""]))
    before_s = server.cpu_s()
    with Sipp(
        "register_many",
        folder,
        host=server.host,
        port=CALLER_PORT,
        peer=f"{server.host}:{SERVER_PORT}",
        load=True,
        calls=registrations,
        rate=RATE,
        fields=users,
        keys={"domain": DOMAIN},
        prefix=LOAD_CORE,
    ) as devices:
        counts = devices.result()
    if counts.successful != registrations:
        raise NotReady(f"{registrations} registrations: {counts}\n{devices.errors()}\n{server.tail()}")
    return (server.cpu_s() - before_s) / (2 * registrations) * 1e6
