"""The exercises of lesson 2, registration: who proves what, a binding that lapses, a password that is guessed."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from voxlab.notebook.course import Criterion, Exercise
from voxlab.notebook.lesson_01 import final_status, methods

GUESSES: Final = 10
_NO_PHONE: Final = 'check() takes a phone: phone = shop.user("...").phone(), then check("{id}", phone)'


def is_phone(thing: object) -> bool:
    """Whether this is a phone."""
    return all(hasattr(type(thing), name) for name in ("registration", "dial", "answer"))


class Attempt(NamedTuple):
    """A REGISTER of a phone and what became of it.

    Attributes
    ----------
    time_s : float
        Lab seconds, when it was sent.
    proof : bool
        Whether it bore credentials.
    status : int or None
        Of the first response, None where there was none.
    """

    time_s: float
    proof: bool
    status: int | None


def attempts(phone: Any) -> list[Attempt]:
    """Return the REGISTERs that a phone sent, without repetitions, in order."""
    messages = phone.lab.messages
    mine = messages[messages.cseq_method == "REGISTER"]
    answers = mine[(mine.dst_name == phone.title) & (mine.kind == "response")]
    statuses = answers.drop_duplicates("branch").set_index("branch").status
    asked = mine[(mine.src_name == phone.title) & (mine.kind == "request") & ~mine.retransmission]
    return [
        Attempt(float(row.time_s), _bears_proof(phone, int(row.Index)), _status(statuses.get(row.branch)))
        for row in asked.itertuples()
    ]


def _bears_proof(phone: Any, number: int) -> bool:
    return "authorization" in phone.lab.message(number).headers


def _status(found: Any) -> int | None:
    return None if found is None else int(found)


def requests_until_registered(phone: Any) -> str:
    """Return how many REGISTERs a phone sent up to the first that was accepted, "" if none was."""
    statuses = [each.status for each in attempts(phone)]
    return str(statuses.index(200) + 1) if 200 in statuses else ""


def last_word(phone: Any) -> str:
    """Return the status that refused a phone without looking at its proof, "" where every proof was looked at."""
    return next((str(each.status) for each in attempts(phone) if each.status not in {200, 401, 423, None}), "")


def wrong_guesses(phone: Any) -> int:
    """Return how many proofs were wrong: a proof that is stale is asked for again, and then right."""
    found = attempts(phone)
    wrong = [each for each, after in zip(found, [*found[1:], None], strict=True) if _is_wrong(each, after)]
    return len(wrong)


def _is_wrong(attempt: Attempt, after: Attempt | None) -> bool:
    return attempt.proof and attempt.status == 401 and (after is None or after.status != 200)


def registered_after_lockout(phone: Any) -> bool:
    """Whether a phone that was locked out was accepted later on, and stands registered."""
    statuses = [each.status for each in attempts(phone)]
    return 403 in statuses and 200 in statuses[statuses.index(403) :] and phone.registration == "registered"


def lapsed_before(call: Any) -> bool:
    """Whether the callee's last REGISTER that was accepted lies ten minutes or more before the call."""
    messages = call.lab.messages
    accepted = messages[
        (messages.cseq_method == "REGISTER") & (messages.status == 200) & messages.dst_name.str.startswith(call.dialled)
    ]
    return len(accepted) > 0 and float(call.messages.time_s.iloc[0]) >= float(accepted.time_s.max()) + 600


def answered_in_s(call: Any) -> float:
    """Return how long a caller waited for the last word."""
    messages = call.messages
    last = messages[(messages.leg == "A") & (messages.kind == "response")].time_s.max()
    return float(last - messages.time_s.iloc[0])


def _of_a_phone(number: str, question: str, outcome: Any, *criteria: Criterion) -> Exercise:
    return Exercise(number, question, outcome, criteria, "a phone", is_phone, _NO_PHONE)


EXERCISES = (
    _of_a_phone(
        "02.1",
        "How many REGISTER requests does a new phone send until it is registered?",
        requests_until_registered,
        Criterion(
            "the first REGISTER bore no proof and was answered with 401",
            lambda phone: attempts(phone)[0][1:] == (False, 401),
            "look at messages 1 and 2: a phone that has no nonce cannot prove anything yet",
        ),
        Criterion(
            "the next one proved the password and was accepted",
            lambda phone: attempts(phone)[1][1:] == (True, 200),
            "message 3 has a header field more than message 1, called Authorization",
        ),
        Criterion(
            "the phone is registered",
            lambda phone: phone.registration == "registered",
            'shop.user("alice").phone() makes a phone that knows the password; give check() that one',
        ),
    ),
    Exercise(
        id="02.2",
        question="Bob's phone has been unplugged for longer than its registration lasts. Which status does alice get?",
        outcome=final_status,
        criteria=(
            Criterion(
                "ten minutes and more had passed since his phone was last heard",
                lapsed_before,
                "let the binding lapse first: lab.run(700), then dial",
            ),
            Criterion(
                "the platform sent nothing to a phone that it believed gone",
                lambda call: final_status(call) != "" and not methods(call, leg="B"),
                'the binding still stood: shop.user("bob").bindings has to be empty before alice dials',
            ),
            Criterion(
                "alice had her answer at once, not after 32 seconds",
                lambda call: final_status(call) != "" and answered_in_s(call) < 1.0,
                'let time pass until it is over: call.hang_up() would end it too early, call.wait("ended") raises '
                "CallFailed: catch it, or use lab.run(1)",
            ),
        ),
    ),
    _of_a_phone(
        "02.3",
        "Somebody guesses a password again and again. Which status comes in the end in the place of 401?",
        last_word,
        Criterion(
            f"{GUESSES} wrong proofs were looked at",
            lambda phone: wrong_guesses(phone) >= GUESSES,
            "each phone.register() is one more try: for _ in range(12): dave.register()",
        ),
        Criterion(
            "after that the platform refused to look",
            lambda phone: last_word(phone) == "403",
            "try more often, and without waiting: the count is forgotten after a minute",
        ),
        Criterion(
            "with the right password and some patience the phone came in",
            registered_after_lockout,
            'make both sides agree: shop.user("dave", password="wrong-guess"), lab.run(120), dave.register()',
        ),
    ),
)
