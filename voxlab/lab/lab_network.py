"""What lies between the hosts of a lab, as handles: NATs, links, the border, DNS, and the picture of it all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from voxlab.base.errors import VoxlabError
from voxlab.lab.installation import CLOUD
from voxlab.lab.link import Link
from voxlab.lab.nat import Nat, new_nat
from voxlab.lab.sbc import Sbc
from voxlab.lab.topology import TopologyPicture, picture
from voxlab.lab.zone import Zone
from voxlab.net.simulation import SimulatedNetwork
from voxlab.net.sockets import LiveNetwork

if TYPE_CHECKING:
    from voxlab.lab.lab import Lab


class LabNetwork:
    """A base of ``Lab``; ``nats`` are the NAT boxes by name."""

    nats: dict[str, Nat]
    _links: dict[tuple[str, str], Link]
    _zone: Zone
    _sbc: Sbc

    @property
    def lab(self) -> Lab:
        """Itself: what every handle has."""
        raise NotImplementedError

    def nat(
        self,
        name: str,
        *,
        kind: str | None = None,
        mapping: str | None = None,
        filtering: str | None = None,
        lifetime: float | None = None,
        tcp_lifetime: float | None = None,
        port_preservation: bool | None = None,
        hairpinning: bool | None = None,
        refreshed_from_outside: bool | None = None,
        ports: tuple[int, int] | None = None,
        network: str | None = None,
        behind: Nat | None = None,
    ) -> Nat:
        """Return the NAT box called ``name``, made if need be; what is given is updated.

        Parameters
        ----------
        name : str
            On ladders, too.
        kind : {"full_cone", "restricted_cone", "port_restricted_cone", "symmetric"}
            In the words of RFC 3489; a new NAT is a port restricted cone.
        mapping, filtering : {"endpoint-independent", "address-dependent", "address-and-port-dependent"}
            The same in the words of RFC 4787 s.4.1 and s.5, one by one.
        lifetime, tcp_lifetime : float
            Seconds that a binding lives unused: 30 for UDP, 7440 for TCP.
        port_preservation, hairpinning, refreshed_from_outside : bool
            Whether the outer port is the inner one if that is free (no), whether two hosts behind it meet at outer
            addresses (yes), whether packets from outside keep a binding alive (no).
        ports : (int, int)
            The outer ports that there are: a small range runs out.
        network : str
            Behind it, such as "192.168.1.0/24"; 10.1.0.0/24, 10.2.0.0/24, ... if not given.
        behind : Nat
            Another NAT that this one is behind, as with carrier-grade NAT.

        Returns
        -------
        Nat
            Put phones behind it: ``user.phone(nat=home)``.

        Raises
        ------
        VoxlabError
            In a live lab, whose network is this machine's own; for a word or number that cannot be.

        Examples
        --------
        >>> home = lab.nat("home", kind="symmetric", lifetime=30)
        >>> alice = shop.user("alice").phone(nat=home)
        """
        lab = self.lab
        lab.refuse_closed()
        if lab.live:
            raise VoxlabError("NATs are boxes of the simulated network: Lab() without live=True has them")
        known = self.nats.get(name)
        if known is None:
            known = new_nat(lab, name, network or "", behind)
        elif (network is not None and network != known.inside) or (behind is not None and behind is not known.behind):
            raise VoxlabError(
                f"{name!r} stands where it stands: another network, or behind another NAT, is another NAT"
            )
        given = {
            "kind": kind,
            "mapping": mapping,
            "filtering": filtering,
            "lifetime_s": lifetime,
            "tcp_lifetime_s": tcp_lifetime,
            "port_preservation": port_preservation,
            "hairpinning": hairpinning,
            "refreshed_from_outside": refreshed_from_outside,
            "ports": ports,
        }
        lab.world.submit(known.update, {key: value for key, value in given.items() if value is not None})
        return known

    def link(self, one: Any, other: Any = CLOUD) -> Link:
        """Return the link between two hosts, given as handles or names: ``lab.link(alice).impair(...)``.

        A phone behind a NAT has its link to the NAT, and the NAT one to the cloud. In a live lab what hosts of the lab
        send is lost and held back before it is sent, by the same decisions as in the simulated world with the same
        seed; what other programs send is not.
        """
        lab = self.lab
        network = lab.network
        if not isinstance(network, SimulatedNetwork | LiveNetwork):
            raise VoxlabError("this network has no links")
        behind = _nat_of(one)
        if behind is not None and other == CLOUD:
            other = behind
        names = tuple(_name(each) for each in (one, other))
        known = [CLOUD, *lab.carriers, *self.nats, *(phone.title for phone in lab.phones)]
        for name in names:
            if name not in known:
                raise VoxlabError(f"there is no host {name!r}; there are {', '.join(known)}")
        key = (names[0], names[1])
        found = self.known_link(*key)
        if found is None:
            found = self._links[key] = Link(lab, key, lab.world.submit(network.link, *key))
        return found

    def known_link(self, one: str, other: str) -> Link | None:
        """Return the handle of a link that was asked for, whichever end was named first."""
        return self._links.get((one, other)) or self._links.get((other, one))

    def topology(self) -> TopologyPicture:
        """Return the picture of the network: hosts, links, NATs, trunks and operators, and what is wrong with them."""
        self.lab.refuse_closed()
        return self.lab.world.submit(picture, self.lab)

    @property
    def zone(self) -> Zone:
        """What DNS says here: ``lab.zone.a("sbc.example", "198.51.100.1")``, ``srv_records``, ``naptr_records``; and
        what goes wrong with it.
        """
        return self._zone

    @property
    def sbc(self) -> Sbc:
        """The platform's border, and what it does for phones behind NATs: ``lab.sbc.fault("no_latching")``."""
        return self._sbc


def _nat_of(thing: Any) -> Nat | None:
    """Return the NAT that a host is behind, None for none."""
    found = thing.behind if isinstance(thing, Nat) else getattr(getattr(thing, "options", None), "nat", None)
    return found if isinstance(found, Nat) else None


def _name(thing: Any) -> Any:
    return thing if isinstance(thing, str) else getattr(thing, "title", getattr(thing, "name", thing))
