"""All buffers on the same traces: a table of late packets, delay and regret, its summary, a file that says all.

Must not know any algorithm: a buffer is what `buffer.played_by` can play.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from itertools import starmap
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from voxlab.base.errors import VoxlabError
from voxlab.experiments.buffer import Buffer, name_of, played_by
from voxlab.experiments.intervals import half_width, mean
from voxlab.experiments.playout import Playout
from voxlab.experiments.trace import Trace
from voxlab.kernels.quality import G711_WITH_CONCEALMENT, Equipment
from voxlab.net.progress import wanted

if TYPE_CHECKING:
    from voxlab.experiments.charts import Chart

COLUMNS = {
    "buffer": "string",
    "trace": "string",
    "seed": "Int64",
    "late": "float64",
    "loss_effective": "float64",
    "delay_mean_ms": "float64",
    "delay_p95_ms": "float64",
    "regret": "float64",
    "mos": "float64",
}
"""Of the table, in order."""
MORE = ("r", "concealed", "accelerated", "expanded", "burst_ratio", "burst_density", "gap_density")
"""Columns of `Race.details` after those."""


def race(
    contestants: Iterable[Any],
    on: Trace | Iterable[Trace],
    *,
    equipment: Equipment = G711_WITH_CONCEALMENT,
    workers: int = 1,
    executor: Executor | None = None,
) -> Race:
    """Let each buffer play each trace.

    Parameters
    ----------
    contestants : iterable
        Buffers: ours, and objects of any class with ``reset()`` and ``step(arrival_s, media_s) -> playout_s``, which
        is asked once for each packet that arrives, in the order of arrival. None or ``-inf`` throws the packet away.
    on : Trace or iterable of Trace
        All buffers see the same.
    equipment : Equipment
        The codec, for R and MOS; default G.711 with concealment.
    workers : int
        Threads; kernels run on all cores, Python code of yours on one.
    executor : Executor, optional
        Of your own (processes, a cluster), instead.

    Returns
    -------
    Race
        A DataFrame with a row for each buffer and trace.
    """
    racers, tracks = list(contestants), [on] if isinstance(on, Trace) else list(on)
    _refuse(racers, tracks, workers)
    pairs = [(racer, track) for track in tracks for racer in racers]
    for track in tracks:
        _ = track.arrivals, track.optimum  # once for all who ride on it
    if executor is not None:
        rows, played = _in_parallel(executor, pairs, equipment)
    elif workers > 1:
        with ThreadPoolExecutor(workers) as threads:
            rows, played = _in_parallel(threads, pairs, equipment)
    else:
        rows, played = _shown(starmap(partial(_row, equipment=equipment), pairs), len(pairs))
    return Race.of(rows, played, [_told(each) for each in racers], tracks)


def _refuse(racers: list[Any], tracks: list[Any], workers: int) -> None:
    if not racers or not tracks:
        raise VoxlabError(f"a race needs a buffer and a trace; there are {len(racers)} and {len(tracks)}")
    for track in tracks:
        if not isinstance(track, Trace):
            raise VoxlabError(f"a race runs on traces, such as traces.iid_gamma(); not on a {type(track).__name__}")
    if workers < 1:
        raise VoxlabError(f"workers={workers!r} must be 1 or more")


Row = dict[str, Any]


def _row(racer: Any, track: Trace, equipment: Equipment) -> tuple[Row, Playout]:
    played = played_by(racer, track)
    r, mos = played.quality(equipment)
    runs = played.runs
    row = {
        "buffer": name_of(racer),
        "trace": track.name,
        "seed": track.seed,
        "late": played.late,
        "loss_effective": played.loss_effective,
        "delay_mean_ms": played.delay_mean_s * 1e3,
        "delay_p95_ms": played.delay_p95_s * 1e3,
        "regret": played.regret,
        "mos": mos,
        "r": r,
        "concealed": played.concealed,
        "accelerated": played.accelerated,
        "expanded": played.expanded,
        "burst_ratio": runs.burst_ratio,
        "burst_density": runs.burst_density,
        "gap_density": runs.gap_density,
    }
    return row, played


def _in_parallel(
    executor: Executor, pairs: list[tuple[Any, Trace]], equipment: Equipment
) -> tuple[list[Row], list[Playout]]:
    racers, tracks = zip(*pairs, strict=True)
    return _shown(executor.map(partial(_row, equipment=equipment), racers, tracks), len(pairs))


def _shown(results: Iterable[tuple[Row, Playout]], total: int) -> tuple[list[Row], list[Playout]]:
    """Take results as they come, behind a bar where it takes a while."""
    from tqdm.auto import tqdm

    bar = tqdm(results, total=total, desc="race", leave=False, delay=1.0, disable=not wanted())
    rows, played = zip(*bar, strict=True)
    return list(rows), list(played)


def _told(racer: Any) -> Row:
    """Return how a buffer is made, for the file."""
    told = racer.parameters() if isinstance(racer, Buffer) else {}
    return {"buffer": name_of(racer), "class": f"{type(racer).__module__}.{type(racer).__qualname__}"} | told


class Race(pd.DataFrame):
    """The table of a race; what is derived from it by pandas is a plain DataFrame."""

    _metadata: ClassVar[list[str]] = ["details", "_played", "_buffers", "_tracks"]  # attributes, not columns

    details: pd.DataFrame
    """The table with more columns: R, shares concealed, accelerated and expanded, how losses cluster."""
    _played: list[Playout]
    _buffers: list[Row]
    _tracks: Sequence[Trace]

    @classmethod
    def of(cls, rows: list[Row], played: list[Playout], buffers: list[Row], tracks: Sequence[Trace]) -> Race:
        """Make the table."""
        table = pd.DataFrame(rows, columns=[*COLUMNS, *MORE]).astype(COLUMNS)
        made = cls(table[list(COLUMNS)])
        made.details, made._played, made._buffers, made._tracks = table, played, buffers, tracks
        return made

    @property
    def _constructor(self) -> Callable[..., pd.DataFrame]:
        return pd.DataFrame

    def playout(self, row: int = 0) -> Playout:
        """Return what stands behind a row, packet by packet: its ``.plot()`` shows it."""
        if not 0 <= row < len(self._played):
            raise VoxlabError(f"there is no row {row!r}; this race has rows 0 to {len(self._played) - 1}")
        return self._played[row]

    def summary(self) -> pd.DataFrame:
        """Return mean and half of the 95 % interval over the seeds, a row for each buffer and trace."""
        figures = [name for name, kind in COLUMNS.items() if kind == "float64"]
        rows = []
        for (buffer, trace), group in self.groupby(["buffer", "trace"], sort=False):
            row: Row = {"buffer": buffer, "trace": trace, "seeds": len(group)}
            for name in figures:
                values = group[name].tolist()
                row[name], row[f"{name}_ci95"] = mean(values), half_width(values)
            rows.append(row)
        return pd.DataFrame(rows).astype({"buffer": "string", "trace": "string"})

    def save(self, path: str | Path) -> Path:
        """Write the table with all columns as Parquet; its metadata under ``voxlab`` hold versions, parameters, seeds.

        Raises
        ------
        VoxlabError
            Where the name does not end in ``.parquet``, or pyarrow is missing.
        """
        target = Path(path)
        if target.suffix != ".parquet":
            raise VoxlabError(f"{target.name!r}: a race is saved as Parquet, under a name that ends in .parquet")
        try:
            import pyarrow as pa
            from pyarrow import parquet
        except ImportError as error:
            raise VoxlabError("saving as Parquet needs pyarrow: pip install 'voxlab[analysis]'") from error
        table = pa.Table.from_pandas(self.details, preserve_index=False)
        known = table.schema.metadata or {}
        parquet.write_table(
            table.replace_schema_metadata({**known, b"voxlab": json.dumps(self.origin()).encode()}), target
        )
        return target

    def origin(self) -> dict[str, Any]:
        """Return what it takes to run this race again: versions, buffers with parameters, traces with seeds."""
        import numba

        import voxlab

        return {
            "versions": {
                "voxlab": voxlab.__version__,
                "python": platform.python_version(),
                "numpy": np.__version__,
                "numba": numba.__version__,
                "pandas": pd.__version__,
            },
            "buffers": self._buffers,
            "traces": [
                {"trace": each.name, "seed": each.seed, "packets": each.packets, "parameters": dict(each.parameters)}
                for each in self._tracks
            ],
        }

    def plot(self) -> Chart:  # type: ignore[override]
        """Draw delay against late packets, each buffer beside the offline optimum."""
        from voxlab.experiments.charts import race_chart

        return race_chart(self, self._tracks)
