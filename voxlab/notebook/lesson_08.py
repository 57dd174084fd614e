"""The exercises of lesson 8, nuances: faults on a switch, and what the evidence says of each."""

from __future__ import annotations

from typing import Any

from voxlab.notebook.course import Criterion, Exercise
from voxlab.notebook.lesson_01 import final_status, statuses
from voxlab.notebook.lesson_05 import said_by_cloud


def ids(call: Any) -> tuple[str, ...]:
    """Return what ``explain()`` finds in a call."""
    found: tuple[str, ...] = call.explain().ids
    return found


def seconds_to_bye(call: Any) -> str:
    """Return how many whole seconds passed from the last leg's first 200 to the first BYE."""
    messages = call.messages
    answered = messages[(messages.cseq_method == "INVITE") & (messages.status == 200)]
    ended = messages[messages.method.astype("string") == "BYE"]
    if answered.empty or ended.empty:
        return ""
    return str(int(ended.time_s.iloc[0] - answered.time_s.iloc[0]))


def repetitions(call: Any) -> int:
    """Return how many times a 200 to an INVITE was repeated."""
    messages = call.messages
    again = messages[(messages.cseq_method == "INVITE") & (messages.status == 200) & messages.retransmission]
    return len(again)


def keys_heard(call: Any, who: str = "bob") -> str:
    """Return the keys that a phone heard, one after the other."""
    digits = call.digits
    return "".join(digits[digits.who == who].key)


def lost(call: Any, to: str = "bob") -> int:
    """Return how many RTP packets never came to a phone."""
    media = call.media
    return int(media[media.dst_name == to].lost.sum())


EXERCISES = (
    Exercise(
        id="08.1",
        question="Alice's ACK never arrives. How many whole seconds after the 200 does the call end?",
        outcome=seconds_to_bye,
        criteria=(
            Criterion(
                "the 200 was repeated, again and again",
                lambda call: repetitions(call) >= 8,
                'alice.fault("ack_lost"), dial, wait("connected"), then lab.run(40)',
            ),
            Criterion(
                "explain() names it",
                lambda call: "VX-ACK-LOST" in ids(call),
                "no ACK may leave alice's phone before the time is up",
            ),
        ),
    ),
    Exercise(
        id="08.2",
        question='Alice presses "42", and each copy of a final packet has a time of its own. What does bob hear?',
        outcome=keys_heard,
        criteria=(
            Criterion(
                "bob heard keys",
                lambda call: keys_heard(call) != "",
                'let them be connected first, then alice.send_digits("42") and lab.run(2)',
            ),
            Criterion(
                "explain() names it, from the packets",
                lambda call: "VX-DTMF-DOUBLE" in ids(call),
                'alice.fault("double_digits") before she presses',
            ),
        ),
    ),
    Exercise(
        id="08.3",
        question="Bob's phone speaks SRTP and nothing else; alice's offers plain RTP. Which status does she get?",
        outcome=final_status,
        criteria=(
            Criterion(
                "it was bob's phone that refused",
                lambda call: 488 in statuses(call, leg="B"),
                'bob\'s phone: shop.user("bob").phone(srtp=True) with bob.fault("srtp_required"); then alice dials',
            ),
            Criterion(
                "explain() shows both descriptions",
                lambda call: "VX-SRTP-REQUIRED" in ids(call),
                "the 488 has to say what bob could do: that is what the fault adds to it",
            ),
        ),
    ),
    Exercise(
        id="08.4",
        question="Our rule sends a number to GigaFon, GigaFon sends it back to us. Which status ends the round trip?",
        outcome=final_status,
        criteria=(
            Criterion(
                "it was our own cloud that said so, to GigaFon",
                lambda call: bool(said_by_cloud(call) & {482, 483}),
                'giga.fault("forwards_back", to="+4930999100"), then alice dials +4930555001',
            ),
            Criterion(
                "explain() says that it went round, and how far",
                lambda call: "VX-LOOP" in ids(call),
                "wait until it is over, and look at Max-Forwards in the messages",
            ),
        ),
    ),
    Exercise(
        id="08.5",
        question="Every two seconds ten packets in a row are lost, ten seconds long. How many packets does bob miss?",
        outcome=lambda call: str(lost(call)),
        criteria=(
            Criterion(
                "explain() names it, from the statistics",
                lambda call: "VX-RTP-BURST" in ids(call),
                'alice.fault("bursts", packets=10, every_s=2), then lab.run(10) once they are connected',
            ),
            Criterion(
                "the sound is poor, though only one packet in ten is missing",
                lambda call: bool((call.media[call.media.dst_name == "bob"].mos < 3.0).any()),
                "look at call.media: burst_ms says how long it is silent each time",
            ),
        ),
    ),
)
