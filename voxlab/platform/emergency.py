"""Emergency numbers, which a laboratory must never pretend to connect; RFC 5031 names the service of them all.

Must not know SIP messages.
"""

from __future__ import annotations

NUMBERS = frozenset({"000", "110", "111", "112", "118", "119", "911", "988", "999"})
"""Dial strings that reach help in many countries; none of them is a number of E.164."""

EXPLANATION = "voxlab connects no emergency calls: use a telephone that does"


def is_emergency(destination: str) -> bool:
    """Whether ``destination`` is a dial string or a service URN for help."""
    return destination.lstrip("+") in NUMBERS or destination.lower().startswith("urn:service:sos")
