"""The exercises of lesson 5, trunks: a stranger, a whitelist, and the way out."""

from __future__ import annotations

from typing import Any

from voxlab.notebook.course import Criterion, Exercise
from voxlab.notebook.lesson_01 import final_status, first_answer, methods, statuses


def said_by_cloud(call: Any) -> set[int]:
    """Return the statuses that the cloud itself sent in answer to INVITEs."""
    messages = call.messages
    mine = messages[(messages.src_name == "cloud") & (messages.cseq_method == "INVITE")]
    return {int(status) for status in mine.status.dropna()}


def said_by(call: Any, name: str) -> set[int]:
    """Return the statuses that a host sent in answer to INVITEs."""
    messages = call.messages
    theirs = messages[(messages.src_name == name) & (messages.cseq_method == "INVITE")]
    return {int(status) for status in theirs.status.dropna()}


EXERCISES = (
    Exercise(
        id="05.1",
        question="GigaFon's phone calls alice, and nobody has ever heard of GigaFon. Which status does it get?",
        outcome=final_status,
        criteria=(
            Criterion(
                "the cloud refused the call itself",
                lambda call: 403 in said_by_cloud(call),
                'let oma dial "sip:alice@shop.acme.voxlab.test" and wait("ended") before there is a trunk',
            ),
            Criterion(
                "alice's phone never heard of it",
                lambda call: final_status(call) != "" and not methods(call, leg="B"),
                "a refused call has one leg only",
            ),
        ),
    ),
    Exercise(
        id="05.2",
        question="Now GigaFon's network is on the whitelist. Which status does alice's phone send first?",
        outcome=first_answer,
        criteria=(
            Criterion(
                "the call was connected",
                lambda call: final_status(call) == "200",
                'account.trunk("gigafon", allow=[giga.network]), then let oma dial again and wait()',
            ),
            Criterion(
                "our cloud asked for no password: that is what a trunk is",
                lambda call: final_status(call) == "200" and 407 not in said_by_cloud(call),
                "the call has to come from GigaFon, not from one of our own phones",
            ),
        ),
    ),
    Exercise(
        id="05.3",
        question="Alice calls oma's number through the trunk; GigaFon does not know our address. What does she get?",
        outcome=lambda call: str(max(said_by(call, "gigafon") & {403, 404, 486}, default="none")),
        criteria=(
            Criterion(
                "it was GigaFon that refused, on leg B",
                lambda call: 403 in statuses(call, leg="B"),
                'let alice dial "+4930555001" before GigaFon has learned our address',
            ),
            Criterion(
                "the refusal reached alice through the cloud",
                lambda call: final_status(call) == "403",
                'wait until it is over: call.wait("ended")',
            ),
        ),
    ),
)
