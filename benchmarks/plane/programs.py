"""The programs of a plane benchmark: C compiled at run time, rtpengine by its ng protocol, voxlab in a child."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from peers.harness.ports import own_address
from peers.harness.process import NotReady

HERE = Path(__file__).parent
TIMEOUT_S = 60.0


def compiled(name: str, folder: Path) -> Path:
    """Compile a C file of this folder."""
    program = folder / name
    argv = ["gcc", "-O2", "-march=native", "-o", str(program), str(HERE / f"{name}.c"), "-lpthread"]
    run = subprocess.run(argv, capture_output=True, text=True, check=False)
    if run.returncode:
        raise NotReady(f"{name}.c does not compile:\n{run.stderr}")
    return program


def cpu_ns(pid: int, thread: int | None = None) -> int:
    """Return the CPU time of a process's threads, or of one, as the scheduler counts it."""
    tasks = Path(f"/proc/{pid}/task")
    chosen = [tasks / str(thread)] if thread else list(tasks.iterdir())
    return sum(int((task / "schedstat").read_text().split()[0]) for task in chosen)


class Talker:
    """A child that answers lines with lines."""

    def __init__(self, argv: Sequence[str], prefix: Sequence[str] = ()) -> None:
        self.process = subprocess.Popen(
            [*prefix, *argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HERE.parents[1]
        )

    def ask(self, line: str) -> list[str]:
        """Send a line (none if empty) and return the words of the answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        if line:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        if not answer:
            raise NotReady(f"{self.process.args!s} ended with {self.process.poll()}")
        return answer

    def close(self) -> None:
        """End the child by ending its input."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def __enter__(self) -> Talker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Heard(NamedTuple):
    """What the peers of a relay saw in one round."""

    sent: int
    received: int
    gap_ns: int
    delay_ns: int


class Peers(Talker):
    """The peers of one relay: they speak and count."""

    def __init__(self, program: Path, streams: int, prefix: Sequence[str] = ()) -> None:
        self.host = own_address()
        super().__init__([str(program), self.host, str(streams)], prefix)
        self.ports = self.ask("")

    def aim(self, host: str, ports: Sequence[str]) -> None:
        """Tell each where to send."""
        assert self.process.stdin is not None
        self.process.stdin.write("".join(f"{host} {port}\n" for port in ports))
        self.process.stdin.flush()

    def speak(self, seconds: float) -> Heard:
        """Let all speak so long."""
        return Heard(*map(int, self.ask(f"{seconds}")))


class Relay(Talker):
    """A relay in a child: the twin, or voxlab."""

    def __init__(self, argv: Sequence[str], peers: Peers, prefix: Sequence[str] = ()) -> None:
        self.host = own_address()
        super().__init__([*argv, self.host, peers.host, *peers.ports], prefix)
        peers.aim(self.host, self.ask(""))

    def cpu_ns(self) -> int:
        """Return the CPU time so far, all threads."""
        return cpu_ns(self.process.pid)


def voxlab_relay(peers: Peers, prefix: Sequence[str] = (), payloads: str = "headers") -> Relay:
    """Start voxlab's cloud ports in a child, joined in pairs."""
    return Relay([sys.executable, "-m", "benchmarks.plane.child", payloads], peers, prefix)


class Rtpengine:
    """rtpengine in user space, its calls set up over ng (bencode over UDP)."""

    def __init__(self, folder: Path, peers: Peers, prefix: Sequence[str] = ()) -> None:
        self.host = own_address()
        self._control = (self.host, 22222)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(0.5)
        self._log = (folder / "rtpengine.log").open("wb")
        argv = ["rtpengine", "--foreground", "--table=-1", f"--interface={self.host}"]
        argv += [f"--listen-ng={self.host}:22222", "--port-min=30000", "--port-max=39998", "--log-level=3"]
        argv += ["--log-stderr", f"--pidfile={folder / 'rtpengine.pid'}"]
        self.process = subprocess.Popen([*prefix, *argv], stdout=self._log, stderr=self._log, cwd=folder)
        self._until_ready()
        self._join_all(peers)

    def _until_ready(self) -> None:
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            try:
                if self._ask({"command": "ping"}).get("result") == "pong":
                    return
            except (TimeoutError, ConnectionRefusedError):
                continue
        raise NotReady("rtpengine does not answer")

    def _ask(self, question: dict[str, str]) -> dict[str, Any]:
        self._socket.sendto(b"c%d " % time.monotonic_ns() + bencoded(question), self._control)
        answer: dict[str, Any] = bdecoded(self._socket.recv(65535).partition(b" ")[2])[0]
        return answer

    def _join_all(self, peers: Peers) -> None:
        """Set up a call for each pair; a peer sends to the port that rtpengine shows the other side's description."""
        targets: list[str] = []
        for k in range(0, len(peers.ports), 2):
            call = {"call-id": f"call{k}", "from-tag": "a", "ICE": "remove"}
            offered = self._ask({**call, "command": "offer", "sdp": sdp(peers.host, peers.ports[k])})
            answer = {**call, "command": "answer", "to-tag": "b", "sdp": sdp(peers.host, peers.ports[k + 1])}
            answered = self._ask(answer)
            targets += [port_of(answered["sdp"]), port_of(offered["sdp"])]
        peers.aim(self.host, targets)

    def cpu_ns(self) -> int:
        """Return the CPU time so far, all threads."""
        return cpu_ns(self.process.pid)

    def close(self) -> None:
        """End it."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._socket.close()
        self._log.close()

    def __enter__(self) -> Rtpengine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def sdp(host: str, port: str) -> str:
    """Return a description of one PCMU stream."""
    lines = ("v=0", f"o=- 1 1 IN IP4 {host}", "s=-", f"c=IN IP4 {host}", "t=0 0", f"m=audio {port} RTP/AVP 0")
    return "\r\n".join([*lines, "a=rtpmap:0 PCMU/8000", ""])


def port_of(description: str) -> str:
    """Return the port of the audio line."""
    found = re.search(r"m=audio (\d+)", description)
    if found is None:
        raise NotReady(f"rtpengine answered without a port: {description!r}")
    return found[1]


def bencoded(value: dict[str, str]) -> bytes:
    """Return a dictionary of strings in bencode."""
    items = (text.encode() for pair in sorted(value.items()) for text in pair)
    return b"d" + b"".join(b"%d:%s" % (len(item), item) for item in items) + b"e"


def bdecoded(data: bytes, at: int = 0) -> tuple[Any, int]:
    """Read one bencoded value; return it and where the next begins."""
    if data[at : at + 1] == b"i":
        end = data.index(b"e", at)
        return int(data[at + 1 : end]), end + 1
    if data[at : at + 1] in {b"d", b"l"}:
        items, here = [], at + 1
        while data[here : here + 1] != b"e":
            item, here = bdecoded(data, here)
            items.append(item)
        return (dict(zip(items[::2], items[1::2], strict=True)) if data[at : at + 1] == b"d" else items), here + 1
    colon = data.index(b":", at)
    end = colon + 1 + int(data[at:colon])
    return data[colon + 1 : end].decode(errors="replace"), end


def missing_gcc() -> str | None:
    """Return why C cannot be compiled here, with the cure."""
    return None if shutil.which("gcc") else "gcc is not installed; cure: apt-get install gcc libc6-dev"


def missing_plane() -> str | None:
    """Return why there is no compiled plane here; None when there is one."""
    from voxlab.net.plane import build

    return None if build.warm() else build.why_not()
