"""Whatever happens in whatever order, nothing raises, everything ends, and nothing is left behind."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transaction.world import Side, make_request, pair
from voxlab.sip.message import Request
from voxlab.transaction.events import RequestArrived, ResponseArrived, TransactionEnded
from voxlab.transaction.tables import State

LONGEST_S = 200.0  # 64*T1 for a CANCEL to give up on its INVITE, and as long again for what that started, and some
INVITE_STATUSES = (100, 180, 183, 200, 202, 302, 404, 486, 487, 603)
OTHER_STATUSES = (100, 200, 404, 503)


class Chaos:
    """Two elements, a wire that loses, repeats and reorders, and users who do what the draw says."""

    def __init__(self, transport: str) -> None:
        self.sides = pair(transport)
        self.wire: list[tuple[int, bytes]] = []
        self.seen = [0, 0]
        self.started: list[list[int]] = [[], []]

    def act(self, verb: str, who: int, number: int) -> None:
        side = self.sides[who]
        getattr(self, verb)(side, who, number)
        self.collect()

    def collect(self) -> None:
        for who, side in enumerate(self.sides):
            self.wire += [(1 - who, message.raw) for _, message, _ in side.sent[self.seen[who] :]]
            self.seen[who] = len(side.sent)

    def start(self, side: Side, who: int, number: int) -> None:
        method = ("INVITE", "INVITE", "OPTIONS", "BYE")[number % 4]
        self.started[who].append(side.request(method, cseq=number, body=b"x" * (1300 if number % 7 == 0 else 0)))

    def deliver(self, side: Side, who: int, number: int) -> None:
        if self.wire:
            receiver, data = self.wire.pop(number % len(self.wire))
            self.sides[receiver].receive(data)

    def repeat(self, side: Side, who: int, number: int) -> None:
        if self.wire:
            receiver, data = self.wire[number % len(self.wire)]
            self.sides[receiver].receive(data)

    def lose(self, side: Side, who: int, number: int) -> None:
        if self.wire:
            self.wire.pop(number % len(self.wire))

    def answer(self, side: Side, who: int, number: int) -> None:
        arrived = side.events(RequestArrived)
        if arrived:
            event = arrived[number % len(arrived)]
            statuses = INVITE_STATUSES if event.request.method == "INVITE" else OTHER_STATUSES
            side.respond(statuses[number % len(statuses)], number=event.number, to_tag=f"t{number % 3}")

    def cancel(self, side: Side, who: int, number: int) -> None:
        invites = [n for n in self.started[who] if (about := side.layer.describe(n)) and about.method == "INVITE"]
        if invites:
            side.cancel(invites[number % len(invites)])

    def acknowledge(self, side: Side, who: int, number: int) -> None:
        to = f"<sip:bob@example.com>;tag=t{number % 3}"
        side.layer.send(make_request("ACK", cseq=number, to=to), side.flow, side.now)
        side.drain()

    def fail(self, side: Side, who: int, number: int) -> None:
        side.fail(side.flow if number % 2 else side.flow._replace(transport="TCP"))

    def wait(self, side: Side, who: int, number: int) -> None:
        until_s = side.now + (0.1, 0.2, 0.5, 4.0, 33.0)[number % 5]
        for each in self.sides:
            each.run(until_s)

    def finish(self) -> None:
        """Have the users answer and cancel what is open, and the wire fall silent."""
        for who, side in enumerate(self.sides):
            for event in side.events(RequestArrived):
                side.respond(486, number=event.number)
            for number in self.started[who]:
                about = side.layer.describe(number)
                if about and about.method == "INVITE":
                    side.cancel(number)
            side.run(side.now + LONGEST_S)


verbs = st.sampled_from(
    [
        "start",
        "deliver",
        "deliver",
        "deliver",
        "repeat",
        "lose",
        "answer",
        "answer",
        "cancel",
        "acknowledge",
        "fail",
        "wait",
    ]
)
steps = st.lists(st.tuples(verbs, st.integers(0, 1), st.integers(1, 10_000)), max_size=60)


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(["UDP", "TCP"]), steps)
def test_any_interleaving_ends_and_leaves_no_transaction_and_no_timer(transport, drawn):
    chaos = Chaos(transport)
    for step in drawn:
        chaos.act(*step)
    chaos.finish()
    for side, started in zip(chaos.sides, chaos.started, strict=True):
        assert len(side.layer) == 0
        assert side.layer.next_timeout() is None
        assert side.layer._index._by_remote == {}
        ended = [event.number for event in side.events(TransactionEnded)]
        assert len(ended) == len(set(ended))
        assert set(started) <= set(ended)
        assert all(side.layer.state(number) is State.TERMINATED for number in ended)


@settings(deadline=None, max_examples=100)
@given(steps)
def test_a_user_is_told_at_most_one_final_response_but_for_2xx_to_invite(drawn):
    chaos = Chaos("UDP")
    for step in drawn:
        chaos.act(*step)
    for side in chaos.sides:
        finals: dict[int, list[int]] = {}
        for event in side.events(ResponseArrived):
            if event.response.status >= 200:
                finals.setdefault(event.number, []).append(event.response.status)
        for number, statuses in finals.items():
            is_success = all(status < 300 for status in statuses)
            assert len(statuses) == 1 or is_success, (number, statuses)
        assert all(isinstance(event.request, Request) for event in side.events(RequestArrived))


def test_thousands_of_requests_leave_nothing_behind():
    alice, bob = pair()
    for _ in range(4_000):
        alice.request("OPTIONS")
        bob.receive(alice.sent.pop()[1])
        bob.respond(200)
        alice.receive(bob.sent.pop()[1])
        bob.told.clear()
        alice.told.clear()
        for side in (alice, bob):
            side.run(side.now + 0.1)
        assert len(alice.layer) <= 51  # Timer K: five seconds of them
        assert len(bob.layer) <= 321  # Timer J: 32 seconds
    for side in (alice, bob):
        side.run(side.now + 100)
        assert (len(side.layer), side.layer.next_timeout()) == (0, None)
