"""SIPp as a caller, a callee or a registering device, judged by its count of successful calls. Knows no server."""

from __future__ import annotations

import csv
import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .process import NotReady, Program

SHIPPED = Path(__file__).resolve().parents[3] / "voxlab" / "peers" / "scenarios"
OWN = Path(__file__).resolve().parents[1] / "scenarios"
_TRANSPORTS = {"udp": "u1", "tcp": "t1"}
_FLAGS = ("-nostdin", "-timeout_error", "-trace_stat", "-trace_err", "-trace_rtt", "-trace_logs")
_LOAD = {
    "-buff_size": "4000000",
    "-deadcall_wait": "0",
    "-timer_resol": "1",
    "-watchdog_minor_maxtriggers": "100000",
    "-watchdog_major_maxtriggers": "1000",
}


@dataclass(frozen=True)
class SippResult:
    """What one SIPp counted.

    `created` calls were begun, `successful` ran to the scenario's end, `failed` did not; `retransmissions` were sent;
    `elapsed_s` is SIPp's own clock from start to end; `exit_code` alone proves nothing.
    """

    created: int
    successful: int
    failed: int
    retransmissions: int
    elapsed_s: float
    exit_code: int
    response_times_ms: tuple[float, ...] = field(default=(), repr=False)

    @property
    def median_response_ms(self) -> float:
        """Median of the scenario's response timer in milliseconds; NaN when nothing was measured."""
        return statistics.median(self.response_times_ms) if self.response_times_ms else math.nan


class Sipp(Program):
    """One running SIPp.

    Parameters
    ----------
    scenario : str
        Name of a file in `tests/peers/scenarios` or `voxlab/peers/scenarios`, without ``.xml``.
    folder : Path
        Own folder for logs and statistics.
    host, port
        Local address.
    peer : str
        ``HOST:PORT`` of the server; empty for a pure callee.
    calls : int
        SIPp ends by itself after this many.
    rate : float
        New calls per second (callers only).
    user, password : str
        Who calls or registers, and the digest password.
    pause_ms : int
        Of a caller between ACK and BYE, of a callee between ringing and answering.
    load : bool
        Large buffers and a fine timer, for benchmarks.
    timeout_s : float
        SIPp gives up (and fails) after this time.
    fields : Path or None
        SIPp's file of values, a line per call.
    keys : mapping
        Values for the scenario's keywords.
    """

    def __init__(
        self,
        scenario: str,
        folder: Path,
        *,
        host: str,
        port: int,
        peer: str = "",
        calls: int = 1,
        rate: float = 10.0,
        user: str = "",
        password: str = "",
        transport: str = "udp",
        pause_ms: int = 0,
        load: bool = False,
        timeout_s: float = 60.0,
        limit: int = 0,
        fields: Path | None = None,
        keys: Mapping[str, str] | None = None,
        prefix: Sequence[str] = (),
    ) -> None:
        self.port = port
        self.transport = transport
        self._statistics = folder / f"{scenario}-{port}.csv"
        self._errors = folder / f"{scenario}-{port}.errors"
        options = {"-sf": str(_file_of(scenario)), "-i": host, "-p": str(port), "-t": _TRANSPORTS[transport]}
        options |= {"-m": str(calls), "-timeout": f"{timeout_s:g}", "-fd": "1", "-d": str(pause_ms)}
        self._said = folder / f"{scenario}-{port}.said"
        options |= {"-stf": str(self._statistics), "-error_file": str(self._errors), "-log_file": str(self._said)}
        options |= {"-s": user, "-au": user} if user else {}
        options |= {"-ap": password} if password else {}
        options |= {"-inf": str(fields)} if fields else {}
        options |= {"-l": str(limit)} if limit else {}
        options |= {"-r": f"{rate:g}", "-rtt_freq": "1"} if peer else {}
        options |= _LOAD if load else {}
        argv = ["sipp", *([peer] if peer else []), *_FLAGS, *itertools.chain.from_iterable(options.items())]
        for key, value in {"uri_transport": transport, **(keys or {})}.items():
            argv += ["-key", key, value]
        super().__init__(argv, folder, f"{scenario}-{port}", prefix=prefix)

    def until_listening(self, timeout_s: float = 10.0) -> None:
        """Wait until SIPp's port is bound and its statistics begun: stopped any earlier, it would count nothing."""
        self.wait_until(self._listens, timeout_s, f"SIPp bound to {self.port}")

    def result(self, timeout_s: float = 90.0) -> SippResult:
        """Wait for SIPp's own end and return its counts."""
        code = self.wait(timeout_s)
        return self._counted(code)

    def stopped(self) -> SippResult:
        """Stop a callee that waits for more calls than came, and return its counts."""
        return self._counted(self.stop())

    def errors(self, lines: int = 20) -> str:
        """Return the beginning of SIPp's error log: the first unexpected message tells the story."""
        text = self._errors.read_text(errors="replace") if self._errors.exists() else ""
        return "\n".join(text.splitlines()[:lines])

    def said(self) -> list[str]:
        """Return what the scenario's log actions have written so far."""
        return self._said.read_text(errors="replace").splitlines() if self._said.exists() else []

    def _listens(self) -> bool:
        return self.holds_port(self.port, self.transport) and bool(self._rows())

    def _counted(self, code: int) -> SippResult:
        rows = self._rows()
        if not rows:
            raise NotReady(f"SIPp wrote no statistics (exit code {code})\n{self.tail()}")
        last = rows[-1]
        return SippResult(
            created=int(last["TotalCallCreated"]),
            successful=int(last["SuccessfulCall(C)"]),
            failed=int(last["FailedCall(C)"]),
            retransmissions=int(last["Retransmissions(C)"]),
            elapsed_s=_seconds(last["ElapsedTime(C)"]),
            exit_code=code,
            response_times_ms=self._response_times(),
        )

    def _rows(self) -> list[dict[str, str]]:
        if not self._statistics.exists():
            return []
        with self._statistics.open(newline="") as file:
            return list(csv.DictReader(file, delimiter=";"))

    def _response_times(self) -> tuple[float, ...]:
        scenario = self.name.rpartition("-")[0]
        times: list[float] = []
        for path in self.folder.glob(f"{scenario}_{self.pid}_rtt.csv"):
            with path.open(newline="") as file:
                times += [float(row["response_time_ms"]) for row in csv.DictReader(file, delimiter=";")]
        return tuple(times)


def _file_of(scenario: str) -> Path:
    own = OWN / f"{scenario}.xml"
    return own if own.exists() else SHIPPED / f"{scenario}.xml"


def _seconds(clock: str) -> float:
    """Read SIPp's ``HH:MM:SS`` or ``HH:MM:SS:microseconds``."""
    hours, minutes, seconds, *fraction = clock.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds) + (int(fraction[0]) / 1e6 if fraction else 0.0)
