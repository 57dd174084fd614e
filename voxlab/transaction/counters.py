"""What a transaction layer dropped or refused: evidence for what leaves no other trace.

RFC 3261 s.18.1.2, RFC 6026 s.7.2 and s.8.3. Must not know why anything was counted.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """Counts since the layer was made.

    Attributes
    ----------
    foreign_responses : int
        Responses whose top Via is not ours (RFC 3261 s.18.1.2).
    stray_responses : int
        Responses to no transaction, other than a 2xx to INVITE (RFC 6026 s.7.2).
    late_responses : int
        Responses of the transaction user to a transaction that had ended (RFC 6026 s.8.3).
    refused_requests : int
        Requests answered with 503 because there were too many transactions.
    unreadable : int
        Messages whose top Via cannot be read.
    """

    foreign_responses: int = 0
    stray_responses: int = 0
    late_responses: int = 0
    refused_requests: int = 0
    unreadable: int = 0
