"""``lab.link(...).impair(...)`` in a call, in both worlds, on either media plane."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.lab.stage import Stage
from voxlab import traces
from voxlab.net.impairment import Impairment

MakeStage = Callable[..., Stage]
EVERY_FIFTH_IS_LOST = traces.from_arrays(
    np.arange(50) * 0.02, np.where(np.arange(50) % 5 == 4, np.nan, np.arange(50) * 0.02 + 0.01), name="a bad day"
)


@pytest.mark.parametrize("plane", ["simulated", "media thread", "portable"])
def test_a_link_in_the_middle_of_a_call_loses_and_heals(
    make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch, plane: str
) -> None:
    if plane == "portable":
        monkeypatch.setenv("VOXLAB_PLANE", "portable")
    stage = make_stage(live=plane != "simulated").forwards()
    stage.shop.user("alice").phone()
    stage.shop.user("bob").phone()
    call = stage.alice.dial("bob")
    call.wait("connected")
    stage.lab.run(0.6)
    link = stage.lab.link("bob")
    link.impair(EVERY_FIFTH_IS_LOST.path)
    stage.lab.run(2.0)
    link.heal()
    stage.lab.run(0.6)
    call.hang_up()
    media = call.media.set_index(["src_name", "dst_name"])
    for way in (("cloud", "bob"), ("bob", "cloud")):
        assert 15 <= media.lost[way] <= 25, "a fifth of the hundred of two seconds"
    assert media.lost["alice", "cloud"] == 0
    assert media.lost["cloud", "alice"] == media.lost["bob", "cloud"], "the cloud passes on what came"
    packets = call.packets
    assert (packets.outcome != "delivered").sum() >= media.lost["cloud", "bob"]


def test_signalling_over_a_bad_link_is_repeated_until_it_arrives(make_stage: MakeStage) -> None:
    stage = make_stage(live=True).forwards()
    stage.shop.user("alice").phone()
    stage.shop.user("bob").phone()
    stage.lab.link("alice").drop(lambda data: data.startswith(b"INVITE"))
    call = stage.alice.dial("bob")
    call.wait("connected")
    assert call.messages.retransmission.sum() >= 1
    call.hang_up()


def test_a_live_link_says_who_there_is(make_stage: MakeStage) -> None:
    from voxlab import VoxlabError

    stage = make_stage(live=True)
    stage.shop.user("alice").phone()
    with pytest.raises(VoxlabError, match="alice"):
        stage.lab.link("nobody")
    stage.lab.link("alice").impair(Impairment(delay_s=0.05))
    assert "delay_s=0.05" in repr(stage.lab.link("alice"))
