"""Linphone's console phone registers at `voxlab serve` with digest and talks to another one through a scenario."""

from __future__ import annotations

import array
import math
import wave
from pathlib import Path

import pytest

from .calls import CALLEE, CALLER, DOMAIN, FORWARDING, PASSWORD
from .harness.linphone import RECORDED_HZ, Linphone
from .harness.namespace import Street, cannot_build_streets
from .harness.process import missing
from .harness.serve import Served
from .harness.tone import level_dbfs

_reason = cannot_build_streets() or missing("linphonec")
pytestmark = [pytest.mark.peers, pytest.mark.skipif(_reason is not None, reason=str(_reason))]
TONE_HZ = 440.0


def tone(path: Path, seconds: float = 10.0) -> Path:
    """Write a tone at -6 dBFS, 8 kHz, mono."""
    samples = (round(16_384 * math.sin(2 * math.pi * TONE_HZ * n / 8000)) for n in range(int(8000 * seconds)))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(array.array("h", samples).tobytes())
    return path


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_two_linphones_register_and_one_hears_the_other_through_the_cloud(tmp_path: Path, transport: str) -> None:
    with (
        Street() as street,
        Served(FORWARDING, tmp_path / "v", host=street.addresses[0], prefix=street.prefix) as cloud,
    ):
        account = {"domain": DOMAIN, "password": PASSWORD, "server": cloud.until_ready()[transport]}
        with (
            Linphone(tmp_path / "a", street, 5070, user=CALLER, transport=transport, **account) as alice,
            Linphone(tmp_path / "b", street, 5080, user=CALLEE, transport=transport, answers=True, **account) as bob,
        ):
            for phone in (alice, bob):
                phone.until_registered()
            alice.type(f"call sip:{CALLEE}@{DOMAIN}")
            alice.until_says("Media streams established")
            alice.type(f"play {tone(tmp_path / 'tone.wav')}")
            bob.until_heard(2.5)
            alice.type("terminate")
            bob.until_says("ended (No error)")
        assert cloud.stop() == 0, cloud.tail()
    last_second = bob.heard()[-RECORDED_HZ:]
    assert level_dbfs(last_second, RECORDED_HZ, TONE_HZ) > -12.0
