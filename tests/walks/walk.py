"""A lab in which phones do whatever comes, over wires that lose, repeat and reorder; what must be true at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from voxlab import Lab, VoxlabError
from voxlab.dialog import events as ev
from voxlab.elements.phone import Input
from voxlab.host.phone import PhoneMachine
from voxlab.net.impairment import Impairment

NAMES = ("alice", "bob", "carol")
MOBILE = "bob's mobile"
DEVICES = (*NAMES, MOBILE)
SETTLE_S = 260.0  # longer than every timer of a call: 64*T1 twice, a back-off, timer B of a transferred leg, a patience


class Walk:
    """One lab and three phones."""

    def __init__(self, seed: int, temper: Impairment) -> None:
        self.lab = Lab(seed=seed)
        self.shop = self.lab.account("acme").application("shop")
        self.raised: list[dict[str, Any]] = []
        self.ends: dict[tuple[str, str], list[str]] = {}
        self.opened: Counter[tuple[str, str]] = Counter()
        options = ({"answer_after": 0.7}, {"answer_after": 1.3, "call_waiting": True}, {})
        self.phones = {
            name: self.shop.user(name).phone(audio="silence", gives_up_after=20.0, **option)
            for name, option in zip(NAMES, options, strict=True)
        }
        # A call to bob forks; the timer of one phone runs out within a walk.
        self.phones[MOBILE] = self.shop.user("bob").phone("mobile", audio="silence", answer_after=1.3)
        self.shop.user("carol").phone(session_expires=90, prack="support", early_media=True)

        @self.shop.scenario()
        async def forward(call: Any) -> None:
            await call.forward_to_user()

        self.lab.world.submit(self._listen)
        self.temper = temper
        self._impair(temper)

    def _listen(self) -> None:
        """Hear of every end of every leg, and of everything that was raised where nobody looks."""
        self.lab.world.loop.set_exception_handler(lambda _loop, context: self.raised.append(context))
        for name in DEVICES:
            machine = self.machine(name)
            machine._watch = self._hear(name, machine.agent, machine._watch)
        cloud = self.lab.cloud
        cloud._leg_event = self._hear_cloud(cloud._leg_event)

    def _hear(self, name: str, agent: Any, then: Callable[[Any, float], None]) -> Callable[[Any, float], None]:
        def watch(event: Any, now: float) -> None:
            self._note(name, agent, event)
            then(event, now)

        return watch

    def _hear_cloud(self, then: Callable[[Any], None]) -> Callable[[Any], None]:
        def leg_event(event: Any) -> None:
            self._note("cloud", self.lab.cloud.node.user_agent, event)
            then(event)

        return leg_event

    def _note(self, where: str, agent: Any, event: Any) -> None:
        if isinstance(event, (ev.Failed, ev.Ended)):
            self.ends.setdefault((where, str(event.leg)), []).append(type(event).__name__)

    def machine(self, name: str) -> PhoneMachine:
        """Return what a phone runs on."""
        machine = self.phones[name].machine
        assert machine is not None
        return machine

    def _impair(self, temper: Impairment | None) -> None:
        def change() -> None:
            for name in DEVICES:
                link = self.lab.network.link(self.machine(name).place.host, self.lab.cloud.place.host)
                link.impair(temper or Impairment(delay_s=0.0005))

        self.lab.world.submit(change)

    # -- what people do; what makes no sense now is refused with a sentence, and that is all

    def do(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Do something in the lab's thread."""
        try:
            self.lab.world.submit(function, *arguments)
        except VoxlabError:
            return

    def press(self, name: str, given: Input) -> None:
        """Pick up, decline, hang up, hold or resume."""
        self.do(self.machine(name).command, given)

    def dial(self, name: str, other: str) -> None:
        """Dial somebody, perhaps oneself or nobody."""
        self.do(self.machine(name).dial, other)

    def transfer(self, name: str, other: str) -> None:
        """Transfer the call in hand blindly."""
        self.do(self.machine(name).transfer_call, other)

    def join(self, name: str) -> None:
        """Join two calls."""
        machine = self.machine(name)

        def join() -> None:
            machine.join_calls(*machine.lines.pair())

        self.do(join)

    def say(self, name: str) -> None:
        """Send a message inside the call."""
        self.do(self.machine(name).send, "MESSAGE", "text/plain", b"hello")

    def register(self, name: str, *, away: bool) -> None:
        """Register again, or take the registration away."""
        machine = self.machine(name)
        self.do(machine.unregister if away else machine.register)

    def write(self, name: str, other: str) -> None:
        """Send a message outside calls, and watch whether it is read."""
        self.do(self.machine(name).send_message, other, "hello")
        self.do(self.machine(name).watch, "presence", other, 100)

    def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        self.lab.run(seconds)

    # -- what has to be true in the end

    def settle(self) -> None:
        """Let everybody hang up on healed wires, and wait longer than any timer."""
        self._impair(None)
        for name in DEVICES:
            machine = self.machine(name)
            for package, target in list(machine.events._watching):
                self.do(machine.unwatch, package, target)
            self.register(name, away=True)
        for _ in range(3):
            for name in DEVICES:
                for line in list(self.machine(name).lines._lines):
                    if line.leg:
                        self.do(self.machine(name).hang_up, line.leg)
            self.lab.run(5)
        self.lab.run(SETTLE_S)

    def faults(self) -> list[str]:
        """Return what is not as it must be: nothing stuck, nothing left, nothing raised, every leg ended once."""
        found = [f"raised: {context}" for context in self.raised]
        found += [f"error: {error}" for error in self.lab.errors]
        for name, node in [(name, self.machine(name).node) for name in DEVICES] + [("cloud", self.lab.cloud.node)]:
            if legs := node.user_agent.sessions():
                found.append(f"{name} still has legs: {legs}")
            if len(node.layer):
                found.append(f"{name} still has {len(node.layer)} transactions")
        found += [f"{name} is {p.state}" for name, p in self.phones.items() if p.state != "idle"]
        if self.lab.exchange.sessions:
            found.append(f"sessions go on: {self.lab.exchange.sessions}")
        found += [f"leg {key} ended {len(ends)} times: {ends}" for key, ends in self.ends.items() if len(ends) != 1]
        return found

    def close(self) -> None:
        """Check, and strike the lab; what is wrong comes with the ladder of the whole walk."""
        try:
            self.settle()
            found = self.faults()
            if found:
                ladder = str(self.lab.ladder())
                raise AssertionError("\n".join([*found, f"seed {self.lab.seed}", ladder[-20_000:]]))
        finally:
            self.lab.close()
