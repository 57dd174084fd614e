"""The criteria of lessons 2 to 4 on calls that nearly show what is asked: which criterion fails, and no other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from voxlab import Lab
from voxlab.course import check, predict
from voxlab.lab.application import Application
from voxlab.notebook import course


@pytest.fixture(autouse=True)
def no_predictions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(course, "_predictions", {})


@pytest.fixture
def shop() -> Iterator[Application]:
    """A shop whose calls are passed on, 50 ms from hop to hop."""
    with Lab(seed=4, delay=0.05) as lab:
        found = lab.account("acme").application("shop")
        found.rule("direct", pattern="[a-z]+", route="users")
        yield found


def missed(number: str, evidence: object) -> list[str]:
    """Return the criteria that are not met."""
    report = check(number, evidence)
    assert isinstance(report, course.Report)
    return [each.text for each in report.judged if not each.passed]


@pytest.mark.parametrize(
    ("waited_s", "ends_with", "missing"),
    [
        (
            1.0,
            "ACK",
            ["bob's 200 was quicker than her CANCEL", "she acknowledged the 200, and bob answered her BYE"],
        ),
        (1.87, "BYE", []),
        (
            2.5,
            "BYE",
            ["alice cancelled before she knew that bob had picked up", "bob's 200 was quicker than her CANCEL"],
        ),
    ],
    ids=["too early", "at the same time", "too late"],
)
def test_only_a_cancel_that_crosses_the_200_is_a_race(
    shop: Application, waited_s: float, ends_with: str, missing: list[str]
) -> None:
    alice = shop.user("alice").phone(audio="silence")
    shop.user("bob").phone(answer_after=2.0, audio="silence")
    call = alice.dial("bob").wait("ringing")
    shop.lab.run(waited_s)
    call.hang_up()
    shop.lab.run(1)
    predict("04.3", ends_with)
    assert missed("04.3", call) == missing


def test_one_phone_is_no_fork(shop: Application) -> None:
    alice = shop.user("alice").phone(audio="silence")
    shop.user("bob").phone(answer_after=1.0, audio="silence")
    call = alice.dial("bob").wait("connected")
    assert missed("04.2", call) == [
        "you made a prediction",
        "two phones rang",
        "the other was told that the call was answered elsewhere",
    ]


def test_a_call_before_the_binding_lapses_reaches_nobody_and_is_not_what_is_asked(shop: Application) -> None:
    alice = shop.user("alice").phone(audio="silence")
    bob = shop.user("bob").phone(expires=600)
    shop.lab.link(bob).drop(lambda _: True, times=None)
    soon = alice.dial("bob")
    shop.lab.run(40)
    predict("02.2", "408")
    assert missed("02.2", soon) == [
        "ten minutes and more had passed since his phone was last heard",
        "alice had her answer at once, not after 32 seconds",
    ]
    shop.lab.run(700)
    late = alice.dial("bob")
    shop.lab.run(1)
    predict("02.2", "480")
    assert missed("02.2", late) == []


def test_a_phone_that_was_never_refused_for_good_is_no_guesser(shop: Application) -> None:
    alice = shop.user("alice").phone()
    for _ in range(12):
        alice.register()
    predict("02.3", "")
    assert missed("02.3", alice) == [
        "10 wrong proofs were looked at",
        "after that the platform refused to look",
        "with the right password and some patience the phone came in",
    ]


def test_two_losses_are_not_three(shop: Application) -> None:
    alice = shop.user("alice").phone(audio="silence")
    shop.user("bob").phone(answer_after=1.0, audio="silence")
    shop.lab.link(alice).toward("cloud").drop(lambda packet: packet.startswith(b"INVITE"), times=2)
    call = alice.dial("bob").wait("connected")
    predict("03.1", "")
    assert missed("03.1", call) == [
        "four copies of the INVITE were sent",
        "each wait was twice as long as the one before it",
    ]
