"""Phones and a cloud that say nothing while nothing is said (RFC 3389 s.5.1, RFC 7587 s.6.1)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.lab.stage import Stage
from voxlab.media import sources
from voxlab.media.sinks import level_dbfs

MakeStage = Callable[..., Stage]
WORLDS = pytest.mark.parametrize("live", [False, True], ids=["simulated", "live"])


def talk() -> sources.Source:
    """Return half a second of tone, one and a half of hiss, without end."""
    hiss = np.random.default_rng(1).normal(0.0, 30.0, 12_000)
    return sources.from_samples(np.concatenate((sources.tone(440).read(0, 4000), hiss)).astype(np.int16), loop=True)


@WORLDS
@pytest.mark.parametrize("codec", ["PCMU", "G722", "opus"])
def test_two_phones_pause_and_nothing_counts_as_lost(make_stage: MakeStage, codec: str, live: bool) -> None:
    stage = make_stage(live=live).forwards()
    for name in ("alice", "bob"):
        stage.shop.user(name).phone(audio=talk(), codecs=[codec], dtx=True)
    call = stage.alice.dial("bob")
    call.wait("connected")
    stage.lab.run(2.0)
    call.hang_up()
    assert set(call.media.codec) == {codec}
    frames = call.media.duration_s / 0.02
    assert (call.media.packets < 0.8 * frames).all(), "half of the time nothing is said"
    assert (call.media.packets > 0.2 * frames).all()
    for mode in ("truth", "rfc3550", "wireshark"):
        assert call.media_by(mode).lost.sum() == 0, mode
    assert call.media.late.sum() == 0 or live
    kinds = set(call.packets.payload_type)
    assert (13 in kinds) == (codec != "opus"), "comfort noise beside Opus is discouraged"
    heard = call.audio("bob")
    rate = heard.rate_hz
    assert level_dbfs(heard.samples[rate : rate * 3 // 2]) == pytest.approx(-60.0, abs=12.0), "noise, not a hole"


@pytest.mark.parametrize("quiet", ["alice", "bob"])
def test_whoever_has_no_comfort_noise_is_sent_every_frame(make_stage: MakeStage, quiet: str) -> None:
    stage = make_stage().forwards()
    for name in ("alice", "bob"):
        stage.shop.user(name).phone(audio=talk(), codecs=["PCMU"], dtx=name == quiet)
    call = stage.alice.dial("bob")
    call.wait("connected")
    stage.lab.run(2.0)
    assert (call.media.packets > 95).all()
    assert 13 not in set(call.packets.payload_type)


def test_the_cloud_pauses_towards_a_phone_that_takes_noise(make_stage: MakeStage) -> None:
    stage = make_stage()
    stage.shop.user("alice").phone(dtx=True)

    @stage.shop.scenario()
    async def announce(call):  # type: ignore[no-untyped-def]
        await call.answer()
        await call.play(talk())

    call = stage.alice.dial("4711")
    call.wait("connected")
    stage.lab.run(4.0)
    of_cloud = call.media[call.media.dst_name == "alice"].iloc[0]
    assert 70 < of_cloud.packets < 130
    assert of_cloud.lost == 0
