"""What ``lab.load`` refuses, and how a run of SIPp is judged; the runs themselves are in tests/peers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from voxlab import Lab
from voxlab.base.errors import VoxlabError
from voxlab.lab.load import Load, Plan
from voxlab.peers.sipp import SCENARIOS, Counts

ROWS = [(0.0, 0, 0, 0, 0, 0), (1.0, 19, 2, 17, 0, 0), (2.0, 20, 0, 20, 0, 1), (2.0, 20, 0, 20, 0, 1)]


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab(seed=1) as lab:
        yield lab


def plan(**given: object) -> Plan:
    usual: dict[str, object] = {"cps": 10.0, "calls": 20, "to": None, "ring_s": 0.0, "talk_s": 0.0, "limit": None}
    usual |= {"transport": "UDP", "scenario": SCENARIOS / "uac_challenged.xml"}
    return Plan(**{**usual, **given})  # type: ignore[arg-type]


def load(lab: Lab, caller: Counts, callee: Counts | None) -> Load:
    return Load(lab, plan(), caller, callee, ROWS, [4.0, 6.0])


def test_a_simulated_lab_has_no_load_and_says_where_there_is_some(lab: Lab):
    lab.account("acme").application("shop")
    with pytest.raises(VoxlabError, match=r"Lab\(live=True\)"):
        lab.load(cps=10, calls=10)


def test_with_two_applications_one_has_to_be_named(lab: Lab):
    for name in ("shop", "desk"):
        lab.account("acme").application(name)
    with pytest.raises(VoxlabError, match=r"shop\.acme\.voxlab\.test, desk\.acme\.voxlab\.test"):
        lab.load()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"cps": 0.0}, "cps takes"),
        ({"calls": 0}, "calls takes"),
        ({"ring_s": -1.0}, "ring and talk"),
        ({"transport": "TLS"}, "UDP and TCP"),
        ({"limit": 0}, "limit takes"),
        ({"scenario": SCENARIOS / "none.xml"}, "no SIPp scenario"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused_with_a_sentence(wrong: dict[str, object], says: str):
    with pytest.raises(VoxlabError, match=says):
        plan(**wrong).check()


@pytest.mark.parametrize(
    ("caller", "callee", "ok"),
    [
        (Counts(20, 20, 0, 0), Counts(20, 20, 0, 0), True),
        (Counts(20, 20, 0, 0), None, True),
        (Counts(20, 19, 1, 0), Counts(19, 19, 0, 0), False),
        (Counts(20, 20, 0, 0), Counts(20, 18, 2, 0), False),  # a caller can be satisfied by the wrong 200
        (Counts(0, 0, 0, 0), Counts(0, 0, 0, 0), False),  # and exit code 0 without a call is no success
    ],
)
def test_only_the_counts_of_both_sides_make_a_run_good(lab: Lab, caller: Counts, callee: Counts | None, ok: bool):
    seen = load(lab, caller, callee)
    assert seen.ok is ok
    assert seen.verdict.startswith("✓" if ok else "✗")
    assert f"{caller.successful} of 20 calls" in seen.verdict


def test_the_table_has_a_row_a_second_and_a_rate(lab: Lab):
    seen = load(lab, Counts(20, 20, 0, 1), None)
    assert list(seen.seconds["time_s"]) == [0.0, 1.0, 2.0]
    assert list(seen.seconds["cps"]) == [0.0, 19.0, 1.0]
    assert "5 ms (median)" in seen.verdict
    assert "1 retransmissions" in seen.verdict


def test_a_failed_call_that_is_not_on_record_has_no_ladder(lab: Lab):
    seen = load(lab, Counts(20, 19, 1, 0), None)
    seen.remember("while expecting '180', received 'SIP/2.0 404 Not Found'", ["1-99@127.0.0.1"])
    assert seen.first_failed is None
    assert "404 Not Found" in repr(seen)
