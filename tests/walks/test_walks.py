"""Random walks: calls, holds, transfers and cancels over lossy, repeating, reordering wires in virtual time.

Nothing may be left in the end: no stuck transaction, no leaked dialog, no error that nobody saw; every leg has ended
exactly once. A walk that fails prints its steps, its seed and its ladder.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.walks.walk import DEVICES, NAMES, Walk
from voxlab.elements.phone import Input
from voxlab.net.impairment import Impairment

WHO = st.sampled_from(DEVICES)
PRESSED = st.sampled_from([Input.PICK_UP, Input.DECLINE, Input.HANG_UP, Input.HOLD, Input.RESUME])
MOMENT_S = st.sampled_from([0.0, 0.001, 0.3, 1.0, 2.5, 8.0])
TEMPERS = st.sampled_from(
    [
        Impairment(delay_s=0.0005),
        Impairment(delay_s=0.02, jitter_s=0.03, reorder=0.2),
        Impairment(delay_s=0.02, loss=0.1, duplicate=0.1),
        Impairment(delay_s=0.05, jitter_s=0.05, loss=0.25, reorder=0.1, duplicate=0.2),
    ]
)


class PhonesInTheRain(RuleBasedStateMachine):
    """Three people with phones, who do what comes to their minds."""

    walk: Walk | None = None

    @initialize(seed=st.integers(0, 10_000), temper=TEMPERS)
    def begin(self, seed: int, temper: Impairment) -> None:
        self.walk = Walk(seed, temper)

    @rule(name=WHO, other=st.sampled_from([*NAMES, "nobody"]), moment_s=MOMENT_S)
    def dial(self, name: str, other: str, moment_s: float) -> None:
        assert self.walk
        self.walk.dial(name, other)
        self.walk.pass_time(moment_s)

    @rule(name=WHO, given=PRESSED, moment_s=MOMENT_S)
    def press(self, name: str, given: Input, moment_s: float) -> None:
        assert self.walk
        self.walk.press(name, given)
        self.walk.pass_time(moment_s)

    @rule(given=PRESSED, moment_s=MOMENT_S)
    def press_together(self, given: Input, moment_s: float) -> None:
        assert self.walk
        for name in DEVICES:
            self.walk.press(name, given)
        self.walk.pass_time(moment_s)

    @rule(name=WHO, other=st.sampled_from([*NAMES, "nobody"]), moment_s=MOMENT_S)
    def transfer(self, name: str, other: str, moment_s: float) -> None:
        assert self.walk
        self.walk.transfer(name, other)
        self.walk.pass_time(moment_s)

    @rule(name=WHO, moment_s=MOMENT_S)
    def join(self, name: str, moment_s: float) -> None:
        assert self.walk
        self.walk.join(name)
        self.walk.pass_time(moment_s)

    @rule(name=WHO)
    def say(self, name: str) -> None:
        assert self.walk
        self.walk.say(name)

    @rule(name=WHO, away=st.booleans())
    def register(self, name: str, away: bool) -> None:
        assert self.walk
        self.walk.register(name, away=away)

    @rule(name=WHO, other=st.sampled_from([*NAMES, "nobody"]))
    def write(self, name: str, other: str) -> None:
        assert self.walk
        self.walk.write(name, other)

    @rule(moment_s=MOMENT_S)
    def wait(self, moment_s: float) -> None:
        assert self.walk
        self.walk.pass_time(moment_s)

    def teardown(self) -> None:
        if self.walk is not None:
            self.walk.close()


def walks(examples: int, steps: int) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )


def test_whatever_phones_do_in_the_rain_nothing_is_left_in_the_end() -> None:
    run_state_machine_as_test(PhonesInTheRain, settings=walks(25, 20))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_whatever_phones_do_in_the_rain_for_long_nothing_is_left_in_the_end() -> None:
    run_state_machine_as_test(PhonesInTheRain, settings=walks(200, 40))
