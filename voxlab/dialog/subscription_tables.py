"""Subscriptions as data: the subscriber's and the notifier's machine (RFC 6665 s.4.1.2 figure, s.4.2.2 figure).

A REFER makes one too (RFC 3515 s.2.4.4). Must not know how an action is carried out: ``subscription`` and ``referral``
do that. Every (state, input) pair is defined.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class State(IntEnum):
    """Where a subscription stands, from either end."""

    NOTIFY_WAIT = 0
    PENDING = 1
    ACTIVE = 2
    TERMINATED = 3


class Input(IntEnum):
    """What can happen to a subscription."""

    ACCEPTED = 0
    REFUSED = 1
    NOTIFY_PENDING = 2
    NOTIFY_ACTIVE = 3
    NOTIFY_TERMINATED = 4
    NOTIFY_OVERDUE = 5
    REFRESH_DUE = 6
    EXPIRED = 7
    UNSUBSCRIBE = 8
    SUBSCRIBE = 9
    CHANGE = 10
    CLOSE = 11
    NOTIFY_REFUSED = 12


class Action(IntEnum):
    """What a subscriber or a notifier does."""

    IGNORE = 0
    TAKE_STATE = 1
    TELL_ENDED = 2
    TELL_REFUSED = 3
    GIVE_UP = 4
    REFRESH = 5
    UNSUBSCRIBE = 6
    NO_SUCH = 7
    RENEW = 8
    NOTIFY = 9
    NOTIFY_LAST = 10
    NOTIFY_EXPIRED = 11
    FORGET = 12


class Row(NamedTuple):
    """One cell: the action, the state after it, and why."""

    action: Action
    state: State
    why: str


S, I, A = State, Input, Action  # noqa: E741 - the three axes of the tables below

SUBSCRIBER: dict[tuple[State, Input], Row] = {
    (S.NOTIFY_WAIT, I.REFUSED): Row(A.TELL_REFUSED, S.TERMINATED, "s.4.1.2.1: a non-2xx ends the attempt"),
    (S.NOTIFY_WAIT, I.NOTIFY_OVERDUE): Row(A.GIVE_UP, S.TERMINATED, "s.4.1.2.4: timer N, 64*T1 without a NOTIFY"),
    (S.TERMINATED, I.NOTIFY_PENDING): Row(A.NO_SUCH, S.TERMINATED, "s.4.1.3: no such subscription: 481"),
    (S.TERMINATED, I.NOTIFY_ACTIVE): Row(A.NO_SUCH, S.TERMINATED, "s.4.1.3: no such subscription: 481"),
    (S.TERMINATED, I.NOTIFY_TERMINATED): Row(A.NO_SUCH, S.TERMINATED, "s.4.1.3: no such subscription: 481"),
}
for _state in (S.NOTIFY_WAIT, S.PENDING, S.ACTIVE):
    SUBSCRIBER[_state, I.NOTIFY_PENDING] = Row(A.TAKE_STATE, S.PENDING, "s.4.1.3: it waits for somebody's consent")
    SUBSCRIBER[_state, I.NOTIFY_ACTIVE] = Row(A.TAKE_STATE, S.ACTIVE, "s.4.1.2.4: the NOTIFY makes it stand")
    SUBSCRIBER[_state, I.NOTIFY_TERMINATED] = Row(A.TELL_ENDED, S.TERMINATED, "s.4.1.3: the notifier ends it")
    SUBSCRIBER[_state, I.UNSUBSCRIBE] = Row(A.UNSUBSCRIBE, _state, "s.4.1.2.3: Expires 0; the last NOTIFY ends it")
for _state in (S.PENDING, S.ACTIVE):
    SUBSCRIBER[_state, I.REFUSED] = Row(A.TELL_REFUSED, S.TERMINATED, "s.4.1.2.2: a refresh refused ends it")
    SUBSCRIBER[_state, I.REFRESH_DUE] = Row(A.REFRESH, _state, "s.4.1.2.2: before it expires")
    SUBSCRIBER[_state, I.EXPIRED] = Row(A.GIVE_UP, S.TERMINATED, "s.4.1.2.2: nobody refreshed it in time")
    SUBSCRIBER[_state, I.NOTIFY_OVERDUE] = Row(A.GIVE_UP, S.TERMINATED, "s.4.1.2.3: no last NOTIFY for 64*T1")

NOTIFIER: dict[tuple[State, Input], Row] = {
    (S.TERMINATED, I.SUBSCRIBE): Row(A.NO_SUCH, S.TERMINATED, "s.4.2.1: no such subscription any more: 481"),
}
for _state in (S.NOTIFY_WAIT, S.PENDING, S.ACTIVE):
    _after = S.ACTIVE if _state is S.NOTIFY_WAIT else _state
    NOTIFIER[_state, I.SUBSCRIBE] = Row(A.RENEW, _after, "s.4.2.1.2: 200, and a NOTIFY at once")
    NOTIFIER[_state, I.UNSUBSCRIBE] = Row(A.NOTIFY_EXPIRED, S.TERMINATED, "s.4.2.1.4: Expires 0: a last NOTIFY")
    NOTIFIER[_state, I.CHANGE] = Row(A.NOTIFY, S.ACTIVE, "s.4.2.2: the state has changed")
    NOTIFIER[_state, I.CLOSE] = Row(A.NOTIFY_LAST, S.TERMINATED, "s.4.2.2: nothing more will come")
    NOTIFIER[_state, I.EXPIRED] = Row(A.NOTIFY_EXPIRED, S.TERMINATED, "s.4.2.1.4: terminated, reason timeout")
    NOTIFIER[_state, I.NOTIFY_REFUSED] = Row(A.FORGET, S.TERMINATED, "s.4.2.2: a 481, or no answer, removes it")


def _complete(rows: dict[tuple[State, Input], Row]) -> None:
    for state in State:
        for given in Input:
            why = "late: it is over" if state is S.TERMINATED else "says nothing new here"
            rows.setdefault((state, given), Row(A.IGNORE, state, why))


_complete(SUBSCRIBER)
_complete(NOTIFIER)
