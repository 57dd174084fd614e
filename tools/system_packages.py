"""Programs of others that tests and benchmarks talk to, from Debian's packages, never started as services.

Only missing ones are installed, only where this runs as root and apt-get is there; elsewhere it says what is missing
and the command that brings it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from report import SetUpFailed, answers, require, say

# The program that is looked for, and the package of Debian that brings it.
PEERS = {
    "sipp": "sip-tester",
    "baresip": "baresip-core",
    "kamailio": "kamailio",
    "tshark": "tshark",
    "sipsak": "sipsak",
    "svmap": "sipvicious",
    "linphonec": "linphone-cli",
    "ip": "iproute2",
    "espeak-ng": "espeak-ng",
}
YARDSTICKS = {name: PEERS[name] for name in ("sipp", "kamailio")} | {"rtpengine": "rtpengine-daemon", "gcc": "gcc"}
SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
POLICY = Path("/usr/sbin/policy-rc.d")
FORBID = b"#!/bin/sh\nexit 101\n"  # "action forbidden by policy", to whatever wants to start


def missing(programs: Iterable[str]) -> list[str]:
    """Return the programs that are not installed."""
    return [name for name in programs if shutil.which(name, path=SEARCH_PATH) is None]


def may_install() -> bool:
    """Whether this runs as root on a system with apt-get."""
    return hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get") is not None


def provide(programs: dict[str, str]) -> list[str]:
    """Install the packages of missing programs where that is possible, and return the programs still missing."""
    absent = missing(programs)
    if absent and may_install():
        try:
            install([programs[name] for name in absent])
        except SetUpFailed as failure:  # without a network: what needs no peer can still be tested
            say(f"going on without: {failure}")
        absent = missing(programs)
    if absent:
        packages = " ".join(sorted(programs[name] for name in absent))
        say(f"not here, so what needs them is skipped: {', '.join(absent)}. Debian: sudo apt-get install {packages}")
    return absent


def install(packages: Sequence[str]) -> bool:
    """Install those of the packages that this release of Debian has; return whether anything was installed."""
    # The lists may be absent or old: an index fetched now is the one whose files are still on the mirror.
    apt("update")
    wanted = [name for name in packages if available(name)]
    for name in sorted(set(packages) - set(wanted)):
        say(f"this release of the system has no package {name}")
    if not wanted:
        return False
    say(f"installing system packages, their services stay off: {' '.join(wanted)}")
    with services_forbidden():
        apt("install", "--no-install-recommends", *wanted)
    return True


def available(package: str) -> bool:
    """Whether apt can install a package."""
    said = answers(["apt-cache", "policy", package]) or ""
    return any(line.strip().startswith("Candidate:") and "(none)" not in line for line in said.splitlines())


def apt(verb: str, *arguments: str) -> None:
    """Run apt-get without questions, waiting for whoever holds its lock."""
    options = ["-y", "-q", "-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    require(["apt-get", *options, verb, *arguments], cure="The package system says why above.", environment=environment)


@contextmanager
def services_forbidden(policy: Path = POLICY) -> Iterator[None]:
    """Keep packages from starting their services on installation, and leave the policy as it was found.

    Debian starts kamailio and rtpengine when they are installed; they would hold port 5060 on every address.
    """
    before = (policy.read_bytes(), policy.stat().st_mode & 0o7777) if policy.exists() else None
    policy.write_bytes(FORBID)
    policy.chmod(0o755)
    try:
        yield
    finally:
        if before is None:
            policy.unlink()
        else:
            policy.write_bytes(before[0])
            policy.chmod(before[1])
