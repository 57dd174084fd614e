"""The cloud as a machine: registrar, routing policy and user agent on one address, and a switchboard for the scenarios
above (RFC 3261 s.10, s.22).

Must not know scenarios: it hands admitted calls to whoever takes them and carries out commands by leg number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from voxlab.base.datagram import Address, Flow
from voxlab.base.journal import Journal
from voxlab.base.records import LegOpened, MessageRefused, RegistrationChanged
from voxlab.dialog.dialog import Header
from voxlab.dialog.events import LegEvent
from voxlab.dialog.tables import State
from voxlab.elements.authentication import Authenticator
from voxlab.elements.location import LocationService
from voxlab.elements.node import Malformed, Node, NodeEvent
from voxlab.elements.registrar import Intervals, Registrar
from voxlab.elements.routing import admit_by
from voxlab.elements.user_agent import Incoming, Refused, UserAgent
from voxlab.host.cloud_port import CloudPort
from voxlab.host.host import Host
from voxlab.host.media import MediaPlace
from voxlab.host.plane_ends import cloud_port
from voxlab.host.tracing import traced
from voxlab.net.network import Identity
from voxlab.platform.application import Application
from voxlab.platform.platform import Platform
from voxlab.platform.policy import PlatformPolicy, Target
from voxlab.sip.digest_server import DigestServer
from voxlab.sip.message import Request
from voxlab.transaction.timers import Timers


class Contact(NamedTuple):
    """Where a registered device is: its contact URI and the flow that reaches it."""

    uri: str
    flow: Flow


class CloudSettings(NamedTuple):
    """How the cloud is set up.

    Attributes
    ----------
    port, tls_port : int
        Where it takes UDP and TCP, and TLS.
    transports : tuple of str
    max_calls : int
        Past this many incoming calls at once new ones get 503 with Retry-After.
    algorithms : tuple of str
        Digest algorithms in the order in which they are offered (RFC 8760 s.2.4).
    intervals : Intervals
        How long bindings are granted.
    advertise : str or None
        The address for Contact, Via and SDP where it is not the one bound.
    """

    port: int = 5060
    tls_port: int | None = None
    transports: tuple[str, ...] = ("UDP", "TCP", "TLS")
    max_calls: int = 10_000
    algorithms: tuple[str, ...] = ("MD5",)
    intervals: Intervals = Intervals()
    advertise: str | None = None


class CloudMachine:
    """The platform's machine in one world.

    Parameters
    ----------
    place : MediaPlace
    platform : Platform
    settings : CloudSettings
    incoming : callable
        Takes the number, the INVITE, the ``Target`` and the flow of every call that a rule takes.
    leg_event : callable
        Takes every leg event.
    """

    def __init__(
        self,
        place: MediaPlace,
        platform: Platform,
        settings: CloudSettings,
        *,
        timers: Timers,
        incoming: Callable[[int, Request, Target, Flow], None],
        leg_event: Callable[[LegEvent], None],
        wire_journal: Journal | None = None,
    ) -> None:
        self.place = place
        self.platform = platform
        self.settings = settings
        self._incoming = incoming
        self._leg_event = leg_event
        self.location = LocationService()
        self.host = Host(place.owner, place.loop, None, self._take, journal=wire_journal, is_ours=place.network.holds)  # type: ignore[arg-type]
        endpoint = place.network.attach(
            place.owner,
            place.host,
            settings.port,
            self.host,
            settings.transports,
            tls_port=settings.tls_port,
            identity=Identity((platform.domain,), served=self.domains),
        )
        self.host.endpoint = endpoint
        addresses = {place.host, *([settings.advertise] if settings.advertise else [])}
        digest = DigestServer(platform.realm, place.ids.fork("digest"), algorithms=settings.algorithms)
        authenticator = Authenticator(digest, platform, addresses=addresses)
        self.registrar = Registrar(
            self.location,
            authenticator,
            platform,
            place.ids,
            host=place.owner,
            addresses=addresses,
            intervals=settings.intervals,
        )
        self.policy = PlatformPolicy(platform, authenticator, self.location, host=place.owner, addresses=addresses)
        listens = {
            transport: Address(settings.advertise or address.host, address.port)
            for transport, address in endpoint.addresses.items()
        }
        self.node = self.host.node = Node(
            place.ids,
            listens,
            timers=timers,
            admit=admit_by(self.policy),
            registrar=self.registrar,
            max_calls=settings.max_calls,
            **traced(place.journal, place.owner),
        )
        self.addresses = dict(endpoint.addresses)
        self._named: dict[str, str] = {}
        self._name_addresses()
        self.host.after_work = self.keep_records
        self.ports: list[CloudPort] = []
        self._tidy_at = 64

    def now(self) -> float:
        """Lab seconds."""
        return self.place.loop.time()

    def domains(self) -> list[str]:
        """The domains of all applications: what a phone of theirs looks for in our certificate (RFC 5922 s.7.2)."""
        return [
            application.domain
            for account in self.platform.accounts.values()
            for application in account.applications.values()
        ]

    # -- events of the node

    def _take(self, event: NodeEvent, now: float) -> None:
        if isinstance(event, Incoming):
            assert isinstance(event.target, Target)
            self._incoming(event.leg, event.request, event.target, event.flow)
        elif isinstance(event, Refused):
            if not self.policy_said(event):
                self.place.journal.note(
                    MessageRefused(now, self.place.owner, event.flow.remote, event.status, event.why)
                )
        elif isinstance(event, Malformed):
            error = event.error
            self.place.journal.note(
                MessageRefused(now, self.place.owner, event.flow.remote, error.status, str(error), error.rfc)
            )
        else:
            self._leg_event(event)

    @staticmethod
    def policy_said(event: Refused) -> bool:
        """Whether the routing policy refused, which keeps its own record; a challenge is no refusal."""
        return event.status in (401, 403, 404, 407, 416)

    def keep_records(self) -> None:
        """Move what registrar and policy have to say into the journal."""
        for record in (*self.policy.poll(), *self.registrar.poll()):
            self.place.journal.note(record)
            if isinstance(record, RegistrationChanged):
                self._name_devices(record.aor)

    # -- names for the evidence: where several hosts share an address, ports tell them apart

    def _name_addresses(self) -> None:
        for address in self.addresses.values():
            self._name(address, self.place.owner, self.place.owner)

    def _name_devices(self, aor: str) -> None:
        """Call the devices of others by the user who registered them."""
        for binding in self.location.lookup(aor, self.now()):
            self._name(binding.flow.remote, aor.partition("@")[0], aor)

    def _name(self, address: Address, name: str, owner: str) -> None:
        """Name an address, unless the lab has given its host a name; a name that another has is made whole."""
        if not self.place.journal.name_of(Address(address.host, 0)):
            whose = self._named.setdefault(name, owner)
            self.place.journal.name(str(address), name if whose == owner else owner)

    # -- the switchboard

    def contacts(self, user: str, application: Application) -> list[Contact] | None:
        """Return where a user's devices are; [] when none is registered, None when there is no such user."""
        if user not in application.users:
            return None
        bindings = self.location.lookup(f"{user}@{application.domain}", self.now())
        return [
            Contact(str(binding.contact), self._flow_of(binding.flow, str(binding.contact))) for binding in bindings
        ]

    def _flow_of(self, flow: Flow, contact: str) -> Flow:
        """Return how to reach a device: over the connection that it opened, or by datagram to where its Contact
        says.
        """
        usual = flow._replace(local=self.addresses[flow.transport])
        return self.node.flow_to(contact, usual)

    def dial(
        self,
        contact: Contact,
        *,
        session: int,
        letter: str,
        from_: str,
        to: str,
        offer: bytes,
        headers: Sequence[Header],
        max_forwards: int,
        peer: str = "",
        port: CloudPort | None = None,
    ) -> int:
        """Send an INVITE and return the leg's number."""
        agent = self.node.user_agent
        leg = agent.dial(
            contact.uri,
            contact.flow,
            from_=from_,
            to=to,
            offer=offer,
            headers=headers,
            max_forwards=max_forwards,
            now=self.now(),
        )
        opened = agent.session(leg)
        call_id = opened.call_id if opened else ""
        if port is not None:
            port.label(call_id=call_id)
        self.place.journal.note(LegOpened(self.now(), session, letter, call_id, self.place.host, peer))
        self.host.flush()
        return leg

    def ring(self, leg: int, status: int, sdp: bytes, headers: Sequence[Header]) -> None:
        """Send a provisional response."""
        self._command(leg, lambda agent: agent.ring(leg, self.now(), status=status, sdp=sdp, headers=headers))

    def answer(self, leg: int, sdp: bytes, headers: Sequence[Header]) -> None:
        """Send the 200."""
        self._command(leg, lambda agent: agent.answer(leg, self.now(), sdp=sdp, headers=headers))

    def reject(self, leg: int, status: int, reason: str | None, headers: Sequence[Header]) -> None:
        """Send a final refusal."""
        self._command(leg, lambda agent: agent.reject(leg, self.now(), status, reason, headers))

    def hang_up(self, leg: int, headers: Sequence[Header]) -> None:
        """End the leg as its state asks for."""
        self._command(leg, lambda agent: agent.hang_up(leg, self.now(), headers))

    def send(self, leg: int, method: str, content_type: str, body: bytes) -> None:
        """Send INFO or MESSAGE inside the dialog."""
        self._command(leg, lambda agent: agent.send(leg, self.now(), method, content_type, body))

    def answer_offer(self, leg: int, sdp: bytes | None) -> None:
        """Accept a re-INVITE, or refuse it with 488."""
        if sdp is None:
            self._command(leg, lambda agent: agent.refuse_offer(leg, self.now()))
        else:
            self._command(leg, lambda agent: agent.answer_offer(leg, self.now(), sdp))

    def _command(self, leg: int, command: Callable[[UserAgent], None]) -> None:
        """Carry a command out; for a leg that has just ended, whose owner will hear of it in a moment, it comes too
        late.
        """
        agent = self.node.user_agent
        if agent.state(leg) is not State.ENDED:
            command(agent)
            self.host.flush()

    def media(self, session: int, letter: str) -> CloudPort:
        """Open a media port."""
        port = cloud_port(self.place)
        port.label(session=session, leg=letter)
        self.ports.append(port)
        if len(self.ports) > self._tidy_at:
            self.ports = [kept for kept in self.ports if not kept.released]
            self._tidy_at = 2 * len(self.ports) + 64
        return port

    def invite_of(self, leg: int) -> Request:
        """Return the INVITE of a leg that still stands."""
        session = self.node.user_agent.session(leg)
        if session is None:
            raise KeyError(leg)
        return session.first_invite

    def close(self) -> None:
        """Stop; sockets and ports are given back."""
        for port in self.ports:
            port.stop()
            port.release()
        self.ports.clear()
        self.host.close()

    def __repr__(self) -> str:
        where = ", ".join(f"{transport} {address}" for transport, address in self.addresses.items())
        return f"CloudMachine({where}: {len(self.location)} bindings, {self.node.user_agent.calls_in} calls)"


__all__ = ["CloudMachine", "CloudSettings", "Contact"]
