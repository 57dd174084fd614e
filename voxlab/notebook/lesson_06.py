"""The exercises of lesson 6, the reverse trunk: addresses that move, and what the other side then does."""

from __future__ import annotations

from typing import Any

from voxlab.notebook.course import Criterion, Exercise
from voxlab.notebook.lesson_01 import final_status, statuses


def packets_to(call: Any, name: str) -> int:
    """Return how many RTP packets a party's phone counted."""
    media = call.media
    return int(media[media.dst_name == name].packets.sum())


EXERCISES = (
    Exercise(
        id="06.1",
        question="Our SBC has moved, GigaFon's whitelist has not. Which status does alice get when she calls oma?",
        outcome=final_status,
        criteria=(
            Criterion(
                "GigaFon refused the call",
                lambda call: 403 in statuses(call, leg="B"),
                'lab.move_sbc(), then alice.dial("+4930555001") and wait("ended")',
            ),
            Criterion(
                "nobody talked",
                lambda call: len(call.messages) > 0 and len(call.media) == 0,
                "do not import the addresses before this call",
            ),
        ),
    ),
    Exercise(
        id="06.2",
        question="Now only the media server has moved. How many RTP packets does oma's phone get?",
        outcome=lambda call: str(packets_to(call, "oma")),
        criteria=(
            Criterion(
                "the call was connected all the same",
                lambda call: final_status(call) == "200",
                "signalling has not moved: lab.move_media_server() alone, and GigaFon has imported our SBC",
            ),
            Criterion(
                "alice hears oma",
                lambda call: packets_to(call, "alice") > 50,
                "let them talk: lab.run(3)",
            ),
            Criterion(
                "oma hears nothing: one-way audio",
                lambda call: final_status(call) == "200" and packets_to(call, "oma") == 0,
                "move the media server before the call, and let GigaFon import nothing in between",
            ),
        ),
    ),
)
