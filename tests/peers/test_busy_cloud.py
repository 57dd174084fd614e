"""Two baresips talk through a cloud whose own program holds the GIL for most of a second at a time: neither hears a
gap, as what arrives at them shows, by the kernel's stamps, and what they decode.
"""

from __future__ import annotations

import socket
import struct
import wave
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from voxlab.net.plane import build

from .calls import CALLEE, CALLER, DOMAIN, FORWARDING
from .harness.baresip import Baresip
from .harness.namespace import Street, cannot_build_streets
from .harness.process import missing
from .harness.serve import Served
from .phones import account

_reason = cannot_build_streets() or missing("baresip")
pytestmark = [pytest.mark.peers, pytest.mark.slow, pytest.mark.skipif(_reason is not None, reason=str(_reason))]

HOLD_S = 0.7
# One call of C after the other that keeps the GIL for about a second, as long as the file is there.
BUSY = f"""
    import re, threading, time
    from pathlib import Path

    def burn():
        size = 18
        while True:
            time.sleep(0.02)
            if Path("burn").exists():
                begun = time.monotonic()
                re.match("(a+)+b", "a" * size)
                size += time.monotonic() - begun < {HOLD_S}

    threading.Thread(target=burn, daemon=True).start()
"""
TALK_S, BUSY_S = 4.0, 4.0  # long enough for a process that translates to have begun
_VOICE = {b"\x80\x00", b"\x80\x80", b"\x80\x09", b"\x80\x89"}  # PCMU and G.722, with the marker or without
_SO_RCVBUFFORCE = 33
WINDOW_S = 0.05
# A frame of 20 ms is no whole number of periods of either: a packet that is not heard shows as a step of the phase.
CALLER_HZ, CALLEE_HZ = 447, 893
STEP_CYCLES = 0.04


def steps(recording: Path, hz: int) -> int:
    """Return how often the phase of a recorded tone jumps: each time something that was said is not heard."""
    with wave.open(str(recording), "rb") as file:
        rate, channels = file.getframerate(), file.getnchannels()
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, channels)[:, 0].astype(float)
    inner = samples[rate // 2 : -rate // 2]
    width = round(WINDOW_S * rate)
    windows = inner[: len(inner) // width * width].reshape(-1, width) * np.hanning(width)
    turned = np.exp(-2j * np.pi * hz * np.arange(windows.size).reshape(windows.shape) / rate)
    phases = np.angle((windows * turned).sum(axis=1)) / (2 * np.pi)
    moved = (np.diff(phases) + 0.5) % 1.0 - 0.5
    jumps = abs(moved - np.median(moved)) > STEP_CYCLES
    return int((jumps[1:] & ~jumps[:-1]).sum())


EARLIER_S = 0.3  # what a busy machine may add; a cloud that waits for the GIL adds HOLD_S and more


class Wire:
    """Everything on the street, with the kernel's stamps, read when it is over."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
        self._socket.bind(("lo", 0x0800))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 1 << 26)
        self._socket.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_TIMESTAMPNS", 35), 1)
        self._socket.setblocking(False)

    def longest_gaps_s(self) -> list[list[float]]:
        """Return the longest time between two RTP packets on each hop, for each stream: from its phone, to the other.

        Told apart by SSRC: a baresip with several addresses to choose from sends from the street's first.
        """
        hops: dict[bytes, dict[bytes, list[float]]] = {}
        while True:
            try:
                data, notes, _, place = self._socket.recvmsg(2048, 64)
            except BlockingIOError:
                break
            if place[2] != socket.PACKET_OUTGOING and data[9] == 17 and data[28:30] in _VOICE:
                seconds, nanoseconds = struct.unpack_from("@ll", notes[0][2])
                hops.setdefault(data[36:40], {}).setdefault(data[12:24], []).append(seconds + nanoseconds / 1e9)
        return [
            [max(after - before for before, after in pairwise(times)) for times in ways.values()]
            for ways in hops.values()
        ]

    def close(self) -> None:
        self._socket.close()


@pytest.mark.parametrize(
    ("extra", "codec"),
    [("", "PCMU"), (";mediaenc=srtp", "PCMU"), ("", "G722")],
    ids=["plain", "srtp", "transcoded"],
)
def test_a_cloud_that_computes_leaves_no_gap_in_what_real_phones_hear(tmp_path: Path, extra: str, codec: str) -> None:
    if not build.warm():
        pytest.skip(f"there is no compiled plane here: {build.why_not()}; cure: Linux, without NUMBA_DISABLE_JIT")
    with Street() as street:
        at_cloud, at_caller, at_callee = street.addresses
        folder = tmp_path / "voxlab"
        with Served(FORWARDING + BUSY, folder, host=at_cloud, prefix=street.prefix) as cloud:
            server = cloud.until_ready()["udp"]
            alice = account(CALLER, server, extra=extra)
            bob = account(CALLEE, server, extra=f";answermode=auto{extra}", codec=codec)
            with (
                Baresip(tmp_path / CALLER, street, at_caller, alice, tone_hz=CALLER_HZ) as caller,
                Baresip(tmp_path / CALLEE, street, at_callee, bob, tone_hz=CALLEE_HZ) as callee,
            ):
                for phone in (caller, callee):
                    phone.until_ready()
                    phone.until_registered()
                caller.dial(f"sip:{CALLEE}@{DOMAIN}")
                recorded = {caller: 1, callee: 2 if codec == "G722" else 1}  # seconds of 8 kHz
                for phone, times in recorded.items():
                    phone.until_event("CALL_ESTABLISHED")
                    phone.until_heard(TALK_S * times)
                wire = street.inside(Wire)
                (folder / "burn").touch()
                for phone, times in recorded.items():
                    phone.until_heard((TALK_S + BUSY_S) * times, timeout_s=60)
                gaps = wire.longest_gaps_s()
                wire.close()
                (folder / "burn").unlink()
                caller.command("hangup")
                callee.until_event("CALL_CLOSED", timeout_s=60)
                for phone, other_hz in ((caller, CALLEE_HZ), (callee, CALLER_HZ)):
                    phone.stop()
                    assert steps(phone.heard, other_hz) == 0, phone.tail()
                assert len(gaps) == 2
                for said, arrived in gaps:
                    assert arrived < said + EARLIER_S, gaps
