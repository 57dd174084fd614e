"""The modification of a session as data: what a re-INVITE and an UPDATE mean to either end (RFC 3261 s.14, RFC 3311).

One offer is under way at a time, in either direction. Must not know how an action is carried out: ``renegotiation``
does that. Every (state, input) pair is defined.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class Turn(IntEnum):
    """Whose request to change the session is under way."""

    STABLE = 0
    INVITING = 1
    ANSWER_OWED = 2
    UPDATING = 3
    BACKING_OFF = 4
    INVITED = 5
    UPDATED = 6
    UNACKNOWLEDGED = 7


class Given(IntEnum):
    """What can happen: commands of the owner, messages of the peer, a deadline."""

    INVITE = 0
    UPDATE = 1
    ANSWER = 2
    ACCEPT = 3
    REFUSE = 4
    SUCCESS = 5
    SUCCESS_WITH_OFFER = 6
    GLARE = 7
    REFUSAL = 8
    GONE = 9
    PEER_INVITE = 10
    PEER_UPDATE = 11
    CANCEL = 12
    ACK = 13
    BACK_OFF_OVER = 14


class Deed(IntEnum):
    """What is done; each is a method of ``renegotiation.Renegotiation``."""

    IGNORE = 0
    REFUSE_COMMAND = 1
    SEND_INVITE = 2
    SEND_UPDATE = 3
    SEND_ANSWER = 4
    TELL_ACCEPTED = 5
    CONFIRM_CHANGE = 6
    ASK_FOR_ANSWER = 7
    BACK_OFF = 8
    TELL_REFUSED = 9
    GIVE_UP = 10
    TAKE_INVITE = 11
    TAKE_UPDATE = 12
    REFUSE_SECOND = 13
    REFUSE_PENDING = 14
    ACCEPT_INVITE = 15
    ACCEPT_UPDATE = 16
    REFUSE_OFFER = 17
    WITHDRAW = 18
    TAKE_CHANGE_ACK = 19
    TELL_RETRY = 20
    REPEAT_ACK = 21


class Step(NamedTuple):
    """One cell: the deed, the state after it, and why."""

    deed: Deed
    turn: Turn
    why: str


T, G, D = Turn, Given, Deed
_ONE_AT_A_TIME = "s.14.1: no new re-INVITE while one is in progress in either direction"
_OURS_PENDING = "s.14.2: our own offer has no answer, 491"
_UPDATE_PENDING = "RFC 3311 s.5.2: we made an offer that is not answered yet, 491"
_UPDATE_SECOND = "RFC 3311 s.5.2: an offer of theirs waits for our answer, 500 with Retry-After"
_GONE = "s.12.2.1.2: 481, 408 or silence ends the dialog"
_REPEATED = "s.13.2.2.4: the 2xx again, the ACK again"

STEPS: dict[tuple[Turn, Given], Step] = {
    (T.STABLE, G.INVITE): Step(D.SEND_INVITE, T.INVITING, "s.14.1"),
    (T.STABLE, G.UPDATE): Step(D.SEND_UPDATE, T.UPDATING, "RFC 3311 s.5.1"),
    (T.STABLE, G.PEER_INVITE): Step(D.TAKE_INVITE, T.INVITED, "s.14.2"),
    (T.STABLE, G.PEER_UPDATE): Step(D.TAKE_UPDATE, T.UPDATED, "RFC 3311 s.5.2"),
    (T.STABLE, G.SUCCESS): Step(D.REPEAT_ACK, T.STABLE, _REPEATED),
    (T.STABLE, G.SUCCESS_WITH_OFFER): Step(D.REPEAT_ACK, T.STABLE, _REPEATED),
    (T.STABLE, G.BACK_OFF_OVER): Step(D.TELL_RETRY, T.STABLE, "s.14.1: theirs came first; ours may still be wanted"),
    (T.INVITING, G.SUCCESS): Step(D.CONFIRM_CHANGE, T.STABLE, "s.14.1, s.13.2.2.4"),
    (T.INVITING, G.SUCCESS_WITH_OFFER): Step(D.ASK_FOR_ANSWER, T.ANSWER_OWED, "s.14.1: our re-INVITE had no offer"),
    (T.INVITING, G.GLARE): Step(D.BACK_OFF, T.BACKING_OFF, "s.14.1: glare; again after a time that is not theirs"),
    (T.INVITING, G.REFUSAL): Step(D.TELL_REFUSED, T.STABLE, "s.14.1, RFC 6141 s.3.1: the session stays as it was"),
    (T.INVITING, G.GONE): Step(D.GIVE_UP, T.STABLE, _GONE),
    (T.INVITING, G.PEER_INVITE): Step(D.REFUSE_PENDING, T.INVITING, _OURS_PENDING),
    (T.INVITING, G.PEER_UPDATE): Step(D.REFUSE_PENDING, T.INVITING, _UPDATE_PENDING),
    (T.ANSWER_OWED, G.ANSWER): Step(D.SEND_ANSWER, T.STABLE, "s.14.1: the answer goes into the ACK"),
    (T.ANSWER_OWED, G.PEER_INVITE): Step(D.REFUSE_PENDING, T.ANSWER_OWED, "s.14.2: our INVITE is in progress"),
    (T.ANSWER_OWED, G.PEER_UPDATE): Step(D.REFUSE_SECOND, T.ANSWER_OWED, _UPDATE_SECOND),
    (T.UPDATING, G.SUCCESS): Step(D.TELL_ACCEPTED, T.STABLE, "RFC 3311 s.5.3"),
    (T.UPDATING, G.GLARE): Step(D.BACK_OFF, T.BACKING_OFF, "RFC 3311 s.5.3: a 491 is treated as for a re-INVITE"),
    (T.UPDATING, G.REFUSAL): Step(D.TELL_REFUSED, T.STABLE, "RFC 3311 s.5.3: as if no UPDATE had been sent"),
    (T.UPDATING, G.GONE): Step(D.GIVE_UP, T.STABLE, _GONE),
    (T.UPDATING, G.PEER_INVITE): Step(D.REFUSE_PENDING, T.UPDATING, _OURS_PENDING),
    (T.UPDATING, G.PEER_UPDATE): Step(D.REFUSE_PENDING, T.UPDATING, _UPDATE_PENDING),
    (T.BACKING_OFF, G.BACK_OFF_OVER): Step(D.TELL_RETRY, T.STABLE, "s.14.1: if the change is still wanted"),
    (T.BACKING_OFF, G.INVITE): Step(D.SEND_INVITE, T.INVITING, "the owner has thought better of it"),
    (T.BACKING_OFF, G.UPDATE): Step(D.SEND_UPDATE, T.UPDATING, "the owner has thought better of it"),
    (T.BACKING_OFF, G.PEER_INVITE): Step(D.TAKE_INVITE, T.INVITED, "s.14.1: theirs comes first, that is the point"),
    (T.BACKING_OFF, G.PEER_UPDATE): Step(D.TAKE_UPDATE, T.UPDATED, "theirs comes first"),
    (T.BACKING_OFF, G.SUCCESS): Step(D.REPEAT_ACK, T.BACKING_OFF, _REPEATED),
    (T.BACKING_OFF, G.SUCCESS_WITH_OFFER): Step(D.REPEAT_ACK, T.BACKING_OFF, _REPEATED),
    (T.INVITED, G.ACCEPT): Step(D.ACCEPT_INVITE, T.UNACKNOWLEDGED, "s.14.2"),
    (T.INVITED, G.REFUSE): Step(D.REFUSE_OFFER, T.STABLE, "s.14.2: 488; the session goes on as it was"),
    (T.INVITED, G.CANCEL): Step(D.WITHDRAW, T.STABLE, "s.9.2: 487"),
    (T.INVITED, G.PEER_INVITE): Step(D.REFUSE_SECOND, T.INVITED, "s.14.2: 500 with Retry-After"),
    (T.INVITED, G.PEER_UPDATE): Step(D.REFUSE_SECOND, T.INVITED, _UPDATE_SECOND),
    (T.INVITED, G.BACK_OFF_OVER): Step(D.TELL_RETRY, T.INVITED, "our own change has to wait: the owner is told"),
    (T.INVITED, G.SUCCESS): Step(D.REPEAT_ACK, T.INVITED, _REPEATED),
    (T.INVITED, G.SUCCESS_WITH_OFFER): Step(D.REPEAT_ACK, T.INVITED, _REPEATED),
    (T.UPDATED, G.ACK): Step(D.TAKE_CHANGE_ACK, T.UPDATED, "s.14.2: of the re-INVITE before; the UPDATE still waits"),
    (T.UPDATED, G.ACCEPT): Step(D.ACCEPT_UPDATE, T.STABLE, "RFC 3311 s.5.2"),
    (T.UPDATED, G.REFUSE): Step(D.REFUSE_OFFER, T.STABLE, "RFC 3311 s.5.2: 488"),
    (T.UPDATED, G.CANCEL): Step(D.WITHDRAW, T.STABLE, "the call ends: 487"),
    (T.UPDATED, G.PEER_INVITE): Step(D.REFUSE_SECOND, T.UPDATED, "s.14.2 and RFC 3311 s.5.2"),
    (T.UPDATED, G.PEER_UPDATE): Step(D.REFUSE_SECOND, T.UPDATED, "RFC 3311 s.5.2: a second UPDATE: 500"),
    (T.UPDATED, G.BACK_OFF_OVER): Step(D.TELL_RETRY, T.UPDATED, "our own change has to wait: the owner is told"),
    (T.UPDATED, G.SUCCESS): Step(D.REPEAT_ACK, T.UPDATED, _REPEATED),
    (T.UPDATED, G.SUCCESS_WITH_OFFER): Step(D.REPEAT_ACK, T.UPDATED, _REPEATED),
    (T.UNACKNOWLEDGED, G.ACK): Step(D.TAKE_CHANGE_ACK, T.STABLE, "s.14.2"),
    (T.UNACKNOWLEDGED, G.PEER_INVITE): Step(D.REFUSE_PENDING, T.UNACKNOWLEDGED, "RFC 5407 s.3.1.4: 491"),
    (T.UNACKNOWLEDGED, G.PEER_UPDATE): Step(D.TAKE_UPDATE, T.UPDATED, "RFC 3311 s.5.2: its offer has been answered"),
    (T.UNACKNOWLEDGED, G.SUCCESS): Step(D.REPEAT_ACK, T.UNACKNOWLEDGED, _REPEATED),
    (T.UNACKNOWLEDGED, G.SUCCESS_WITH_OFFER): Step(D.REPEAT_ACK, T.UNACKNOWLEDGED, _REPEATED),
    (T.UNACKNOWLEDGED, G.BACK_OFF_OVER): Step(D.TELL_RETRY, T.UNACKNOWLEDGED, "our own change has to wait"),
}

_REASONS = {
    G.SUCCESS: "a 2xx again, whose ACK waits for the owner's answer",
    G.SUCCESS_WITH_OFFER: "a 2xx again, whose ACK waits for the owner's answer",
    G.CANCEL: "s.9.2: nothing of theirs is under way: no effect",
    G.ACK: "an ACK repeated, or of a 2xx given up",
    G.BACK_OFF_OVER: "the change was asked for again already",
}

for _turn in Turn:
    for _given in (G.INVITE, G.UPDATE, G.ANSWER, G.ACCEPT, G.REFUSE):
        STEPS.setdefault((_turn, _given), Step(D.REFUSE_COMMAND, _turn, _ONE_AT_A_TIME))
    for _given in Given:
        STEPS.setdefault((_turn, _given), Step(D.IGNORE, _turn, _REASONS.get(_given, "late: the call has moved on")))


def back_off_s(draw: int, *, owns_call_id: bool) -> float:
    """Return how long to wait after a 491, in steps of 10 ms (RFC 3261 s.14.1).

    Parameters
    ----------
    draw : int
        A number that the peer cannot have drawn too.
    owns_call_id : bool
        Whether we made the Call-ID: then 2.1 to 4 s, else 0 to 2 s.
    """
    return (210 + draw % 191) / 100 if owns_call_id else (draw % 201) / 100


# -- what a command out of turn hears

BUSY = "the session cannot be changed now, for one offer is made at a time (RFC 3261 s.14.1)"
UNTIMELY = {
    Given.ACCEPT: "no re-INVITE waits for an answer",
    Given.REFUSE: "no re-INVITE waits for an answer",
    Given.ANSWER: "no offer waits for an answer in an ACK",
}
DOING = {
    Turn.STABLE: "nothing is under way",
    Turn.INVITING: "our own re-INVITE waits for its answer",
    Turn.ANSWER_OWED: "their offer in the 200 waits for our answer in the ACK",
    Turn.UPDATING: "our own UPDATE waits for its answer",
    Turn.BACKING_OFF: "our change met theirs and waits for its second try",
    Turn.INVITED: "their re-INVITE waits for our answer",
    Turn.UPDATED: "their UPDATE waits for our answer",
    Turn.UNACKNOWLEDGED: "our 200 to their re-INVITE waits for its ACK",
}
