"""The nuances: what makes telephones and operators misunderstand each other, by the number that faults refer to.

Must not know faults.
"""

from __future__ import annotations

from typing import Final

NUANCES: Final[dict[int, str]] = {
    1: "dialects of numbers",
    2: "who calls: From, P-Asserted-Identity, Privacy",
    3: "who forwarded: Diversion, History-Info",
    4: "STIR Identity",
    5: "180 or 183, and who plays the ringing tone",
    6: "clipped sound, and announcements before a failure",
    7: "reliable provisional responses",
    8: "session timers",
    9: "refreshes by UPDATE or re-INVITE",
    10: "glare",
    11: "codecs that do not meet",
    12: "INVITE without an offer",
    13: "small print of SDP",
    14: "keys (DTMF)",
    15: "NAT and signalling",
    16: "NAT and media",
    17: "SIP ALG",
    18: "keep-alives",
    19: "how long a registration lasts",
    20: "the form of a registration",
    21: "401, 403, 407",
    22: "dialects of digest",
    23: "addresses that a trunk checks",
    24: "a reverse trunk that has gone stale",
    25: "DNS",
    26: "Record-Route and Route",
    27: "Contact, and where ACK and BYE go",
    28: "the ACK that is lost",
    29: "datagrams that are too long",
    30: "TLS and SRTP",
    31: "failover or final answer",
    32: "races of CANCEL",
    33: "transfer",
    34: "T.38 fax",
    35: "loops and spirals",
    36: "the syntax of headers",
    37: "RTP itself",
    38: "headers stripped at the border",
}
"""In the order in which the course and the table list them."""
