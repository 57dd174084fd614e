"""The picture of a lab's network: hosts, links, NATs, trunks and operators, with what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from voxlab.analysis.topology import CARRIER, CLOUD, LINK, NAT, PHONE, REGISTRATION, TRUNK, Line, Node, Topology
from voxlab.lab.carrier import Carrier
from voxlab.net.impairment import Impairment
from voxlab.net.link import DEFAULT_MTU_BYTES, Way
from voxlab.net.simulation import SimulatedNetwork
from voxlab.net.sockets import LiveNetwork
from voxlab.platform.registration import SUCCESSFUL

if TYPE_CHECKING:
    from voxlab.lab.lab import Lab
    from voxlab.lab.phone import Phone


_PHONES_SHOWN, _DOMAINS_SHOWN = 20, 3


class TopologyPicture:
    """What ``lab.topology()`` returns: a snapshot, as text in a terminal and as SVG in a notebook.

    Attributes
    ----------
    topology : Topology
        Hosts and lines as values.
    """

    def __init__(self, topology: Topology) -> None:
        self.topology = topology

    @property
    def svg(self) -> str:
        """The picture."""
        from voxlab.display.topology_svg import topology_svg

        return topology_svg(self.topology)

    def text(self, *, width: int = 80, ascii: bool = False) -> str:  # noqa: A002 - the switch's name
        """Return it as text."""
        from voxlab.display.topology import topology_text

        return topology_text(self.topology, width, ascii=ascii)

    def __repr__(self) -> str:
        return self.text()

    def _repr_svg_(self) -> str:
        return self.svg


def picture(lab: Lab) -> TopologyPicture:
    """Return the network of a lab as it is now; in the lab's thread."""
    phones = [_phone(lab, phone) for phone in lab.phones]
    nodes = [_cloud(lab), *_nats(lab), *map(_carrier, lab.carriers.values())]
    for parent in [node.name for node in nodes]:
        nodes += _few([phone for phone in phones if phone.parent == parent])
    kind = f"live on {lab.cloud.place.host}" if lab.live else f"simulated, {lab.now:.1f} s"
    title = f"{lab.platform.domain}: {len(lab.phones)} phones, {kind}"
    lines = [line for node in nodes[1:] for line in _lines(lab, node)]
    return TopologyPicture(Topology(title, tuple(nodes), tuple(lines)))


def _few(phones: list[Node]) -> list[Node]:
    """Return the phones behind one host, those past the twentieth as one node."""
    if len(phones) <= _PHONES_SHOWN:
        return phones
    more = len(phones) - _PHONES_SHOWN
    faulty = tuple(fault for phone in phones[_PHONES_SHOWN:] for fault in phone.faults)
    rest = Node(f"{more} more at {phones[0].parent}", PHONE, phones[0].parent, (), tuple(dict.fromkeys(faulty)))
    return [*phones[:_PHONES_SHOWN], rest]


def _cloud(lab: Lab) -> Node:
    place, media = lab.cloud.place, lab.cloud.media_place
    facts = [f"{place.host} · {len(lab.cloud.location)} bindings"]
    if media.host != place.host:
        facts.append(f"media server {media.host}")
    facts += lab.cloud.domains()[:_DOMAINS_SHOWN]
    faults = (*lab.sbc.faults, *lab.registrar.faults, *(f"DNS: {name}" for name in lab.zone.faults))
    return Node(place.owner, CLOUD, "", tuple(facts), faults)


def _nats(lab: Lab) -> Iterator[Node]:
    for nat in lab.nats.values():
        what = nat.kind.replace("_", " ") or f"{nat.mapping} mapping"
        facts = (what, f"{nat.inside} as {nat.outside}", f"UDP bindings live {nat.lifetime_s:g} s")
        yield Node(nat.name, NAT, lab.cloud.place.owner if nat.behind is None else nat.behind.name, facts, nat.faults)


def _phone(lab: Lab, phone: Phone) -> Node:
    operator = _operator_of(lab, phone)
    parent = phone.options.nat or operator
    facts = (f"{phone.address} · {phone.options.transport}", f"{phone.registration}, {phone.state}")
    return Node(phone.title, PHONE, lab.cloud.place.owner if parent is None else parent.name, facts, phone.faults)


def _operator_of(lab: Lab, phone: Phone) -> Carrier | None:
    """Return whose subscriber a phone is, None for one of ours."""
    return next((each for each in lab.carriers.values() if phone.servers is each.servers), None)


def _carrier(carrier: Carrier) -> Node:
    record = carrier.record
    facts = [carrier.domain, carrier.address, f"numbers {record.range}"]
    if record.telephones:
        facts.append(f"telephones without SIP: {len(record.telephones)}")
    return Node(carrier.name, CARRIER, carrier.lab.cloud.place.owner, tuple(facts), carrier.faults)


def _lines(lab: Lab, node: Node) -> Iterator[Line]:
    yield _link(lab, node)
    if node.kind != CARRIER:
        return
    carrier = lab.carriers[node.name]
    for account in lab.accounts:
        for trunk in account.trunks:
            if trunk.name == node.name or any(gateway.address == carrier.address for gateway in trunk.gateways):
                up = [gateway.health.is_up for gateway in trunk.gateways]
                ways = f"in {'✓' if trunk.allow else '✗'} out {'✗' if not up or False in up else '✓'}"
                yield Line(node.name, TRUNK, f"{account.name} {ways}", "✗" in ways, trunk.faults)
    for registration in lab.platform.registrations.values():
        if registration.proxy in {carrier.address, carrier.domain, carrier.address.partition(":")[0]}:
            bad = registration.state != SUCCESSFUL
            yield Line(node.name, REGISTRATION, f"{registration.username} {registration.state}", bad)


def _link(lab: Lab, node: Node) -> Line:
    """Return the link toward the cloud, with the faults of its handle."""
    network = lab.network
    if not isinstance(network, SimulatedNetwork | LiveNetwork):
        return Line(node.name, LINK)
    usual = network.links.impairment
    ways = network.links.way(node.name, node.parent), network.links.way(node.parent, node.name)
    there, back = (_temper(way, usual) for way in ways)
    text = (
        there if there == back else " · ".join(f"{arrow} {word}" for arrow, word in (("→", there), ("←", back)) if word)
    )
    known = lab.known_link(node.name, node.parent)
    return Line(node.name, LINK, text, bool(text), () if known is None else known.faults)


def _temper(way: Way, usual: Impairment) -> str:
    """Say what is unusual about one direction."""
    impairment = way.impairment
    words: list[str] = []
    if not isinstance(impairment, Impairment):
        words.append(f"{impairment.propagation_ms:g} ms path" + (" with loss" if impairment.loss is not None else ""))
    elif impairment != usual:
        words += [f"{impairment.delay_s * 1000:g} ms"] * (impairment.delay_s != usual.delay_s)
        words += [f"± {impairment.jitter_s * 1000:g} ms"] * bool(impairment.jitter_s)
        words += [f"{impairment.loss * 100:.3g} % lost"] * bool(impairment.loss)
    words += [f"{len(way.drops)} drop rules"] * bool(way.drops)
    words += [f"MTU {way.mtu_bytes}"] * (way.mtu_bytes != DEFAULT_MTU_BYTES)
    return " · ".join(words)
