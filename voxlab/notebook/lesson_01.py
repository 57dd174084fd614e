"""The exercises of lesson 1, the first call: who answers what, a busy phone, a script that says no."""

from __future__ import annotations

from typing import Any

from voxlab.notebook.course import Criterion, Exercise

NIGHT = "480"


def statuses(call: Any, *, leg: str, to: str = "INVITE") -> list[int]:
    """Return the statuses that were seen on a leg of a call in answer to a method, in order."""
    messages = call.messages
    of_leg = messages[(messages.leg == leg) & (messages.kind == "response") & (messages.cseq_method == to)]
    return [int(status) for status in of_leg.status]


def methods(call: Any, *, leg: str) -> list[str]:
    """Return the requests that were seen on a leg of a call, in order."""
    messages = call.messages
    return [str(method) for method in messages[(messages.leg == leg) & (messages.kind == "request")].method]


def final_status(call: Any) -> str:
    """Return the last final status that the caller saw on an INVITE, "" if there was none."""
    return next((str(status) for status in reversed(statuses(call, leg="A")) if status >= 200), "")


def first_answer(call: Any) -> str:
    """Return the first status with which the callee's phone answered."""
    return str(next(iter(statuses(call, leg="B")), ""))


EXERCISES = (
    Exercise(
        id="01.1",
        question="Which status does bob's phone send first, when alice's call arrives?",
        outcome=first_answer,
        criteria=(
            Criterion(
                "bob's phone rang before it was picked up",
                lambda call: {180, 200} <= set(statuses(call, leg="B")),
                'bob answers after two seconds of ringing: dial, then call.wait("connected")',
            ),
            Criterion(
                "the call was connected: 200 OK reached alice",
                lambda call: final_status(call) == "200",
                'call.wait("connected") lets time pass until bob has picked up',
            ),
            Criterion(
                "somebody hung up: a BYE on each leg",
                lambda call: "BYE" in methods(call, leg="A") and "BYE" in methods(call, leg="B"),
                "lab.run(3) lets them talk, call.hang_up() ends the call",
            ),
        ),
    ),
    Exercise(
        id="01.2",
        question="Which status does alice get when bob is busy?",
        outcome=final_status,
        criteria=(
            Criterion(
                "bob's own phone refused the call",
                lambda call: 486 in statuses(call, leg="B"),
                'make bob busy first: shop.user("bob").phone(busy=True), then dial',
            ),
            Criterion(
                "the refusal reached alice through the cloud",
                lambda call: final_status(call) == "486",
                'let time pass until it is over: call.wait("ended")',
            ),
            Criterion(
                "nobody talked: no media flowed",
                lambda call: len(call.messages) > 0 and len(call.media) == 0,
                "bob picked up: give his phone busy=True before alice dials",
            ),
        ),
    ),
    Exercise(
        id="01.3",
        question="At night a script refuses calls with 480. Which status does bob's phone send?",
        outcome=lambda call: first_answer(call) or "none",
        criteria=(
            Criterion(
                f"alice was refused with {NIGHT}",
                lambda call: final_status(call) == NIGHT,
                f"in the scenario: await call.reject({NIGHT})",
            ),
            Criterion(
                "the script refused, bob's phone never heard of it",
                lambda call: final_status(call) != "" and not methods(call, leg="B"),
                "a scenario that rejects needs no forward_to_user()",
            ),
            Criterion(
                "it was the rule for night-bob that took the call",
                lambda call: final_status(call) != "" and _dialled(call) == "night-bob",
                '@shop.scenario(pattern=r"night-.*") takes what alice dials with alice.dial("night-bob")',
            ),
        ),
    ),
)


def _dialled(call: Any) -> str:
    """Return the user part of what the caller's first INVITE asked for."""
    return str(call.message(1).uri.user)
