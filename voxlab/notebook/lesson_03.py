"""The exercises of lesson 3, transactions: a request that is lost, a line that is dead, an ACK that is late."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final

from voxlab.notebook.course import Criterion, Exercise
from voxlab.notebook.lesson_01 import final_status, methods, statuses

T1_S: Final = 0.5
GIVEN_UP_S: Final = 64 * T1_S


def sent_s(call: Any, method: str, *, leg: str = "A") -> list[float]:
    """Return when the copies of the first request with this method were sent on a leg: lab seconds, in order."""
    found = _requests(call, method, leg)
    return [float(time_s) for time_s in found[found.branch == found.branch.iloc[0]].time_s] if len(found) else []


def _requests(call: Any, method: str, leg: str) -> Any:
    messages = call.messages
    return messages[(messages.leg == leg) & (messages.kind == "request") & (messages.method == method)]


def waits_s(call: Any) -> list[float]:
    """Return how long the caller waited before each repetition of its first INVITE, in seconds."""
    times_s = sent_s(call, "INVITE")
    return [round(after - before, 3) for before, after in pairwise(times_s)]


def fourth_copy_s(call: Any) -> str:
    """Return how long after the first copy of the INVITE the fourth was sent, in seconds."""
    times_s = sent_s(call, "INVITE")
    return f"{times_s[3] - times_s[0]:.3g}" if len(times_s) > 3 else ""


def answers_s(call: Any) -> list[float]:
    """Return when the 200 to the INVITE was sent to the caller, copies and all: lab seconds."""
    messages = call.messages
    of_leg = messages[(messages.leg == "A") & (messages.cseq_method == "INVITE") & (messages.status == 200)]
    return [float(time_s) for time_s in of_leg.time_s]


def ack_after_s(call: Any) -> float:
    """Return how long after the first 200 its ACK was sent, in seconds; endless where none was."""
    answers, acks = answers_s(call), [float(time_s) for time_s in _requests(call, "ACK", "A").time_s]
    later = [time_s for time_s in acks if answers and time_s >= answers[0]]
    return later[0] - answers[0] if later else float("inf")


def lived_s(call: Any) -> float:
    """Return how long a call has stood, from the first 200 to the first BYE or until now, in seconds."""
    answers, byes = answers_s(call), sent_s(call, "BYE")
    return (byes[0] if byes else float(call.lab.now)) - answers[0] if answers else 0.0


def last_step(call: Any) -> tuple[float, str]:
    """Return when the caller's first transaction took its last step, and its input, such as "Timer B"."""
    path: list[tuple[float, str, str]] = next((each.path for each in call.transactions), [])
    return (float(path[-1][0]), str(path[-1][1])) if path else (float("inf"), "")


def stopped_for_ack(call: Any) -> bool:
    """Whether no 200 was sent after the ACK to the first."""
    answers = answers_s(call)
    return bool(answers) and answers[-1] < answers[0] + ack_after_s(call)


def given_up_after_s(call: Any) -> float:
    """Return how long after the first copy of the INVITE its transaction took its last step, in seconds."""
    return last_step(call)[0] - next(iter(sent_s(call, "INVITE")), 0.0)


EXERCISES = (
    Exercise(
        id="03.1",
        question="The first three copies of an INVITE are lost. How many seconds after the first is the fourth sent?",
        outcome=fourth_copy_s,
        criteria=(
            Criterion(
                "four copies of the INVITE were sent",
                lambda call: len(sent_s(call, "INVITE")) == 4,
                "let the link lose three of them: drop(..., times=3)",
            ),
            Criterion(
                "each wait was twice as long as the one before it",
                lambda call: waits_s(call) == [T1_S, 2 * T1_S, 4 * T1_S],
                "look at the times at the left side of the ladder",
            ),
            Criterion(
                "the call was connected all the same",
                lambda call: final_status(call) == "200",
                'call.wait("connected") lets time pass until bob has picked up',
            ),
        ),
    ),
    Exercise(
        id="03.2",
        question="Nothing gets through at all. How many copies of the INVITE does alice's phone send?",
        outcome=lambda call: str(len(sent_s(call, "INVITE"))),
        criteria=(
            Criterion(
                "not one response came",
                lambda call: methods(call, leg="A") != [] and not statuses(call, leg="A"),
                "lose every packet: lab.link(alice).drop(lambda packet: True, times=None)",
            ),
            Criterion(
                "it was timer B that ended the wait",
                lambda call: last_step(call)[1] == "Timer B",
                "let enough time pass: lab.run(40)",
            ),
            Criterion(
                f"that was {GIVEN_UP_S:g} seconds after the first copy",
                lambda call: abs(given_up_after_s(call) - GIVEN_UP_S) < 0.01,
                "timer B is 64 times T1; it was not changed with Lab(timers=...), was it?",
            ),
        ),
    ),
    Exercise(
        id="03.3",
        question="The ACK comes four seconds late. How many times does the cloud send the 200?",
        outcome=lambda call: str(len(answers_s(call))),
        criteria=(
            Criterion(
                "the ACK was late: four seconds after the first 200",
                lambda call: abs(ack_after_s(call) - 4.0) < 0.1,
                'alice.heal() takes the old fault away, alice.fault("late_ack") lets her phone be slow',
            ),
            Criterion(
                "the 200 was not sent again after that",
                stopped_for_ack,
                "an ACK that is late is still an ACK: it ends the repetitions",
            ),
            Criterion(
                "the call lived on past the 32 seconds",
                lambda call: lived_s(call) > GIVEN_UP_S,
                'call.wait("connected"), then lab.run(40), and only then hang up',
            ),
        ),
    ),
)
