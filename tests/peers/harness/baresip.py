"""baresip, a real phone in a street: registers, dials, answers, plays a tone, records what it hears."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path

from .namespace import Street
from .process import NotReady, Program

_MODULES = Path("/usr/lib/baresip/modules")
# ausine exists at 48 kHz in stereo only; baresip resamples it to the codec's rate.
_CONFIG = """\
sip_listen {listen}
{authority}
audio_source ausine,{tone_hz}
ausrc_srate 48000
ausrc_channels 2
audio_alert nil
module_path {modules}
module g711.so
module g722.so
module opus.so
module srtp.so
module ausine.so
module sndfile.so
module ctrl_tcp.so
module_app account.so
module_app menu.so
ctrl_tcp_listen {address}:{control_port}
snd_path {folder}
"""
_CONTROL_PORT = 4444


def netstring(payload: bytes) -> bytes:
    """Frame `payload` as baresip's control connection wants it: length, colon, bytes, comma."""
    return b"%d:%s," % (len(payload), payload)


class Baresip(Program):
    """One baresip on an address of a street.

    Parameters
    ----------
    street : Street
        Where it lives; its control connection is opened from inside.
    address : str
        Its own address, SIP port 5060.
    account : str
        Address of record with its parameters, as in baresip's accounts file.
    tone_hz : int
        What its microphone hears.
    authority : Path or None
        Certificate authority of TLS servers; baresip 1.0 loads it, and trusts every server all the same.
    """

    def __init__(
        self, folder: Path, street: Street, address: str, account: str, *, tone_hz: int, authority: Path | None = None
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.street = street
        self.address = address
        self.tone_hz = tone_hz
        self._control: socket.socket | None = None
        self._unread = b""
        self._events: list[dict[str, object]] = []
        (folder / "accounts").write_text(account + "\n")
        (folder / "config").write_text(
            _CONFIG.format(
                listen=f"{address}:5060",
                authority=f"sip_cafile {authority}" if authority else "",
                tone_hz=tone_hz,
                modules=_MODULES,
                address=address,
                control_port=_CONTROL_PORT,
                folder=folder,
            )
        )
        super().__init__(["baresip", "-v", "-f", str(folder)], folder, "baresip", prefix=street.prefix)

    def until_ready(self, timeout_s: float = 10.0) -> None:
        """Wait until the control connection stands."""
        self.wait_until(self._connected, timeout_s, "baresip's control port answers")

    def until_registered(self, timeout_s: float = 15.0) -> None:
        """Ask for the registration's state until it is OK."""
        self.wait_until(lambda: "OK" in self.command("reginfo"), timeout_s, "baresip registered")

    def command(self, name: str, parameters: str = "", timeout_s: float = 5.0) -> str:
        """Run one of baresip's commands and return what it says."""
        assert self._control is not None, "until_ready() comes first"
        self._control.sendall(netstring(json.dumps({"command": name, "params": parameters}).encode()))
        return str(self._until(lambda message: bool(message.get("response")), timeout_s, name).get("data", ""))

    def dial(self, target: str) -> None:
        """Place a call to a SIP URI."""
        self.command("dial", target)

    def until_event(self, kind: str, timeout_s: float = 15.0) -> dict[str, object]:
        """Return the first event of a kind (``CALL_ESTABLISHED``, ...), be it one that came earlier."""
        for event in self._events:
            if event.get("type") == kind:
                return event
        return self._until(lambda message: message.get("type") == kind, timeout_s, kind)

    def until_heard(self, seconds: float, timeout_s: float = 20.0) -> None:
        """Wait until `seconds` of audio (8 kHz, 16 bit) have been recorded from the other side."""
        self.wait_until(
            lambda: sum(path.stat().st_size for path in self._recordings("dec")) >= seconds * 16_000,
            timeout_s,
            f"{seconds:g} s of audio heard",
        )

    @property
    def heard(self) -> Path:
        """The recording of what came from the other side; complete once the call has ended."""
        recordings = self._recordings("dec")
        if len(recordings) != 1:
            raise NotReady(f"one recording expected in {self.folder.name}, found {len(recordings)}\n{self.tail()}")
        return recordings[0]

    def stop(self, grace_s: float = 5.0) -> int:
        """Close the control connection and end the program."""
        if self._control is not None:
            self._control.close()
        return super().stop(grace_s)

    def _recordings(self, side: str) -> list[Path]:
        return sorted(self.folder.glob(f"dump-*-{side}.wav"))

    def _connected(self) -> bool:
        try:
            self._control = self.street.inside(lambda: socket.create_connection((self.address, _CONTROL_PORT), 1.0))
        except OSError:
            return False
        return True

    def _until(self, wanted: Callable[[dict[str, object]], bool], timeout_s: float, what: str) -> dict[str, object]:
        deadline = time.monotonic() + timeout_s
        while (left := deadline - time.monotonic()) > 0:
            message = self._next_message(left)
            if message is None:
                break
            if message.get("event"):
                self._events.append(message)
            if wanted(message):
                return message
        raise NotReady(f"baresip at {self.address}: no {what} within {timeout_s:g} s\n{self.tail()}")

    def _next_message(self, timeout_s: float) -> dict[str, object] | None:
        """Return the next control message; None when none came in time or the connection ended."""
        assert self._control is not None
        self._control.settimeout(timeout_s)
        while True:
            length, colon, rest = self._unread.partition(b":")
            if colon and len(rest) > int(length):
                self._unread = rest[int(length) + 1 :]
                message: dict[str, object] = json.loads(rest[: int(length)])
                return message
            try:
                data = self._control.recv(65536)
            except TimeoutError:
                return None
            if not data:
                return None
            self._unread += data
