"""The handle of a call: the whole of it, both legs, from whoever's side one looks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from voxlab.analysis.callflow import call_flow
from voxlab.analysis.index import CallRecord
from voxlab.analysis.verdict import Verdict, verdict
from voxlab.base.errors import CallFailed, NothingLeft, VoxlabError
from voxlab.dialog import events as leg_events
from voxlab.elements.phone import Input
from voxlab.lab.blocking import Aio, Outcome, Steps, Submit, Wait, blocking
from voxlab.lab.evidence import Audio, Ladder, MessageView, TransactionView

if TYPE_CHECKING:
    import pandas as pd

    from voxlab.lab.lab import Lab
    from voxlab.lab.phone import Phone

STATES = ("ringing", "early", "connected", "ended")


class Call:
    """A call, from ``phone.dial(...)`` or ``lab.call(number)``.

    Attributes
    ----------
    dialled : str
        What was dialled, "" for a call that no phone of the lab made.
    error : BaseException or None
        What the scenario raised.
    """

    def __init__(self, lab: Lab, *, phone: Phone | None = None, dialled: str = "", call_id: str = "") -> None:
        self.lab = lab
        self.aio = Aio(self)
        self.dialled = dialled
        self.call_id = call_id
        self.error: BaseException | None = None
        self.phone = phone
        self._leg = 0
        self._reached: set[str] = set()

    # -- its life, told by the phone in the lab's thread

    @property
    def pending(self) -> bool:
        """Whether it was dialled but time has not passed yet, so that nothing is on the wire."""
        return self.phone is not None and not self._leg and "ended" not in self._reached

    def began(self, leg: int) -> None:
        """Take the number of the leg: the INVITE is on its way."""
        self._leg = leg
        machine = self.phone.machine if self.phone else None
        session = machine.node.user_agent.session(leg) if machine else None
        if session is not None:
            self.call_id = session.call_id

    def fail(self, error: BaseException) -> None:
        """Take the news that it could not even be dialled."""
        self.error = error
        self._reached.add("ended")

    def cut_off(self) -> None:
        """Take the news that the phone itself is gone: the lab starts over, or the phone was closed."""
        self._reached.add("ended")

    def take(self, event: Any) -> None:
        """Take a leg event of the caller's phone."""
        if isinstance(event, leg_events.Progress):
            self._reached.add("early" if event.response.body else "ringing")
        elif isinstance(event, leg_events.Answered):
            self._reached.add("connected")
        elif isinstance(event, (leg_events.Failed, leg_events.Ended)):
            self._reached.add("ended")

    @property
    def state(self) -> str:
        """Where it stands: dialled, calling, ringing, early, connected or ended."""
        if self.phone is None:
            return self._state_on_record()
        for state in reversed(STATES):
            if state in self._reached:
                return state
        return "dialled" if self.pending else "calling"

    def _state_on_record(self) -> str:
        found = self._verdict()
        if found.ok is not None:
            return "ended"
        outcome = found.outcome
        return "connected" if outcome and outcome.answered else "ringing" if outcome and outcome.ringing else "calling"

    # -- waiting and ending

    @blocking
    def wait(self, state: str = "connected", timeout: float | None = 60.0) -> Steps[Call]:
        """Let time pass until the call gets somewhere.

        Parameters
        ----------
        state : {"ringing", "early", "connected", "ended"}
        timeout : float or None
            Lab seconds.

        Raises
        ------
        CallFailed
            When the call ends first; the scenario's exception, if there is one, is its cause.
        NothingLeft
            When no event is left that could make it true.
        TimeoutError
            When it takes longer.
        """
        if state not in STATES:
            raise VoxlabError(f"{state!r} is no state to wait for; there are {', '.join(STATES)}")
        outcome = yield Wait(lambda: self._has_reached(state) or self.state == "ended", timeout)
        if self._has_reached(state):
            return self
        if self.state == "ended":
            self._raise_failure()
        if outcome is Outcome.TIMEOUT:
            raise TimeoutError(
                f"the call is {self.state}, not {state}, after {timeout:g} s; "
                f"waiting longer may help: wait({state!r}, timeout=...)"
            )
        raise NothingLeft(self._nothing_left(state))

    def _has_reached(self, state: str) -> bool:
        if self.phone is None:
            return self.state == state or (state != "ended" and self.state == "connected")
        if state in ("ringing", "early") and "connected" in self._reached:
            return True
        return state in self._reached

    def _nothing_left(self, state: str) -> str:
        if state == "ended" and self.state == "connected":
            return "both ends talk and nobody hangs up: call.hang_up(), or let time pass with lab.run(10)"
        if self.state in ("ringing", "early"):
            return (
                "it rings and nobody will ever pick up: phone.answer(), or give the phone answer_after=2.0 "
                f"(the call is {self.state}, not {state})"
            )
        return f"no event is left that could bring the call from {self.state} to {state}"

    def _raise_failure(self) -> None:
        found = self._verdict()
        reason = "the call failed" if found.ok is None else found.reason
        if found.ok is None and self.phone is not None and self.phone.says:
            reason += f": {self.phone.says[-1][1]}"
        lines = [reason]
        lines += [f"  {found.meaning}"] if found.meaning else []
        lines.append("  see: call.ladder()")
        raise CallFailed("\n".join(lines)) from self._scenario_error()

    def _scenario_error(self) -> BaseException | None:
        if self.error is not None:
            return self.error
        record = self._record()
        return self.lab.scenario_error(record.session) if record is not None else None

    @blocking
    def hang_up(self) -> Steps[Call]:
        """End the call, whatever its state, and wait until it is over; a call that has ended stays so."""
        phone = self.phone
        if phone is None:
            record = self._record()
            if record is not None:
                number = record.session
                yield Submit(self.lab.end_session, (number,))
                yield Wait(lambda: number not in self.lab.exchange.sessions, 64.0)
            return self
        if self.pending:
            yield Submit(self._reached.add, ("ended",))
        if self.state != "ended" and phone.machine is not None:
            yield Submit(self._put_down)
            yield Wait(lambda: "ended" in self._reached, 64.0)
        return self

    def _put_down(self) -> None:
        machine = self.phone.machine if self.phone else None
        if machine is not None and machine.phone.leg == self._leg:
            machine.command(Input.HANG_UP)

    # -- evidence

    def _read(self, reader: Callable[[CallRecord], Any], nothing: Callable[[], Any]) -> Any:
        """Read from the journal in the lab's thread; ``nothing`` serves a call that is not on the wire yet."""

        def read() -> Any:
            self.lab.settle_evidence()
            record = self._record()
            return nothing() if record is None else reader(record)

        return self.lab.world.submit(read)

    def _record(self) -> CallRecord | None:
        return self.lab.index.call_of(self.call_id) if self.call_id else None

    def _verdict(self) -> Verdict:
        lab = self.lab
        if not self.call_id and self.error is not None:
            return Verdict(False, f"✗ {self.dialled} could not be dialled: {self.error}")
        if not self.call_id:
            return Verdict(
                None,
                f"○ {self.phone.title if self.phone else '?'} dials {self.dialled}: "
                "nothing is on the wire until time passes, call.wait()",
            )
        return self._read(  # type: ignore[no-any-return]
            lambda record: verdict(lab.index, record, lab.world.now), lambda: Verdict(None, "… nothing on the wire yet")
        )

    @property
    def number(self) -> int | None:
        """The number in ``lab.calls``, None before the call is on the wire."""
        found: int | None = self._read(lambda record: record.number, lambda: None)
        return found

    @property
    def verdict(self) -> str:
        """What became of it, in a line."""
        return self._verdict().text

    @property
    def messages(self) -> pd.DataFrame:
        """Its SIP messages, numbered from 1 as in the ladder: a fresh snapshot."""
        from voxlab.analysis import frames

        index = self.lab.index
        found: pd.DataFrame = self._read(
            lambda record: frames.messages(index, record),
            lambda: frames.table(frames.MESSAGE_COLUMNS, [], [], "message", 0.0),
        )
        return found

    def message(self, number: int) -> MessageView:
        """Return message ``number`` of the ladder, counted from 1.

        Raises
        ------
        VoxlabError
            When there is none of that number.
        """
        entries = self._read(lambda record: self.lab.index.entries(record.call_ids), list)
        if not 1 <= number <= len(entries):
            raise VoxlabError(
                f"this call has messages 1 to {len(entries)}, there is no message {number}"
                if entries
                else "this call has no message yet"
            )
        return MessageView(number, entries[number - 1], self.lab.journal)

    def ladder(self) -> Ladder:
        """Return the call-flow diagram of all its legs."""
        lab = self.lab
        flow = self._read(lambda record: call_flow(lab.index, record, lab.world.now), lambda: None)
        return Ladder(flow, self._verdict().text, self._last_line())

    def transaction(self, number: int) -> TransactionView:
        """Return transaction ``number`` of the call, counted from 1 over all its hosts: ``.diagram()`` draws it.

        Raises
        ------
        VoxlabError
            When there is none of that number.
        """
        found = self._read(self._transactions, list)
        if not 1 <= number <= len(found):
            raise VoxlabError(f"this call has transactions 1 to {len(found)}, there is no transaction {number}")
        return found[number - 1]  # type: ignore[no-any-return]

    @property
    def transactions(self) -> list[TransactionView]:
        """Its transactions on all hosts of the lab, in the order in which they were made."""
        return self._read(self._transactions, list)  # type: ignore[no-any-return]

    def _transactions(self, record: CallRecord) -> list[TransactionView]:
        journal = self.lab.journal
        of_call = [each for each in journal.transactions() if each.call_id in record.call_ids]
        wanted = {(each.host, each.number): TransactionView(at, each) for at, each in enumerate(of_call, 1)}
        for step in journal.transitions():
            view = wanted.get((step.host, step.number))
            if view is not None:
                view.steps.append(step)
        return list(wanted.values())

    @property
    def media(self) -> pd.DataFrame:
        """Its RTP streams, a row each: packets, losses, jitter, R and MOS as counted where the stream was received."""
        from voxlab.analysis import streams

        index = self.lab.index
        found: pd.DataFrame = self._read(
            lambda record: streams.streams(index, record), lambda: streams.streams(index, None).iloc[:0]
        )
        return found

    def audio(self, who: str | None = None) -> Audio | list[str]:
        """Return what ``who`` heard; without an argument, who can be heard.

        Raises
        ------
        VoxlabError
            For somebody who heard nothing.
        """
        heard: Mapping[str, Any] = self._read(self._heard, dict)
        if who is None:
            return sorted(heard)
        if who not in heard:
            raise VoxlabError(
                f"{who!r} heard nothing in this call; there is {', '.join(sorted(heard)) or 'nobody yet'}"
            )
        return Audio(who, heard[who])

    def _heard(self, record: CallRecord) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for phone in self.lab.phones:
            terminals = phone.machine.terminals.values() if phone.machine else ()
            for terminal in terminals:
                samples = terminal.heard() if terminal.call_id in record.call_ids else None
                if samples is not None and len(samples):
                    found[phone.title] = samples
        return found

    def _last_line(self) -> str:
        error = self._scenario_error()
        return f"scenario error: {type(error).__name__}: {error}" if error is not None else ""

    # -- how it looks

    def __repr__(self) -> str:
        return self._closed() or self.ladder().text()

    def _repr_svg_(self) -> str | None:
        return None if self._closed() else self.ladder()._repr_svg_()

    def _closed(self) -> str:
        """Return what to show once the lab and its journal are gone: a repr had better not raise."""
        return f"○ call to {self.dialled or 'somebody'}: its lab is closed" if self.lab.world.closed else ""
