"""The live media plane beside a C twin, rtpengine and clock_nanosleep, idle and while the notebook's thread computes.

`python -m benchmarks plane` relays 200 streams of 50 packets/s; `python -m benchmarks pacing` paces one.
"""

from __future__ import annotations

from .busy import measure_busy, measure_pacing
from .relaying import measure_relaying

__all__ = ["measure_busy", "measure_pacing", "measure_relaying"]
