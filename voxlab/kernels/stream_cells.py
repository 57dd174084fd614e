"""The cells in which the state of one received RTP stream is kept between packets: places in an array, and bounds.

Must not know what is done with them.
"""

from __future__ import annotations

from typing import Final

RTP_SEQ_MOD: Final = 1 << 16
MAX_DROPOUT: Final = 3000
MAX_MISORDER: Final = 100
WINDOW: Final = 128
"""Slots that remember recent extended sequence numbers, each as ``2 * number + late``.

A.1 takes nothing older than `MAX_MISORDER`, so 128 find every duplicate.
"""

NS: Final = 1_000_000_000
PLAYOUT_NS: Final = 60_000_000
"""What a listener's buffer is taken to hold back: a packet that comes more than this behind its place, as the first
packet of its talkspurt set it, is late and was not heard.
"""
REFILL: Final = 5
"""After so many late packets in a row the buffer has run dry and fills anew: the path has become longer."""
GMIN: Final = 16
"""Packets in a row that must come between two losses for these not to be one burst (RFC 3611 s.4.7.2)."""
INVALID: Final = -(1 << 62)
LAG_BOUND: Final = 1 << 60

# Cells of the counters, int64. Extended sequence numbers never repeat, across restarts either.
STARTED: Final = 0
RECEIVED: Final = 1  # valid packets, duplicates among them
DUPLICATES: Final = 2
REORDERED: Final = 3  # came after a higher number, and for the first time
DISCARDED: Final = 4  # a jump in sequence that the next packet did not confirm (A.1)
RESTARTS: Final = 5  # a jump that it did confirm: a new segment
GAPS: Final = 6  # times that numbers were skipped
HIGHEST: Final = 7  # extended; of this segment, as the next two
LOWEST: Final = 8
BASE: Final = 9  # A.1's base_seq: the number that came first, not the lowest
AWAITED: Final = 10  # A.1's bad_seq: the number that would confirm a jump, -1 for none
EXPECTED_BEFORE: Final = 11  # in the segments before this one
SEGMENT_RECEIVED: Final = 12  # A.1's received, which a restart resets
FIRST_NS: Final = 13
LAST_NS: Final = 14
MAX_DELTA_NS: Final = 15
REFERENCE: Final = 16  # whether the next two hold a packet that the following one can be measured against
REFERENCE_NS: Final = 17
REFERENCE_TIMESTAMP: Final = 18
JITTER_SAMPLES: Final = 19
CLOCK_RATE: Final = 20  # of the packet before, Hz; the estimates are in its ticks
LATE: Final = 21  # came too late to be played; duplicates are not among them
LAG: Final = 22  # behind the place that the talkspurt's first packet set, nanoseconds * Hz
NEXT_JUDGED: Final = 23  # the lowest number of which is still open whether it comes
JUDGED: Final = 24
JUDGED_LOST: Final = 25  # lost or late
RUN: Final = 26  # judged as received since the last that was lost
CLUSTER_LOST: Final = 27  # of the losses that are less than GMIN apart: how many, and from first to last
CLUSTER_SPAN: Final = 28
BURSTS: Final = 29  # clusters of two losses or more, without the last cluster
BURST_SPAN: Final = 30
BURST_LOST: Final = 31
LATE_RUN: Final = 32  # late packets in a row
COUNTERS: Final = 33

# Cells of the estimates, float64, clock ticks.
JITTER: Final = 0
JITTER_SUM: Final = 1
JITTER_MAX: Final = 2
ESTIMATES: Final = 3
