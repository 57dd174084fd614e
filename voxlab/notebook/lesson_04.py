"""The exercises of lesson 4, the proxy and dialogs: a route set, two phones that ring, a CANCEL that comes too late."""

from __future__ import annotations

from typing import Any

from voxlab.notebook.course import Criterion, Exercise

ELSEWHERE = "elsewhere"


def requests(call: Any, method: str) -> list[Seen]:
    """Return the requests of a call with this method, copies and all, in order."""
    messages = call.messages
    rows = messages[(messages.kind == "request") & (messages.method == method)]
    return [Seen(call.message(int(row.Index)), str(row.src_name), str(row.dst_name)) for row in rows.itertuples()]


class Seen:
    """A message with the names of who sent it and who got it."""

    def __init__(self, message: Any, src: str, dst: str) -> None:
        self.message = message
        self.src = src
        self.dst = dst

    def header(self, name: str) -> str:
        """Return a header field's value, "" without one."""
        return str(self.message.headers.get(name) or "")


def bye_goes_to(call: Any) -> str:
    """Return to whom the caller's phone sent the BYE."""
    return next((each.dst for each in requests(call, "BYE") if each.src == _caller(call)), "")


def _caller(call: Any) -> str:
    return str(next(iter(call.messages.src_name), ""))


def reached(call: Any) -> list[str]:
    """Return the phones that an INVITE of the call was passed on to, in order."""
    phones = [each.dst for each in requests(call, "INVITE") if each.src == "cloud"]
    return list(dict.fromkeys(phones))


def answers(call: Any, who: str, to: str = "INVITE") -> list[int]:
    """Return the statuses with which a phone answered a method, copies and all."""
    messages = call.messages
    found = messages[(messages.src_name == who) & (messages.kind == "response") & (messages.cseq_method == to)]
    return [int(status) for status in found.status]


def loser_says(call: Any) -> str:
    """Return the final status of a phone that rang and was not picked up, "" where there was none."""
    finals = [answers(call, who)[-1] for who in reached(call) if answers(call, who)]
    return next((str(status) for status in finals if status >= 300), "")


def tells_elsewhere(call: Any) -> bool:
    """Whether a CANCEL says that the call was answered elsewhere (RFC 3326)."""
    return any(ELSEWHERE in each.header("Reason") for each in requests(call, "CANCEL"))


def routed_bye(call: Any) -> bool:
    """Whether a BYE asks for the callee's own address and goes there by a Route."""
    byes = [each for each in requests(call, "BYE") if each.src == _caller(call)]
    return bool(byes) and byes[0].header("Route") != "" and byes[0].message.uri.user == call.dialled


def recorded(call: Any) -> bool:
    """Whether the INVITE that reached the callee bears a Record-Route."""
    passed = [each for each in requests(call, "INVITE") if each.src == "cloud"]
    return bool(passed) and passed[0].header("Record-Route") != ""


def _times(rows: Any) -> list[float]:
    return [float(time_s) for time_s in rows.time_s]


def cancelled_unknowing(call: Any) -> bool:
    """Whether the caller cancelled before a 200 had reached her, if one ever did."""
    messages, caller = call.messages, _caller(call)
    cancels = _times(messages[(messages.src_name == caller) & (messages.method == "CANCEL")])
    picked_up = (messages.status == 200) & (messages.cseq_method == "INVITE")
    came = _times(messages[(messages.dst_name == caller) & picked_up])
    return bool(cancels) and (not came or cancels[0] <= came[0])


def last_request(call: Any) -> str:
    """Return the last request that the caller sent."""
    messages = call.messages
    mine = messages[(messages.src_name == _caller(call)) & (messages.kind == "request")]
    return str(next(reversed(list(mine.method)), ""))


EXERCISES = (
    Exercise(
        id="04.1",
        question="Alice hangs up. To whom does her phone send the BYE, to bob or to the cloud?",
        outcome=bye_goes_to,
        criteria=(
            Criterion(
                "one dialog from end to end: the same Call-ID on both sides of the cloud",
                lambda call: len(reached(call)) > 0 and call.messages.call_id.nunique() == 1,
                'a rule has to pass the call on: shop.rule("direct", pattern="[a-z]+", route="users")',
            ),
            Criterion(
                "the cloud asked to stay in the way: a Record-Route in the INVITE that reached bob",
                recorded,
                "look at the INVITE that the cloud passed on: call.message(6)",
            ),
            Criterion(
                "the BYE is for bob's own address, by way of a Route",
                routed_bye,
                "alice's phone has to hang up a call that was connected: call.hang_up()",
            ),
        ),
    ),
    Exercise(
        id="04.2",
        question="Two phones of bob's ring, one is picked up. Which status ends the ringing of the other?",
        outcome=loser_says,
        criteria=(
            Criterion(
                "two phones rang",
                lambda call: sum(180 in answers(call, who) for who in reached(call)) == 2,
                'shop.user("bob").phone("mobile", answer_after=1.0) is his second one; then let alice dial',
            ),
            Criterion(
                "one was picked up, and alice heard one 200 only",
                lambda call: answers(call, "cloud").count(200) == 1,
                'call.wait("connected") lets time pass until the quicker one has picked up',
            ),
            Criterion(
                "the other was told that the call was answered elsewhere",
                tells_elsewhere,
                "a CANCEL with a Reason: give it a moment, lab.run(1)",
            ),
        ),
    ),
    Exercise(
        id="04.3",
        question="Alice gives up in the very moment in which bob picks up. Which request of hers ends the call?",
        outcome=last_request,
        criteria=(
            Criterion(
                "alice cancelled before she knew that bob had picked up",
                cancelled_unknowing,
                'call.wait("ringing"), then lab.run(1.87), then call.hang_up(): bob picks up two seconds after his 180',
            ),
            Criterion(
                "bob's 200 was quicker than her CANCEL",
                lambda call: bool(requests(call, "CANCEL")) and 200 in answers(call, call.dialled),
                "that was too early, and bob's phone said 487: wait a little longer before you hang up",
            ),
            Criterion(
                "she acknowledged the 200, and bob answered her BYE",
                lambda call: bool(requests(call, "ACK")) and 200 in answers(call, call.dialled, to="BYE"),
                "let time pass until it is over: lab.run(1)",
            ),
        ),
    ),
)
