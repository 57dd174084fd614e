"""Video through the cloud: agreed end to end, passed on byte for byte, measured, and never in the way of the sound."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.lab.stage import Stage
from voxlab import VoxlabError
from voxlab.lab.call import Call
from voxlab.media.video import PACKETS_A_FRAME, counted
from voxlab.net.impairment import Impairment

MakeStage = Callable[..., Stage]


def talk(stage: Stage, alice: Any, bob: Any, seconds: float = 2.0) -> Call:
    stage.shop.user("alice").phone(video=alice)
    stage.shop.user("bob").phone(video=bob)
    call = stage.alice.dial("bob")
    call.wait("connected")
    stage.lab.run(seconds)
    return call


def frames_of(call: Call, codec: str, to: str) -> list[tuple[int, int]]:
    """Return the numbers in the packets that were sent to a phone."""
    media = call.media
    there = {
        (src, dst)
        for src, dst in media[(media.codec == codec) & (media.dst_name == to)][["src_port", "dst_port"]].values
    }
    found = []
    for block in call.lab.journal.rtp_blocks:
        if (block.src.port, block.dst.port) in there and block.payload:
            size = int(block.size_bytes[0])
            parts = (block.payload[at : at + size] for at in range(0, len(block.payload), size))
            found += [each for part in parts if (each := counted(codec, part)) is not None]
    return found


@pytest.mark.parametrize("plane", ["simulated", "media thread", "portable"])
@pytest.mark.parametrize("codec", ["H264", "VP8"])
def test_pictures_pass_untouched_and_are_measured(
    make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch, plane: str, codec: str
) -> None:
    if plane == "portable":
        monkeypatch.setenv("VOXLAB_PLANE", "portable")
    stage = make_stage(live=plane != "simulated").forwards()
    call = talk(stage, [codec], True, 1.5 if stage.lab.live else 4.0)
    call.hang_up()
    pictures = call.media[call.media.codec == codec]
    assert len(pictures) == 4, "two legs, both ways"
    assert (pictures.packets > 60).all()
    assert (pictures.lost == 0).all()
    assert pictures.mos.isna().all()
    assert (pictures.mean_jitter_ms == 0.0).all() or stage.lab.live
    assert call.media[call.media.codec == "PCMU"].mos.notna().all()
    assert f"PCMU + {codec}" in call.verdict
    numbers = frames_of(call, codec, "bob")
    assert numbers[: 2 * PACKETS_A_FRAME] == [(frame, part) for frame in (0, 1) for part in range(PACKETS_A_FRAME)]
    assert call.media_by("truth").lost.sum() == call.media_by("wireshark").lost.sum() == 0


@pytest.mark.parametrize(("alice", "bob"), [(True, False), (["H264"], ["VP8"]), (False, True)])
def test_who_wants_none_is_shown_none_and_the_sound_goes_on(make_stage: MakeStage, alice: Any, bob: Any) -> None:
    call = talk(make_stage().forwards(), alice, bob)
    assert set(call.media.codec) == {"PCMU"}
    ports = [line.port for n in range(1, 20) if n <= len(call.messages) for line in lines_of(call, n)]
    answers = [line.port for n in range(1, 20) if n <= len(call.messages) for line in lines_of(call, n, "200")]
    assert answers == ([0, 0] if alice else [])
    assert bool(ports) == bool(alice)


def lines_of(call: Call, number: int, status: str = "") -> list[Any]:
    message = call.message(number)
    if message.sdp is None or (status and str(call.messages.status[number]) != status):
        return []
    return [line for line in message.sdp.media if line.type == "video"]


def test_loss_of_pictures_is_counted_where_it_happens(make_stage: MakeStage) -> None:
    stage = make_stage().forwards()
    stage.shop.user("alice").phone(video=True)
    stage.shop.user("bob").phone(video=True)
    call = stage.alice.dial("bob")
    call.wait("connected")
    stage.lab.link("bob").impair(Impairment(loss=0.1))
    stage.lab.run(20)
    pictures = call.media[call.media.codec == "H264"].set_index(["src_name", "dst_name"])
    assert pictures.loss["cloud", "bob"] == pytest.approx(0.1, abs=0.03)
    assert pictures.loss["alice", "cloud"] == 0.0
    assert pictures.late.sum() == 0


def test_hold_stops_the_picture_and_resume_brings_it_back(make_stage: MakeStage) -> None:
    stage = make_stage().forwards()
    call = talk(stage, True, True)
    stage.bob.hold()
    stage.lab.run(1)
    before = pictures_to(call, "bob")
    stage.lab.run(2)
    assert pictures_to(call, "bob") == before
    stage.bob.resume()
    stage.lab.run(2)
    assert pictures_to(call, "bob") > before + 100
    assert call.media[call.media.codec == "H264"].lost.sum() == 0
    call.hang_up()


def pictures_to(call: Call, who: str) -> int:
    media = call.media
    return int(media[(media.codec == "H264") & (media.dst_name == who)].packets.sum())


def test_a_video_call_is_the_same_to_the_byte_each_time(make_stage: MakeStage) -> None:
    digests = []
    for _ in range(2):
        stage = make_stage().forwards()
        talk(stage, True, True).hang_up()
        digests.append(stage.lab.journal.digest())
    assert digests[0] == digests[1]


@pytest.mark.parametrize("wrong", ["AV1", ["H264", "H264"], [], 7])
def test_video_that_is_none_is_refused_with_what_there_is(make_stage: MakeStage, wrong: Any) -> None:
    with pytest.raises(VoxlabError, match="H264"):
        make_stage().shop.user("alice").phone(video=wrong)
