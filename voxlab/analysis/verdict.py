"""The line that comes first: what became of a call, in a sentence, and what that means for whoever reads it.

From records only; must not know the ladder beneath it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from voxlab.analysis.outcome import GivenUp, Outcome, Said, outcome

if TYPE_CHECKING:
    from voxlab.analysis.index import CallRecord, Index


@dataclass(frozen=True, slots=True)
class Verdict:
    """A verdict: ``ok`` is None while the call goes on; ``text`` is the line, ``meaning`` a sentence for people, ""
    if the line says it all.
    """

    ok: bool | None
    text: str
    meaning: str = ""
    outcome: Outcome | None = None

    @property
    def reason(self) -> str:
        """The line without its mark, as an exception carries it."""
        return self.text.partition(" ")[2]


def verdict(index: Index, call: CallRecord, now: float | None = None) -> Verdict:
    """Return the verdict on a call; ``now`` is until when a call that still goes on has lasted, the last message if
    None.
    """
    facts = outcome(index, call)
    if facts is None:
        return Verdict(None, "… nothing on the wire yet")
    if facts.answered:
        return _connected(facts, facts.answered, facts.last_s if now is None else now)
    if facts.cancelled and (facts.failed is None or facts.failed.status == 487):
        return _cancelled(facts, facts.cancelled)
    if facts.failed:
        return _failed(facts, facts.failed)
    if facts.timed_out:
        return _unanswered(facts, facts.timed_out)
    if facts.error:
        return Verdict(
            False, f"✗ the scenario failed: {facts.error}", "The script raised, so its session was ended.", facts
        )
    return _going_on(facts, facts.last_s if now is None else now)


def lab_verdict(index: Index) -> str:
    """Return the line over a ladder of everything."""
    verdicts = [verdict(index, call) for call in index.calls]
    good, bad = (sum(each.ok is wanted for each in verdicts) for wanted in (True, False))
    parts = [_count(len(verdicts), "call")]
    parts += [f"{good} connected"] * bool(good) + [f"{bad} failed"] * bool(bad)
    parts.append(_count(len(index.journal), "message"))
    if index.journal.evicted_calls:
        parts.append(f"{_count(index.journal.evicted_calls, 'older call')} forgotten")
    return f"{'✗' if bad else '✓'} " + " · ".join(parts)


def _connected(facts: Outcome, answered: Said, until_s: float) -> Verdict:
    talked_s = (facts.ended.time_s if facts.ended else until_s) - answered.time_s
    ok = None if not facts.is_over else not (facts.error or facts.dropped)
    mark = {None: "●", True: "✓", False: "✗"}[ok]
    word = ("dropped after" if facts.dropped else "connected") if facts.is_over else "talking"
    parts = [f"{mark} {word} {seconds(talked_s)}", _path(facts), " + ".join(facts.codecs)]
    parts.append(f"MOS {facts.mos:.2f}" if facts.mos is not None else "")
    parts.append(_count(facts.messages, "message"))
    parts.append(f"scenario failed: {facts.error}" if facts.error else "")
    if facts.dropped and facts.ended:
        parts.insert(1, f"{facts.dropped}, so {facts.ended.by} hung up (message {facts.ended.message})")
    return Verdict(ok, " · ".join(filter(None, parts)), _DROPPED if facts.dropped else "", facts)


def _failed(facts: Outcome, said: Said) -> Verdict:
    after = seconds(said.time_s - facts.start_s)
    where = f"(leg {said.leg}, message {said.message})"
    text = f"✗ {said.status} {said.reason}, said by {said.by} {where} after {after}"
    return Verdict(False, text, meaning(said, facts), facts)


def _cancelled(facts: Outcome, said: Said) -> Verdict:
    after = seconds(said.time_s - facts.start_s)
    rang = "while it rang" if facts.ringing else "before it rang"
    text = f"✗ cancelled by {said.by} (leg {said.leg}, message {said.message}) after {after}, {rang}"
    return Verdict(False, text, "Nobody had answered, and the caller did not wait longer.", facts)


def _unanswered(facts: Outcome, given_up: GivenUp) -> Verdict:
    who = ", ".join(facts.callees) or facts.destination
    text = (
        f"✗ no answer from {who}: {given_up.timer} gave the INVITE up after {seconds(given_up.time_s - facts.start_s)}"
    )
    return Verdict(False, text, "Not one response came: the address is wrong, or the network lost every copy.", facts)


def _going_on(facts: Outcome, until_s: float) -> Verdict:
    word, since_s = ("ringing", facts.ringing.time_s) if facts.ringing else ("calling", facts.start_s)
    parts = (f"… {word} {seconds(until_s - since_s)}", _path(facts), _count(facts.messages, "message"))
    return Verdict(None, " · ".join(parts), "", facts)


def _path(facts: Outcome) -> str:
    called = ", ".join(facts.callees) or ("" if facts.through else facts.destination)
    return " → ".join(filter(None, (facts.caller, facts.through, called)))


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def seconds(duration_s: float) -> str:
    """Return a duration for people: milliseconds at first, hundredths below a second, tenths below a hundred, whole
    seconds above.
    """
    if duration_s < 0.0095:
        return f"{duration_s * 1000:.0f} ms"
    if duration_s < 0.995:
        return f"{duration_s:.2f} s"
    return f"{duration_s:.1f} s" if duration_s < 99.95 else f"{duration_s:,.0f} s"


_DROPPED = "Nobody hung up: the call was ended by a timer. call.explain() says why."
_FINE = "Nothing is wrong with the platform."
_MEANINGS = {
    401: "{by} did not accept the password.",
    403: "{by} does not let this caller in: look at its rules, its whitelist and the password.",
    404: "{by} knows nobody of that name: look at the spelling and at the rules.",
    407: "{by} did not accept the password.",
    408: "{by} found nobody in time.",
    480: "{to} could not be reached: not registered, or nobody answered in time.",
    484: "The number is not complete.",
    486: "{by}'s phone was busy. " + _FINE,
    487: "The call was cancelled before anyone answered.",
    488: "{by} could not agree on media: compare the codecs of offer and answer.",
    500: "{by} failed inside.",
    503: "{by} has too much to do, or is being serviced.",
    600: "{by} was busy on every device. " + _FINE,
    603: "{by} declined the call. " + _FINE,
}


def meaning(said: Said, facts: Outcome) -> str:
    """Return what a refusal means for a person, "" for a status that speaks for itself."""
    if said.status == 500 and facts.error:
        return f"The scenario raised {facts.error}."
    called = ", ".join(facts.callees) or facts.destination or "the called party"
    return _MEANINGS.get(said.status, "").format(by=said.by, to=called)
