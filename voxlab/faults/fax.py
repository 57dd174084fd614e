"""Faults around T.38, as far as signalling shows them (ITU-T T.38 annex D, RFC 3362, RFC 3264 s.6).

Must not know devices and wires; no fax is ever sent here.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from voxlab.faults.edits import with_body
from voxlab.faults.fault import Fault, Parameter
from voxlab.faults.treatment import Message, Rewrites, Treatment, is_request

FAULTS = (
    Fault("asks_for_t38", "a change of the call to T.38 is refused with 488, or its image line with port 0",
          ("phone",), "RFC 3264 s.6, RFC 3261 s.14.2", "go on as before: a fax can pass as G.711", 34, "VX-T38-REFUSED",
          (Parameter("lines", "image", "the m= lines that are offered: the fax alone, or beside the voice",
                     ("image", "both")),)),
)  # fmt: skip

_FAX = (
    b"m=image 16500 udptl t38\r\na=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\n"
    b"a=T38FaxRateManagement:transferredTCF\r\na=T38FaxUdpEC:t38UDPRedundancy\r\n"
)


def _asks_for_t38(lines: str) -> Treatment:
    def rewrite(message: Message, data: bytes) -> bytes:
        again = is_request(message, "INVITE") and message.to_tag
        if not again or b"m=audio" not in message.body:
            return data
        kept = message.body if lines == "both" else re.sub(rb"(?s)m=audio.*", b"", message.body)
        return with_body(data, kept + _FAX)

    return Rewrites(rewrite)


TREATMENTS: dict[str, Callable[..., Treatment]] = {"asks_for_t38": _asks_for_t38}
"""What makes the treatment of each fault, from its parameters."""
