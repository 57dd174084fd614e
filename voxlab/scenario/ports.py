"""What a scenario needs of the machine it runs on, as protocols: the switchboard that makes and commands legs, and a
media port per leg.

``host/`` implements both; a scenario test may bring its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from voxlab.platform.application import Application
from voxlab.platform.way_out import NoWay, Wish
from voxlab.sip.message import Request
from voxlab.sip.sdp import SessionDescription

if TYPE_CHECKING:
    from voxlab.media.quality import Heard

Header = tuple[str, str]


class MediaPort(Protocol):
    """The cloud's end of one leg's media: it speaks offer/answer and can be joined with another port."""

    call_id: str

    def label(self, *, session: int = 0, leg: str = "", call_id: str = "") -> None:
        """Say which call this end belongs to."""

    def take_offer(self, offer: SessionDescription) -> bool:
        """Take the far end's offer; False when no codec is common."""

    def answer(self, like: MediaPort | None = None) -> bytes:
        """Return the answer to the offer taken, with the codec that ``like`` agreed on first."""

    def offer(self, like: MediaPort | None = None, *, keyed: bool = False) -> bytes:
        """Return our offer: what ``like`` was offered, else all that the cloud speaks; ``keyed`` is SRTP or nothing."""

    @property
    def takes_either(self) -> bool:
        """Whether our offer left it to the far end whether SRTP is spoken."""

    def take_answer(self, answer: SessionDescription) -> bool:
        """Take the far end's answer; False when it does not fit the offer."""

    @property
    def held(self) -> bool:
        """Whether the far end has put us on hold."""

    def is_refresh(self, offer: SessionDescription) -> bool:
        """Whether an offer changes nothing."""

    def offer_again(self) -> bytes:
        """Return an offer that changes nothing."""

    def offer_hold(self, holding: bool) -> bytes:
        """Return an offer that puts the far end on hold, or takes it back."""

    def hold_as_before(self) -> None:
        """Forget a hold, or its end, that was refused."""

    def withdraw(self) -> None:
        """Go back to what was agreed before the offer that is under way."""

    def fits(self, other: MediaPort) -> bool:
        """Whether what was agreed on can be relayed to and from the other port as it is."""

    def offer_to_join(self, other: MediaPort) -> bytes:
        """Return an offer of what the other port has agreed on, both ways."""

    def join(self, other: MediaPort) -> None:
        """Relay both ways between the two ports."""

    def part(self) -> None:
        """Stop relaying to and from this port."""

    def play(self, source: Any) -> None:
        """Send audio to the far end, None for silence."""

    def watch(self, every_s: float, told: Callable[[Heard], None]) -> None:
        """Tell how the far end is heard, every so many lab seconds."""

    def close(self) -> None:
        """Give the port back; its statistics stay in the journal."""


class Switchboard(Protocol):
    """Makes and commands legs by number."""

    def now(self) -> float:
        """Return lab seconds."""

    def contacts(self, user: str, application: Any) -> Sequence[Any] | None:
        """Return where a user's devices are; [] when none is registered, None when there is no such user."""

    async def prepare(self, application: Application, uri: str | None = None) -> None:
        """Ask DNS for what a call to a URI needs, or one through the trunks of the application's account."""

    def ways_to_number(self, application: Application, wish: Wish) -> Sequence[Any] | NoWay:
        """Return where an INVITE to a telephone number may be sent, the best first, or why nowhere."""

    def ways_to_uri(
        self, uri: str, *, username: str | None = None, password: str | None = None, out_proxy: str | None = None
    ) -> Sequence[Any] | NoWay:
        """Return where an INVITE to a SIP URI may be sent, the best first, or why nowhere."""

    def ways_over_registration(
        self, uri: str, application: Application, registration: str | int
    ) -> Sequence[Any] | NoWay:
        """Return where an INVITE over one of our registrations may be sent, or why nowhere."""

    def owns_number(self, number: str) -> bool:
        """Whether a telephone number is one of ours."""

    def dial(
        self,
        contact: Any,
        *,
        session: int,
        letter: str,
        from_: str,
        to: str,
        offer: bytes,
        headers: Sequence[Header],
        max_forwards: int,
        peer: str,
        port: MediaPort,
    ) -> int:
        """Send an INVITE and return the leg's number."""

    def ring(self, leg: int, status: int, sdp: bytes, headers: Sequence[Header]) -> None:
        """Send a provisional response."""

    def answer(self, leg: int, sdp: bytes, headers: Sequence[Header]) -> None:
        """Send the 200."""

    def reject(self, leg: int, status: int, reason: str | None, headers: Sequence[Header]) -> None:
        """Send a final refusal."""

    def hang_up(self, leg: int, headers: Sequence[Header]) -> None:
        """End the leg as its state asks for."""

    def send(self, leg: int, method: str, content_type: str, body: bytes) -> None:
        """Send INFO or MESSAGE inside the dialog."""

    def answer_offer(self, leg: int, sdp: bytes | None, status: int = 488) -> None:
        """Accept a re-INVITE, or refuse it with ``status`` when ``sdp`` is None."""

    def can_modify(self, leg: int) -> bool:
        """Whether a change of the session may be asked for now."""

    def modify(self, leg: int, sdp: bytes) -> None:
        """Send a re-INVITE."""

    def refer(self, leg: int, uri: str) -> None:
        """Ask the far end to call somebody else."""

    def accept_refer(self, leg: int) -> None:
        """Accept a REFER of the far end."""

    def refuse_refer(self, leg: int, status: int) -> None:
        """Refuse a REFER of the far end."""

    def notify_refer(self, leg: int, status: int, reason: str) -> None:
        """Tell the far end how the call that it asked for goes."""

    def leg_of_dialog(self, call_id: str, local_tag: str, remote_tag: str) -> int:
        """Return the number of the leg of this dialog, 0 for none."""

    def media(self, session: int, letter: str, number: int = 0) -> MediaPort:
        """Open a media port; ``number`` is that of an incoming leg."""

    def invite_of(self, leg: int) -> Request:
        """Return the INVITE of an incoming leg."""
