"""Calls that leave the platform: to telephone numbers through trunks, to SIP URIs (the reference's callPSTN, callSIP).

Must not know gateways or addresses: the switchboard says where an INVITE may be sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from voxlab.base.errors import CallEnded, VoxlabError
from voxlab.platform.asserted import wants_privacy
from voxlab.platform.numbering import E164, is_global
from voxlab.platform.way_out import NoWay, Wish
from voxlab.scenario import outgoing
from voxlab.scenario.headers import header_lines
from voxlab.scenario.hunting import Hunt
from voxlab.scenario.pending import awaited

if TYPE_CHECKING:
    from voxlab.scenario.leg import Leg
    from voxlab.scenario.ports import Header, Switchboard

MAX_LEGS = 100
RINGS_S = 60.0


class CallingOut:
    """A base of ``Session``."""

    application: Any
    switchboard: Switchboard
    opened: Callable[[int, Leg], None]

    def new_leg(self, *, incoming: bool, caller_id: str, display_name: str, destination: str) -> Leg:
        """Make a leg that nothing carries yet."""
        raise NotImplementedError

    @property
    def running(self) -> bool:
        """Whether any leg lives."""
        raise NotImplementedError

    @property
    def legs(self) -> list[Leg]:
        """The legs of the session."""
        raise NotImplementedError

    @property
    def first_leg(self) -> Leg:
        """The leg that the session began with.

        Raises
        ------
        CallEnded
            The session is over, and nobody keeps it any more.
        """
        legs = self.legs
        if not legs:
            raise CallEnded("the session is over: nobody can be called from it any more")
        return legs[0]

    def write(self, text: str) -> None:
        """Take a line for the session's log."""
        raise NotImplementedError

    def _later(self, delay_s: float, action: Callable[[], None]) -> None:
        raise NotImplementedError

    def forgot_await(self, what: str, where: str) -> None:
        """End the session of a scenario that made a step without awaiting it."""
        raise NotImplementedError

    # -- what a scenario does with it

    @awaited
    async def call_pstn(
        self,
        number: str,
        caller_id: str | None = None,
        *,
        display_name: str | None = None,
        anonymous: bool = False,
        trunk: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = RINGS_S,  # noqa: ASYNC109 - lab seconds, the reference's VI-CallTimeout
    ) -> Leg:
        """Call a telephone number through a trunk of the account and return the new leg at once.

        Parameters
        ----------
        number : str
            In E.164 form, such as "+4930555001".
        caller_id : str or None
            The number that the called party sees; the incoming caller's where not given, and one of ours where that is
            no number.
        display_name : str or None
        anonymous : bool
            Let the called party not see it (RFC 3323); the operator still learns it.
        trunk : str or None
            The only trunk to take; otherwise every one that reaches the number, in the order of their definition.
        headers : mapping
            X- headers and User-to-User for the INVITE.
        timeout : float
            Lab seconds without an answer after which the leg fails with 408, from 10 to 400.
        """
        await self.prepared()
        return self.dial_pstn(
            number,
            self.first_leg,
            caller_id=caller_id,
            display_name=display_name,
            anonymous=anonymous,
            trunk=trunk,
            headers=headers,
            timeout_s=timeout,
        )

    @awaited
    async def call_sip(
        self,
        uri: str,
        *,
        caller_id: str | None = None,
        display_name: str | None = None,
        auth_user: str | None = None,
        password: str | None = None,
        out_proxy: str | None = None,
        registration: str | int | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = RINGS_S,  # noqa: ASYNC109 - lab seconds, the reference's VI-CallTimeout
    ) -> Leg:
        """Call a SIP URI anywhere and return the new leg at once; names are looked up as RFC 3263 says.

        Parameters
        ----------
        uri : str
            Such as "sip:oma@gigafon.example"; over a registration a number or a name will do.
        caller_id, display_name : str or None
            Who appears to call; the incoming caller where not given, over a registration always that.
        auth_user, password : str or None
            Answer a challenge; without ``auth_user`` the caller's name does.
        out_proxy : str or None
            The next hop, if it is not where the URI leads.
        registration : str, int or None
            Call over a SIP registration of the application, by its user name or number.
        headers, timeout
            As in ``call_pstn``.
        """
        await self.prepared(None if registration is not None else out_proxy or uri)
        return self.dial_sip(
            uri,
            self.first_leg,
            caller_id=caller_id,
            display_name=display_name,
            auth_user=auth_user,
            password=password,
            out_proxy=out_proxy,
            registration=registration,
            headers=headers,
            timeout_s=timeout,
        )

    async def prepared(self, uri: str | None = None) -> None:
        """Wait until DNS has said what a call out needs.

        Raises
        ------
        CallEnded
            When the session is over by then.
        """
        await self.switchboard.prepare(self.application, uri)
        if not self.running:
            raise CallEnded("the caller hung up while a name was looked up")

    # -- the same without waiting, for a leg that forwards

    def forward_out(
        self,
        incoming: Leg,
        number: str | None,
        caller_id: str | None,
        *,
        anonymous: bool,
        trunk: str | None,
        headers: Mapping[str, str],
    ) -> Leg:
        """Call a number on behalf of an incoming leg: what was dialled, or another in its place (a diversion)."""
        dialled = incoming.destination
        wanted = dialled if number is None else number
        diverts = self.switchboard.owns_number(dialled) and wanted != dialled
        if number is None and self._is_carried_through(incoming):
            leg = self._new_outgoing(wanted, incoming, caller_id, None)
            self._give_up_soon(leg, NoWay(403, "Forbidden", f"{dialled} was called from outside and is none of ours"))
            return leg
        return self.dial_pstn(
            wanted,
            incoming,
            caller_id=caller_id,
            anonymous=anonymous,
            trunk=trunk,
            headers=headers,
            diverted_by=dialled if diverts else "",
        )

    def _is_carried_through(self, incoming: Leg) -> bool:
        """Whether another operator's call would leave again as it came, at our expense: toll fraud."""
        caller = incoming.caller
        if caller is None or caller.trunk is None or caller.trunk.transit:
            return False
        return is_global(E164.read(incoming.destination)) and not self.switchboard.owns_number(incoming.destination)

    def dial_pstn(
        self,
        number: str,
        like: Leg,
        *,
        caller_id: str | None = None,
        display_name: str | None = None,
        anonymous: bool = False,
        trunk: str | None = None,
        headers: Mapping[str, str] | None = None,
        diverted_by: str = "",
        timeout_s: float = RINGS_S,
    ) -> Leg:
        """Make a leg to a telephone number; one that cannot be made has failed already (403, 404, 483, 503)."""
        leg = self._new_outgoing(number, like, caller_id, display_name)
        hidden = anonymous or self._wants_privacy(like)
        wish = Wish(number, leg.caller_id, leg.display_name, hidden, diverted_by, trunk)
        self._send(leg, like, self.switchboard.ways_to_number(self.application, wish), header_lines(headers), timeout_s)
        return leg

    def _wants_privacy(self, like: Leg) -> bool:
        """Whether the incoming caller asked not to be shown: the next operator has to know (RFC 3323 s.4.2)."""
        return bool(like.incoming and like.number) and wants_privacy(self.switchboard.invite_of(like.number))

    def dial_sip(
        self,
        uri: str,
        like: Leg,
        *,
        caller_id: str | None = None,
        display_name: str | None = None,
        auth_user: str | None = None,
        password: str | None = None,
        out_proxy: str | None = None,
        registration: str | int | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = RINGS_S,
    ) -> Leg:
        """Make a leg to a SIP URI; one that cannot be made has failed already."""
        leg = self._new_outgoing(_called(uri), like, caller_id, display_name)
        if registration is not None:
            ways = self.switchboard.ways_over_registration(uri, self.application, registration)
        else:
            name = auth_user or (leg.caller_id if password else None)
            ways = self.switchboard.ways_to_uri(uri, username=name, password=password, out_proxy=out_proxy)
        self._send(leg, like, ways, header_lines(headers), timeout_s)
        return leg

    def _new_outgoing(self, destination: str, like: Leg, caller_id: str | None, display_name: str | None) -> Leg:
        if len(self.legs) >= MAX_LEGS:
            raise VoxlabError(f"a session has at most {MAX_LEGS} legs")
        return self.new_leg(
            incoming=False,
            caller_id=caller_id or like.caller_id,
            display_name=like.display_name if display_name is None else display_name,
            destination=destination,
        )

    def _send(
        self, leg: Leg, like: Leg, ways: Sequence[Any] | NoWay, lines: tuple[Header, ...], timeout_s: float
    ) -> None:
        if not 10 <= timeout_s <= 400:
            raise VoxlabError(f"a call rings for 10 to 400 seconds, not for {timeout_s:g}")
        hops = outgoing.hops_left(like)
        if hops < 0:
            ways = NoWay(483, "Too Many Hops", "the call was passed on too often (RFC 3261 s.8.1.1.6)")
        if isinstance(ways, NoWay):
            self._give_up_soon(leg, ways)
            return
        hunt = leg.signalling.hunt = Hunt(
            ways, lambda place: self.opened(outgoing.invite_outside(leg, place, like, lines, hops), leg)
        )
        hunt.begin()
        self._later(timeout_s, lambda: leg.signalling.give_up(408, "Request Timeout"))

    def _give_up_soon(self, leg: Leg, no_way: NoWay) -> None:
        """Let a leg fail, and say why in the log; not at once: whoever asked has yet to say which events are wanted."""
        self.write(f"{no_way.status} {no_way.reason}: {no_way.why}")
        asyncio.get_running_loop().call_soon(leg.signalling.give_up, no_way.status, no_way.reason)


def _called(uri: str) -> str:
    """Return the user part of a URI, for people."""
    return uri.partition(":")[2].partition("@")[0] or uri
