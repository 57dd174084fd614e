"""SIPp registers with digest at `voxlab serve` and calls SIPp through its scenario (RFC 3261 s.10, s.13, s.22)."""

from __future__ import annotations

from pathlib import Path

import pytest

from .calls import CALLER, DOMAIN, FORWARDING, PASSWORD, call_through, register
from .harness.ports import own_address
from .harness.process import missing
from .harness.serve import Served
from .harness.sipp import Sipp

pytestmark = [pytest.mark.peers, pytest.mark.skipif(missing("sipp") is not None, reason=str(missing("sipp")))]
CALLS, RATE = 200, 20.0


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_two_hundred_calls_through_the_cloud_none_fails_on_either_end(tmp_path: Path, transport: str) -> None:
    with Served(FORWARDING, tmp_path / "voxlab", host=own_address()) as cloud:
        cloud.until_ready()
        caller, callee = call_through(cloud.host, cloud.port, tmp_path, calls=CALLS, rate=RATE, transport=transport)
    assert (caller.successful, caller.failed, callee.successful, callee.failed) == (CALLS, 0, CALLS, 0), cloud.tail()
    assert (caller.exit_code, callee.exit_code) == (0, 0)


def test_a_wrong_password_is_not_registered(tmp_path: Path) -> None:
    with Served(FORWARDING, tmp_path / "voxlab", host=own_address()) as cloud:
        cloud.until_ready()
        refused = register(
            "bob", tmp_path, server=f"{cloud.host}:{cloud.port}", host=cloud.host, port=5080, password="not this one"
        )
        accepted = register("bob", tmp_path / "right", server=f"{cloud.host}:{cloud.port}", host=cloud.host, port=5080)
    assert (refused.successful, accepted.successful) == (0, 1)


def test_a_caller_without_the_password_reaches_nobody(tmp_path: Path) -> None:
    with Served(FORWARDING, tmp_path / "voxlab", host=own_address()) as cloud:
        cloud.until_ready()
        server = f"{cloud.host}:{cloud.port}"
        assert register("bob", tmp_path, server=server, host=cloud.host, port=5080).successful == 1
        with Sipp("uas", tmp_path, host=cloud.host, port=5080, calls=1) as callee:
            callee.until_listening()
            # Not uac_challenged: SIPp takes a second 407 that its scenario does not expect for a copy of the first.
            with Sipp(
                "uac_refused",
                tmp_path,
                host=cloud.host,
                port=5070,
                peer=server,
                user=CALLER,
                password="guess",
                timeout_s=15,
                keys={"callee": "bob", "domain": DOMAIN},
            ) as caller:
                assert (caller.result().successful, caller.result().failed) == (1, 0), caller.errors()
            assert callee.stopped().created == 0


def test_sigterm_ends_the_platform_cleanly(tmp_path: Path) -> None:
    with Served(FORWARDING, tmp_path / "voxlab", host=own_address()) as cloud:
        cloud.until_ready()
        assert cloud.stop() == 0, cloud.tail()


ROUTING = f"""
def setup(lab):
    shop = lab.account("acme").application("shop")
    for name in ("{CALLER}", "bob"):
        shop.user(name, password="{PASSWORD}")
    shop.rule("direct", route="users")
"""


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_two_hundred_calls_through_the_proxy_none_fails_on_either_end(tmp_path: Path, transport: str) -> None:
    with Served(ROUTING, tmp_path / "voxlab", host=own_address()) as cloud:
        cloud.until_ready()
        caller, callee = call_through(cloud.host, cloud.port, tmp_path, calls=CALLS, rate=RATE, transport=transport)
    assert (caller.successful, caller.failed, callee.successful, callee.failed) == (CALLS, 0, CALLS, 0), cloud.tail()
    assert (caller.exit_code, callee.exit_code) == (0, 0)
