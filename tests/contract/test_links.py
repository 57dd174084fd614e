"""What a link does to packets: the same decisions in both worlds for one seed and one temper, whatever crosses it."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from tests.contract.conftest import Bench
from voxlab import traces
from voxlab.base.datagram import Address
from voxlab.base.ids import Ids
from voxlab.media.impaired import Journey
from voxlab.media.path import Path
from voxlab.net.impairment import Impairment

PACKETS = 400
LOSSY = traces.Path(
    1.0, delay=traces.Gamma(2.0), loss=traces.GilbertElliott.of(0.1, 3), duplicate=0.05, reorder=0.02, held_back_ms=5.0
)
MEASURED = traces.from_arrays(np.arange(7) * 0.02, np.arange(7) * 0.02 + [0.01, 0.02, np.nan, 0.01, np.inf, 0.03, 0.01])


def seeded(bench: Bench) -> None:
    """Let links draw from the same seed, whichever network it is."""
    bench.world.submit(bench.network.links.begin_again, Ids.seeded(42))  # type: ignore[attr-defined]


def expected(path: Path, source: str, target: str) -> Counter[int]:
    """Return how often each packet arrives."""
    seed = Ids.seeded(42).fork(f"way {source}>{target}").uint32()
    passage = Journey(path, seed).send(np.arange(PACKETS) * 0.001)
    return Counter({k: 1 + int(passage.duplicated[k]) for k in range(PACKETS) if not passage.lost[k]})


@pytest.mark.parametrize("path", [LOSSY, MEASURED.path], ids=["drawn", "recorded"])
def test_datagrams_fare_as_the_seed_says(bench: Bench, path: Path) -> None:
    alice, _ = bench.host("alice")
    bob, ear = bench.host("bob")
    seeded(bench)
    bench.world.submit(bench.network.link("alice", "bob").impair, path)  # type: ignore[attr-defined]
    bench.send(alice, bench.flow(alice, "UDP", bob), *(b"%d" % k for k in range(PACKETS)))
    fate = expected(path, "alice", "bob")
    bench.until(lambda: len(ear.heard) >= fate.total())
    bench.world.run(0.05)
    assert Counter(int(data) for _, data in ear.heard) == fate
    assert [outcome for *_, outcome in bench.wire].count(1) == PACKETS - len(fate), "what is lost is on record"


class Listener:
    def __init__(self) -> None:
        self.heard: list[int] = []

    def datagram(self, data: bytes, _source: Address, _arrival_s: float, *, rtcp: bool) -> None:
        self.heard.append(int(data[:4]))

    def batch(self, *_: object) -> None:
        raise AssertionError("nobody sends batches here")

    def reroute(self) -> None:
        """Nothing to do."""


def test_media_fare_as_the_seed_says(bench: Bench) -> None:
    hosts = {name: bench.host(name)[0].addresses["UDP"].host for name in ("alice", "bob")}
    seeded(bench)
    ears = {name: Listener() for name in hosts}
    ports = {name: bench.world.submit(bench.network.open_media, name, hosts[name], ears[name]) for name in hosts}
    bench.world.submit(bench.network.link("alice", "bob").impair, LOSSY)  # type: ignore[attr-defined]

    def send() -> None:
        for k in range(PACKETS):
            ports["alice"].send(b"%04d" % k + bytes(160), ports["bob"].rtp_address)

    bench.world.submit(send)
    fate = expected(LOSSY, "alice", "bob")
    bench.until(lambda: len(ears["bob"].heard) >= fate.total())
    bench.world.run(0.05)
    assert Counter(ears["bob"].heard) == fate
    for port in ports.values():
        bench.world.submit(port.close)


def test_each_direction_has_numbers_of_its_own_and_other_links_are_left_alone(bench: Bench) -> None:
    alice, alice_ear = bench.host("alice")
    bob, bob_ear = bench.host("bob")
    carol, carol_ear = bench.host("carol")
    seeded(bench)
    bench.world.submit(bench.network.link("bob", "alice").impair, LOSSY)  # type: ignore[attr-defined]
    chunks = [b"%d" % k for k in range(PACKETS)]
    bench.send(bob, bench.flow(bob, "UDP", alice), *chunks)
    bench.send(alice, bench.flow(alice, "UDP", carol), *chunks)
    bench.send(bob, bench.flow(bob, "UDP", carol), *chunks)
    fate = expected(LOSSY, "bob", "alice")
    bench.until(lambda: len(alice_ear.heard) >= fate.total() and len(carol_ear.heard) == 2 * PACKETS)
    assert Counter(int(data) for _, data in alice_ear.heard) == fate
    assert carol.owner == "carol"
    assert not bob_ear.heard


@pytest.mark.parametrize("transport", ["TCP", "TLS"])
def test_a_stream_is_late_and_whole_and_in_order(bench: Bench, transport: str) -> None:
    alice, _ = bench.host("alice")
    bob, ear = bench.host("bob")
    seeded(bench)
    path = traces.Path(5.0, loss=traces.GilbertElliott.of(0.2))
    bench.world.submit(bench.network.link("alice", "bob").impair, path)  # type: ignore[attr-defined]
    chunks = [b"%03d;" % k for k in range(20)]
    bench.send(alice, bench.flow(alice, transport, bob), *chunks)
    bench.until(lambda: len(ear.text) >= 80)
    assert ear.text == b"".join(chunks)
    assert bench.world.now > 0.2, "a lost segment is repeated"


def test_a_drop_takes_what_it_names_and_a_healed_link_is_perfect_again(bench: Bench) -> None:
    alice, _ = bench.host("alice")
    bob, ear = bench.host("bob")
    link = bench.network.link("alice", "bob")  # type: ignore[attr-defined]
    bench.world.submit(link.drop, lambda data: data.startswith(b"x"), None)
    bench.send(alice, bench.flow(alice, "UDP", bob), b"x1", b"y1")
    bench.until(lambda: len(ear.heard) == 1)
    bench.world.submit(link.impair, Impairment(loss=1.0))
    bench.send(alice, bench.flow(alice, "UDP", bob), b"y2")
    bench.world.submit(link.heal)
    bench.send(alice, bench.flow(alice, "UDP", bob), b"x3")
    bench.until(lambda: len(ear.heard) == 2)
    assert [data for _, data in ear.heard] == [b"y1", b"x3"]
