"""From what a stream went through to how it sounded: R and MOS by the E-model (ITU-T G.107, G.113).

Must not know packets.
"""

from __future__ import annotations

from typing import NamedTuple

from voxlab.kernels.quality import G711, Equipment, mean_opinion_score, rating
from voxlab.media.codecs import Codec, find_format
from voxlab.media.stream import StreamStatistics


class Quality(NamedTuple):
    """``r`` is the transmission rating (93.2 for a clean call), ``mos`` the mean opinion score it stands for (4.41)."""

    r: float
    mos: float


def estimate(
    *, loss: float = 0.0, burst_ratio: float = 1.0, delay_s: float = 0.0, equipment: Equipment = G711
) -> Quality:
    """Rate a connection.

    Parameters
    ----------
    loss : float
        FRACTION of the packets that were lost, 0 to 1.
    burst_ratio : float
        1 for random loss, above where losses cluster.
    delay_s : float
        One way from mouth to ear, playout buffer included.
    equipment : Equipment
        Of the codec; the default is G.711 without concealment, as the sinks here play it.
    """
    r = rating(delay_s * 1000.0, loss * 100.0, burst_ratio=burst_ratio, equipment=equipment)
    return Quality(float(r), float(mean_opinion_score(r)))


def of_stream(statistics: StreamStatistics, *, delay_s: float = 0.0, equipment: Equipment = G711) -> Quality:
    """Rate one received stream by what was lost or late and how it clusters; the delay is for the caller to know."""
    return estimate(loss=statistics.unheard, burst_ratio=statistics.burst_ratio, delay_s=delay_s, equipment=equipment)


def judged(statistics: StreamStatistics, *, delay_s: float = 0.0) -> Quality | None:
    """Rate a stream by the codec it is in; None where G.113 gives no narrowband values for it (G.722, Opus)."""
    known = find_format(statistics.codec, statistics.clock_rate_hz)
    if isinstance(known, Codec):
        return None if known.equipment is None else of_stream(statistics, delay_s=delay_s, equipment=known.equipment)
    return None
