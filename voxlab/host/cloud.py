"""The cloud as a machine: a server with the platform's policy, and a switchboard for the scenarios above.

Must not know scenarios: it hands admitted calls to whoever takes them and carries out commands by leg number.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from voxlab.base.datagram import Flow
from voxlab.base.journal import Journal
from voxlab.base.records import CallRouted, LegOpened, RegistrationChanged, RoutedCallAnswered, RoutedCallEnded
from voxlab.dialog.dialog import Header
from voxlab.dialog.events import LegEvent, RequestReceived
from voxlab.dialog.sipfrag import Destination
from voxlab.dialog.tables import State
from voxlab.elements.authentication import Authenticator
from voxlab.elements.location import Binding
from voxlab.elements.node import NodeEvent
from voxlab.elements.passages import PassageEnded, Routed
from voxlab.elements.user_agent import Incoming, UserAgent
from voxlab.host.cloud_events import CloudEvents
from voxlab.host.ends.cloud_port import CloudPort
from voxlab.host.ends.place import MediaPlace
from voxlab.host.ends.plane_ends import cloud_port
from voxlab.host.ends.traversal import Traversal
from voxlab.host.health_checks import HealthChecks
from voxlab.host.outlets import Outlet, Outlets, next_hop
from voxlab.host.registrations import Registrations
from voxlab.host.server import Locate, ServerMachine, ServerSettings
from voxlab.host.trunk_watch import TrunkWatch
from voxlab.platform.application import Application
from voxlab.platform.platform import Platform
from voxlab.platform.policy import PlatformPolicy, Target
from voxlab.platform.way_out import NoWay, Wish
from voxlab.sip.message import Request
from voxlab.sip.uri import Uri
from voxlab.sip.values import NameAddr
from voxlab.transaction.timers import Timers


class Contact(NamedTuple):
    """Where a registered device is: its contact URI, the flow that reaches it, and the Path on the way (RFC 3327)."""

    uri: str
    flow: Flow
    path: tuple[str, ...] = ()


CloudSettings = ServerSettings


class CloudMachine(ServerMachine):
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
    locate : callable or None
        From a URI to the places that serve it.
    learn : callable or None
        Asks DNS for what leads to a URI; None where everything is known at once.
    traversal : Traversal or None
        What is done for phones behind NATs; may be changed at any time.
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
        locate: Locate | None = None,
        learn: Callable[[Uri], Awaitable[None]] | None = None,
        wire_journal: Journal | None = None,
        traversal: Traversal | None = None,
    ) -> None:
        self.platform = platform
        self.traversal = traversal or Traversal()
        self._incoming = incoming
        self._leg_event = leg_event
        super().__init__(
            place, platform, settings, timers=timers, names=self.domains, locate=locate, wire_journal=wire_journal
        )
        self._learn = learn
        self.media_place = place
        self.node.user_agent.follows_sources = lambda: self.traversal.follows_sources
        self.events = CloudEvents(place, self.node, self.policy, self.location, self, self.host.flush)
        self.ports: list[CloudPort] = []
        self._tidy_at = 64
        self._trunks = TrunkWatch()
        self.health_checks = HealthChecks(
            platform, lambda: self.node, place.ids.fork("options"), self.now, self.host.flush
        )
        self.registrations = Registrations(platform, self)
        self._outlets = Outlets(platform, lambda: self.node, place.ids.fork("outlets"), self.now)

    def restore(self, aor: str, bindings: tuple[Binding, ...]) -> None:
        """Take registrations that devices made before we were started."""
        self.location.replace(aor, bindings)
        self.node.housekeeping_changed = True
        self._name_devices(aor)
        self.host.rearm()

    def _new_policy(self, authenticator: Authenticator) -> PlatformPolicy:
        self.policy = PlatformPolicy(
            self.platform,
            authenticator,
            self.location,
            host=self.place.owner,
            addresses=self.own_hosts,
            follows_sources=lambda: self.traversal.follows_sources,
        )
        return self.policy

    def domains(self) -> list[str]:
        """The domains of all applications: what a phone of theirs looks for in our certificate (RFC 5922 s.7.2)."""
        return [
            application.domain
            for account in self.platform.accounts.values()
            for application in account.applications.values()
        ]

    # -- events of the node

    def _happened(self, event: NodeEvent, now: float) -> None:
        if isinstance(event, Incoming):
            assert isinstance(event.target, Target)
            if event.target.caller.trunk is not None:
                self._trunks.began(event.leg, event.target.caller.trunk.usage)
            self._incoming(event.leg, event.request, event.target, event.flow)
        elif isinstance(event, Routed):
            self._routed(event, now)
        else:
            self._trunks.take(event, now)
            if isinstance(event, RequestReceived):
                self._take_info(event)
            self._leg_event(event)  # type: ignore[arg-type]  # what else a node says is a leg event
            self.events.leg_changed(event)  # type: ignore[arg-type]

    def _take_info(self, event: RequestReceived) -> None:
        request = event.request
        if request.method == "INFO":
            body = request.body.decode("utf-8", "replace")
            for port in self.ports:
                if port.call_id == request.call_id and not port.released:
                    port.take_info(request.headers.get("content-type") or "", body)

    def _routed(self, event: Routed, now: float) -> None:
        target = event.target
        if event.request.method == "INVITE" and isinstance(target, Target):
            caller, rule = target.caller, target.rule
            self.place.journal.note(
                CallRouted(
                    now,
                    event.request.call_id,
                    target.application.domain,
                    rule.name,
                    rule.route or "",
                    caller.number,
                    target.destination,
                )
            )

    def _passage_answered(self, call_id: str, now: float) -> None:
        self.place.journal.note(RoutedCallAnswered(now, call_id))

    def _passed(self, ended: PassageEnded, now: float) -> None:
        self.place.journal.note(RoutedCallEnded(now, *ended))

    def keep_definitions(self) -> None:
        """Let what runs agree with what is defined: health checks of trunks, registrations elsewhere."""
        self.health_checks.keep()
        self.registrations.keep()

    def move(self, place: MediaPlace) -> None:
        """Leave the address of signalling for another; media stay where they are."""
        super().move(place)
        self.registrations.keep()

    # -- the switchboard

    def contacts(self, user: str, application: Application) -> list[Contact] | None:
        """Return where a user's devices are; [] when none is registered, None when there is no such user."""
        if user not in application.users:
            return None
        return self.contacts_of(f"{user}@{application.domain}")

    def contacts_of(self, aor: str) -> list[Contact]:
        """Return where the devices of an address-of-record are."""
        bindings = self.location.lookup(aor, self.now())
        return [Contact(str(binding.contact), self._flow_of(binding), binding.path) for binding in bindings]

    def _flow_of(self, binding: Binding) -> Flow:
        """Return how to reach a device: over the flow that it opened or along its Path, else where its Contact says, by
        the transport that it registered over unless the Contact names another.
        """
        usual = binding.flow._replace(local=self.addresses[binding.flow.transport])
        if binding.path:
            return self.node.flow_for(NameAddr.parse(binding.path[0]).uri) or usual
        return usual if self._needs_flow(binding) else self.node.flow_for(binding.contact, usual.transport) or usual

    def _needs_flow(self, binding: Binding) -> bool:
        """Whether a device is reached where its REGISTER came from, and not where its Contact says."""
        if not self.traversal.follows_sources:
            binding = binding._replace(is_behind_nat=False)
        return binding.needs_flow

    def dial(
        self,
        contact: Contact | Outlet,
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
            headers=[*(("Route", value) for value in contact.path), *headers],
            credentials=contact.credentials if isinstance(contact, Outlet) else None,
            max_forwards=max_forwards,
            now=self.now(),
        )
        if isinstance(contact, Outlet):
            self._sent_out(leg, contact)
        opened = agent.session(leg)
        call_id = opened.call_id if opened else ""
        if port is not None:
            port.label(call_id=call_id)
            port.signalled_from = contact.flow.remote.host
        self.place.journal.note(LegOpened(self.now(), session, letter, call_id, self.place.host, peer))
        self.host.flush()
        return leg

    def _sent_out(self, leg: int, outlet: Outlet) -> None:
        self._trunks.began(leg, outlet.usage, outlet.gateway)
        if outlet.usage is not None:
            outlet.usage.admitted(self.now())

    async def prepare(self, application: Application, uri: str | None = None) -> None:
        """Ask DNS for what a call to a URI needs, or one through the trunks of the application's account."""
        if self._learn is None:
            return
        trunks = self.platform.accounts[application.account].trunks.values()
        uris = [gateway.uri for trunk in trunks for gateway in trunk.gateways] if uri is None else [next_hop(uri)]
        for each in uris:
            await self._learn(each)

    def ways_to_number(self, application: Application, wish: Wish) -> list[Outlet] | NoWay:
        """Return where an INVITE to a telephone number may be sent, the best first."""
        return self._outlets.to_number(application, wish)

    def ways_to_uri(
        self, uri: str, *, username: str | None = None, password: str | None = None, out_proxy: str | None = None
    ) -> list[Outlet] | NoWay:
        """Return where an INVITE to a SIP URI may be sent, the best first."""
        keyring = self._outlets.keyring(username, password) if username and password else None
        return self._outlets.to_uri(uri, credentials=keyring, out_proxy=out_proxy)

    def ways_over_registration(
        self, uri: str, application: Application, registration: str | int
    ) -> list[Outlet] | NoWay:
        """Return where an INVITE over one of our registrations may be sent, or why nowhere."""
        return self._outlets.over_registration(uri, self.platform.registration(application.account, registration))

    def owns_number(self, number: str) -> bool:
        """Whether a telephone number is one of ours."""
        return number in self.platform.numbers

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
        """Send INFO or MESSAGE inside the dialog; in a call that is being ended it comes too late."""
        if self.node.user_agent.state(leg) in {State.CONNECTED, State.ANSWERED}:
            self._command(leg, lambda agent: agent.send(leg, self.now(), method, content_type, body))

    def answer_offer(self, leg: int, sdp: bytes | None, status: int = 488) -> None:
        """Accept a re-INVITE, or refuse it; one that was withdrawn meanwhile wants neither."""
        session = self.node.user_agent.session(leg)
        if session is None or not session.offer_waits:
            return
        if sdp is None:
            self._command(leg, lambda agent: agent.refuse_offer(leg, self.now(), status))
        else:
            self._command(leg, lambda agent: agent.answer_offer(leg, self.now(), sdp))

    def can_modify(self, leg: int) -> bool:
        """Whether a change of the session may be asked for now."""
        session = self.node.user_agent.session(leg)
        return session is not None and session.modifiable

    def modify(self, leg: int, sdp: bytes) -> None:
        """Send a re-INVITE."""
        self._command(leg, lambda agent: agent.modify(leg, self.now(), sdp=sdp))

    def refer(self, leg: int, uri: str) -> None:
        """Ask the far end to call somebody else."""
        self._command(leg, lambda agent: agent.refer(leg, self.now(), Destination(uri)))

    def accept_refer(self, leg: int) -> None:
        """Accept a REFER of the far end."""
        self._command(leg, lambda agent: agent.accept_refer(leg, self.now()))

    def refuse_refer(self, leg: int, status: int) -> None:
        """Refuse a REFER of the far end."""
        self._command(leg, lambda agent: agent.refuse_refer(leg, self.now(), status))

    def notify_refer(self, leg: int, status: int, reason: str) -> None:
        """Tell the far end how the call that it asked for goes."""
        self._command(leg, lambda agent: agent.notify_refer(leg, self.now(), status, reason))

    def leg_of_dialog(self, call_id: str, local_tag: str, remote_tag: str) -> int:
        """Return the number of the leg of this dialog, 0 for none."""
        session = self.node.user_agent.session_in(call_id, local_tag)
        known = session is not None and session.dialog is not None and session.dialog.remote_tag == remote_tag
        return session.leg if known and session is not None else 0

    def _command(self, leg: int, command: Callable[[UserAgent], None]) -> None:
        """Carry a command out; for a leg that has just ended, whose owner will hear of it in a moment, it comes too
        late.
        """
        agent = self.node.user_agent
        if agent.state(leg) is not State.ENDED:
            command(agent)
            self.host.flush()

    def media(self, session: int, letter: str, number: int = 0) -> CloudPort:
        """Open a media port; ``number`` is that of an incoming leg."""
        port = cloud_port(self.media_place)
        if self.place.batched:
            flow = self.node.user_agent.flow_of(number)
            port.traversal, port.signalled_from = self.traversal, "" if flow is None else flow.remote.host
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

    def keep_records(self) -> None:
        """Move what registrar, policy and registrations have to say into the journal."""
        super().keep_records()
        self.registrations.collect()

    def _bindings_changed(self, record: RegistrationChanged) -> None:
        super()._bindings_changed(record)
        if record.state != "refreshed":
            self.events.registration_changed(record.aor)
        self.registrations.keep()  # some stand while a user of ours is logged in

    def logged_in(self, aor: str) -> bool:
        """Whether a user has a device registered."""
        return bool(self.location.lookup(aor, self.now()))

    def close(self) -> None:
        """Stop; sockets and ports are given back."""
        for port in self.ports:
            port.stop()
            port.release()
        self.ports.clear()
        self._trunks.close()
        super().close()

    def __repr__(self) -> str:
        where = ", ".join(f"{transport} {address}" for transport, address in self.addresses.items())
        return f"CloudMachine({where}: {len(self.location)} bindings, {self.node.user_agent.calls_in} calls)"


__all__ = ["CloudMachine", "CloudSettings", "Contact"]
