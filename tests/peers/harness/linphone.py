"""Linphone's console phone in a street: registers, dials, answers, plays a file, records what it hears."""

from __future__ import annotations

import array
from pathlib import Path

from .namespace import Street
from .process import Program, wait_until

RECORDED_HZ = 48_000
"""linphonec records at this rate whatever the codec."""
_HEADER_BYTES = 44
_SETTINGS = """\
[sip]
sip_port={port}
sip_tcp_port={tcp_port}
sip_tls_port=0
default_proxy=0

[rtp]
audio_rtp_port={rtp_port}

[video]
capture=0
display=0

[proxy_0]
reg_proxy=<sip:{server};transport={transport}>
reg_route=<sip:{server};transport={transport};lr>
reg_identity=sip:{user}@{domain}
reg_expires=600
reg_sendregister=1

[auth_info_0]
username={user}
passwd={password}
domain={domain}
"""


class Linphone(Program):
    """One `linphonec` in a street; its sound comes from and goes to files.

    Parameters
    ----------
    port : int
        Its SIP port, and 2000 above it its RTP port: linphonec binds all addresses of its street, so phones are told
        apart by port.
    server : str
        ``HOST:PORT`` of the proxy that it registers with and calls through.
    answers : bool
        Whether it picks up at once.
    """

    def __init__(
        self,
        folder: Path,
        street: Street,
        port: int,
        *,
        user: str,
        domain: str,
        password: str,
        server: str,
        transport: str = "udp",
        answers: bool = False,
    ) -> None:
        (folder / ".local/share/linphone").mkdir(parents=True)
        settings = folder / "linphonerc"
        ports = {"port": port if transport == "udp" else 0, "tcp_port": port if transport == "tcp" else 0}
        ports["rtp_port"] = port + 2000
        account = {"user": user, "domain": domain, "password": password, "server": server, "transport": transport}
        settings.write_text(_SETTINGS.format(**ports, **account))
        argv = ["linphonec", "-c", str(settings), *(["-a"] if answers else [])]
        super().__init__(argv, folder, user, prefix=street.prefix, environment={"HOME": str(folder)}, told=True)
        self.recording = folder / "heard.wav"

    def until_registered(self) -> None:
        """Wait until the registrar has said yes."""
        self.type("soundcard use files")
        self.type(f"record {self.recording}")
        self.wait_until(self._is_registered, 15.0, "registration of linphonec")

    def _is_registered(self) -> bool:
        self.type("status register")
        return "registered, identity" in self.log.read_text(errors="replace")

    def until_says(self, what: str, timeout_s: float = 15.0) -> None:
        """Wait until it prints something."""
        self.wait_until(lambda: what in self.log.read_text(errors="replace"), timeout_s, f"linphonec to say {what!r}")

    def until_heard(self, seconds: float) -> None:
        """Wait until its recording holds so much sound."""
        wait_until(
            lambda: len(self.heard()) > seconds * RECORDED_HZ,
            15.0,
            f"{seconds:g} s of sound in the recording of {self.name}",
        )

    def heard(self) -> array.array[int]:
        """Return the samples recorded so far, at `RECORDED_HZ`; the header is not complete before the end."""
        data = self.recording.read_bytes()[_HEADER_BYTES:] if self.recording.exists() else b""
        return array.array("h", data[: len(data) // 2 * 2])
