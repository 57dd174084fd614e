"""`voxlab serve FILE.py --json` as a black box: started, awaited by its one line of JSON, stopped."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from .process import Program


def command() -> list[str]:
    """Return the command line's program: the installed script beside this interpreter, else the package itself."""
    script = shutil.which("voxlab", path=str(Path(sys.executable).parent))
    return [script] if script else [sys.executable, "-m", "voxlab"]


class Served(Program):
    """A live platform on `host`:`port`, described by the text of a FILE.py.

    Parameters
    ----------
    setup : str
        Python text that defines ``setup(lab)``; indentation is removed.
    """

    def __init__(
        self,
        setup: str,
        folder: Path,
        *,
        host: str,
        port: int = 5060,
        prefix: Sequence[str] = (),
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "platform_under_test.py"
        file.write_text(textwrap.dedent(setup))
        self.host, self.port = host, port
        super().__init__(
            [*command(), "serve", str(file), "--bind", host, "--port", str(port), "--json", *arguments],
            folder,
            "voxlab",
            prefix=prefix,
            environment=environment,
        )

    def until_ready(self, timeout_s: float = 30.0) -> dict[str, str]:
        """Wait for the ready line and return its addresses: ``{"udp": "HOST:PORT", "tcp": ..., "tls": ...}``."""
        self.wait_until(lambda: self._ready_line() is not None, timeout_s, "voxlab's ready line")
        line = self._ready_line()
        assert line is not None
        return line

    def _ready_line(self) -> dict[str, str] | None:
        for line in self.log.read_text(errors="replace").splitlines():
            if line.startswith("{") and line.endswith("}"):
                message = json.loads(line)
                if message.get("ready"):
                    return {transport: address for transport, address in message["sip"].items() if address}
        return None
