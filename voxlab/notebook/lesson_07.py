"""The exercises of lesson 7, SIP registration: the platform as a telephone of somebody else."""

from __future__ import annotations

from typing import Any

from voxlab.notebook.course import Criterion, Exercise
from voxlab.notebook.lesson_01 import final_status, statuses


def through(call: Any) -> str:
    """Return the name of the scenario that took a call."""
    parts = str(call.ladder().verdict).split(" → ")
    return parts[1].partition(".")[2].partition(" ")[0] if len(parts) > 1 else ""


EXERCISES = (
    Exercise(
        id="07.1",
        question="Oma calls our number at GigaFon. Which scenario takes the call?",
        outcome=through,
        criteria=(
            Criterion(
                "the call was connected",
                lambda call: final_status(call) == "200",
                "register first: shop.sip_registration(...).wait(), then oma.dial(line.number).wait()",
            ),
            Criterion(
                "the rule of the registration took it, though its pattern matches nothing",
                lambda call: through(call) == "incoming",
                'bind the rule: shop.sip_registration("acme-office", rule="incoming")',
            ),
        ),
    ),
    Exercise(
        id="07.2",
        question="Alice calls oma over the registration. With which status does GigaFon answer our first INVITE?",
        outcome=lambda call: str(next(iter(statuses(call, leg="B")), "")),
        criteria=(
            Criterion(
                "GigaFon asked who we are, and was told",
                lambda call: {407, 200} <= set(statuses(call, leg="B")),
                'in the scenario: await call.forward_to_sip(call.destination, registration="acme-office")',
            ),
            Criterion(
                "oma's phone was reached",
                lambda call: final_status(call) == "200",
                "let alice dial oma's number, +4930555001, and wait()",
            ),
        ),
    ),
)
