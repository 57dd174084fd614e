"""`python -m benchmarks [NAME ...] [--quick]`: ratios beside their targets; exit code 1 when one is missed."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable, Iterator

from . import class_b, flat, forwarding, jitter, journal, media, parsing, plane, proxied, registering, simulated
from .report import Figure, Skipped, all_met, heading, line

BENCHMARKS: dict[str, Callable[[bool], Iterator[Figure | Skipped]]] = {
    "parse": parsing.measure,
    "cpu": forwarding.measure_cpu,
    "rate": forwarding.measure_rate,
    "delay": forwarding.measure_delay,
    "proxy": proxied.measure,
    "register": registering.measure,
    "simulated": simulated.measure,
    "journal": journal.measure,
    "flat": flat.measure,
    "traces": jitter.measure_traces,
    "buffers": jitter.measure_buffers,
    "emodel": jitter.measure_emodel,
    "sweep": jitter.measure_sweep,
    "regret": jitter.measure_regret,
    "media": media.measure,
    "classb": class_b.measure,
    "plane": plane.measure_relaying,
    "busy": plane.measure_busy,
    "pacing": plane.measure_pacing,
}


def main() -> int:
    """Run the chosen benchmarks one after the other and print each line as soon as it is known."""
    arguments = _arguments()
    print(
        f"{os.cpu_count()} cores, Python {platform.python_version()}; medians; targets bound the ratio if there is one"
    )
    print(heading())
    figures: list[Figure | Skipped] = []
    for name in arguments.names or BENCHMARKS:
        for figure in BENCHMARKS[name](arguments.quick):
            figures.append(figure)
            print(line(figure), flush=True)
    return 0 if all_met(figures) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="voxlab beside others, measured in the same run"
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        choices=[[], *BENCHMARKS],
        help=f"one or more of {', '.join(BENCHMARKS)}; default all",
    )
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
