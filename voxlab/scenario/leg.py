"""A leg: one party's side of a call, as the script in the cloud holds it (the reference platform's ``Call``).

What a scenario does with it is here, what the wire tells it in ``signalling``, who listens in ``listeners``. Must not
know transactions or transports; it commands the switchboard by number.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from voxlab.base.errors import CallEnded, VoxlabError
from voxlab.scenario import bridge
from voxlab.scenario.changes import Changes
from voxlab.scenario.events import CallEvent, Connected, Disconnected
from voxlab.scenario.headers import header_lines
from voxlab.scenario.listeners import Listeners
from voxlab.scenario.pending import awaited
from voxlab.scenario.ports import MediaPort
from voxlab.scenario.quality import QualityEvents
from voxlab.scenario.signalling import ALERTING, CONNECTED, PROGRESSING, TERMINATED, Signalling
from voxlab.scenario.transfer import Referrals

if TYPE_CHECKING:
    from voxlab.platform.identification import Caller
    from voxlab.scenario.session import Session

E = TypeVar("E", bound=CallEvent)

UNANSWERED_S = 60.0  # the reference cuts an unanswered call after a minute


class Leg:
    """One party of a session.

    Attributes
    ----------
    session : Session
        Makes further legs: ``await call.session.call_user("bob")``.
    incoming : bool
    state : str
        ALERTING, PROGRESSING, CONNECTED or TERMINATED.
    caller_id, display_name : str
        Who calls.
    destination : str
        Whom: the user part of the Request-URI for an incoming leg, the name dialled for an outgoing one.
    caller : Caller or None
        Of an incoming leg: which user, trunk or registration it came from.
    headers : mapping of str to str
        The X- headers and User-to-User of the INVITE.
    trusted : bool
        Whether it came over a trunk, whose word about who calls is taken (RFC 3325 s.4).
    """

    def __init__(
        self, session: Session, letter: str, *, incoming: bool, caller_id: str, display_name: str, destination: str
    ) -> None:
        self.session = session
        self.letter = letter
        self.incoming = incoming
        self.caller_id = caller_id
        self.display_name = display_name
        self.destination = destination
        self.headers: Mapping[str, str] = {}
        self.state = ALERTING if incoming else PROGRESSING
        self.caller: Caller | None = None
        self.media: MediaPort | None = None
        self.number = 0
        self.call_ids: dict[int, str] = {}
        self.trusted = False
        self._accepted = False
        self.quality = QualityEvents(self)
        self.listeners = Listeners(session.run_handler)
        self.signalling = Signalling(self)
        self.changes: Changes = Changes(self)
        self.referrals: Referrals = Referrals(self)

    @property
    def quality_every_s(self) -> float:
        """How often ``AudioQuality`` is told, in lab seconds, 5 at first; set it before the leg connects."""
        return self.quality.every_s

    @quality_every_s.setter
    def quality_every_s(self, every_s: float) -> None:
        self.quality.set_every(every_s)

    # -- what a scenario does with it

    @awaited
    async def answer(self, headers: Mapping[str, str] | None = None) -> None:
        """Answer the incoming call (200) and wait until the caller's ACK has arrived."""
        self._accept(headers)
        await self._until(Connected)

    @awaited
    async def ring(self, headers: Mapping[str, str] | None = None) -> None:
        """Let the caller hear ringing (180)."""
        self._ring(headers)

    @awaited
    async def start_early_media(self, headers: Mapping[str, str] | None = None) -> None:
        """Open the audio path before the answer (183 with SDP)."""
        self._start_early_media(headers)

    @awaited
    async def reject(
        self, code: int = 603, reason: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        """Refuse the incoming call with a status from 300 to 699."""
        self._reject(code, reason, headers)

    @awaited
    async def hang_up(self, headers: Mapping[str, str] | None = None) -> None:
        """End this leg, and wait until it is over."""
        if self.state != TERMINATED:
            self.signalling.release(header_lines(headers))
            await self._until_over()

    @awaited
    async def send_message(self, text: str) -> None:
        """Send a text MESSAGE inside the call."""
        self._command("send a message")
        self.session.switchboard.send(self.number, "MESSAGE", "text/plain;charset=UTF-8", text.encode())

    @awaited
    async def send_info(self, mime_type: str, body: str) -> None:
        """Send an INFO inside the call; the body has at most 8192 bytes."""
        self._command("send an INFO")
        if len(body.encode()) > 8192:
            raise VoxlabError(f"an INFO body has at most 8192 bytes, this one {len(body.encode())}")
        self.session.switchboard.send(self.number, "INFO", mime_type, body.encode())

    @awaited
    async def hold(self) -> None:
        """Put this party on hold (a re-INVITE with a=sendonly), and wait until it has agreed; it can be played
        something meanwhile.
        """
        self._command("hold")
        await self.changes.hold(True)

    @awaited
    async def resume(self) -> None:
        """Take this party off hold, and wait until it has agreed."""
        self._command("resume")
        await self.changes.hold(False)

    @awaited
    async def transfer_to(self, to: str) -> None:
        """Ask this party to call somebody else (REFER); ``TransferComplete`` or ``TransferFailed`` follows."""
        self._command("transfer")
        self.session.switchboard.refer(self.number, to)

    @awaited
    async def notify_blind_transfer_success(self) -> None:
        """Tell the party that asked for a transfer that it has worked."""
        self._command("notify")
        self.session.switchboard.notify_refer(self.number, 200, "OK")

    @awaited
    async def notify_blind_transfer_failed(self, code: int = 603, reason: str = "Declined") -> None:
        """Tell the party that asked for a transfer that it has not worked."""
        self._command("notify")
        self.session.switchboard.notify_refer(self.number, code, reason)

    @awaited
    async def play(self, source: Any) -> None:
        """Send audio to this party: a source of ``voxlab.media.sources`` or a numpy array of 8 kHz samples; None
        stops.
        """
        self._command("play")
        self.open_media().play(source)

    @awaited
    async def forward_to_user(self, user: str | None = None, *, headers: Mapping[str, str] | None = None) -> Leg:
        """Call the user that was dialled (or another), join the two, and wait until the call is over.

        The caller's X- headers go along; ``headers`` adds to them.

        Returns
        -------
        Leg
            The second leg, terminated by then.
        """
        other = self.session.dial_user(user or self.destination, self, headers={**self.headers, **(headers or {})})
        await bridge.run(self, other)
        return other

    @awaited
    async def forward_to_pstn(
        self,
        number: str | Callable[[str], str] | None = None,
        *,
        caller_id: str | None = None,
        anonymous: bool = False,
        trunk: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Leg:
        """Call the number that was dialled (or another) through a trunk, join the two, and wait until the call is over.

        Parameters
        ----------
        number : str, callable or None
            In E.164 form; a function of the number that was dialled; None for that number itself.
        caller_id, anonymous, trunk
            As in ``session.call_pstn``.
        headers : mapping
            X- headers beside the caller's.

        Returns
        -------
        Leg
            The second leg, terminated by then.
        """
        wanted = number(self.destination) if callable(number) else number
        await self.session.prepared()
        other = self.session.forward_out(
            self, wanted, caller_id, anonymous=anonymous, trunk=trunk, headers={**self.headers, **(headers or {})}
        )
        await bridge.run(self, other)
        return other

    @awaited
    async def forward_to_sip(
        self,
        uri: str,
        *,
        caller_id: str | None = None,
        auth_user: str | None = None,
        password: str | None = None,
        out_proxy: str | None = None,
        registration: str | int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Leg:
        """Call a SIP URI, join the two, and wait until the call is over; see ``session.call_sip``."""
        await self.session.prepared(None if registration is not None else out_proxy or uri)
        other = self.session.dial_sip(
            uri,
            self,
            caller_id=caller_id,
            auth_user=auth_user,
            password=password,
            out_proxy=out_proxy,
            registration=registration,
            headers={**self.headers, **(headers or {})},
        )
        await bridge.run(self, other)
        return other

    @awaited
    async def wait_for(self, event: type[E], timeout: float | None = None) -> E:  # noqa: ASYNC109 - lab seconds, and the reference's word
        """Wait for an event of this leg.

        Raises
        ------
        CallEnded
            When the leg ends first.
        TimeoutError
            After ``timeout`` lab seconds.
        """
        self.quality.wanted(event)
        async with asyncio.timeout(timeout):
            return await self._until(event)

    def on(self, event: type[E], handler: Callable[[E], Awaitable[None] | None]) -> None:
        """Call ``handler`` on every such event; it may be ``async def``."""
        self.listeners.on(event, handler)
        self.quality.wanted(event)

    # -- the same without waiting, for the bridge

    def _command(self, what: str) -> None:
        if self.state == TERMINATED:
            raise CallEnded(f"cannot {what}: leg {self.letter} has ended")

    def _accept(self, headers: Mapping[str, str] | None = None, like: MediaPort | None = None) -> None:
        self._needs_incoming("answer")
        if self.state == ALERTING and self.number and not self._accepted:
            self.session.switchboard.answer(self.number, self._description(like), header_lines(headers))
            self._accepted = True

    def _ring(self, headers: Mapping[str, str] | None = None) -> None:
        self._needs_incoming("ring")
        self.session.switchboard.ring(self.number, 180, b"", header_lines(headers))

    def _start_early_media(self, headers: Mapping[str, str] | None = None, like: MediaPort | None = None) -> None:
        self._needs_incoming("start early media")
        self.session.switchboard.ring(self.number, 183, self._description(like), header_lines(headers))

    def _reject(self, code: int, reason: str | None = None, headers: Mapping[str, str] | None = None) -> None:
        self._needs_incoming("reject")
        self.session.switchboard.reject(self.number, code, reason, header_lines(headers))

    def dismiss(self, code: int, reason: str | None = None) -> None:
        """End the leg in the way that its state asks for: a refusal where nobody has answered yet, else a hang-up."""
        if self.state == ALERTING and self.number and not self._accepted:
            self._reject(code, reason)
        elif self.state != TERMINATED:
            self.signalling.release()

    def _needs_incoming(self, what: str) -> None:
        self._command(what)
        if not self.incoming:
            raise VoxlabError(
                f"cannot {what}: leg {self.letter} is a call that we made; only the called side can {what}"
            )

    def _description(self, like: MediaPort | None) -> bytes:
        port = self.open_media()
        return port.answer(like) if self.session.switchboard.invite_of(self.number).sdp else port.offer(like)

    def open_media(self) -> MediaPort:
        """Return the media port, opened when it is first needed."""
        if self.media is None:
            number = self.number if self.incoming else 0
            self.media = self.session.switchboard.media(self.session.number, self.letter, number)
            self.media.label(call_id=self.call_ids.get(self.number, ""))
        return self.media

    # -- bookkeeping

    async def _until(self, event: type[E]) -> E:
        if self.state == TERMINATED:
            raise CallEnded(f"leg {self.letter} has ended")
        if event is Connected and self.state == CONNECTED:
            return Connected(self)  # type: ignore[return-value]
        return await self.listeners.next(event)

    async def _until_over(self) -> None:
        try:
            await self._until(Disconnected)
        except CallEnded:
            return

    def forgot_await(self, what: str, where: str) -> None:
        """End the session of a scenario that forgot an ``await``."""
        self.session.forgot_await(what, where)

    def __repr__(self) -> str:
        arrow = "from" if self.incoming else "to"
        who = self.caller_id if self.incoming else self.destination
        return f"<Leg {self.letter} {arrow} {who}, {self.state}>"


__all__ = ["ALERTING", "CONNECTED", "PROGRESSING", "TERMINATED", "UNANSWERED_S", "Leg"]
