"""The end of a session: whoever listens is told, also where the bridge ends it while the event is being told."""

from __future__ import annotations

from typing import Any

from tests.lab.stage import MakeStage
from voxlab.scenario.events import Disconnected


def test_a_handler_hears_of_the_end_that_the_bridge_brought_about(make_stage: MakeStage) -> None:
    stage = make_stage(seed=1, bob={"answer_after": 0.1, "audio": "silence"})
    heard: list[str] = []

    @stage.shop.scenario()
    async def forward(call: Any) -> None:
        call.on(Disconnected, lambda event: heard.append(f"a {event.by_peer}"))
        leg = await call.session.call_user("bob")
        leg.on(Disconnected, lambda event: heard.append(f"b {event.by_peer}"))
        from voxlab.scenario import bridge

        bridge.Contract(call, leg).follow()  # and the script is over, while its call goes on

    stage.alice.dial("bob").wait("connected").hang_up()
    stage.lab.run(5)
    assert sorted(heard) == ["a True", "b False"]
    assert not stage.lab.errors


def test_a_handler_that_fails_at_the_very_end_is_heard_of(make_stage: MakeStage) -> None:
    stage = make_stage(seed=1, bob={"answer_after": 0.1, "audio": "silence"})

    @stage.shop.scenario()
    async def forward(call: Any) -> None:
        def fail(event: Disconnected) -> None:
            raise RuntimeError("at the end")

        leg = await call.session.call_user("bob")
        leg.on(Disconnected, fail)
        from voxlab.scenario import bridge

        bridge.Contract(call, leg).follow()

    call = stage.alice.dial("bob").wait("connected")
    call.hang_up()
    stage.lab.run(5)
    assert "RuntimeError: at the end" in repr(stage.lab.call(1))
