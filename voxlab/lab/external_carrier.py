"""The handle of a real operator: a name for ladders, and where it takes calls. Nothing of it is played by the lab."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from voxlab.base.errors import VoxlabError
from voxlab.elements.locating import is_numeric
from voxlab.platform.gateway import gateway
from voxlab.platform.names import ACCOUNT, checked

if TYPE_CHECKING:
    from voxlab.lab.lab import Lab


class ExternalCarrier:
    """A real operator; get one with ``lab.carrier("telco", address="sip:sbc.example:5060")``.

    Attributes
    ----------
    address : str
        Where it takes calls: the gateway of a trunk, the proxy of a registration.
    """

    def __init__(self, lab: Lab, name: str, address: str) -> None:
        self.lab = lab
        self.name = name
        self.address = address

    @property
    def network(self) -> str:
        """Its address as a network for a whitelist.

        Raises
        ------
        VoxlabError
            Where it is known by a name: a whitelist holds addresses, ask the operator for them.
        """
        host = gateway(self.address).uri.host
        if not is_numeric(host):
            raise VoxlabError(f"{host} is a name, a whitelist holds addresses: ask {self.name} whence its calls come")
        return str(ipaddress.ip_network(host.strip("[]")))

    def __getattr__(self, name: str) -> Any:
        """Explain what a real operator cannot be told."""
        raise AttributeError(
            f"{self.name} is a real operator: {name!r} is its own business. "
            "An operator that the lab plays has network=... and numbers=..."
        )

    def __repr__(self) -> str:
        return f"<ExternalCarrier {self.name} at {self.address}>"


def external_carrier(lab: Lab, name: str, address: str) -> ExternalCarrier:
    """Return the handle, and let ladders call the address by the operator's name."""
    checked(name, ACCOUNT._replace(kind="a carrier", example="telco"))
    if name in lab.carriers:
        raise VoxlabError(f"carrier {name!r} is played by this lab: a real one needs another name")
    uri = gateway(address).uri
    if is_numeric(uri.host):
        lab.world.submit(lab.journal.name, uri.host, name)
    return ExternalCarrier(lab, name, address)
