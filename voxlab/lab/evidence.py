"""What a call or a lab shows: ladders, messages, transactions, sound. Values with a text and a picture each.

Taken from the journal; must not know a lab: they are snapshots and stay what they were.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voxlab.analysis.callflow import CallFlow
from voxlab.analysis.entries import Entry
from voxlab.base.errors import VoxlabError
from voxlab.base.journal import Journal
from voxlab.base.records import TransactionRecord, TransitionRecord
from voxlab.lab.phone_options import source_of
from voxlab.sip.message import Request, Response
from voxlab.sip.parser import parse

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from voxlab.media.sources import Source
    from voxlab.sip.sdp import SessionDescription


class Ladder:
    """A call-flow diagram: text in a terminal, SVG in a notebook."""

    def __init__(self, flow: CallFlow | None, verdict: str, last_line: str = "") -> None:
        self.flow = flow
        self.verdict = verdict
        self.last_line = last_line

    def text(self, *, width: int = 80, ascii: bool = False, fold: int | None = 60) -> str:  # noqa: A002 - the switch's name
        """Return the ladder as text, the verdict first; past ``fold`` messages the middle is folded away."""
        from voxlab.display.ladder import ladder

        body = self.verdict if self.flow is None else ladder(self.flow, width=width, ascii=ascii, fold=fold)
        return f"{body}\n{self.last_line}" if self.last_line else body

    @property
    def svg(self) -> str:
        """The picture, light and dark in one; "" before there is anything to draw."""
        from voxlab.display.ladder_svg import ladder_svg

        return "" if self.flow is None else ladder_svg(self.flow)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture, or the text where the name ends in .txt."""
        target = Path(path)
        target.write_text(self.text() if target.suffix == ".txt" else self.svg, encoding="utf-8")
        return target

    def __repr__(self) -> str:
        return self.text()

    def _repr_svg_(self) -> str | None:
        # As image/svg+xml, not inside HTML: in a notebook that is not trusted JupyterLab then shows the text instead.
        return self.svg or None


class MessageView:
    """One message of a ladder: typed headers, the session description, the raw bytes."""

    def __init__(self, number: int, entry: Entry, journal: Journal) -> None:
        self.number = number
        self.entry = entry
        self.raw = journal.message(entry.number).data
        self.message: Request | Response = parse(self.raw)

    @property
    def headers(self) -> Any:
        """The header fields."""
        return self.message.headers

    @property
    def sdp(self) -> SessionDescription | None:
        """The session description, None without one."""
        return self.message.sdp

    @property
    def start_line(self) -> str:
        """The first line."""
        return self.message.start_line

    def __getattr__(self, name: str) -> Any:
        """Read anything else from the message itself: ``.method``, ``.status``, ``.via``, ``.contacts``, ..."""
        return getattr(self.message, name)

    def __repr__(self) -> str:
        entry = self.entry
        way = f"{entry.src} → {entry.dst}"
        text = self.raw.decode("utf-8", "replace").replace("\r\n", "\n").rstrip("\n")
        return (
            f"message {self.number} · {entry.time_s:.3f} s · {entry.transport} {way} · {len(self.raw)} bytes\n\n{text}"
        )

    def _repr_html_(self) -> str:
        from voxlab.display.message import message_html

        return message_html(self.number, self.entry, self.message)


class TransactionView:
    """One transaction and the path it took through its machine."""

    def __init__(self, number: int, record: TransactionRecord) -> None:
        self.number = number
        self.record = record
        self.steps: list[TransitionRecord] = []

    @property
    def path(self) -> list[tuple[float, str, str]]:
        """The steps taken: time, input, state entered."""
        return [(step.time_s, step.input, step.state) for step in self.steps]

    def diagram(self) -> Diagram:
        """Return the state machine of RFC 3261 with this transaction's path marked."""
        return Diagram(self)

    def __repr__(self) -> str:
        record = self.record
        steps = " → ".join(step.state.lower() for step in self.steps) or "no step yet"
        return f"<transaction {self.number}: {record.method} at {record.host}, {record.machine}: {steps}>"


class Diagram:
    """A state machine as a picture, a path through it marked."""

    def __init__(self, view: TransactionView) -> None:
        self.view = view

    @property
    def svg(self) -> str:
        """The picture."""
        from voxlab.display.machine import machine_svg
        from voxlab.transaction.tables import ALL

        table = next(table for table in ALL if table.name == self.view.record.machine)
        return machine_svg(table, self.view.steps)

    def text(self) -> str:
        """Return it as text."""
        from voxlab.display.machine import machine_text
        from voxlab.transaction.tables import ALL

        table = next(table for table in ALL if table.name == self.view.record.machine)
        return machine_text(table, self.view.steps)

    def __repr__(self) -> str:
        return self.text()

    def _repr_svg_(self) -> str:
        return self.svg


class Audio:
    """What somebody heard: samples with a player, a waveform and a spectrogram.

    Attributes
    ----------
    samples : int16 array, shape (n,), or (n, 2) for two channels
    rate_hz : int
        Samples a second: 8000, or more where a wideband codec was spoken.
    """

    def __init__(self, who: str, samples: NDArray[np.int16], rate_hz: int = 8000) -> None:
        self.who = who
        self.samples = samples
        self.rate_hz = rate_hz

    @property
    def duration_s(self) -> float:
        """How long it is."""
        return len(self.samples) / self.rate_hz

    @property
    def level_dbfs(self) -> float:
        """Its RMS level; 0 is a full-scale sine, -inf digital silence."""
        from voxlab.media.sinks import level_dbfs

        return float(level_dbfs(self.samples.reshape(-1)))

    def pesq(self, sent: Any = "hello") -> float:
        """Return MOS-LQO by PESQ against what was sent, 1 to 4.6: narrowband at 8 kHz, wideband above.

        Parameters
        ----------
        sent : str, Source or array
            As a phone's ``audio``: what the other side said, "hello" unless it was told something else.

        Raises
        ------
        VoxlabError
            The extra ``quality`` is not installed (the text has the command), or nothing of ``sent`` was heard.
        """
        from voxlab.media.intrusive import pesq

        return pesq(_spoken(sent), self._mono(), self.rate_hz)

    def stoi(self, sent: Any = "hello") -> float:
        """Return how intelligible it is beside what was sent, 0 to 1 (STOI); arguments and errors as of `pesq`."""
        from voxlab.media.intrusive import stoi

        return stoi(_spoken(sent), self._mono(), self.rate_hz)

    def _mono(self) -> NDArray[np.int16]:
        """Return one channel, of two their sum halved: what the picture shows."""
        if self.samples.ndim == 1:
            return self.samples
        halved: NDArray[np.int16] = (self.samples.astype("i4").sum(axis=1) // 2).astype("i2")
        return halved

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write a WAV file."""
        target = Path(path)
        target.write_bytes(self._wav())
        return target

    def _wav(self) -> bytes:
        import io
        import wave

        buffer = io.BytesIO()
        with wave.open(buffer, "wb") as file:
            file.setnchannels(1 if self.samples.ndim == 1 else self.samples.shape[1])
            file.setsampwidth(2)
            file.setframerate(self.rate_hz)
            file.writeframes(self.samples.astype("<i2").tobytes())
        return buffer.getvalue()

    def __repr__(self) -> str:
        return (
            f"<Audio: what {self.who} heard, {self.duration_s:.2f} s at {self.rate_hz} Hz, {self.level_dbfs:.1f} dBFS>"
        )

    def _repr_html_(self) -> str:
        import base64

        from voxlab.display.waveform import waveform_svg

        player = f'<audio controls src="data:audio/wav;base64,{base64.b64encode(self._wav()).decode()}"></audio>'
        return f"<div>{waveform_svg(self._mono(), self.rate_hz, title=f'what {self.who} heard')}</div>{player}"


def _spoken(sent: Any) -> Source:
    """Return the source for what somebody said."""
    source = source_of(sent)
    if source is None:
        raise VoxlabError("silence was sent: there is nothing to compare with")
    return source
