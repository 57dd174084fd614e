"""The ways out of the cloud as places to send an INVITE to: gateways of trunks, URIs, registrations (RFC 3263 s.4).

Must not know scenarios: which way is tried next, and whether at all, is decided above.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from voxlab.base.datagram import Flow
from voxlab.base.errors import SipSyntaxError, VoxlabError
from voxlab.base.ids import Ids
from voxlab.dialog.session import Credentials
from voxlab.elements.keyring import Keyring
from voxlab.elements.node import Node
from voxlab.platform.application import Application
from voxlab.platform.gateway import Gateway, in_order
from voxlab.platform.platform import Platform
from voxlab.platform.registration import SUCCESSFUL, SipRegistration
from voxlab.platform.trunk import Trunk
from voxlab.platform.usage import Usage
from voxlab.platform.way_out import NoWay, Wish, calling, trunks_for
from voxlab.sip.uri import Uri

Header = tuple[str, str]


class Outlet(NamedTuple):
    """One place to send an INVITE to.

    Attributes
    ----------
    uri : str
        The Request-URI.
    flow : Flow
    from_, to : str
        Name-addr texts; "" for From where the scenario's own will do.
    headers : tuple
        Who calls, beside From.
    credentials : Credentials or None
        Answers a challenge.
    gateway : Gateway or None
        Whose health the outcome tells.
    usage : Usage or None
        Whose channel it takes.
    name : str
        What ladders and records call it.
    path : tuple of str
        Route values to it; there are none.
    hunts_on : frozenset of int
        Statuses besides 503 after which the next place is tried.
    """

    uri: str
    flow: Flow
    from_: str = ""
    to: str = ""
    headers: tuple[Header, ...] = ()
    credentials: Credentials | None = None
    gateway: Gateway | None = None
    usage: Usage | None = None
    name: str = ""
    path: tuple[str, ...] = ()
    hunts_on: frozenset[int] = frozenset()


class Outlets:
    """Finds the ways out; ``node`` is asked where a URI leads, and makes the flows."""

    def __init__(self, platform: Platform, node: Callable[[], Node], ids: Ids, now: Callable[[], float]) -> None:
        self._platform = platform
        self._node = node
        self._ids = ids
        self._now = now
        self._keyrings: dict[tuple[str, str], Keyring] = {}

    def to_number(self, application: Application, wish: Wish) -> list[Outlet] | NoWay:
        """Return the ways to a telephone number: every gateway of every trunk that reaches it, the best first."""
        trunks = trunks_for(self._platform, application, wish)
        if isinstance(trunks, NoWay):
            return trunks
        full = [why for trunk in trunks if (why := trunk.usage.refusal(self._now())) is not None]
        found = [
            outlet
            for trunk in trunks
            if trunk.usage.refusal(self._now()) is None
            for gateway in in_order(trunk.gateways, self._now(), self._ids)
            for outlet in self._through(gateway, trunk, application, wish)
        ]
        if found:
            return found
        if full:
            return NoWay(503, "Service Unavailable", f"no channel is free: {'; '.join(full)}")
        names = ", ".join(gateway.address for trunk in trunks for gateway in trunk.gateways)
        return NoWay(503, "Service Unavailable", f"no address is known of {names}")

    def to_uri(
        self, uri_text: str, *, credentials: Credentials | None = None, out_proxy: str | None = None
    ) -> list[Outlet] | NoWay:
        """Return the ways to a SIP URI, by DNS where it has a name.

        Raises
        ------
        VoxlabError
            For what is no SIP URI.
        """
        uri = _read(uri_text)
        hop = uri if out_proxy is None else next_hop(out_proxy)
        flows = self._node().next_hops(hop)
        if not flows:
            return NoWay(404, "Not Found", f"no address is known of {hop.host}")
        return [Outlet(str(uri), flow, to=f"<{uri}>", credentials=credentials, name=uri.host) for flow in flows]

    def over_registration(self, wanted: str, registration: SipRegistration) -> list[Outlet] | NoWay:
        """Return the ways to a number, a name or a URI as the telephone that we are elsewhere."""
        if registration.state != SUCCESSFUL:
            answer = f", {registration.code} {registration.reason}" if registration.code else ""
            return NoWay(480, "Temporarily Unavailable", f"{registration.uri} is {registration.state}{answer}")
        target = wanted if wanted.startswith(("sip:", "sips:")) else f"sip:{wanted}@{registration.proxy}"
        keyring = self.keyring(registration.auth_user or registration.username, registration.password.reveal())
        found = self.to_uri(target, credentials=keyring, out_proxy=registration.outbound_proxy or registration.proxy)
        if isinstance(found, NoWay):
            return found
        return [outlet._replace(from_=f"<{registration.uri}>", name=registration.username) for outlet in found]

    def keyring(self, username: str, password: str) -> Keyring:
        """Return what answers challenges with a name and password; the same each time, so that nonces are used on."""
        key = username, password
        if key not in self._keyrings:
            self._keyrings[key] = Keyring(username, password, self._ids)
        return self._keyrings[key]

    def _through(self, gateway: Gateway, trunk: Trunk, application: Application, wish: Wish) -> list[Outlet]:
        who = calling(self._platform, application, trunk, wish)
        called, uri = who.called, gateway.uri
        params = "".join(f";{name}" if value is None else f";{name}={value}" for name, value in uri.params.items())
        params += ";user=phone" if called.startswith("+") else ""
        target = str(Uri.build(uri.host, called, uri.port, scheme=uri.scheme, params=params))
        credentials = None
        if trunk.username and trunk.password is not None:
            credentials = self.keyring(trunk.username, trunk.password.reveal())
        return [
            Outlet(
                target,
                flow,
                trunk.identity.from_(who, application.domain),
                f"<{target}>",
                trunk.identity.headers(who, application.domain),
                credentials,
                gateway,
                trunk.usage,
                trunk.name,
                hunts_on=trunk.hunts_on,
            )
            for flow in self._node().next_hops(uri)
        ]


def next_hop(text: str) -> Uri:
    """Read a proxy: ``host``, ``host:port`` or a SIP URI."""
    return _read(text if text.startswith(("sip:", "sips:")) else f"sip:{text}")


def _read(text: str) -> Uri:
    try:
        uri = Uri.parse(text)
    except SipSyntaxError as error:
        raise VoxlabError(f"{text!r} is no SIP URI: {error.reason}") from None
    if not uri.is_sip or not uri.host:
        raise VoxlabError(f"{text!r} is no SIP URI, such as sip:+4930555001@gigafon.example")
    return uri
