"""The article's first half as steps: each does something, looks at the evidence, and returns its figures in a line.

A step that does not show what it should raises; must not know how steps are shown.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from voxlab.analysis.bands import Band
from voxlab.base.errors import CallFailed, VoxlabError

if TYPE_CHECKING:
    from voxlab.analysis.callflow import Arrow
    from voxlab.lab.application import Application
    from voxlab.lab.call import Call
    from voxlab.lab.evidence import Ladder
    from voxlab.lab.lab import Lab

SEED = 7
TALK_S = 10.0
LIVE_TALK_S = 1.0
LIVE_ANSWER_S = 0.3
ELSEWHERE = "+74951234567"


class Step(NamedTuple):
    """A step of the story: what happens, and the function that makes it happen and returns the figures."""

    title: str
    play: Callable[[Stage], str]
    ends_with_ladder: bool = False


@dataclass
class Stage:
    """A lab with the story's application, and its calls so far.

    Attributes
    ----------
    calls : list of Call
        In the order in which they were made.
    """

    lab: Lab
    shop: Application
    alice: Any
    bob: Any
    calls: list[Call]

    @classmethod
    def set(cls, *, live: bool, answer_after_s: float) -> Stage:
        """Build the lab, define the scenario, let the phones register."""
        from voxlab.lab.lab import Lab

        lab = Lab(live=True) if live else Lab(seed=SEED)
        shop = lab.account("acme").application("shop")
        define_scenarios(shop)
        alice = shop.user("alice").phone()
        bob = shop.user("bob").phone(answer_after=answer_after_s)
        return cls(lab, shop, alice, bob, [])


def define_scenarios(shop: Application) -> None:
    """Define the two scripts of the story in the cloud."""

    @shop.scenario(pattern=r"\+7495.*")
    async def city(call: Any) -> None:
        await call.reject(480)

    @shop.scenario()
    async def forward(call: Any) -> None:
        await call.forward_to_user()


def shown(condition: object, otherwise: str) -> None:
    """Refuse to go on when the evidence does not show what the step claims."""
    if not condition:
        raise VoxlabError(otherwise)


# -- the simulated world


def register(stage: Stage) -> str:
    """Both phones are registered; the journal has the challenges."""
    for phone in (stage.alice, stage.bob):
        shown(str(phone.registration).startswith("registered"), repr(phone))
    answers = [arrow.label.partition(" ")[0] for arrow in arrows(stage.lab.ladder()) if not arrow.is_request]
    shown(answers.count("200") == 2 and "401" in answers, f"REGISTER was answered with {', '.join(answers)}")
    return f"{answers.count('401')} × 401 with a nonce, {answers.count('200')} × 200 OK · {stage.shop.domain}"


def connect(stage: Stage) -> str:
    """Alice dials, the cloud runs the script, bob picks up."""
    call = stage.alice.dial("bob")
    stage.calls.append(call)
    call.wait("connected")
    legs = {arrow.leg for arrow in arrows(call.ladder())}
    shown(legs == {"A", "B"}, f"the call has the legs {legs}, not one for each party")
    return f"connected after {setup_s(call):.3f} s · leg A alice ↔ cloud, leg B cloud ↔ bob"


def arrows(ladder: Ladder) -> tuple[Arrow, ...]:
    """Return the messages of a ladder; the tables of ``call.messages`` would do, but loading pandas takes its time."""
    return ladder.flow.arrows if ladder.flow is not None else ()


def setup_s(call: Call) -> float:
    """Return the seconds from the caller's first INVITE to the 200 that it got."""
    of_caller = [arrow for arrow in arrows(call.ladder()) if arrow.leg == "A"]
    return next(arrow.time_s for arrow in of_caller if arrow.label.startswith("200")) - of_caller[0].time_s


def talk(stage: Stage) -> str:
    """Ten virtual seconds pass; every stream arrives whole."""
    before = time.perf_counter()
    stage.lab.run(TALK_S)
    passed_s = time.perf_counter() - before
    return f"{media_figures(stage.calls[-1])} · {TALK_S:.0f} s passed in {passed_s:.2f} s"


def media_figures(call: Call) -> str:
    """Return what the RTP streams of a call amount to, having made sure that both parties heard something."""
    bands = [event for event in call.ladder().flow.events if isinstance(event, Band)]  # type: ignore[union-attr]
    streams = [packets or 0 for band in bands for packets in (band.rightward, band.leftward)]
    shown(len(streams) == 4, f"there are {len(streams)} RTP streams, not one each way on each leg")
    shown(min(streams) > 0, "an RTP stream stayed empty")
    for who in ("alice", "bob"):
        heard: Any = call.audio(who)
        shown(heard.level_dbfs > -60, f"{who} heard silence")
    return f"{len(streams)} RTP streams, {sum(streams):,} packets, {sum(band.lost for band in bands)} lost"


def hang_up(stage: Stage) -> str:
    """Alice hangs up, and the other leg ends, too."""
    call = stage.calls[-1]
    call.hang_up()
    seen = arrows(call.ladder())
    shown(call.verdict.startswith("✓"), call.verdict)
    shown(
        {arrow.leg for arrow in seen if arrow.label.startswith("BYE")} == {"A", "B"}, "the BYE did not cross the cloud"
    )
    return f"BYE on both legs · {len(seen)} messages in all"


def busy(stage: Stage) -> str:
    """Bob is busy, so the call fails: that is what is to be shown."""
    stage.shop.user("bob").phone(busy=True)
    call = stage.alice.dial("bob")
    stage.calls.append(call)
    try:
        call.wait("connected")
    except CallFailed as failure:
        said = str(failure).partition("\n")[0]
        shown(said.startswith("486"), f"it failed in another way: {said}")
        return f"fails as intended: {said}"
    raise VoxlabError("a busy phone picked up")


def explain(stage: Stage) -> str:
    """Ask which rule takes a destination, and why."""
    near, far = stage.shop.explain("bob"), stage.shop.explain(ELSEWHERE)
    shown(near.rule is not None and near.rule.name == "forward", str(near))
    shown(far.rule is not None and far.rule.name == "city", str(far))
    said = [
        f"{'' if check.matched else 'not '}rule {check.rule.name}: {check.why}"
        for check in (*near.checks, far.checks[0])
    ]
    return "\n".join(said)


# -- the live world


def live_call(stage: Stage) -> str:
    """The same call on real sockets of this machine."""
    call = stage.alice.dial("bob")
    stage.calls.append(call)
    call.wait("connected", timeout=10)
    stage.lab.run(LIVE_TALK_S)
    figures = media_figures(call)
    call.hang_up()
    shown(call.verdict.startswith("✓"), call.verdict)
    way = f"{stage.alice.address} → cloud → {stage.bob.address}"
    return f"{way} · connected after {setup_s(call):.2f} s · {figures}"


SIMULATED = (
    Step("alice and bob register, each proving the password by digest", register),
    Step("alice dials bob: the call goes to the cloud, a script forwards it", connect),
    Step("they talk for ten virtual seconds", talk),
    Step("alice hangs up", hang_up, ends_with_ladder=True),
    Step("bob is busy: this call fails, and is meant to", busy),
    Step("which rule takes a call, and why", explain),
)
LIVE = (Step("the same call on real sockets: UDP and RTP over loopback", live_call),)


def save(stage: Stage, folder: Path) -> list[Path]:
    """Write the evidence of the first call: its ladder, a capture of everything, and what bob heard."""
    folder.mkdir(parents=True, exist_ok=True)
    call = stage.calls[0]
    heard: Any = call.audio("bob")
    return [
        call.ladder().save(folder / "ladder.svg"),
        stage.lab.save(folder / "run.pcapng"),
        heard.save(folder / "bob-heard.wav"),
    ]
