"""A phone's behaviour as a table: what one line does when called, picked up, put on hold, hung up on (RFC 3261 s.13.3,
s.15, RFC 5359).

Must not know how an action is carried out: ``phone`` does that. Every (state, input) pair is defined.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class State(IntEnum):
    """What the person in front of the phone would say it is doing.

    ANSWERING is picked up, but not yet connected; HELD is a call that this phone has put on hold; a TRANSFERRING one
    waits to hear how the transfer went.
    """

    IDLE = 0
    DIALLING = 1
    RINGBACK = 2
    RINGING = 3
    TALKING = 4
    RELEASING = 5
    ANSWERING = 6
    HELD = 7
    TRANSFERRING = 8
    TRANSFERRING_HELD = 9


class Input(IntEnum):
    """What can happen to a phone."""

    DIAL = 0
    CALL_IN = 1
    PICK_UP = 2
    DECLINE = 3
    HANG_UP = 4
    PROGRESS = 5
    ANSWERED = 6
    FAILED = 7
    ENDED = 8
    ANSWER_DUE = 9
    PATIENCE_OVER = 10
    HOLD = 11
    RESUME = 12
    CHANGE_REFUSED = 13
    TRANSFER = 14
    TRANSFERRED = 15
    TRANSFER_FAILED = 16


class Action(IntEnum):
    """What a phone does."""

    IGNORE = 0
    START_CALL = 1
    ALERT = 2
    REFUSE_BUSY = 3
    ACCEPT = 4
    DECLINE = 5
    RELEASE = 6
    SHOW_PROGRESS = 7
    START_TALKING = 8
    SHOW_FAILURE = 9
    SHOW_END = 10
    REFUSE_COMMAND = 11
    GIVE_UP = 12
    HOLD = 13
    RESUME = 14
    TRANSFER = 15
    SHOW_TEXT = 16


class Row(NamedTuple):
    """One cell: the action, the state after it, and why."""

    action: Action
    state: State
    why: str


S, I, A = State, Input, Action  # noqa: E741 - the three axes of the table below

ROWS: dict[tuple[State, Input], Row] = {
    (S.IDLE, I.DIAL): Row(A.START_CALL, S.DIALLING, "somebody lifts the receiver and dials"),
    (S.IDLE, I.CALL_IN): Row(A.ALERT, S.RINGING, "s.13.3.1.1: 180 and the bell"),
    (S.DIALLING, I.CALL_IN): Row(A.REFUSE_BUSY, S.DIALLING, "one line, in use: 486 (s.13.3.1.3)"),
    (S.DIALLING, I.PROGRESS): Row(A.SHOW_PROGRESS, S.RINGBACK, "s.13.2.2.1"),
    (S.DIALLING, I.ANSWERED): Row(A.START_TALKING, S.TALKING, "answered without a provisional response"),
    (S.DIALLING, I.FAILED): Row(A.SHOW_FAILURE, S.IDLE, "s.13.2.2.3"),
    (S.DIALLING, I.HANG_UP): Row(A.RELEASE, S.RELEASING, "s.9.1: CANCEL"),
    (S.RINGBACK, I.CALL_IN): Row(A.REFUSE_BUSY, S.RINGBACK, "one line, in use"),
    (S.RINGBACK, I.PROGRESS): Row(A.SHOW_PROGRESS, S.RINGBACK, "180 after 183 and the other way round both occur"),
    (S.RINGBACK, I.ANSWERED): Row(A.START_TALKING, S.TALKING, "s.13.2.2.4"),
    (S.RINGBACK, I.FAILED): Row(A.SHOW_FAILURE, S.IDLE, "s.13.2.2.3"),
    (S.RINGBACK, I.HANG_UP): Row(A.RELEASE, S.RELEASING, "s.9.1: CANCEL"),
    (S.RINGING, I.CALL_IN): Row(A.REFUSE_BUSY, S.RINGING, "one line, in use"),
    (S.RINGING, I.PICK_UP): Row(A.ACCEPT, S.ANSWERING, "200; talking starts with the ACK (s.13.3.1.4)"),
    (S.RINGING, I.ANSWER_DUE): Row(A.ACCEPT, S.ANSWERING, "answer_after is over"),
    (S.RINGING, I.DECLINE): Row(A.DECLINE, S.IDLE, "603 (s.21.6.2)"),
    (S.RINGING, I.HANG_UP): Row(A.RELEASE, S.RELEASING, "refuses the call (s.15: no BYE on an early dialog)"),
    (S.RINGING, I.PATIENCE_OVER): Row(A.GIVE_UP, S.IDLE, "nobody answers: 480 (s.21.4.18)"),
    (S.RINGING, I.FAILED): Row(A.SHOW_FAILURE, S.IDLE, "s.9.2: the caller gave up"),
    (S.RINGING, I.ENDED): Row(A.SHOW_END, S.IDLE, "s.15: hung up by the caller"),
    (S.ANSWERING, I.CALL_IN): Row(A.REFUSE_BUSY, S.ANSWERING, "one line, in use"),
    (S.ANSWERING, I.PICK_UP): Row(A.IGNORE, S.ANSWERING, "it is off the hook already"),
    (S.ANSWERING, I.HANG_UP): Row(A.RELEASE, S.RELEASING, "s.15: BYE once the ACK is there"),
    (S.ANSWERING, I.ANSWERED): Row(A.START_TALKING, S.TALKING, "the ACK arrived"),
    (S.ANSWERING, I.FAILED): Row(A.SHOW_FAILURE, S.IDLE, "the 200 was overtaken by a CANCEL, or could not be sent"),
    (S.ANSWERING, I.ENDED): Row(A.SHOW_END, S.IDLE, "hung up by the caller before its ACK arrived, or no ACK came"),
    (S.TALKING, I.CALL_IN): Row(A.REFUSE_BUSY, S.TALKING, "one line, in use"),
    (S.TALKING, I.HANG_UP): Row(A.RELEASE, S.RELEASING, "s.15.1.1: BYE"),
    (S.TALKING, I.ENDED): Row(A.SHOW_END, S.IDLE, "s.15.1.2"),
    (S.TALKING, I.HOLD): Row(A.HOLD, S.HELD, "RFC 3264 s.8.4: a re-INVITE with sendonly"),
    (S.TALKING, I.CHANGE_REFUSED): Row(A.SHOW_TEXT, S.HELD, "RFC 6141 s.3.1: it could not be resumed"),
    (S.TALKING, I.TRANSFER): Row(A.TRANSFER, S.TRANSFERRING, "RFC 3515: REFER"),
    (S.HELD, I.CALL_IN): Row(A.REFUSE_BUSY, S.HELD, "this line is in use"),
    (S.HELD, I.RESUME): Row(A.RESUME, S.TALKING, "RFC 3264 s.8.4: sendrecv again"),
    (S.HELD, I.CHANGE_REFUSED): Row(A.SHOW_TEXT, S.TALKING, "RFC 6141 s.3.1: the session stays as it was"),
    (S.HELD, I.TRANSFER): Row(A.TRANSFER, S.TRANSFERRING_HELD, "RFC 5589 s.6: REFER while held"),
    (S.HELD, I.HANG_UP): Row(A.RELEASE, S.RELEASING, "s.15.1.1: BYE"),
    (S.HELD, I.ENDED): Row(A.SHOW_END, S.IDLE, "s.15.1.2: the held party has had enough"),
    (S.TRANSFERRING, I.CALL_IN): Row(A.REFUSE_BUSY, S.TRANSFERRING, "this line is in use"),
    (S.TRANSFERRING, I.TRANSFERRED): Row(A.RELEASE, S.RELEASING, "RFC 5589 s.6.1: the transferor hangs up"),
    (S.TRANSFERRING, I.TRANSFER_FAILED): Row(A.SHOW_TEXT, S.TALKING, "RFC 5589 s.6.2: the first call goes on"),
    (S.TRANSFERRING, I.HANG_UP): Row(A.RELEASE, S.RELEASING, "it does not want to know how it went"),
    (S.TRANSFERRING, I.ENDED): Row(A.SHOW_END, S.IDLE, "RFC 5589 s.6.1: the transferee may hang up first"),
    (S.TRANSFERRING_HELD, I.CALL_IN): Row(A.REFUSE_BUSY, S.TRANSFERRING_HELD, "this line is in use"),
    (S.TRANSFERRING_HELD, I.TRANSFERRED): Row(A.RELEASE, S.RELEASING, "RFC 5589 s.6.1: the transferor hangs up"),
    (S.TRANSFERRING_HELD, I.TRANSFER_FAILED): Row(A.SHOW_TEXT, S.HELD, "RFC 5589 s.6.2: it is still on hold"),
    (S.TRANSFERRING_HELD, I.HANG_UP): Row(A.RELEASE, S.RELEASING, "it does not want to know how it went"),
    (S.TRANSFERRING_HELD, I.ENDED): Row(A.SHOW_END, S.IDLE, "RFC 5589 s.6.1"),
    (S.RELEASING, I.CALL_IN): Row(A.REFUSE_BUSY, S.RELEASING, "the line is free when the other end has confirmed"),
    (S.RELEASING, I.FAILED): Row(A.SHOW_FAILURE, S.IDLE, "the 487 to our CANCEL"),
    (S.RELEASING, I.ENDED): Row(A.SHOW_END, S.IDLE, "the BYE was answered, or a 200 crossed our CANCEL"),
    (S.RELEASING, I.ANSWERED): Row(A.IGNORE, S.RELEASING, "a 200 crossed our CANCEL: the session ends it by itself"),
}

for _state in State:
    ROWS.setdefault((_state, I.DIAL), Row(A.REFUSE_COMMAND, _state, "the line is in use"))
    for _given in (I.HOLD, I.RESUME, I.TRANSFER):
        ROWS.setdefault((_state, _given), Row(A.REFUSE_COMMAND, _state, "there is no call to do that with"))
    for _given in (I.PICK_UP, I.DECLINE):
        ROWS.setdefault((_state, _given), Row(A.REFUSE_COMMAND, _state, "nobody is calling"))
    for _given in Input:
        ROWS.setdefault((_state, _given), Row(A.IGNORE, _state, "late, or of a call that is over"))
