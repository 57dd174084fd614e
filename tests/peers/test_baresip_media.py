"""baresip and a phone of the lab in one call: each codec, SRTP, keys and reports, checked at both ends."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from voxlab import Lab
from voxlab.lab.call import Call
from voxlab.media import sources
from voxlab.media.sinks import tone_level_dbfs

from .calls import CALLER, DOMAIN, PASSWORD
from .harness.baresip import Baresip
from .harness.namespace import Street, cannot_build_streets
from .harness.process import missing
from .harness.tone import recorded_level_dbfs

_reason = cannot_build_streets() or missing("baresip") or missing("tshark")
pytestmark = [
    pytest.mark.peers,
    pytest.mark.slow,
    pytest.mark.skipif(_reason is not None, reason=str(_reason)),
]
ROBOT_HZ, BARESIP_HZ = 1000, 440
ROBOT_DBFS = -13.0
LOUD_DBFS = -12.0  # baresip's sine peaks at about -6
TALK_S = 6.0  # long enough for a report of each side
CODECS = {"PCMU": "PCMU", "G722": "G722", "opus": "opus/48000/2"}
RECORDED_AT_8_KHZ = {"PCMU": 1, "G722": 2, "opus": 12}  # and two channels of Opus


def in_baresip(server: str, codec: str, extra: str = "") -> str:
    """Return a line for baresip's accounts file."""
    return (
        f"<sip:{CALLER}@{DOMAIN};transport=udp>;auth_user={CALLER};auth_pass={PASSWORD};regint=60"
        f';audio_codecs={CODECS[codec]};outbound="sip:{server};transport=udp"{extra}'
    )


def talk(lab: Lab, phone: Baresip, codec: str) -> Call:
    """Let baresip dial the robot, listen, and hang up."""
    phone.dial(f"sip:robot@{DOMAIN}")
    phone.until_event("CALL_ESTABLISHED")
    phone.until_heard(TALK_S * RECORDED_AT_8_KHZ[codec], timeout_s=30.0)
    phone.command("hangup")
    phone.until_event("CALL_CLOSED")
    lab.run(1.0)
    return lab.call(1)


@pytest.mark.parametrize(
    ("codec", "robot", "extra", "srtp"),
    [
        ("PCMU", ["PCMU"], "", False),
        ("G722", ["G722"], "", False),
        ("opus", ["opus"], "", False),
        ("opus", ["PCMU"], "", False),
        ("PCMU", ["PCMU"], ";mediaenc=srtp-mand", True),
        ("opus", ["opus"], ";mediaenc=srtp-mand", True),
    ],
    ids=["PCMU", "G722", "opus", "opus-to-PCMU", "PCMU-srtp", "opus-srtp"],
)
def test_both_ends_hear_the_other(tmp_path: Path, codec: str, robot: list[str], extra: str, srtp: bool) -> None:
    with Street() as street:
        at_cloud, at_phone, _ = street.addresses
        lab = street.inside(lambda: Lab(live=True, bind=at_cloud))
        try:
            shop = lab.account("acme").application("shop")
            shop.user(CALLER, password=PASSWORD)
            tone = sources.tone(ROBOT_HZ, level_dbfs=ROBOT_DBFS)
            shop.user("robot").phone(answer_after=0.1, audio=tone, codecs=robot, srtp=srtp)

            @shop.scenario()
            async def forward(call):  # type: ignore[no-untyped-def]
                await call.forward_to_user()

            host, port = lab.cloud.addresses["UDP"]
            line = in_baresip(f"{host}:{port}", codec, extra)
            with Baresip(tmp_path / "baresip", street, at_phone, line, tone_hz=BARESIP_HZ) as phone:
                phone.until_ready()
                phone.until_registered()
                call = talk(lab, phone, codec)
                phone.stop()
                heard_there = recorded_level_dbfs(phone.heard, ROBOT_HZ)
            audio = call.audio("robot")
            rate = audio.rate_hz
            heard_here = tone_level_dbfs(audio.samples[rate:-rate], BARESIP_HZ, rate)
            media = call.media
            capture = lab.save(tmp_path / "call.pcapng", call=call)
        finally:
            lab.close()
    assert heard_there == pytest.approx(ROBOT_DBFS, abs=1.5)
    assert heard_here > LOUD_DBFS
    assert set(media.codec) == {codec, *robot}
    assert media.lost.sum() == 0
    if not srtp:
        _assert_reports(capture)


@pytest.mark.parametrize("codec", ["PCMU", "opus"])
def test_keys_are_heard_at_both_ends(tmp_path: Path, codec: str) -> None:
    with Street() as street:
        at_cloud, at_phone, _ = street.addresses
        lab = street.inside(lambda: Lab(live=True, bind=at_cloud))
        try:
            shop = lab.account("acme").application("shop")
            shop.user(CALLER, password=PASSWORD)
            robot = shop.user("robot").phone(answer_after=0.1, codecs=[codec])

            @shop.scenario()
            async def forward(call):  # type: ignore[no-untyped-def]
                await call.forward_to_user()

            host, port = lab.cloud.addresses["UDP"]
            line = in_baresip(f"{host}:{port}", codec)
            with Baresip(tmp_path / "baresip", street, at_phone, line, tone_hz=BARESIP_HZ) as phone:
                phone.until_ready()
                phone.until_registered()
                phone.dial(f"sip:robot@{DOMAIN}")
                phone.until_event("CALL_ESTABLISHED")
                for key in "1#":
                    phone.command("sndcode", key)
                    lab.run(0.4)
                robot.send_digits("7")
                told = phone.until_event("CALL_DTMF_START")
                phone.command("hangup")
                phone.until_event("CALL_CLOSED")
            heard = "".join(lab.call(1).digits.key)
        finally:
            lab.close()
    assert told["param"] == "7"
    assert heard == "1#"


def _assert_reports(capture: Path) -> None:
    """RTCP of both sides is read by tshark, without a complaint."""
    fields = ["-T", "fields", "-e", "ip.src", "-e", "rtcp.pt", "-e", "_ws.malformed"]
    command = ["tshark", "-n", "-r", str(capture), "-Y", "rtcp", *fields]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    rows = [line.split("\t") for line in said.splitlines()]
    assert not any(row[2:] and row[2] for row in rows), said
    assert any("200" in row[1] for row in rows), said
