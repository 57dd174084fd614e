"""Which host lives where."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from voxlab.base.errors import VoxlabError
from voxlab.net.addresses import LivePlan, SimulatedPlan, Subnet

ROOT = Path(__file__).resolve().parents[2]


def test_simulated_hosts_live_in_documentation_and_private_networks() -> None:
    plan = SimulatedPlan()
    assert [plan.cloud(), plan.cloud(), plan.device(), plan.device()] == [
        "192.0.2.10",
        "192.0.2.11",
        "10.0.0.1",
        "10.0.0.2",
    ]
    giga = plan.network("198.51.100.0/24")
    assert giga.host() == "198.51.100.1"
    assert plan.network("198.51.100.0/24") is giga


def test_a_network_that_is_used_up_says_so() -> None:
    subnet = Subnet("198.51.100.0/30")
    assert [subnet.host(), subnet.host()] == ["198.51.100.1", "198.51.100.2"]
    with pytest.raises(VoxlabError, match="no address left"):
        subnet.host()


@pytest.mark.parametrize("wrong", ["198.51.100.0/33", "gigafon", "198.51.100.7/24"])
def test_what_is_no_network_is_refused_in_words(wrong: str) -> None:
    with pytest.raises(VoxlabError, match="no network"):
        SimulatedPlan().network(wrong)


def test_live_hosts_live_in_a_block_of_this_machine() -> None:
    plan = LivePlan("lab")
    block = plan.block.removesuffix(".0.0/16")
    assert plan.cloud() == f"{block}.0.10"
    assert plan.device() == f"{block}.16.1"
    assert plan.network("198.51.100.0/24").host().startswith(f"{block}.100.")
    plan.close()
    plan.close()


def test_two_plans_never_share_a_block() -> None:
    first, second = LivePlan("first"), LivePlan("second")
    assert first.block != second.block
    first.close()
    second.close()


def test_an_older_plan_of_the_process_is_asked_to_let_go() -> None:
    older = LivePlan("older")
    asked: list[object] = []

    def let_go(owner: object) -> None:
        asked.append(owner)
        older.close()

    newer = LivePlan("newer", let_go)
    assert set(asked) <= {"older"}
    assert asked == ["older"] or newer.block != older.block
    newer.close()
    older.close()


def test_a_block_that_another_process_holds_is_passed_over() -> None:
    program = "from voxlab.net.addresses import LivePlan; print(LivePlan('it').block, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        theirs = other.stdout.readline().strip()
        ours = LivePlan("us")
        assert theirs.startswith("127.")
        assert ours.block != theirs
        ours.close()
        other.communicate("\n")
