"""The INVITE usage as data: a row for every input in every state (RFC 3261 s.9, s.13-15, RFC 3311).

Must not know how an action is carried out: ``session``, ``caller`` and ``callee`` do that. Every (state, input) pair is
defined; an input that means nothing in a state is ignored with its reason.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class State(IntEnum):
    """Where a leg stands. CLOSING is a callee that wants to hang up but has no ACK yet (s.15: no BYE before it)."""

    CALLING = 0
    PROCEEDING = 1
    CANCELLING = 2
    INCOMING = 3
    ANSWERED = 4
    CLOSING = 5
    CONNECTED = 6
    ENDING = 7
    ENDED = 8


class Input(IntEnum):
    """What can happen to a leg: commands of its owner, messages of its peer, deadlines."""

    RING = 0
    ANSWER = 1
    REJECT = 2
    HANG_UP = 3
    PROVISIONAL = 4
    SUCCESS = 5
    CHALLENGE = 6
    REFUSAL = 7
    LOST = 8
    ACK = 9
    CANCEL = 10
    BYE = 11
    BYE_DONE = 12
    RETRANSMIT_DUE = 13
    ACK_OVERDUE = 14
    CANCEL_OVERDUE = 15
    REINVITE = 16
    UNREADABLE_SUCCESS = 17
    UPDATE = 18
    DIALOG_LOST = 19


class Action(IntEnum):
    """What a leg does; each is a method of ``caller.Caller``, of ``callee.Callee`` or of both."""

    IGNORE = 0
    REFUSE_COMMAND = 1
    PROGRESS = 2
    CONFIRM = 3
    ACKNOWLEDGE = 4
    AUTHENTICATE = 5
    FAIL = 6
    CANCEL_INVITE = 7
    CANCELLED = 8
    CONFIRM_AND_BYE = 9
    SEND_PROVISIONAL = 10
    ACCEPT = 11
    REFUSE = 12
    REFUSE_UNAVAILABLE = 13
    TERMINATE_INVITE = 14
    ANSWER_BYE_EARLY = 15
    TAKE_ACK = 16
    REPEAT_ANSWER = 17
    BYE_WITHOUT_ACK = 18
    BYE = 19
    ANSWER_BYE = 20
    ANSWER_CROSSING_BYE = 21
    END = 22
    NO_SUCH_CALL = 23
    DEFER_BYE = 24
    TAKE_OFFER = 25
    TAKE_LATER_ACK = 26
    WITHDRAW_OFFER = 27
    REFUSE_SECOND = 28
    REFUSE_PENDING = 29
    TAKE_CHANGE = 30
    BYE_LOST = 31


class Row(NamedTuple):
    """One cell of a table: the action, the state after it, and why."""

    action: Action
    state: State
    why: str


class Table(NamedTuple):
    """A machine: its name, its sections, where it starts, and a row for each (state, input)."""

    name: str
    rfc: str
    initial: State
    states: tuple[State, ...]
    rows: dict[tuple[State, Input], Row]


S, I, A = State, Input, Action  # noqa: E741 - the three axes of the tables below
_COMMANDS_OF_CALLEE = (I.RING, I.ANSWER, I.REJECT)
_UAC_ONLY = (I.PROVISIONAL, I.CHALLENGE, I.REFUSAL)

_AFTER_ANSWER: dict[tuple[State, Input], Row] = {
    (S.CONNECTED, I.HANG_UP): Row(A.BYE, S.ENDING, "s.15.1.1: either end may end a confirmed dialog"),
    (S.CONNECTED, I.BYE): Row(A.ANSWER_BYE, S.ENDED, "s.15.1.2"),
    (S.CONNECTED, I.REINVITE): Row(A.TAKE_OFFER, S.CONNECTED, "s.14.2"),
    (S.CONNECTED, I.ACK): Row(A.TAKE_LATER_ACK, S.CONNECTED, "s.14.2: of our 200 to a re-INVITE"),
    (S.CONNECTED, I.CANCEL): Row(A.WITHDRAW_OFFER, S.CONNECTED, "s.9.2: of a re-INVITE without final response: 487"),
    (S.CONNECTED, I.RETRANSMIT_DUE): Row(A.REPEAT_ANSWER, S.CONNECTED, "s.14.2: the 200 to a re-INVITE, as s.13.3.1.4"),
    (S.CONNECTED, I.ACK_OVERDUE): Row(A.BYE_WITHOUT_ACK, S.ENDING, "s.14.2: a re-INVITE whose ACK never comes: BYE"),
    (S.CONNECTED, I.UPDATE): Row(A.TAKE_CHANGE, S.CONNECTED, "RFC 3311 s.5.2"),
    (S.CONNECTED, I.DIALOG_LOST): Row(A.BYE_LOST, S.ENDING, "s.12.2.1.2, RFC 4028 s.10: the peer is gone: BYE"),
    (S.ENDING, I.UPDATE): Row(A.NO_SUCH_CALL, S.ENDING, "s.15.1.1: the session is over once the BYE is sent"),
    (S.ENDED, I.UPDATE): Row(A.NO_SUCH_CALL, S.ENDED, "s.12.2.2: no such dialog any more, 481"),
    (S.ENDING, I.BYE): Row(A.ANSWER_CROSSING_BYE, S.ENDING, "RFC 5407 s.3.2.1: two BYEs cross, each is answered"),
    (S.ENDING, I.BYE_DONE): Row(A.END, S.ENDED, "s.15.1.1: ended by any final response, a 481, a 408 or silence"),
    (S.ENDING, I.REINVITE): Row(A.NO_SUCH_CALL, S.ENDING, "s.15.1.1: the session is over once the BYE is sent"),
    (S.ENDED, I.BYE): Row(A.NO_SUCH_CALL, S.ENDED, "s.15.1.2: no such dialog any more, 481"),
    (S.ENDED, I.REINVITE): Row(A.NO_SUCH_CALL, S.ENDED, "s.12.2.2: no such dialog any more, 481"),
}

_OWN_INVITE = "s.14.2: our own INVITE is in progress, 491"
_EARLY_UPDATE = "RFC 3311 s.5: an early dialog may be changed, once its first offer has been answered reliably"
_NO_BYE_YET = "s.15: a callee sends no BYE on an early dialog; there is no session to end, 481"

_CALLER = {
    (S.CALLING, I.PROVISIONAL): Row(A.PROGRESS, S.PROCEEDING, "s.13.2.2.1"),
    (S.CALLING, I.SUCCESS): Row(A.CONFIRM, S.CONNECTED, "s.13.2.2.4"),
    (S.CALLING, I.UNREADABLE_SUCCESS): Row(A.CONFIRM_AND_BYE, S.ENDING, "s.13.2.2.4: not acceptable: ACK, then BYE"),
    (S.CALLING, I.CHALLENGE): Row(A.AUTHENTICATE, S.CALLING, "s.22.2: the same request again, with credentials"),
    (S.CALLING, I.REFUSAL): Row(A.FAIL, S.ENDED, "s.13.2.2.3"),
    (S.CALLING, I.LOST): Row(A.FAIL, S.ENDED, "s.8.1.3.1: a timeout is a 408, a transport error a 503"),
    (S.CALLING, I.HANG_UP): Row(A.CANCEL_INVITE, S.CANCELLING, "s.9.1: the CANCEL waits for a provisional response"),
    (S.CALLING, I.BYE): Row(A.NO_SUCH_CALL, S.CALLING, _NO_BYE_YET),
    (S.CALLING, I.REINVITE): Row(A.REFUSE_PENDING, S.CALLING, _OWN_INVITE),
    (S.PROCEEDING, I.PROVISIONAL): Row(A.PROGRESS, S.PROCEEDING, "s.13.2.2.1, perhaps of another early dialog"),
    (S.PROCEEDING, I.SUCCESS): Row(A.CONFIRM, S.CONNECTED, "s.13.2.2.4"),
    (S.PROCEEDING, I.UNREADABLE_SUCCESS): Row(A.CONFIRM_AND_BYE, S.ENDING, "s.13.2.2.4: not acceptable"),
    (S.PROCEEDING, I.CHALLENGE): Row(A.AUTHENTICATE, S.CALLING, "s.22.2: a challenge may follow a 100"),
    (S.PROCEEDING, I.REFUSAL): Row(A.FAIL, S.ENDED, "s.13.2.2.3"),
    (S.PROCEEDING, I.LOST): Row(A.FAIL, S.ENDED, "s.8.1.3.1"),
    (S.PROCEEDING, I.HANG_UP): Row(A.CANCEL_INVITE, S.CANCELLING, "s.9.1"),
    (S.PROCEEDING, I.BYE): Row(A.NO_SUCH_CALL, S.PROCEEDING, _NO_BYE_YET),
    (S.PROCEEDING, I.REINVITE): Row(A.REFUSE_PENDING, S.PROCEEDING, _OWN_INVITE),
    (S.CANCELLING, I.SUCCESS): Row(A.CONFIRM_AND_BYE, S.ENDING, "RFC 5407 s.3.1.2: the 200 crossed the CANCEL"),
    (S.CANCELLING, I.UNREADABLE_SUCCESS): Row(A.CONFIRM_AND_BYE, S.ENDING, "s.9.1: ACK, then BYE"),
    (S.CANCELLING, I.CHALLENGE): Row(A.CANCELLED, S.ENDED, "a challenge is a final response: nothing left to cancel"),
    (S.CANCELLING, I.REFUSAL): Row(A.CANCELLED, S.ENDED, "s.9.1: usually the 487"),
    (S.CANCELLING, I.LOST): Row(A.CANCELLED, S.ENDED, "s.9.1"),
    (S.CANCELLING, I.CANCEL_OVERDUE): Row(A.CANCELLED, S.ENDED, "s.9.1: no final response for 64*T1"),
    (S.CANCELLING, I.BYE): Row(A.NO_SUCH_CALL, S.CANCELLING, _NO_BYE_YET),
    (S.CANCELLING, I.REINVITE): Row(A.REFUSE_PENDING, S.CANCELLING, _OWN_INVITE),
    (S.CALLING, I.UPDATE): Row(A.TAKE_CHANGE, S.CALLING, _EARLY_UPDATE),
    (S.PROCEEDING, I.UPDATE): Row(A.TAKE_CHANGE, S.PROCEEDING, _EARLY_UPDATE),
    (S.CANCELLING, I.UPDATE): Row(A.TAKE_CHANGE, S.CANCELLING, _EARLY_UPDATE),
    (S.CONNECTED, I.SUCCESS): Row(A.ACKNOWLEDGE, S.CONNECTED, "s.13.2.2.4: ACK again; a second branch: ACK and BYE"),
    (S.CONNECTED, I.UNREADABLE_SUCCESS): Row(A.ACKNOWLEDGE, S.CONNECTED, "s.13.2.2.4"),
    (S.ENDING, I.SUCCESS): Row(A.ACKNOWLEDGE, S.ENDING, "s.13.2.2.4: its ACK was lost, the call ends all the same"),
    (S.ENDING, I.UNREADABLE_SUCCESS): Row(A.ACKNOWLEDGE, S.ENDING, "s.13.2.2.4"),
    (S.ENDED, I.SUCCESS): Row(A.ACKNOWLEDGE, S.ENDED, "s.13.2.2.4: the callee repeats until it sees an ACK"),
    (S.ENDED, I.UNREADABLE_SUCCESS): Row(A.ACKNOWLEDGE, S.ENDED, "s.13.2.2.4"),
    **_AFTER_ANSWER,
}

_UNACKNOWLEDGED = "RFC 5407 s.3.1.4, s.3.1.5: the ACK to our 200 is outstanding, 491"

_CALLEE = {
    (S.INCOMING, I.RING): Row(A.SEND_PROVISIONAL, S.INCOMING, "s.13.3.1.1"),
    (S.INCOMING, I.ANSWER): Row(A.ACCEPT, S.ANSWERED, "s.13.3.1.4"),
    (S.INCOMING, I.REJECT): Row(A.REFUSE, S.ENDED, "s.13.3.1.3"),
    (S.INCOMING, I.HANG_UP): Row(A.REFUSE_UNAVAILABLE, S.ENDED, "s.15: no BYE on an early dialog; it refuses"),
    (S.INCOMING, I.CANCEL): Row(A.TERMINATE_INVITE, S.ENDED, "s.9.2: 487 to the INVITE"),
    (S.INCOMING, I.BYE): Row(A.ANSWER_BYE_EARLY, S.ENDED, "s.15: a caller may end an early dialog: 200, and 487"),
    (S.INCOMING, I.LOST): Row(A.FAIL, S.ENDED, "s.17.2.4: the response could not be sent, nobody is there"),
    (S.INCOMING, I.REINVITE): Row(A.REFUSE_SECOND, S.INCOMING, "s.14.2: the first INVITE has no final response: 500"),
    (S.ANSWERED, I.ACK): Row(A.TAKE_ACK, S.CONNECTED, "s.13.3.1.4"),
    (S.ANSWERED, I.RETRANSMIT_DUE): Row(A.REPEAT_ANSWER, S.ANSWERED, "s.13.3.1.4: T1, doubling up to T2"),
    (S.ANSWERED, I.ACK_OVERDUE): Row(A.BYE_WITHOUT_ACK, S.ENDING, "s.13.3.1.4: no ACK for 64*T1, ended with a BYE"),
    (S.ANSWERED, I.HANG_UP): Row(A.DEFER_BYE, S.CLOSING, "s.15: no BYE before the ACK or its deadline"),
    (S.ANSWERED, I.BYE): Row(A.ANSWER_BYE, S.ENDED, "s.15.1.2: the ACK was lost or overtaken"),
    (S.ANSWERED, I.LOST): Row(A.IGNORE, S.ANSWERED, "the answer is repeated until the ACK is overdue"),
    (S.ANSWERED, I.REINVITE): Row(A.REFUSE_PENDING, S.ANSWERED, _UNACKNOWLEDGED),
    (S.INCOMING, I.UPDATE): Row(A.TAKE_CHANGE, S.INCOMING, _EARLY_UPDATE),
    (S.ANSWERED, I.UPDATE): Row(A.TAKE_CHANGE, S.ANSWERED, "RFC 3311 s.5.2: our 200 has answered their offer"),
    (S.CLOSING, I.UPDATE): Row(A.TAKE_CHANGE, S.CLOSING, "RFC 3311 s.5.2"),
    (S.CLOSING, I.ACK): Row(A.BYE, S.ENDING, "s.15"),
    (S.CLOSING, I.RETRANSMIT_DUE): Row(A.REPEAT_ANSWER, S.CLOSING, "s.13.3.1.4"),
    (S.CLOSING, I.ACK_OVERDUE): Row(A.BYE_WITHOUT_ACK, S.ENDING, "s.13.3.1.4"),
    (S.CLOSING, I.BYE): Row(A.ANSWER_BYE, S.ENDED, "s.15.1.2"),
    (S.CLOSING, I.REINVITE): Row(A.REFUSE_PENDING, S.CLOSING, _UNACKNOWLEDGED),
    **_AFTER_ANSWER,
}


def _complete(rows: dict[tuple[State, Input], Row], states: tuple[State, ...]) -> dict[tuple[State, Input], Row]:
    """Define what the RFC leaves out: a command out of place is the caller's error, anything else is ignored."""
    for state in states:
        for given in Input:
            if (state, given) in rows:
                continue
            if given in _COMMANDS_OF_CALLEE:
                rows[state, given] = Row(A.REFUSE_COMMAND, state, "a command that this state does not allow")
            elif given is I.HANG_UP:
                rows[state, given] = Row(A.IGNORE, state, "already ending")
            else:
                rows[state, given] = Row(A.IGNORE, state, _reason(state, given))
    return rows


def _reason(state: State, given: Input) -> str:
    if given in (I.RETRANSMIT_DUE, I.ACK_OVERDUE, I.CANCEL_OVERDUE):
        return "a deadline of a state already left"
    if given in (I.PROVISIONAL, *_UAC_ONLY) and state >= S.CONNECTED:
        return "a provisional or a refusal overtaken by the 200 changes nothing (a forking proxy reorders)"
    if given is I.CANCEL:
        return "s.9.2: a CANCEL after the final response has no effect"
    if given is I.ACK:
        return "an ACK repeated, or overtaken by the end"
    return "cannot arise here, or is late"


_CALLER_STATES = (S.CALLING, S.PROCEEDING, S.CANCELLING, S.CONNECTED, S.ENDING, S.ENDED)
_CALLEE_STATES = (S.INCOMING, S.ANSWERED, S.CLOSING, S.CONNECTED, S.ENDING, S.ENDED)

CALLER = Table(
    "INVITE usage, caller",
    "RFC 3261 s.9.1, s.13.2, s.14, s.15",
    S.CALLING,
    _CALLER_STATES,
    _complete(_CALLER, _CALLER_STATES),
)
CALLEE = Table(
    "INVITE usage, callee",
    "RFC 3261 s.9.2, s.13.3, s.14, s.15",
    S.INCOMING,
    _CALLEE_STATES,
    _complete(_CALLEE, _CALLEE_STATES),
)
ALL = (CALLER, CALLEE)
