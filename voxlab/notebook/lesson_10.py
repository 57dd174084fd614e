"""The exercises of lesson 10, jitter buffers: how long to wait, what a drift does to memory, a buffer of one's own."""

from __future__ import annotations

from typing import Any, Final

from voxlab.notebook.course import Criterion, Exercise

_NO_RACE: Final = 'check() takes what race() returned: race = buffers.race([...], trace), then check("{id}", race)'


def is_race(thing: object) -> bool:
    """Whether this is the table of a race."""
    return all(hasattr(type(thing), name) for name in ("playout", "summary", "origin"))


def kinds(race: Any) -> list[str]:
    """Return which algorithms ran, without their parameters, in order of the rows."""
    return [str(name).partition("(")[0] for name in race.buffer]


def best_fixed_ms(race: Any) -> str:
    """Return the delay of the fixed buffer with the best MOS, as a number of milliseconds."""
    rows = race[[kind == "Fixed" for kind in kinds(race)]]
    best = rows.loc[rows.mos.idxmax()]
    return str(best.buffer).partition("=")[2].rstrip(")")


def least_regret(race: Any) -> str:
    """Return the algorithm whose mean regret over all traces is least."""
    return str(race.groupby(kinds(race)).regret.mean().idxmin())


def _own(race: Any) -> str:
    """Return the class that is not of voxlab's making, "" if there is none."""
    ours = {"Fixed", "Ramjee", "Moon", "Tide", "Asterisk", "Speex", "Pjmedia", "Baresip", "NetEq"}
    return next((kind for kind in kinds(race) if kind not in ours), "")


def _regret_of(race: Any, kind: str) -> float:
    return float(race[[each == kind for each in kinds(race)]].regret.mean())


def _winner(race: Any) -> str:
    return "mine" if _own(race) and _regret_of(race, _own(race)) < _regret_of(race, "Fixed") else "Fixed"


def _exercise(number: str, question: str, outcome: Any, *criteria: Criterion) -> Exercise:
    return Exercise(number, question, outcome, criteria, "a race", is_race, _NO_RACE)


EXERCISES = (
    _exercise(
        "10.1",
        "Fixed buffers of 20, 40, 60, 80 and 160 ms: which one gets the best MOS?",
        best_fixed_ms,
        Criterion(
            "five fixed buffers ran on the same trace",
            lambda race: kinds(race).count("Fixed") >= 5 and race.trace.nunique() == 1,
            "buffers.race([buffers.Fixed(delay_ms=ms) for ms in (20, 40, 60, 80, 160)], trace)",
        ),
        Criterion(
            "who waits longer has fewer late packets",
            lambda race: race.sort_values("delay_mean_ms").late.is_monotonic_decreasing and len(race) > 1,
            "look at the columns delay_mean_ms and late of your race",
        ),
    ),
    _exercise(
        "10.2",
        "A path drifts slowly. Whose mean regret is least: Fixed, Moon or Tide?",
        least_regret,
        Criterion(
            "the three ran",
            lambda race: {"Fixed", "Moon", "Tide"} <= set(kinds(race)),
            "buffers.race([buffers.Fixed(60), buffers.Moon(late=0.01), buffers.Tide(late=0.01)], ...)",
        ),
        Criterion(
            "on three seeds of slow_drift or more: one seed is an anecdote",
            lambda race: race[race.trace == "slow_drift"].seed.nunique() >= 3,
            "[traces.slow_drift(packets=20_000, seed=seed) for seed in range(3)]",
        ),
    ),
    _exercise(
        "10.3",
        'Whose regret is less, that of your own buffer ("mine") or that of a fixed one of 60 ms ("Fixed")?',
        _winner,
        Criterion(
            "a class of your own took part",
            lambda race: _own(race) != "",
            "any class with reset() and step(arrival_s, media_s) -> playout_s; give race an object: Mine()",
        ),
        Criterion(
            "it is late for less than 5 % of the packets",
            lambda race: race[[kind == _own(race) for kind in kinds(race)]].late.max() < 0.05,
            "it plays too early: wait longer after the delays that you have seen lately",
        ),
        Criterion(
            "its regret is less than that of Fixed(delay_ms=60)",
            lambda race: _own(race) != "" and _regret_of(race, _own(race)) < _regret_of(race, "Fixed"),
            "remember some hundred delays, sort them, and play at the one that 98 % of them stayed below",
        ),
    ),
)
