"""A network address translator as a machine: which mapping a packet gets, who may answer, and when a mapping dies.

The words are those of RFC 4787 for UDP (mapping s.4.1, port assignment s.4.2, refresh s.4.3, filtering s.5, hairpinning
s.6) and of RFC 5382 for TCP; the older ones of RFC 3489 s.5 are aliases (``KINDS``). Addresses in, addresses out. Must
not know networks, nor what is in a packet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from voxlab.base.datagram import Address
from voxlab.base.errors import VoxlabError, did_you_mean
from voxlab.base.ids import Ids

ENDPOINT_INDEPENDENT = "endpoint-independent"
ADDRESS_DEPENDENT = "address-dependent"
ADDRESS_AND_PORT_DEPENDENT = "address-and-port-dependent"
DEPENDENCES = (ENDPOINT_INDEPENDENT, ADDRESS_DEPENDENT, ADDRESS_AND_PORT_DEPENDENT)

KINDS = {
    "full_cone": (ENDPOINT_INDEPENDENT, ENDPOINT_INDEPENDENT),
    "restricted_cone": (ENDPOINT_INDEPENDENT, ADDRESS_DEPENDENT),
    "port_restricted_cone": (ENDPOINT_INDEPENDENT, ADDRESS_AND_PORT_DEPENDENT),
    "symmetric": (ADDRESS_AND_PORT_DEPENDENT, ADDRESS_AND_PORT_DEPENDENT),
}
"""RFC 3489's kinds as mapping and filtering."""

_TRIES = 64  # at a free port by chance, before they are gone through one by one


@dataclass(slots=True)
class Behaviour:
    """How a translator behaves; may be changed at any time, mappings that stand keep their ports.

    Attributes
    ----------
    mapping, filtering : str
        "endpoint-independent", "address-dependent" or "address-and-port-dependent": when a new mapping is made for
        another far end, and which far ends may send to a mapping.
    lifetime_s : float
        Seconds that a UDP mapping lives after the last packet from inside; RFC 4787 s.4.3 asks for two minutes or more,
        half a minute is what many homes have.
    tcp_lifetime_s : float
        The same for TCP (RFC 5382 s.5: two hours and four minutes or more).
    refreshed_from_outside : bool
        Whether packets from outside keep a mapping alive, too.
    port_preservation : bool
        Whether a mapping gets the port that the inner end has, where that is free.
    hairpinning : bool
        Whether two inner ends reach one another by their outer addresses.
    first_port, last_port : int
        The range that outer ports are drawn from.
    """

    mapping: str = ENDPOINT_INDEPENDENT
    filtering: str = ADDRESS_AND_PORT_DEPENDENT
    lifetime_s: float = 30.0
    tcp_lifetime_s: float = 7440.0
    refreshed_from_outside: bool = False
    port_preservation: bool = False
    hairpinning: bool = True
    first_port: int = 1024
    last_port: int = 65_535

    def lifetime_of(self, transport: str) -> float:
        """Return how long a mapping of this transport lives unrefreshed."""
        return self.lifetime_s if transport == "UDP" else self.tcp_lifetime_s

    @property
    def kind(self) -> str:
        """RFC 3489's word for it, "" where there is none."""
        return next((name for name, pair in KINDS.items() if pair == (self.mapping, self.filtering)), "")


def dependence(text: str) -> str:
    """Return one of ``DEPENDENCES``.

    Raises
    ------
    VoxlabError
        For any other word.
    """
    word = text.lower().replace("_", "-").replace(" ", "-")
    if word not in DEPENDENCES:
        raise VoxlabError(f"mapping and filtering are {', '.join(DEPENDENCES)}, not {text!r}")
    return word


def of_kind(text: str) -> tuple[str, str]:
    """Return mapping and filtering of one of RFC 3489's kinds.

    Raises
    ------
    VoxlabError
        For any other word.
    """
    word = text.lower().replace("-", "_").replace(" ", "_")
    if word not in KINDS:
        raise VoxlabError(f"there is no kind of NAT {text!r}{did_you_mean(word, KINDS)}; there are {', '.join(KINDS)}")
    return KINDS[word]


class Mapping:
    """An inner address and port with an outer port for it.

    Attributes
    ----------
    far : tuple
        The part of the far end that it was made for; () for all of them.
    permitted : set
        The far ends that something was sent to, as far as the filtering looks at them.
    last_s : float
        When it was last refreshed.
    """

    __slots__ = ("far", "inner", "last_s", "outer_port", "permitted", "transport")

    def __init__(self, transport: str, inner: Address, outer_port: int, far: tuple[str, ...], now: float) -> None:
        self.transport = transport
        self.inner = inner
        self.outer_port = outer_port
        self.far = far
        self.permitted: set[Address] = set()
        self.last_s = now


class Refusal(NamedTuple):
    """A packet that is not let through: one of the words below, and why in words for people."""

    reason: str
    why: str


NO_BINDING, BINDING_DIED, FILTERED, NO_PORT, NO_HAIRPINNING = (
    "no binding",
    "binding died",
    "filtered",
    "no port",
    "no hairpinning",
)


class AddressTranslator:
    """One translator with one outer address.

    Parameters
    ----------
    outside : str
        Its outer address.
    behaviour : Behaviour
    ids : Ids
        Outer ports are drawn from it.
    """

    def __init__(self, outside: str, behaviour: Behaviour, ids: Ids) -> None:
        self.outside = outside
        self.behaviour = behaviour
        self._ids = ids
        self._by_inner: dict[tuple[str, Address, tuple[str, ...]], Mapping] = {}
        self._by_port: dict[tuple[str, int], Mapping] = {}
        self._died: dict[tuple[str, int], tuple[Address, float]] = {}

    # -- packets

    def outbound(self, transport: str, inner: Address, far: Address, now: float, until: float = 0.0) -> Address | None:
        """Return the outer address of a packet from inside; None when no port is left.

        Parameters
        ----------
        transport : str
            "UDP" or "TCP"; TLS is TCP here.
        inner, far : Address
            Source and destination.
        now, until : float
            When it comes; of a run of packets the first and the last.
        """
        key = transport, inner, _part(self.behaviour.mapping, far)
        mapping = self._by_inner.get(key)
        if mapping is not None and self._is_dead(mapping, now):
            self._forget(mapping)
            mapping = None
        if mapping is None:
            port = self._free_port(transport, inner, now)
            if port is None:
                return None
            mapping = Mapping(transport, inner, port, key[2], now)
            self._by_inner[key] = self._by_port[transport, port] = mapping
            self._died.pop((transport, port), None)
        mapping.last_s = max(mapping.last_s, now, until)
        mapping.permitted.add(far)
        return Address(self.outside, mapping.outer_port)

    def inbound(self, transport: str, port: int, far: Address, now: float, until: float = 0.0) -> Address | Refusal:
        """Return the inner address that a packet from outside to an outer port is for, or why it is dropped."""
        mapping = self._by_port.get((transport, port))
        if mapping is None:
            return self._no_mapping(transport, port, now)
        if self._is_dead(mapping, now):
            self._forget(mapping)
            return self._no_mapping(transport, port, now)
        if not self._admits(mapping, far):
            why = f"{self.behaviour.filtering} filtering: {mapping.inner} has sent nothing to {far}"
            return Refusal(FILTERED, why)
        if self.behaviour.refreshed_from_outside:
            mapping.last_s = max(mapping.last_s, now, until)
        return mapping.inner

    def _admits(self, mapping: Mapping, far: Address) -> bool:
        filtering = self.behaviour.filtering
        if filtering == ENDPOINT_INDEPENDENT:
            return True
        if filtering == ADDRESS_DEPENDENT:
            return any(each.host == far.host for each in mapping.permitted)
        return far in mapping.permitted

    # -- mappings

    def mappings(self, now: float) -> tuple[Mapping, ...]:
        """Return the mappings that live, in the order in which they were made."""
        return tuple(each for each in self._by_inner.values() if not self._is_dead(each, now))

    def forget_all(self, now: float) -> None:
        """Lose every mapping, as when the box is switched off and on."""
        for mapping in list(self._by_inner.values()):
            self._forget(mapping)

    def _is_dead(self, mapping: Mapping, now: float) -> bool:
        return now - mapping.last_s > self.behaviour.lifetime_of(mapping.transport)

    def _forget(self, mapping: Mapping) -> None:
        del self._by_inner[mapping.transport, mapping.inner, mapping.far]
        del self._by_port[mapping.transport, mapping.outer_port]
        self._died[mapping.transport, mapping.outer_port] = mapping.inner, mapping.last_s

    def _no_mapping(self, transport: str, port: int, now: float) -> Refusal:
        """Say what became of the mapping that a packet from outside hoped for."""
        died = self._died.get((transport, port))
        if died is None:
            return Refusal(NO_BINDING, f"no binding has the port {port}")
        inner, last_s = died
        return Refusal(
            BINDING_DIED, f"the binding of {inner} is gone: nothing left from there for {now - last_s:.0f} s"
        )

    def _free_port(self, transport: str, inner: Address, now: float) -> int | None:
        """Draw an outer port of the inner one's parity (RFC 4787 s.4.2.2: RTP stays even); None when all are taken."""
        first, last = self.behaviour.first_port, self.behaviour.last_port
        if self.behaviour.port_preservation and self._is_free(transport, inner.port, now):
            return inner.port
        for _ in range(_TRIES):
            port = first + int(self._ids.random() * (last - first + 1))
            if port % 2 == inner.port % 2 and self._is_free(transport, port, now):
                return port
        whole = range(first, last + 1)
        same = [port for port in whole if port % 2 == inner.port % 2 and self._is_free(transport, port, now)]
        return next(iter(same), next((port for port in whole if self._is_free(transport, port, now)), None))

    def _is_free(self, transport: str, port: int, now: float) -> bool:
        known = self._by_port.get((transport, port))
        if known is not None and self._is_dead(known, now):
            self._forget(known)
            return True
        return known is None


def _part(mapping: str, far: Address) -> tuple[str, ...]:
    """Return what of a far end a mapping is made for."""
    if mapping == ENDPOINT_INDEPENDENT:
        return ()
    return (far.host,) if mapping == ADDRESS_DEPENDENT else (far.host, str(far.port))
