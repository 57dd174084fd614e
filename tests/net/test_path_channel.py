"""A link with the temper of a path: packets of a call fare as those of a trace do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from voxlab import Lab, VoxlabError, traces
from voxlab.base.ids import Ids
from voxlab.media.impaired import Journey
from voxlab.net.impairment import Channel, Impairment, channel_for
from voxlab.net.path_channel import PathChannel

PATH = traces.Path(
    20, delay=traces.Gamma(10), loss=traces.GilbertElliott.of(0.1, 3), spikes=traces.Spikes(0.01), duplicate=0.05
)
TIMES_NS = np.arange(2000, dtype=np.int64) * 20_000_000


def test_a_temper_finds_its_channel() -> None:
    assert isinstance(channel_for(Ids.seeded(1), Impairment()), Channel)
    assert isinstance(channel_for(Ids.seeded(1), PATH), PathChannel)
    with pytest.raises(VoxlabError, match=r"traces\.Path"):
        channel_for(Ids.seeded(1), 0.1)  # type: ignore[arg-type]


def test_packets_of_a_link_fare_as_those_of_a_trace() -> None:
    seed = Ids.seeded(1).uint32()
    expected = Journey(PATH, seed).send(TIMES_NS / 1e9)
    passage = PathChannel(Ids.seeded(1), PATH).pass_batch(TIMES_NS)
    assert np.array_equal(passage.lost, expected.lost)
    assert len(passage.rows) == (~expected.lost).sum() + expected.duplicated.sum()
    np.testing.assert_allclose(passage.arrival_ns / 1e9, np.sort(passage.arrival_ns / 1e9))


def test_one_by_one_is_the_same_as_a_batch() -> None:
    singles, batch = PathChannel(Ids.seeded(1), PATH), PathChannel(Ids.seeded(1), PATH).pass_batch(TIMES_NS[:300])
    arrivals = [singles.pass_through(each / 1e9) for each in TIMES_NS[:300].tolist()]
    assert [not each for each in arrivals] == batch.lost.tolist()
    flat = sorted(each for some in arrivals for each in some)
    np.testing.assert_allclose(flat, batch.arrival_ns / 1e9, atol=1e-9)


def test_a_lost_segment_of_a_stream_is_repeated_and_a_dead_path_given_up() -> None:
    lossy = PathChannel(Ids.seeded(1), traces.Path(10, loss=traces.GilbertElliott.of(0.3)))
    assert {0.01, 0.21, 0.61} <= {round(lossy.stream_delay_s() or 0, 6) for _ in range(300)}
    dead = PathChannel(Ids.seeded(1), traces.Path(10, loss=traces.GilbertElliott.of(1.0)))
    assert dead.stream_delay_s() is None


def talk(seed: int) -> Any:
    with Lab(seed=seed) as lab:
        shop = lab.account("acme").application("shop")
        alice = shop.user("alice").phone()
        shop.user("bob").phone(answer_after=0.5)

        @shop.scenario()
        async def forward(call: Any) -> None:
            await call.forward_to_user()

        call = alice.dial("bob").wait("connected")
        lab.link(alice).impair(traces.Path(30, delay=traces.Gamma(10), loss=traces.GilbertElliott.of(0.1, 4)))
        lab.run(30)
        lab.link(alice).heal()
        call.hang_up()
        return call.media


def test_a_call_over_a_path_loses_and_jitters_as_told_and_the_same_again() -> None:
    media = talk(1)
    hurt = media[(media.src_name.str.contains("alice")) | (media.dst_name.str.contains("alice"))]
    assert hurt.loss.between(0.05, 0.16).all()
    assert hurt.mean_jitter_ms.between(3, 15).all()
    assert talk(1).equals(media)
