"""The four transaction machines as data: what a machine in a state does with an input, and which RFC says so where.

RFC 3261 s.17.1.1, s.17.1.2, s.17.2.1, s.17.2.2 and s.9.1; RFC 6026 (the Accepted state; transport errors of a server);
RFC 4320 (100 to a non-INVITE request). Pictures are drawn from here, too. Must not know how an action is carried out.
"""

from __future__ import annotations

from voxlab.transaction.table import Action, Input, Row, Rows, State, Table, Transition

__all__ = [
    "ALL",
    "INVITE_CLIENT",
    "INVITE_SERVER",
    "NON_INVITE_CLIENT",
    "NON_INVITE_SERVER",
    "Action",
    "Input",
    "Row",
    "State",
    "Table",
    "Transition",
]

CALLING, TRYING, PROCEEDING, COMPLETED, CONFIRMED, ACCEPTED, TERMINATED = State
_STOPPED = "the timer was stopped when the state was left in which it runs"
_NOT_STARTED = "the timer is not started before a later state"
_NOTHING_SENT = "nothing of this transaction is on its way in this state"


def _ignored(state: State, why: str, *inputs: Input) -> Rows:
    return {(state, given): Row((), state, why) for given in inputs}


def _terminated(*inputs: Input) -> Rows:
    return _ignored(
        State.TERMINATED,
        "RFC 3261 s.17: a machine is destroyed the instant it enters Terminated; nothing can reach it",
        *inputs,
    )


INVITE_CLIENT = Table(
    name="INVITE client",
    rfc="RFC 3261 s.17.1.1, s.9.1; RFC 6026 s.8.4, Figure 5",
    initial=CALLING,
    entry=(Action.SEND_REQUEST, Action.START_A, Action.START_B),
    rows={
        (CALLING, Input.PROVISIONAL): Row(
            (Action.STOP_A, Action.STOP_B, Action.PASS_RESPONSE, Action.RELEASE_CANCEL),
            PROCEEDING,
            "s.17.1.1.2: a provisional ends retransmissions; s.9.1: a CANCEL that waited for it may go",
        ),
        (CALLING, Input.SUCCESS): Row(
            (Action.STOP_A, Action.PASS_RESPONSE, Action.DROP_CANCEL, Action.START_M),
            ACCEPTED,
            "RFC 6026 s.7.2: the TU makes the ACK; wait 64*T1 for more 2xx",
        ),
        (CALLING, Input.FAILURE): Row(
            (Action.STOP_A, Action.SEND_ACK, Action.PASS_RESPONSE, Action.DROP_CANCEL, Action.START_D),
            COMPLETED,
            "s.17.1.1.2: the machine makes the ACK, on all transports; s.9.1: a CANCEL would have no effect now",
        ),
        (CALLING, Input.CANCEL): Row(
            (Action.HOLD_CANCEL,), CALLING, "s.9.1: without a provisional the CANCEL MUST NOT be sent: it waits"
        ),
        (CALLING, Input.TIMER_A): Row(
            (Action.SEND_REQUEST, Action.DOUBLE_A), CALLING, "s.17.1.1.2: intervals that double after each transmission"
        ),
        (CALLING, Input.TIMER_B): Row(
            (Action.INFORM_TIMEOUT, Action.DROP_CANCEL), TERMINATED, "s.17.1.1.2: inform the TU of the timeout; no ACK"
        ),
        (CALLING, Input.TRANSPORT_ERROR): Row(
            (Action.INFORM_TRANSPORT, Action.DROP_CANCEL), TERMINATED, "s.17.1.4: inform the TU and terminate"
        ),
        **_ignored(CALLING, _NOT_STARTED, Input.TIMER_D, Input.TIMER_M, Input.CANCELLED),
        (PROCEEDING, Input.PROVISIONAL): Row(
            (Action.PASS_RESPONSE,), PROCEEDING, "s.17.1.1.2: any further provisional goes to the TU"
        ),
        (PROCEEDING, Input.SUCCESS): Row(
            (Action.PASS_RESPONSE, Action.START_M), ACCEPTED, "RFC 6026 s.7.2: as in Calling"
        ),
        (PROCEEDING, Input.FAILURE): Row(
            (Action.SEND_ACK, Action.PASS_RESPONSE, Action.START_D), COMPLETED, "s.17.1.1.2: as in Calling"
        ),
        (PROCEEDING, Input.CANCEL): Row(
            (Action.SEND_CANCEL, Action.START_CANCELLED),
            PROCEEDING,
            "s.9.1: the CANCEL is a transaction of its own, on the path of its INVITE",
        ),
        (PROCEEDING, Input.CANCELLED): Row(
            (Action.INFORM_TIMEOUT,),
            TERMINATED,
            "s.9.1: no final response 64*T1 after the CANCEL: the INVITE counts as cancelled",
        ),
        **_ignored(PROCEEDING, _STOPPED, Input.TIMER_A, Input.TIMER_B),
        **_ignored(PROCEEDING, _NOT_STARTED, Input.TIMER_D, Input.TIMER_M),
        **_ignored(PROCEEDING, "Figure 5 draws none: the INVITE has arrived", Input.TRANSPORT_ERROR),
        (COMPLETED, Input.FAILURE): Row(
            (Action.SEND_ACK,), COMPLETED, "s.17.1.1.2: a retransmission gets the ACK again and does not reach the TU"
        ),
        (COMPLETED, Input.SUCCESS): Row(
            (Action.PASS_STRAY,),
            COMPLETED,
            "the RFCs are silent: a branch of a fork that accepted after all waits for an ACK, which is the TU's",
        ),
        (COMPLETED, Input.TIMER_D): Row((), TERMINATED, "s.17.1.1.2: Timer D fires"),
        (COMPLETED, Input.TRANSPORT_ERROR): Row(
            (Action.INFORM_TRANSPORT,), TERMINATED, "Figure 5: the ACK could not be sent"
        ),
        **_ignored(COMPLETED, "a provisional that a final response overtook says nothing new", Input.PROVISIONAL),
        **_ignored(COMPLETED, "s.9.1: CANCEL has no effect after a final response", Input.CANCEL),
        **_ignored(COMPLETED, _STOPPED, Input.TIMER_A, Input.TIMER_B, Input.CANCELLED),
        **_ignored(COMPLETED, "Timer M belongs to Accepted", Input.TIMER_M),
        (ACCEPTED, Input.SUCCESS): Row(
            (Action.PASS_RESPONSE,),
            ACCEPTED,
            "RFC 6026 s.7.2: every 2xx goes to the TU, retransmitted or from another branch",
        ),
        (ACCEPTED, Input.TIMER_M): Row((), TERMINATED, "RFC 6026 s.7.2: Timer M fires"),
        **_ignored(
            ACCEPTED, "RFC 6026 s.7.2 passes on 2xx only; the call is answered", Input.PROVISIONAL, Input.FAILURE
        ),
        **_ignored(ACCEPTED, "s.9.1: CANCEL has no effect after a final response; BYE ends the call", Input.CANCEL),
        **_ignored(ACCEPTED, _STOPPED, Input.TIMER_A, Input.TIMER_B, Input.CANCELLED),
        **_ignored(ACCEPTED, "Timer D belongs to Completed", Input.TIMER_D),
        **_ignored(ACCEPTED, _NOTHING_SENT + ": the ACK is the TU's", Input.TRANSPORT_ERROR),
        **_terminated(
            Input.PROVISIONAL,
            Input.SUCCESS,
            Input.FAILURE,
            Input.CANCEL,
            Input.TIMER_A,
            Input.TIMER_B,
            Input.TIMER_D,
            Input.TIMER_M,
            Input.CANCELLED,
            Input.TRANSPORT_ERROR,
        ),
    },
)

NON_INVITE_CLIENT = Table(
    name="non-INVITE client",
    rfc="RFC 3261 s.17.1.2, Figure 6",
    initial=TRYING,
    entry=(Action.SEND_REQUEST, Action.START_E, Action.START_F),
    rows={
        (TRYING, Input.PROVISIONAL): Row(
            (Action.PASS_RESPONSE,), PROCEEDING, "s.17.1.2.2: Timer E runs on, and is reset to T2 from now"
        ),
        (TRYING, Input.SUCCESS): Row(
            (Action.STOP_E, Action.PASS_RESPONSE, Action.START_K), COMPLETED, "s.17.1.2.2: a final response"
        ),
        (TRYING, Input.FAILURE): Row(
            (Action.STOP_E, Action.PASS_RESPONSE, Action.START_K), COMPLETED, "s.17.1.2.2: a final response"
        ),
        (TRYING, Input.TIMER_E): Row(
            (Action.SEND_REQUEST, Action.DOUBLE_E), TRYING, "s.17.1.2.2: intervals double and stop growing at T2"
        ),
        (TRYING, Input.TIMER_F): Row((Action.INFORM_TIMEOUT,), TERMINATED, "s.17.1.2.2: inform the TU of the timeout"),
        (TRYING, Input.TRANSPORT_ERROR): Row(
            (Action.INFORM_TRANSPORT,), TERMINATED, "s.17.1.4: inform the TU and terminate"
        ),
        **_ignored(TRYING, _NOT_STARTED, Input.TIMER_K),
        (PROCEEDING, Input.PROVISIONAL): Row((Action.PASS_RESPONSE,), PROCEEDING, "Figure 6: 1xx to the TU"),
        (PROCEEDING, Input.SUCCESS): Row(
            (Action.STOP_E, Action.PASS_RESPONSE, Action.START_K), COMPLETED, "s.17.1.2.2: a final response"
        ),
        (PROCEEDING, Input.FAILURE): Row(
            (Action.STOP_E, Action.PASS_RESPONSE, Action.START_K), COMPLETED, "s.17.1.2.2: a final response"
        ),
        (PROCEEDING, Input.TIMER_E): Row(
            (Action.SEND_REQUEST, Action.CAP_E), PROCEEDING, "s.17.1.2.2: retransmissions go on, every T2"
        ),
        (PROCEEDING, Input.TIMER_F): Row(
            (Action.INFORM_TIMEOUT,), TERMINATED, "s.17.1.2.2: a provisional does not stop Timer F"
        ),
        (PROCEEDING, Input.TRANSPORT_ERROR): Row(
            (Action.INFORM_TRANSPORT,), TERMINATED, "Figure 6: Transport Err., inform TU"
        ),
        **_ignored(PROCEEDING, _NOT_STARTED, Input.TIMER_K),
        (COMPLETED, Input.TIMER_K): Row((), TERMINATED, "s.17.1.2.2: Timer K fires"),
        **_ignored(
            COMPLETED,
            "s.17.1.2.2: Completed buffers retransmitted responses; one final response goes to the TU",
            Input.PROVISIONAL,
            Input.SUCCESS,
            Input.FAILURE,
        ),
        **_ignored(COMPLETED, _STOPPED, Input.TIMER_E, Input.TIMER_F),
        **_ignored(COMPLETED, _NOTHING_SENT, Input.TRANSPORT_ERROR),
        **_terminated(
            Input.PROVISIONAL,
            Input.SUCCESS,
            Input.FAILURE,
            Input.TIMER_E,
            Input.TIMER_F,
            Input.TIMER_K,
            Input.TRANSPORT_ERROR,
        ),
    },
)

INVITE_SERVER = Table(
    name="INVITE server",
    rfc="RFC 3261 s.17.2.1; RFC 6026 s.7.1, s.8.6, Figure 7",
    initial=PROCEEDING,
    entry=(Action.START_TRYING,),
    rows={
        (PROCEEDING, Input.REQUEST): Row(
            (Action.RESEND_RESPONSE,), PROCEEDING, "s.17.2.1: the most recent provisional, if there is one"
        ),
        (PROCEEDING, Input.TRYING_DUE): Row(
            (Action.SEND_TRYING,), PROCEEDING, "s.17.2.1: 100 if the TU does not answer in 200 ms"
        ),
        (PROCEEDING, Input.SEND_PROVISIONAL): Row(
            (Action.STOP_TRYING, Action.SEND_RESPONSE), PROCEEDING, "s.17.2.1: sent, not retransmitted"
        ),
        (PROCEEDING, Input.SEND_SUCCESS): Row(
            (Action.STOP_TRYING, Action.SEND_RESPONSE, Action.START_L),
            ACCEPTED,
            "RFC 6026 s.7.1: absorb retransmitted INVITEs for 64*T1",
        ),
        (PROCEEDING, Input.SEND_FAILURE): Row(
            (Action.SEND_RESPONSE, Action.START_G, Action.START_H),
            COMPLETED,
            "s.17.2.1: Timer G only on unreliable transports, H on all",
        ),
        (PROCEEDING, Input.TRANSPORT_ERROR): Row(
            (Action.INFORM_TRANSPORT,), PROCEEDING, "RFC 6026 s.7.1: state is not discarded on a transport error"
        ),
        **_ignored(PROCEEDING, "no final response was sent that an ACK could be for", Input.ACK),
        **_ignored(PROCEEDING, _NOT_STARTED, Input.TIMER_G, Input.TIMER_H, Input.TIMER_I, Input.TIMER_L),
        (COMPLETED, Input.REQUEST): Row((Action.RESEND_RESPONSE,), COMPLETED, "s.17.2.1: the final response again"),
        (COMPLETED, Input.ACK): Row(
            (Action.STOP_G, Action.START_I), CONFIRMED, "s.17.2.1: retransmissions of the response cease"
        ),
        (COMPLETED, Input.TIMER_G): Row(
            (Action.RESEND_RESPONSE, Action.DOUBLE_G), COMPLETED, "s.17.2.1: intervals double and stop growing at T2"
        ),
        (COMPLETED, Input.TIMER_H): Row((Action.INFORM_TIMEOUT,), TERMINATED, "s.17.2.1: the ACK was never received"),
        (COMPLETED, Input.TRANSPORT_ERROR): Row(
            (Action.INFORM_TRANSPORT,), COMPLETED, "RFC 6026 s.7.1: state is not discarded on a transport error"
        ),
        **_ignored(
            COMPLETED,
            "a final response was sent: the transaction has its answer",
            Input.SEND_PROVISIONAL,
            Input.SEND_SUCCESS,
            Input.SEND_FAILURE,
        ),
        **_ignored(COMPLETED, _STOPPED, Input.TRYING_DUE),
        **_ignored(COMPLETED, "the timer belongs to Confirmed or Accepted", Input.TIMER_I, Input.TIMER_L),
        (CONFIRMED, Input.TIMER_I): Row((), TERMINATED, "s.17.2.1: Timer I fires"),
        **_ignored(CONFIRMED, "s.17.2.1: Confirmed absorbs further ACKs", Input.ACK),
        **_ignored(CONFIRMED, "a late copy of the INVITE: its final response was acknowledged", Input.REQUEST),
        **_ignored(
            CONFIRMED,
            "a final response was sent: the transaction has its answer",
            Input.SEND_PROVISIONAL,
            Input.SEND_SUCCESS,
            Input.SEND_FAILURE,
        ),
        **_ignored(CONFIRMED, _STOPPED, Input.TRYING_DUE, Input.TIMER_G, Input.TIMER_H),
        **_ignored(CONFIRMED, "Timer L belongs to Accepted", Input.TIMER_L),
        **_ignored(CONFIRMED, _NOTHING_SENT, Input.TRANSPORT_ERROR),
        (ACCEPTED, Input.ACK): Row(
            (Action.PASS_ACK,), ACCEPTED, "RFC 6026 s.7.1: any ACK goes to the TU; it stops the 2xx"
        ),
        (ACCEPTED, Input.SEND_SUCCESS): Row(
            (Action.SEND_RESPONSE,), ACCEPTED, "RFC 6026 s.7.1: the TU retransmits its 2xx through here"
        ),
        (ACCEPTED, Input.TIMER_L): Row((), TERMINATED, "RFC 6026 s.7.1: Timer L fires"),
        (ACCEPTED, Input.TRANSPORT_ERROR): Row(
            (Action.INFORM_TRANSPORT,), ACCEPTED, "RFC 6026 Figure 7: inform TU, stay"
        ),
        **_ignored(ACCEPTED, "RFC 6026 s.7.1: absorbed; the TU retransmits the 2xx, not the machine", Input.REQUEST),
        **_ignored(
            ACCEPTED,
            "RFC 6026 s.7.1 lets only 2xx through; the call is answered",
            Input.SEND_PROVISIONAL,
            Input.SEND_FAILURE,
        ),
        **_ignored(ACCEPTED, _STOPPED, Input.TRYING_DUE),
        **_ignored(
            ACCEPTED, "the timer belongs to Completed or Confirmed", Input.TIMER_G, Input.TIMER_H, Input.TIMER_I
        ),
        **_terminated(
            Input.REQUEST,
            Input.ACK,
            Input.SEND_PROVISIONAL,
            Input.SEND_SUCCESS,
            Input.SEND_FAILURE,
            Input.TRYING_DUE,
            Input.TIMER_G,
            Input.TIMER_H,
            Input.TIMER_I,
            Input.TIMER_L,
            Input.TRANSPORT_ERROR,
        ),
    },
)

NON_INVITE_SERVER = Table(
    name="non-INVITE server",
    rfc="RFC 3261 s.17.2.2, Figure 8; RFC 4320 s.4; RFC 6026 s.8.8",
    initial=TRYING,
    entry=(Action.START_TRYING, Action.START_ABANDONED),
    rows={
        (TRYING, Input.SEND_PROVISIONAL): Row(
            (Action.STOP_TRYING, Action.SEND_RESPONSE), PROCEEDING, "s.17.2.2; RFC 4320 s.4.1: it can only be 100"
        ),
        (TRYING, Input.TRYING_DUE): Row(
            (Action.SEND_TRYING,),
            PROCEEDING,
            "RFC 4320 s.4.1: 100 when a client's Timer E is reset to T2, on any transport",
        ),
        (TRYING, Input.SEND_SUCCESS): Row(
            (Action.STOP_TRYING, Action.SEND_RESPONSE, Action.START_J), COMPLETED, "Figure 8: 200-699 from TU"
        ),
        (TRYING, Input.SEND_FAILURE): Row(
            (Action.STOP_TRYING, Action.SEND_RESPONSE, Action.START_J), COMPLETED, "Figure 8: 200-699 from TU"
        ),
        (TRYING, Input.ABANDONED): Row(
            (), TERMINATED, "RFC 4320 s.4.2: who cannot answer before the client gave up does not answer at all"
        ),
        **_ignored(
            TRYING, "s.17.2.2: retransmissions are discarded until there is a response to repeat", Input.REQUEST
        ),
        **_ignored(TRYING, _NOT_STARTED, Input.TIMER_J),
        **_ignored(TRYING, _NOTHING_SENT, Input.TRANSPORT_ERROR),
        (PROCEEDING, Input.REQUEST): Row(
            (Action.RESEND_RESPONSE,), PROCEEDING, "s.17.2.2: the most recently sent provisional"
        ),
        (PROCEEDING, Input.SEND_PROVISIONAL): Row(
            (Action.SEND_RESPONSE,), PROCEEDING, "s.17.2.2: passed to the transport"
        ),
        (PROCEEDING, Input.SEND_SUCCESS): Row(
            (Action.SEND_RESPONSE, Action.START_J), COMPLETED, "s.17.2.2: a final response"
        ),
        (PROCEEDING, Input.SEND_FAILURE): Row(
            (Action.SEND_RESPONSE, Action.START_J), COMPLETED, "s.17.2.2: a final response"
        ),
        (PROCEEDING, Input.ABANDONED): Row(
            (), TERMINATED, "RFC 4320 s.4.2: a provisional does not stop the client's Timer F"
        ),
        (PROCEEDING, Input.TRANSPORT_ERROR): Row(
            (Action.INFORM_TRANSPORT,),
            PROCEEDING,
            "RFC 6026 s.8.8 replaces s.17.2.4: a server transaction MUST remain; Figure 8 still shows the old arrow",
        ),
        **_ignored(PROCEEDING, _STOPPED, Input.TRYING_DUE),
        **_ignored(PROCEEDING, _NOT_STARTED, Input.TIMER_J),
        (COMPLETED, Input.REQUEST): Row(
            (Action.RESEND_RESPONSE,), COMPLETED, "s.17.2.2: the final response again, for every retransmission"
        ),
        (COMPLETED, Input.TIMER_J): Row((), TERMINATED, "s.17.2.2: Timer J fires"),
        (COMPLETED, Input.TRANSPORT_ERROR): Row(
            (Action.INFORM_TRANSPORT,),
            COMPLETED,
            "RFC 6026 s.8.8 replaces s.17.2.4: a server transaction MUST remain; Figure 8 still shows the old arrow",
        ),
        **_ignored(
            COMPLETED, "s.17.2.2: any other final response MUST be discarded", Input.SEND_SUCCESS, Input.SEND_FAILURE
        ),
        **_ignored(COMPLETED, "a final response was sent: the transaction has its answer", Input.SEND_PROVISIONAL),
        **_ignored(COMPLETED, _STOPPED, Input.TRYING_DUE, Input.ABANDONED),
        **_terminated(
            Input.REQUEST,
            Input.SEND_PROVISIONAL,
            Input.SEND_SUCCESS,
            Input.SEND_FAILURE,
            Input.TRYING_DUE,
            Input.TIMER_J,
            Input.ABANDONED,
            Input.TRANSPORT_ERROR,
        ),
    },
)

ALL = (INVITE_CLIENT, NON_INVITE_CLIENT, INVITE_SERVER, NON_INVITE_SERVER)
