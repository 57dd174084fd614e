"""``voxlab demo``: the story in a terminal, simulated, and one live call; each step ✓ or ✗ with its figures."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from voxlab.base.errors import VoxlabError
from voxlab.cli import story
from voxlab.cli.story import Stage, Step
from voxlab.cli.terminal import Terminal

_NEXT = (
    ("voxlab course", "the same, cell by cell, in JupyterLab"),
    ("voxlab serve shop.py", "a platform for real SIP phones; README.md has a shop.py"),
    ("voxlab message FILE", "one SIP message explained, field by field"),
)


@dataclass(frozen=True)
class Played:
    """A step that was played: its number, title, whether it showed what it should, and its figures or its trouble."""

    number: int
    title: str
    ok: bool
    figures: str


@dataclass
class Performance:
    """The demo as it goes: every step is shown when it is over, unless scripts want JSON at the end."""

    terminal: Terminal
    quiet: bool
    played: list[Played] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether every step showed what it should."""
        return all(each.ok for each in self.played)

    def act(self, title: str, set_stage: Callable[[], Stage], steps: Sequence[Step], out: Path | None = None) -> None:
        """Play the steps of one world; after one that fails, the others of that world cannot be played."""
        self.say(f"\n{title}")
        number = len(self.played)
        try:
            stage = set_stage()
        except Exception as error:  # noqa: BLE001 - as below
            self._fail(number + 1, steps, error)
            return
        with stage.lab:
            for at, step in enumerate(steps):
                try:
                    figures = step.play(stage)
                except Exception as error:  # noqa: BLE001 - whatever goes wrong is this step's trouble
                    self._fail(number + at + 1, steps[at:], error)
                    break
                self._take(Played(number + at + 1, step.title, ok=True, figures=figures))
                if step.ends_with_ladder:
                    self._show_ladder(stage)
            if out is not None and self.ok:
                self._save(stage, out)

    def _fail(self, number: int, steps: Sequence[Step], error: Exception) -> None:
        first, *rest = steps
        self._take(Played(number, first.title, ok=False, figures=str(error) or type(error).__name__))
        for at, step in enumerate(rest, number + 1):
            self._take(Played(at, step.title, ok=False, figures=f"not played, for step {number} failed"))

    def _take(self, played: Played) -> None:
        self.played.append(played)
        self.say(f"{'✓' if played.ok else '✗'} {played.number} {played.title}")
        if not self.quiet:
            for line in played.figures.split("\n"):
                self.terminal.wrap(line, first="    ", rest="    ")

    def _show_ladder(self, stage: Stage) -> None:
        self.say()
        self.say(stage.calls[-1].ladder().text(width=self.terminal.width, ascii=self.terminal.ascii))
        self.say()

    def _save(self, stage: Stage, out: Path) -> None:
        try:
            self.files = story.save(stage, out)
        except OSError as error:
            raise VoxlabError(f"cannot write to {out}: {error.strerror or error}") from None

    def say(self, text: str = "") -> None:
        """Write text for people, if there are any."""
        if not self.quiet:
            self.terminal.say(text)


def run(out: Path | None, as_json: bool, ascii: bool) -> int:  # noqa: A002 - the switch's name
    """Play the story and return 0 if every step showed what it should."""
    os.environ.setdefault("VOXLAB_PROGRESS", "0")  # the steps are the progress
    began = time.perf_counter()
    performance = Performance(Terminal(ascii=ascii), quiet=as_json)
    performance.act("in a simulated world: virtual time, one seed, no network", _simulated, story.SIMULATED, out)
    performance.act("on this machine: real time, real sockets", _live, story.LIVE)
    seconds = time.perf_counter() - began
    if as_json:
        performance.terminal.json(_summary(performance, seconds))
    else:
        for line in _closing(performance, seconds):
            performance.say(line)
    return 0 if performance.ok else 1


def _simulated() -> Stage:
    return Stage.set(live=False, answer_after_s=2.0)


def _live() -> Stage:
    return Stage.set(live=True, answer_after_s=story.LIVE_ANSWER_S)


def _summary(performance: Performance, seconds: float) -> dict[str, object]:
    return {
        "ok": performance.ok,
        "steps": [each.__dict__ for each in performance.played],
        "files": [str(path) for path in performance.files],
        "duration_s": round(seconds, 3),
    }


def _closing(performance: Performance, seconds: float) -> Iterator[str]:
    good, all_of_them = sum(each.ok for each in performance.played), len(performance.played)
    yield ""
    yield from (f"written: {path}" for path in performance.files)
    yield f"{'✓' if performance.ok else '✗'} {good} of {all_of_them} steps in {seconds:.1f} s"
    if not performance.ok:
        yield "  voxlab doctor says what may be missing here"
        return
    yield "\nnext:"
    for command, what in _NEXT:
        yield f"  {command:<22} {what}"
