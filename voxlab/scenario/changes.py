"""What changes in a leg that stands: hold and resume, another codec, a refresh (RFC 3261 s.14, RFC 3264 s.8, RFC 4028).

In a bridge a change is passed on to the other leg; what changes nothing is answered here, and glare is each leg's own
business. Must not know transactions: leg events come in, the switchboard is commanded by number.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from voxlab.base.errors import CallEnded, VoxlabError
from voxlab.dialog import events as wire
from voxlab.scenario.belonging import Belonging
from voxlab.scenario.events import OffHold, OnHold, ReInviteAccepted, ReInviteReceived, ReInviteRejected
from voxlab.scenario.ports import MediaPort
from voxlab.sip.sdp import SessionDescription

if TYPE_CHECKING:
    from voxlab.scenario.leg import Leg


class Changes(Belonging):
    """The offers and answers of one leg after it stood.

    Attributes
    ----------
    partner : Leg or None
        The other leg of the bridge, to which changes are passed on.
    """

    def __init__(self, leg: Leg) -> None:
        super().__init__(leg)
        self.partner: Leg | None = None
        self._asker: Leg | None = None
        self._wish: asyncio.Future[None] | None = None
        self._holding = False

    # -- the far end wants a change

    def offered(self, event: wire.OfferReceived) -> None:
        """Answer a re-INVITE or UPDATE, or pass it on to the other leg of the bridge."""
        leg, port = self._leg, self._leg.open_media()
        held = port.held
        offer = event.request.sdp
        if offer is None:
            leg.session.switchboard.answer_offer(leg.number, port.offer_again())  # s.14.2: we offer what stands
        else:
            self._take_offer(port, offer)
        leg.listeners.tell(ReInviteReceived(leg, body=event.request.body.decode("utf-8", "replace")))
        self._tell_hold(held, port.held)

    def _take_offer(self, port: MediaPort, offer: SessionDescription) -> None:
        refresh = port.is_refresh(offer)
        other = self.partner
        if not port.take_offer(offer):
            self.reject(488)
        elif refresh or other is None or other.state != "CONNECTED" or other.media is None:
            self.accept(other if refresh else None)
        else:
            other.changes.ask_for(self._leg)

    def _tell_hold(self, before: bool, after: bool) -> None:
        if before != after:
            self._leg.listeners.tell(OnHold(self._leg) if after else OffHold(self._leg))

    def accept(self, like: Leg | None) -> None:
        """Answer the offer taken, as the other leg allows."""
        leg = self._leg
        media = like.media if like is not None else None
        leg.session.switchboard.answer_offer(leg.number, leg.open_media().answer(media))

    def reject(self, status: int) -> None:
        """Refuse the offer; the session stays as it was."""
        leg = self._leg
        leg.open_media().withdraw()
        leg.session.switchboard.answer_offer(leg.number, None, status)

    def withdrawn(self, event: wire.OfferWithdrawn) -> None:
        """Forget an offer that was cancelled."""
        self._leg.open_media().withdraw()
        if self.partner is not None and self.partner.changes._asker is self._leg:
            self.partner.changes._asker = None

    def offer_answered(self, event: wire.OfferAnswered) -> None:
        """Take the answer to what we offered in the 200 to a re-INVITE that had no offer."""
        description, port = event.ack.sdp, self._leg.media
        if description is None or port is None:
            return
        held = port.held
        port.take_answer(description)
        self._tell_hold(held, port.held)

    # -- we want a change

    def ask_for(self, asker: Leg) -> None:
        """Offer the far end what the other leg was offered."""
        leg, switchboard = self._leg, self._leg.session.switchboard
        if leg.media is None or not switchboard.can_modify(leg.number):
            asker.changes.reject(491)
            return
        self._asker = asker
        switchboard.modify(leg.number, leg.media.offer(asker.media))

    def offer_like(self, other: Leg) -> None:
        """Offer the far end what a new partner has agreed on, where the two do not fit, or it is still on hold."""
        leg, switchboard = self._leg, self._leg.session.switchboard
        if leg.media is None or other.media is None or leg.media.fits(other.media):
            return
        if switchboard.can_modify(leg.number):
            switchboard.modify(leg.number, leg.media.offer_to_join(other.media))

    async def hold(self, holding: bool) -> None:
        """Put the far end on hold, or take it back, and wait for its answer.

        Raises
        ------
        VoxlabError
            The far end refuses, or a change is under way.
        """
        leg, switchboard = self._leg, self._leg.session.switchboard
        what = "hold" if holding else "resume"
        if leg.state != "CONNECTED" or not switchboard.can_modify(leg.number):
            raise VoxlabError(f"cannot {what} leg {leg.letter}: it is {leg.state}, or another change is under way")
        self._holding = holding
        self._wish = asyncio.get_running_loop().create_future()
        switchboard.modify(leg.number, leg.open_media().offer_hold(holding))
        await self._wish

    def accepted(self, event: wire.OfferAccepted) -> None:
        """Take the answer of the far end, and pass it on to who asked."""
        leg, description = self._leg, event.response.sdp
        if description is not None and leg.media is not None:
            leg.media.take_answer(description)
        asker, self._asker = self._asker, None
        if asker is not None and asker.state == "CONNECTED":
            asker.changes.accept(leg)
        if self._wish is not None:
            self._set_media()
            self._settle_wish(None)
        leg.listeners.tell(ReInviteAccepted(leg, body=event.response.body.decode("utf-8", "replace")))

    def _set_media(self) -> None:
        """Let nobody be heard by whom we hold; let them hear each other again afterwards."""
        port, other = self._leg.open_media(), self.partner
        if self._holding:
            port.part()
        elif other is not None and other.media is not None:
            port.join(other.media)

    def refused(self, event: wire.OfferRefused) -> None:
        """Go back to what stood; after glare it is tried again (s.14.1)."""
        leg = self._leg
        leg.open_media().withdraw()
        if event.status == 491:
            return
        asker, self._asker = self._asker, None
        if asker is not None and asker.state == "CONNECTED":
            asker.changes.reject(event.status if event.status >= 400 else 488)
        if self._wish is not None:
            leg.open_media().hold_as_before()
            self._settle_wish(VoxlabError(f"leg {leg.letter} stays as it was: {event.status} {event.reason}"))
        leg.listeners.tell(ReInviteRejected(leg, event.status, event.reason))

    def retry(self, event: wire.RetryDue) -> None:
        """Ask again for what glare prevented, if it is still wanted."""
        leg, switchboard = self._leg, self._leg.session.switchboard
        asker = self._asker
        if leg.media is None or not switchboard.can_modify(leg.number):
            return
        if asker is not None:
            switchboard.modify(leg.number, leg.media.offer(asker.media))
        elif self._wish is not None:
            switchboard.modify(leg.number, leg.media.offer_hold(self._holding))

    def refresh(self, event: wire.RefreshDue) -> None:
        """Refresh the session by a re-INVITE that changes nothing (RFC 4028 s.7.4)."""
        leg, switchboard = self._leg, self._leg.session.switchboard
        if leg.media is not None and switchboard.can_modify(leg.number):
            switchboard.modify(leg.number, leg.media.offer_again())

    def _settle_wish(self, error: Exception | None) -> None:
        wish, self._wish = self._wish, None
        if wish is None or wish.done():
            return
        if error is None:
            wish.set_result(None)
        else:
            wish.set_exception(error)
            wish.exception()  # looked at, so that nobody complains when the scenario has gone

    def over(self) -> None:
        """Disappoint who waits: the leg has ended."""
        self._settle_wish(CallEnded(f"leg {self._leg.letter} has ended"))
