"""Load: SIPp calls through a live lab, and what came of it is a table, a verdict and the ladder of what went wrong.

Must not know SIPp's command line; ``peers/sipp`` does.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voxlab.base.datagram import Address
from voxlab.base.errors import VoxlabError
from voxlab.lab.call import Call
from voxlab.net.progress import wanted
from voxlab.peers.sipp import SCENARIOS, Counts, Sipp, Task, check_installed, free_address

if TYPE_CHECKING:
    import pandas as pd

    from voxlab.lab.application import Application
    from voxlab.lab.lab import Lab
    from voxlab.lab.user import User

CALLER, CALLEE = "sipp-caller", "sipp-callee"
_SPARE_S = 40.0  # a call that is lost is given up after 32 s
_SECONDS = ("time_s", "created", "running", "successful", "failed", "retransmissions")
_CPS_MAX, _CALLS_MAX = 5_000.0, 1_000_000


@dataclass(frozen=True)
class Plan:
    """What ``lab.load`` was asked for; times in seconds."""

    cps: float
    calls: int
    to: str | None
    ring_s: float
    talk_s: float
    limit: int | None
    transport: str
    scenario: Path

    def check(self) -> None:
        """Refuse what cannot be meant."""
        if not 0 < self.cps <= _CPS_MAX:
            raise VoxlabError(f"cps takes new calls a second, up to {_CPS_MAX:g}, not {self.cps!r}")
        if not 1 <= self.calls <= _CALLS_MAX:
            raise VoxlabError(f"calls takes 1 to {_CALLS_MAX:,}, not {self.calls!r}")
        if self.ring_s < 0 or self.talk_s < 0:
            raise VoxlabError(f"ring and talk take seconds, 0 or more, not {self.ring_s!r} and {self.talk_s!r}")
        if self.transport not in ("UDP", "TCP"):
            raise VoxlabError(f"SIPp speaks UDP and TCP here, not {self.transport!r}")
        if self.limit is not None and self.limit < 1:
            raise VoxlabError(f"limit takes calls at once, 1 or more, not {self.limit!r}")
        if not self.scenario.is_file():
            raise VoxlabError(f"there is no SIPp scenario {self.scenario}")

    @property
    def timeout_s(self) -> float:
        """How long it may take at most."""
        return self.calls / self.cps + self.ring_s + self.talk_s + _SPARE_S


class Load:
    """What came of a run of SIPp through a lab.

    Attributes
    ----------
    plan : Plan
    caller, callee : Counts
        As SIPp counted on either side; ``callee`` is None where something else answered.
    seconds : DataFrame
        A row a second of the caller: ``time_s``, ``created``, ``running``, ``successful``, ``failed``,
        ``retransmissions``, counted since the start, and ``cps``, the calls begun a second since the row before.
    response_times_ms : Series
        Milliseconds from INVITE to the first ringing, a value per call (SIPp's own clock, whole milliseconds).
    """

    def __init__(
        self, lab: Lab, plan: Plan, caller: Counts, callee: Counts | None, rows: list[Any], times_ms: list[float]
    ) -> None:
        import pandas as pd

        self._lab = lab
        self.plan = plan
        self.caller = caller
        self.callee = callee
        self.seconds: pd.DataFrame = _table(rows)
        self.response_times_ms: pd.Series[float] = pd.Series(times_ms, name="response_times_ms", dtype="float64")
        self.error = ""
        self._failed_ids: list[str] = []

    def remember(self, error: str, failed_ids: list[str]) -> None:
        """Keep what SIPp complained about."""
        self.error, self._failed_ids = error, failed_ids

    @property
    def ok(self) -> bool:
        """Whether every call that was asked for went well, on both sides."""
        others = self.plan.calls if self.callee is None else self.callee.successful
        return self.caller.successful == self.plan.calls == others

    @property
    def verdict(self) -> str:
        """What became of it, in a line."""
        plan, caller = self.plan, self.caller
        counted = f"{caller.successful:,} of {plan.calls:,} calls at {plan.cps:g}/s"
        if self.callee is not None and self.callee.successful != caller.successful:
            counted += f", {self.callee.successful:,} of them by the callee's count"
        again = f" · {caller.retransmissions:,} retransmissions" if caller.retransmissions else ""
        return f"{'✓' if self.ok else '✗'} {counted}{self._delays()}{again}"

    def _delays(self) -> str:
        times = self.response_times_ms
        if times.empty:
            return ""
        return f" · ringing after {times.median():.0f} ms (median), {times.quantile(0.95):.0f} ms (p95)"

    @property
    def first_failed(self) -> Call | None:
        """The first call that went wrong and is on record: ``.ladder()`` shows it; None where there is none."""
        lab = self._lab
        for call_id in self._failed_ids:
            if lab.world.submit(lab.index.call_of, call_id) is not None:
                return Call(lab, call_id=call_id)
        return None

    def __repr__(self) -> str:
        lines = [self.verdict]
        if not self.ok and self.error:
            lines.append(f"  SIPp: {self.error}")
        if not self.ok and self._failed_ids:
            lines.append("  see: load.first_failed.ladder()")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from html import escape

        return f"<div><pre>{escape(repr(self))}</pre>{self.seconds.to_html(index=False)}</div>"


def run(lab: Lab, plan: Plan, application: Application) -> Load:
    """Let SIPp call through a live lab, bounded in calls and in time; the lab stays usable when it is interrupted.

    Raises
    ------
    VoxlabError
        In a simulated lab, for a plan that makes no sense, where SIPp or pysipp is missing, or where SIPp cannot even
        register.
    """
    plan.check()
    if not lab.live:
        raise VoxlabError("load comes from real SIPp, over real sockets: use Lab(live=True)")
    lab.world.refuse_blocking("load")
    check_installed()
    server = lab.cloud.addresses.get(plan.transport)
    if server is None:
        raise VoxlabError(f"the cloud does not listen on {plan.transport}; it has {', '.join(lab.cloud.addresses)}")
    with tempfile.TemporaryDirectory(prefix="voxlab-load-") as scratch, ExitStack() as running:
        runner = _Runner(plan, application, server, Path(scratch))
        callee = running.enter_context(runner.answering(lab)) if plan.to is None else None
        caller = running.enter_context(runner.calling(lab))
        counts = _watched(caller, plan)
        answered = callee.stop() if callee is not None else None
        load = Load(lab, plan, counts, answered, caller.rows, caller.response_times_ms)
        load.remember(caller.first_error, caller.failed_call_ids)
        return load


class _Runner:
    """Gives the SIPps of one run their users, addresses and folders."""

    def __init__(self, plan: Plan, application: Application, server: Address, folder: Path) -> None:
        self._plan = plan
        self._application = application
        self._server = server
        self._folder = folder

    def answering(self, lab: Lab) -> Sipp:
        """Register a callee and let it wait for calls."""
        plan, local = self._plan, self._address(lab, "sipp callee")
        user = self._application.user(CALLEE)
        task = Task(
            "register",
            SCENARIOS / "register.xml",
            local,  # from the very port on which it will be called
            self._server,
            keys={"domain": self._application.domain, "contact_port": str(local.port)},
            timeout_s=20.0,
            **self._as(user),
        )
        with Sipp(task, self._folder / "register") as sipp:
            if sipp.until_done().successful != 1:
                raise VoxlabError(f"SIPp could not register {user.uri}:\n{sipp.tail()}")
        waiting = Task(
            "answer",
            SCENARIOS / "uas.xml",
            local,
            calls=plan.calls,
            transport=plan.transport,
            pause_s=plan.ring_s,
            timeout_s=plan.timeout_s,
        )
        callee = Sipp(waiting, self._folder / "callee")
        try:
            callee.until_listening()
        except BaseException:
            callee.close()
            raise
        return callee

    def calling(self, lab: Lab) -> Sipp:
        """Start the calls."""
        plan = self._plan
        task = Task(
            "call",
            plan.scenario,
            self._address(lab, "sipp caller"),
            self._server,
            calls=plan.calls,
            cps=plan.cps,
            limit=plan.limit or plan.calls,
            pause_s=plan.talk_s,
            timeout_s=plan.timeout_s,
            keys={"callee": plan.to or CALLEE, "domain": self._application.domain},
            **self._as(self._application.user(CALLER)),
        )
        return Sipp(task, self._folder / "caller")

    def _as(self, user: User) -> dict[str, Any]:
        return {"user": user.name, "password": user.record.known_password().reveal(), "transport": self._plan.transport}

    def _address(self, lab: Lab, owner: str) -> Address:
        place = lab.world.submit(lab.new_place, owner)
        (address,) = free_address(place.host, self._plan.transport)
        return address


def _watched(caller: Sipp, plan: Plan) -> Counts:
    """Wait for a caller behind a bar that counts calls."""
    with _bar(plan) as show:
        return caller.until_done(show)


@contextmanager
def _bar(plan: Plan) -> Iterator[Any]:
    if not wanted():
        yield lambda _counts: None
        return
    from tqdm.auto import tqdm

    with tqdm(total=plan.calls, desc="calls", unit="call", leave=False) as bar:

        def show(counts: Counts) -> None:
            bar.n = counts.successful + counts.failed
            bar.set_postfix(failed=counts.failed, refresh=False)
            bar.refresh()

        yield show


def _table(rows: list[Any]) -> pd.DataFrame:
    import pandas as pd

    # At its end SIPp writes a row or two more for the second it is in: the last one counts.
    frame = pd.DataFrame(rows, columns=list(_SECONDS)).drop_duplicates("time_s", keep="last", ignore_index=True)
    frame = frame.astype({name: "float64" if name == "time_s" else "int64" for name in _SECONDS})
    frame["cps"] = (frame["created"].diff() / frame["time_s"].diff()).fillna(0.0)
    return frame
