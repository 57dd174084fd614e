"""A gateway: where another operator takes our calls, how it is preferred among others, and how it has been doing.

Ordered like SRV records (RFC 2782): by priority, among equals drawn by weight. What counts as failure is RFC 3263
s.4.3: 503, no answer, a transport that fails. Must not know requests.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from voxlab.base.errors import SipSyntaxError, VoxlabError
from voxlab.base.ids import Ids
from voxlab.sip.uri import Uri

SUSPECT_S = 30.0
"""How long a gateway that has failed is tried after the others, unless its Retry-After says longer."""


@dataclass(eq=False, slots=True)
class Health:
    """How a gateway has been doing, from OPTIONS and from calls.

    Attributes
    ----------
    is_up : bool or None
        Whether it answers, and lets us in; None before anything was sent there.
    code, reason
        Of its last answer; 408 and 503 of our own where there was none (RFC 3261 s.8.1.3.1).
    since_s : float
        When that was.
    suspect_until_s : float
        Until when others go before it.
    delay_s : float or None
        From the last OPTIONS to its answer.
    """

    is_up: bool | None = None
    code: int = 0
    reason: str = ""
    since_s: float = 0.0
    suspect_until_s: float = 0.0
    delay_s: float | None = None

    def answered(self, now: float, code: int, reason: str, delay_s: float | None = None) -> None:
        """Take an answer; whoever answers anything but 503 is there, and 403 says that it does not let us in."""
        self.is_up = code not in (403, 503)
        self.code, self.reason, self.since_s = code, reason, now
        self.delay_s = self.delay_s if delay_s is None else delay_s
        if code != 503:
            self.suspect_until_s = 0.0

    def failed(self, now: float, code: int, reason: str, retry_after_s: float = 0.0) -> None:
        """Take the news that it did not serve: for a while others are tried before it."""
        self.is_up = False
        self.code, self.reason, self.since_s = code, reason, now
        self.suspect_until_s = now + max(SUSPECT_S, retry_after_s)

    def __str__(self) -> str:
        if self.is_up is None:
            return "not tried yet"
        delay = f" in {self.delay_s * 1000:.0f} ms" if self.delay_s is not None and self.is_up else ""
        return f"{'✓' if self.is_up else '✗'} {self.code} {self.reason}{delay}"


@dataclass(eq=False, slots=True)
class Gateway:
    """Where an operator takes calls.

    Attributes
    ----------
    uri : Uri
        Without a user part; a name is looked up as RFC 3263 says.
    priority : int
        Of lower ones first.
    weight : int
        How often among equals, in proportion.
    """

    uri: Uri
    priority: int = 1
    weight: int = 1
    health: Health = field(default_factory=Health)

    def __post_init__(self) -> None:
        if self.priority < 0 or self.weight < 0:
            raise VoxlabError(f"priority and weight are 0 or more, not {self.priority} and {self.weight}")

    @property
    def address(self) -> str:
        """Its host and port as they were given."""
        return f"{self.uri.host}:{self.uri.port}" if self.uri.port else self.uri.host

    def __repr__(self) -> str:
        return f"<Gateway {self.address}, priority {self.priority}, weight {self.weight}: {self.health}>"


def gateway(given: object, priority: int = 1, weight: int = 1) -> Gateway:
    """Read a gateway from ``host``, ``host:port`` or a SIP URI, perhaps in a tuple with its priority and weight.

    Raises
    ------
    VoxlabError
        For what names no host.
    """
    if isinstance(given, Gateway):
        return given
    if isinstance(given, tuple) and given and len(given) <= 3:
        return gateway(given[0], *given[1:])
    text = given.strip() if isinstance(given, str) else ""
    try:
        uri = Uri.parse(text if text.startswith(("sip:", "sips:")) else f"sip:{text}")
    except SipSyntaxError:
        uri = None
    if uri is None or not text or not uri.host or uri.user is not None:
        raise VoxlabError(
            f"a gateway is a host, host:port or URI such as '198.51.100.1:5060' or 'sip:sbc.example;transport=tcp', "
            f"not {given!r}"
        )
    return Gateway(uri, priority, weight)


def gateways(given: object) -> tuple[Gateway, ...]:
    """Read one gateway or several; plain ones of a list are tried in the order in which they stand."""
    if isinstance(given, (str, tuple, Gateway)):
        return (gateway(given),)
    if not isinstance(given, Iterable):
        raise VoxlabError(f"gateways are a list, not {given!r}")
    return tuple(gateway(each, priority) for priority, each in enumerate(given, 1))


def in_order(known: Sequence[Gateway], now: float, ids: Ids) -> list[Gateway]:
    """Return gateways in the order of trying: those that have just failed last."""
    ordered: list[Gateway] = []
    for suspect in (False, True):
        left = [each for each in known if (each.health.suspect_until_s > now) is suspect]
        while left:
            best = min(each.priority for each in left)
            chosen = _drawn([each for each in left if each.priority == best], ids)
            left.remove(chosen)
            ordered.append(chosen)
    return ordered


def _drawn(group: Sequence[Gateway], ids: Ids) -> Gateway:
    if len(group) == 1:
        return group[0]
    target = ids.random() * sum(each.weight for each in group)
    running = 0
    for each in group:
        running += each.weight
        if running >= target:
            return each
    return group[-1]
