"""What became of a trace's packets, counted in one pass: who was heard, after how long, what was stretched.

Must not know buffers.
"""

from __future__ import annotations

from typing import Any, Final

from voxlab.kernels._jit import long_run

HEARD: Final = 0  # cells of the counts
CAME: Final = 1
LONGER: Final = 0  # cells of the sums, seconds
SHORTER: Final = 1

_IN: Final = "Array(float64, 1, 'C', True)"


@long_run(f"void({_IN}, {_IN}, {_IN}, Array(int32, 1, 'C', True), uint8[::1], float64[::1], int64[::1], float64[::1])")
def tally(send: Any, transit: Any, playout: Any, spurt: Any, played: Any, delay: Any, counts: Any, sums: Any) -> None:
    """Count.

    Parameters
    ----------
    send, transit, playout : float64 array, shape (n,)
        Of each packet by number: when it was sent, how long it took (infinite if lost), when it was to be played.
    spurt : int32 array, shape (n,)
    played : uint8 array, shape (n,)
        Output: 1 for a packet that came no later than its playout.
    delay : float64 array, shape (n,)
        Output: from sending to playout, of the packets heard, one after the other.
    counts : int64 array, shape (2,)
        Output: packets heard; packets that came.
    sums : float64 array, shape (2,)
        Output: by how much playout moved away from sending inside talkspurts, and towards it.
    """
    heard = came = 0
    longer = shorter = 0.0
    last, before = -1, 0.0
    for i in range(send.size):
        took = playout[i] - send[i]
        came += transit[i] < 1e300
        if send[i] + transit[i] <= playout[i] and transit[i] < 1e300:
            played[i] = 1
            delay[heard] = took
            heard += 1
            if spurt[i] == last:
                moved = took - before
                longer += max(moved, 0.0)
                shorter -= min(moved, 0.0)
            last, before = spurt[i], took
        else:
            played[i] = 0
    counts[HEARD], counts[CAME] = heard, came
    sums[LONGER], sums[SHORTER] = longer, shorter
