"""From what a stream went through to how it sounded: R and MOS by the E-model (ITU-T G.107, G.107.1, G.113).

Narrowband codecs are rated on G.107's scale, which ends at 93.2, G.722 and Opus on the wideband one, which ends at 129;
their MOS can be compared, their R cannot. Each rating names its model, and says where a figure of it is our own.

Must not know packets.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, NamedTuple

from voxlab.kernels.quality import (
    G711,
    WIDEBAND_BEST,
    Equipment,
    mean_opinion_score,
    rating,
    wideband_mean_opinion_score,
    wideband_rating,
)
from voxlab.media.codecs import Codec, find_format
from voxlab.media.stream import StreamStatistics

NARROWBAND: Final = "G.107"
WIDEBAND: Final = {
    "g722": (Equipment(13.0, 4.3), "G.107.1, Bpl assumed"),
    "opus": (Equipment(5.0, 10.0), "G.107.1, Ie and Bpl assumed"),
}
"""What is rated on the wideband scale.

G.722 at 64 kbit/s has an Ie,wb of 13 (G.113 Appendix IV); its robustness is taken to be that of G.711 without
concealment, because gaps are silence here as there. For Opus, ITU-T gives no values: 5 lies between transparency and
the good modes of AMR-WB, 10 between silence in gaps and the best concealment. Estimates, and named so.
"""


class Quality(NamedTuple):
    """``r`` is the transmission rating (93.2 for a clean call), ``mos`` the mean opinion score it stands for (4.41).

    ``model`` says by which model, and what of it is assumed.
    """

    r: float
    mos: float
    model: str = NARROWBAND

    @property
    def r_of_100(self) -> float:
        """The rating on a scale that ends at 100, as RTCP XR carries it (RFC 3611 s.4.7.5)."""
        best = 100.0 if self.model == NARROWBAND else WIDEBAND_BEST
        return min(100.0, max(0.0, self.r * 100.0 / best))


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
    """Rate a stream by the codec it is in; None for what is no sound that we know."""
    known = find_format(statistics.codec, statistics.clock_rate_hz)
    if not isinstance(known, Codec):
        return None
    if known.equipment is not None:
        return of_stream(statistics, delay_s=delay_s, equipment=known.equipment)
    if known.name.lower() not in WIDEBAND:
        return None
    equipment, model = WIDEBAND[known.name.lower()]
    loss_percent, burst_ratio = statistics.unheard * 100.0, statistics.burst_ratio
    r = wideband_rating(delay_s * 1000.0, loss_percent, burst_ratio=burst_ratio, equipment=equipment)
    return Quality(float(r), float(wideband_mean_opinion_score(r)), model)


class Heard(NamedTuple):
    """How one stream was heard during an interval.

    Attributes
    ----------
    time_s : float
        Of its end, lab seconds.
    codec : str
    wideband : bool
    packets, expected, lost, late : int
        Within the interval.
    jitter_ms : float
        The latest estimate (RFC 3550 A.8).
    quality : Quality or None
        By what was lost or late within the interval.
    """

    time_s: float
    codec: str
    wideband: bool
    packets: int
    expected: int
    lost: int
    late: int
    jitter_ms: float
    quality: Quality | None


def heard_since(before: StreamStatistics | None, now: StreamStatistics, time_s: float) -> Heard:
    """Return how a stream was heard between two snapshots of it; since its beginning where there is one alone."""
    names = ("packets", "expected", "lost", "late", "gaps")
    counts = {name: getattr(now, name) - (getattr(before, name) if before else 0) for name in names}
    of_interval = replace(now, **counts)
    known = find_format(now.codec, now.clock_rate_hz)
    return Heard(
        time_s,
        now.codec,
        isinstance(known, Codec) and known.sample_rate_hz > 8000,
        counts["packets"],
        counts["expected"],
        counts["lost"],
        counts["late"],
        now.jitter_ms,
        judged(of_interval) if counts["expected"] > 0 else None,
    )
