"""The caller's early dialogs, one per To-tag, each with its own numbers and its own offer and answer (RFC 3262 s.4,
RFC 3261 s.12.1.2, s.13.2.2.4).

Must not know what is sent: ``caller`` sends the PRACKs.
"""

from __future__ import annotations

from voxlab.dialog.dialog import Dialog
from voxlab.dialog.reliability import rseq_of
from voxlab.sip.message import Response

MAX_EARLY = 32


class EarlyDialog:
    """One branch of a fork that has answered provisionally.

    Attributes
    ----------
    dialog : Dialog
    rseq : int
        The number of the last reliable response, 0 before the first.
    described : Response or None
        The reliable response that brought a description: the answer to our offer, or an offer.
    agreed : bool
        Whether offer and answer are complete here, so that a new offer may be made.
    """

    __slots__ = ("agreed", "described", "dialog", "rseq")

    def __init__(self, dialog: Dialog) -> None:
        self.dialog = dialog
        self.rseq = 0
        self.described: Response | None = None
        self.agreed = False

    def takes(self, response: Response) -> bool:
        """Whether a reliable response is the first, or the next in order; a repetition or one too early is dropped
        (RFC 3262 s.4).
        """
        rseq = rseq_of(response)
        if rseq <= 0 or (self.rseq and rseq != self.rseq + 1):
            return False
        self.rseq = rseq
        return True


class EarlyDialogs(dict[str, EarlyDialog]):
    """All early dialogs of one INVITE, by To-tag."""

    def find(self, tag: str, dialog: Dialog) -> EarlyDialog | None:
        """Return the early dialog with this tag, made of ``dialog`` when it is new; None past ``MAX_EARLY``."""
        found = self.get(tag)
        if found is None and len(self) < MAX_EARLY:
            found = self[tag] = EarlyDialog(dialog)
        return found
