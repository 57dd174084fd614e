"""Which leg an INVITE with Replaces takes the place of (RFC 3891 s.3).

Must not know transactions: a request and the legs are given, a status or a leg comes out.
"""

from __future__ import annotations

from voxlab.dialog.sipfrag import replaces_of
from voxlab.dialog.tables import State
from voxlab.elements.admission import Admission
from voxlab.elements.legs import Legs
from voxlab.sip.message import Request

_EARLY = (State.CALLING, State.PROCEEDING, State.INCOMING)


def replaced_leg(request: Request, legs: Legs) -> int | Admission:
    """Return the number of the leg to be replaced, 0 for an ordinary INVITE, or why it is refused.

    Raises
    ------
    SipSyntaxError
        Replaces cannot be read, or there are several.
    """
    replaces = replaces_of(request)
    if replaces is None:
        return 0
    leg = legs.in_dialog(replaces.call_id, replaces.to_tag)
    dialog = leg.session.dialog if leg is not None else None
    if leg is None or dialog is None or dialog.remote_tag != replaces.from_tag:
        return Admission(481, why="Replaces names no dialog of ours (RFC 3891 s.3)")
    state = leg.session.state
    if state in (State.ENDING, State.ENDED, State.CANCELLING, State.CLOSING):
        return Admission(603, why="the dialog to be replaced has ended (RFC 3891 s.3)")
    if replaces.early_only and state not in _EARLY:
        return Admission(486, why="the dialog is confirmed, early-only was asked for (RFC 3891 s.3)")
    if state is State.INCOMING:
        return Admission(481, why="an early dialog that we did not start is not replaced (RFC 3891 s.3)")
    return leg.session.leg
