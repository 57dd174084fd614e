"""A leg: one party's side of a call, as the script in the cloud holds it (the reference platform's ``Call``).

Must not know transactions or transports; it commands the switchboard by number and turns leg events into scenario
events.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from voxlab.base.errors import CallEnded, SipSyntaxError, VoxlabError
from voxlab.dialog import events as wire
from voxlab.scenario import bridge
from voxlab.scenario.events import (
    AudioStarted,
    CallEvent,
    Connected,
    Disconnected,
    Failed,
    InfoReceived,
    MessageReceived,
    ReInviteReceived,
    Ringing,
    StateChanged,
)
from voxlab.scenario.pending import awaited
from voxlab.scenario.ports import Header, MediaPort
from voxlab.sip.grammar import is_token
from voxlab.sip.message import Request, Response

if TYPE_CHECKING:
    from voxlab.scenario.session import Session

E = TypeVar("E", bound=CallEvent)

ALERTING, PROGRESSING, CONNECTED, TERMINATED = "ALERTING", "PROGRESSING", "CONNECTED", "TERMINATED"
MAX_HEADER_BYTES = 4095
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
    headers : mapping of str to str
        The X- headers and User-to-User of the INVITE.
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
        self.media: MediaPort | None = None
        self.number = 0
        self.failure: tuple[int, str] | None = None
        self.call_ids: dict[int, str] = {}
        self._branches: dict[int, MediaPort] = {}
        self._best: tuple[int, str] | None = None
        self._connected_at: float | None = None
        self._audio_started = False
        self._accepted = False
        self._waiters: list[tuple[type[CallEvent], asyncio.Future[CallEvent]]] = []
        self._handlers: list[tuple[type[CallEvent], Callable[[Any], object]]] = []
        self.follower: Callable[[CallEvent], None] | None = None

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
            self._release(headers)
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
    async def play(self, source: Any) -> None:
        """Send audio to this party: a source of ``voxlab.media.sources`` or a numpy array of 8 kHz samples; None
        stops.
        """
        self._command("play")
        self._media().play(source)

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
    async def wait_for(self, event: type[E], timeout: float | None = None) -> E:  # noqa: ASYNC109 - lab seconds, and the reference's word
        """Wait for an event of this leg.

        Raises
        ------
        CallEnded
            When the leg ends first.
        TimeoutError
            After ``timeout`` lab seconds.
        """
        async with asyncio.timeout(timeout):
            return await self._until(event)

    def on(self, event: type[E], handler: Callable[[E], Awaitable[None] | None]) -> None:
        """Call ``handler`` on every such event; it may be ``async def``."""
        self._handlers.append((event, handler))

    # -- the same without waiting, for the bridge

    def _command(self, what: str) -> None:
        if self.state == TERMINATED:
            raise CallEnded(f"cannot {what}: leg {self.letter} has ended")

    def _accept(self, headers: Mapping[str, str] | None = None, like: MediaPort | None = None) -> None:
        self._needs_incoming("answer")
        if self.state == ALERTING and self.number and not self._accepted:
            self.session.switchboard.answer(self.number, self._description(like), _lines(headers))
            self._accepted = True

    def _ring(self, headers: Mapping[str, str] | None = None) -> None:
        self._needs_incoming("ring")
        self.session.switchboard.ring(self.number, 180, b"", _lines(headers))

    def _start_early_media(self, headers: Mapping[str, str] | None = None, like: MediaPort | None = None) -> None:
        self._needs_incoming("start early media")
        self.session.switchboard.ring(self.number, 183, self._description(like), _lines(headers))

    def _reject(self, code: int, reason: str | None = None, headers: Mapping[str, str] | None = None) -> None:
        self._needs_incoming("reject")
        self.session.switchboard.reject(self.number, code, reason, _lines(headers))

    def dismiss(self, code: int, reason: str | None = None) -> None:
        """End the leg in the way that its state asks for: a refusal where nobody has answered yet, else a hang-up."""
        if self.state == ALERTING and self.number and not self._accepted:
            self._reject(code, reason)
        elif self.state != TERMINATED:
            self._release()

    def _release(self, headers: Mapping[str, str] | None = None) -> None:
        for number in [self.number] if self.number else list(self._branches):
            self.session.switchboard.hang_up(number, _lines(headers))

    def _needs_incoming(self, what: str) -> None:
        self._command(what)
        if not self.incoming:
            raise VoxlabError(
                f"cannot {what}: leg {self.letter} is a call that we made; only the called side can {what}"
            )

    def _description(self, like: MediaPort | None) -> bytes:
        port = self._media()
        return port.answer(like) if self.session.switchboard.invite_of(self.number).sdp else port.offer(like)

    def _media(self) -> MediaPort:
        if self.media is None:
            self.media = self.session.switchboard.media(self.session.number, self.letter)
            self.media.label(call_id=self.call_ids.get(self.number, ""))
        return self.media

    # -- what the exchange tells it

    def opened(self, number: int) -> bool:
        """Become the leg of an INVITE that arrived; False when its offer fits nothing, known before anybody rings."""
        self.number = number
        request = self.session.switchboard.invite_of(number)
        self.headers = extension_headers(request)
        self.call_ids[number] = request.call_id
        offer = request.sdp
        if offer is None or self._media().take_offer(offer):
            return True
        self.session.switchboard.reject(number, 488, None, ())
        return False

    def branch(self, port: MediaPort, number: int) -> None:
        """Add one device's branch to an outgoing leg."""
        self._branches[number] = port
        self.call_ids[number] = port.call_id

    def take(self, event: wire.LegEvent) -> None:
        """Turn what happened on the wire into what happened to the call."""
        _TAKE[type(event)](self, event)

    def _progress(self, event: wire.Progress) -> None:
        headers = extension_headers(event.response)
        description = event.response.sdp
        if description is not None and not self._audio_started:
            port = self._branches.get(event.leg)
            if port is not None and port.take_answer(description):
                self._audio_started = True
                self.media = port
                self._raise(AudioStarted(self, headers))
                return
        self._raise(Ringing(self, headers))

    def _answered(self, event: wire.Answered) -> None:
        if self.number:
            return
        port = self._branches.pop(event.leg, None)
        self.number = event.leg
        losers, self._branches = self._branches, {}
        for number, other in losers.items():
            # RFC 3326: tell the other devices that this one took the call.
            self.session.switchboard.hang_up(number, (("Reason", 'SIP;cause=200;text="Call completed elsewhere"'),))
            other.close()
        self.media = port
        description = event.response.sdp
        if port is None or description is None or not port.take_answer(description):
            self.failure = (488, "Not Acceptable Here")
            self.session.switchboard.hang_up(event.leg, ())
            return
        self._connect(extension_headers(event.response))

    def _confirmed(self, event: wire.Confirmed) -> None:
        description = event.ack.sdp if event.ack.body else None
        if description is not None and self.media is not None:
            self.media.take_answer(description)
        self._connect({})

    def _connect(self, headers: Mapping[str, str]) -> None:
        self._connected_at = self.session.switchboard.now()
        self._change(CONNECTED)
        self._raise(Connected(self, headers))

    def _failed(self, event: wire.Failed) -> None:
        branch = self._branches.pop(event.leg, None)
        if branch is not None:
            branch.close()
        if event.leg != self.number and not self._branches and self.number:
            return
        self._best = best_refusal(self._best, (event.status, event.reason))
        if self._branches and event.status < 600:
            return
        for number in self._branches:
            self.session.switchboard.hang_up(number, ())
        code, reason = self._best
        self._over(Failed(self, code, reason, extension_headers(event.response) if event.response else {}))

    def give_up(self, code: int, reason: str) -> None:
        """End an outgoing leg that nobody answered in time, or that could not be made at all."""
        if self.state == PROGRESSING and not self.number:
            branches, self._branches = self._branches, {}
            for number, port in branches.items():
                self.session.switchboard.hang_up(number, ())
                port.close()
            self._over(Failed(self, code, reason))

    def _ended(self, event: wire.Ended) -> None:
        if self.failure is not None:
            self._over(Failed(self, *self.failure))
        elif event.leg == self.number:
            duration = 0.0 if self._connected_at is None else self.session.switchboard.now() - self._connected_at
            headers = extension_headers(event.request) if event.request is not None else {}
            self._over(Disconnected(self, event.cause, duration, event.by_peer, headers))

    def _offered(self, event: wire.OfferReceived) -> None:
        offer = event.request.sdp
        port = self._media()
        accepted = port.take_offer(offer) if offer is not None else True
        # s.14.2: with an offer it is answered, without one we offer what stands.
        sdp = (port.answer() if offer is not None else port.offer()) if accepted else None
        self.session.switchboard.answer_offer(event.leg, sdp)
        self._raise(ReInviteReceived(self, body=event.request.body.decode("utf-8", "replace")))

    def _offer_answered(self, event: wire.OfferAnswered) -> None:
        """Take the answer to what we offered in the 200 to a re-INVITE that had no offer."""
        description = event.ack.sdp
        if description is not None and self.media is not None:
            self.media.take_answer(description)

    def _request(self, event: wire.RequestReceived) -> None:
        request = event.request
        text = request.body.decode("utf-8", "replace")
        if request.method == "MESSAGE":
            self._raise(MessageReceived(self, text))
        else:
            self._raise(InfoReceived(self, request.headers.get("content-type") or "", text))

    def _nothing(self, event: wire.LegEvent) -> None: ...

    # -- bookkeeping

    def _change(self, state: str) -> None:
        old, self.state = self.state, state
        if old != state and self._handlers:
            self._raise(StateChanged(self, old, state))

    def _over(self, event: Failed | Disconnected) -> None:
        if self.state == TERMINATED:
            return
        self._change(TERMINATED)
        if self.media is not None:
            self.media.close()
        self._raise(event)
        self._drop_waiters(event)
        self.session.leg_over(self, event)

    def _raise(self, event: CallEvent) -> None:
        kind = type(event)
        if self._waiters:
            for wanted, future in [*self._waiters]:
                if issubclass(kind, wanted) and not future.done():
                    future.set_result(event)
        if self.follower is not None:
            self.follower(event)
        if self._handlers:
            for wanted, handler in [*self._handlers]:
                if issubclass(kind, wanted):
                    self.session.run_handler(handler, event)

    def _drop_waiters(self, event: Failed | Disconnected) -> None:
        what = f"{event.code} {event.reason}" if isinstance(event, Failed) else event.reason
        for _, future in self._waiters:
            if not future.done():
                future.set_exception(CallEnded(f"leg {self.letter} ended: {what}"))
                future.exception()  # looked at, so that nobody complains when the scenario has gone

    async def _until(self, event: type[E]) -> E:
        if self.state == TERMINATED:
            raise CallEnded(f"leg {self.letter} has ended")
        if event is Connected and self.state == CONNECTED:
            return Connected(self)  # type: ignore[return-value]
        future: asyncio.Future[CallEvent] = asyncio.get_running_loop().create_future()
        entry = (event, future)
        self._waiters.append(entry)
        try:
            return await future  # type: ignore[return-value]
        finally:
            if entry in self._waiters:
                self._waiters.remove(entry)

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


def _lines(headers: Mapping[str, str] | None) -> tuple[Header, ...]:
    """Check and order the headers that a scenario may set: X- ones and User-to-User, each at most 4095 bytes."""
    if not headers:
        return ()
    for name, value in headers.items():
        if not is_token(name) or not name.lower().startswith(("x-", "user-to-user", "vi-calltimeout")):
            raise VoxlabError(f"a scenario may set X- headers, User-to-User and VI-CallTimeout, not {name!r}")
        if "\r" in value or "\n" in value or _size(value) > MAX_HEADER_BYTES:
            raise VoxlabError(f"the value of {name!r} must be one line of at most {MAX_HEADER_BYTES} bytes")
    return tuple(headers.items())


def _size(value: str) -> int:
    return len(value.encode("utf-8", "surrogateescape"))


def extension_headers(message: Request | Response) -> Mapping[str, str]:
    """Return the X- headers and User-to-User of a message, as far as their length is bearable."""
    found: dict[str, str] = {}
    for line in message.headers.lines:
        if line[:2] in ("X-", "x-") or line[:12].lower() == "user-to-user":
            name, _, value = line.partition(":")
            text = " ".join(part.strip() for part in value.splitlines()).strip()  # s.7.3.1: folded lines are one
            if _size(text) <= MAX_HEADER_BYTES:
                found[name.strip()] = text
    return found


def best_refusal(best: tuple[int, str] | None, new: tuple[int, str]) -> tuple[int, str]:
    """Choose between two branches' refusals: a 6xx wins, else the lowest class, else the first (RFC 3261 s.16.7(6))."""
    if best is None or (new[0] >= 600 > best[0]):
        return new
    if best[0] >= 600:
        return best
    return new if new[0] // 100 < best[0] // 100 else best


_TAKE: dict[type, Callable[[Leg, Any], None]] = {
    wire.Progress: Leg._progress,
    wire.Answered: Leg._answered,
    wire.Confirmed: Leg._confirmed,
    wire.Failed: Leg._failed,
    wire.Ended: Leg._ended,
    wire.OfferReceived: Leg._offered,
    wire.OfferAnswered: Leg._offer_answered,
    wire.RequestReceived: Leg._request,
    wire.RequestAnswered: Leg._nothing,
}

__all__ = ["ALERTING", "CONNECTED", "PROGRESSING", "TERMINATED", "UNANSWERED_S", "Leg", "SipSyntaxError"]
