"""A bench with either network on it: hosts that keep what they hear."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest

from tests.contract.planes import Site, site
from voxlab.base.datagram import Address, Flow
from voxlab.net.addresses import AddressPlan, LivePlan, SimulatedPlan
from voxlab.net.lease import Outcome
from voxlab.net.loop import LiveLoop
from voxlab.net.network import ALL_TRANSPORTS, Endpoint, Identity, Network
from voxlab.net.plane import build
from voxlab.net.simulation import SimulatedNetwork
from voxlab.net.sockets import LiveNetwork
from voxlab.net.virtual import VirtualLoop
from voxlab.net.world import World

T = TypeVar("T")


class Ear:
    """A host that keeps what its network tells it, and answers if it has something to say."""

    def __init__(self) -> None:
        self.heard: list[tuple[Flow, bytes]] = []
        self.errors: list[tuple[Flow, str]] = []
        self.ended: list[Flow] = []
        self.answer: Callable[[Flow, bytes], None] = lambda flow, data: None

    def rested(self) -> None: ...

    def received(self, flow: Flow, data: bytes, now: float) -> None:
        assert now >= 0
        self.heard.append((flow, data))
        self.answer(flow, data)

    def transport_error(self, flow: Flow, reason: str, now: float) -> None:
        assert now >= 0
        self.errors.append((flow, reason))

    def closed_flow(self, flow: Flow, now: float) -> None:
        assert now >= 0
        self.ended.append(flow)

    @property
    def text(self) -> bytes:
        """All that was heard, in one piece: a stream may join or cut chunks."""
        return b"".join(data for _, data in self.heard)


class Bench:
    """A world, its network, and hosts on it."""

    def __init__(self, *, live: bool) -> None:
        self.world = World(live=live, seed=7)
        self.wire: list[tuple[str, Address, Address, bytes, int]] = []
        self.plan: AddressPlan = LivePlan(self) if live else SimulatedPlan()
        loop = self.world.loop
        self.network: Network
        if isinstance(loop, LiveLoop):
            self.network = LiveNetwork(loop, on_wire=self._record)
        else:
            assert isinstance(loop, VirtualLoop)
            self.network = SimulatedNetwork(loop, self.world.ids, on_wire=self._record)

    def _record(self, _time_s: float, transport: str, src: Address, dst: Address, data: bytes, outcome: int) -> None:
        self.wire.append((transport, src, dst, data, outcome))

    def host(
        self, name: str, *, port: int = 0, transports: tuple[str, ...] = ALL_TRANSPORTS, **options: Any
    ) -> tuple[Endpoint, Ear]:
        """Attach a host with an address of its own."""
        ear = Ear()
        return self.world.submit(self._attach, name, self.plan.device(), port, ear, transports, options), ear

    def _attach(
        self, name: str, address: str, port: int, ear: Ear, transports: tuple[str, ...], options: Any
    ) -> Endpoint:
        return self.network.attach(name, address, port, ear, transports, **options)

    def flow(self, sender: Endpoint, transport: str, receiver: Endpoint) -> Flow:
        """Return the flow from a host to another's listening address."""
        return Flow(transport, sender.addresses[transport], receiver.addresses[transport])

    def send(self, sender: Endpoint, flow: Flow, *chunks: bytes) -> None:
        """Send chunks in one go."""
        self.world.submit(self._send_all, sender, flow, chunks)

    def _send_all(self, sender: Endpoint, flow: Flow, chunks: tuple[bytes, ...]) -> None:
        for chunk in chunks:
            sender.send(flow, chunk)

    def until(self, condition: Callable[[], bool]) -> None:
        """Let time pass until something is so."""
        assert self.world.wait(condition, timeout_s=30) is Outcome.HELD, condition

    def close(self) -> None:
        self.world.submit(self.network.close)
        self.world.close()
        self.plan.close()


@pytest.fixture(params=["simulated", "live"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    made = Bench(live=request.param == "live")
    yield made
    assert made.world.errors == []
    made.close()


def named(*names: str, trusted: bool = True) -> Identity:
    """Return an identity."""
    return Identity(names, trusted=trusted)


@pytest.fixture(params=["portable", "thread"])
def plane(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The plane that is to serve; the other one stays out of the way."""
    name = str(request.param)
    if name == "portable":
        monkeypatch.setenv("VOXLAB_PLANE", "portable")
    else:
        monkeypatch.delenv("VOXLAB_PLANE", raising=False)
        if not build.warm():
            pytest.skip(f"there is no compiled plane here: {build.why_not()}; cure: Linux, without NUMBA_DISABLE_JIT")
    return name


@pytest.fixture
def here(plane: str) -> Iterator[Site]:
    with site() as made:
        yield made
