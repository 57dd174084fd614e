"""What one more costs among 1,000 and among 100,000: a message in the journal, a binding, an open dialog.

No wire and no other program: the ratio is that of the two sizes.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from time import process_time

from voxlab.base.ids import Ids
from voxlab.base.journal import Journal
from voxlab.elements.location import Binding, LocationService
from voxlab.elements.node import Node
from voxlab.elements.user_agent import Incoming
from voxlab.sip.uri import Uri

from .parsing import INVITE
from .proxied_call import CALLEE, CALLER, FROM_CALLEE, FROM_CALLER, HERE, SDP
from .report import Bound, Figure, Skipped, Target, of_rounds

FEW, MANY = 1_000, 100_000
_CONTACT = Uri.parse(f"sip:user@{CALLEE}")


def measure(quick: bool) -> Iterator[Figure | Skipped]:
    """Yield the CPU time of one more, with 100,000 there, beside that with 1,000."""
    rounds = 2_000 if quick else 20_000
    for name, crowd in (("message in the journal", Messages), ("binding", Bindings), ("open dialog", Dialogs)):
        few, many = (_cost_us(crowd(size).one_more, rounds) for size in (FEW, MANY))
        yield of_rounds(f"one more {name}: 100,000 there", "us", [many], [few], "1,000", Target(Bound.AT_MOST, 1.5))


def _cost_us(one_more: Callable[[], None], rounds: int) -> float:
    """Return the mean CPU time of one more, with what falls due by it; collecting what was there is not its cost."""
    gc.collect()
    gc.freeze()
    started_s = process_time()
    for _ in range(rounds):
        one_more()
    spent_s = process_time() - started_s
    gc.unfreeze()
    return spent_s / rounds * 1e6


class Messages:
    """A journal that is full: each message more makes it forget an older one, sooner or later."""

    def __init__(self, size: int) -> None:
        self._journal = Journal(limit_messages=size)
        for _ in range(size):
            self.one_more()

    def one_more(self) -> None:
        """Record a message of a call of its own."""
        number = self._journal.last_number
        data = INVITE.replace(b"Call-ID: ", b"Call-ID: %d-" % number)
        self._journal.wire(number * 0.001, "UDP", CALLER, HERE, data)


class Bindings:
    """A location service with so many users."""

    def __init__(self, size: int) -> None:
        self._location = LocationService(max_bindings=2 * MANY)
        self._size, self._count = size, 0
        for _ in range(size):
            self.one_more()

    def one_more(self) -> None:
        """Refresh the binding of the next user."""
        self._count += 1
        user, now = self._count * 7919 % self._size, self._count * 0.001
        aor = f"user{user}@example.com"
        self._location.replace(aor, (Binding(_CONTACT, FROM_CALLEE, now + 1e6, f"{user}", self._count),))
        self._location.lookup(aor, now)
        self._location.poll()


class Dialogs:
    """A user agent with so many calls that talk."""

    def __init__(self, size: int) -> None:
        self._node = Node(Ids.seeded(1), {"UDP": HERE})
        self._count = 0
        for _ in range(size):
            self._begin()

    def one_more(self) -> None:
        """Take a call, and its BYE."""
        tag = self._begin()
        self._give(_request(b"BYE", 2, self._count, b";tag=" + tag))

    def _begin(self) -> bytes:
        self._count += 1
        (incoming,) = self._give(_request(b"INVITE", 1, self._count, b""))
        assert isinstance(incoming, Incoming)
        self._node.user_agent.answer(incoming.leg, self._now, sdp=SDP)
        transmits, _ = self._node.poll(self._now)
        tag = transmits[-1].data.partition(b"To: ")[2].partition(b"\r\n")[0].partition(b";tag=")[2]
        self._give(_request(b"ACK", 1, self._count, b";tag=" + tag))
        return tag

    @property
    def _now(self) -> float:
        return self._count * 0.01

    def _give(self, data: bytes) -> list[object]:
        due = self._node.next_timeout()
        if due is not None and due <= self._now:
            self._node.handle_timeout(self._now)
        self._node.receive(FROM_CALLER, data, self._now)
        return list(self._node.poll(self._now)[1])


def _request(method: bytes, cseq: int, number: int, to_tag: bytes) -> bytes:
    body = SDP if method == b"INVITE" else b""
    return (
        b"%b sip:callee@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK-%b-%d\r\n"
        b"Max-Forwards: 70\r\nFrom: <sip:caller@carrier.example>;tag=a%d\r\nTo: <sip:callee@example.com>%b\r\n"
        b"Call-ID: %d@192.0.2.2\r\nCSeq: %d %b\r\nContact: <sip:caller@192.0.2.2:5060>\r\n"
        b"Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%b"
    ) % (method, method, number, number, to_tag, number, cseq, method, len(body), body)
