"""What phones can choose for their sound, and what becomes of it on the way through the cloud."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.lab.stage import Stage
from voxlab import VoxlabError
from voxlab.lab.call import Call
from voxlab.media import sources
from voxlab.media.sinks import tone_level_dbfs
from voxlab.net.impairment import Impairment

MakeStage = Callable[..., Stage]
LEVEL = -13.0


def talk(stage: Stage, alice: dict[str, Any], bob: dict[str, Any], seconds: float = 3.0) -> Call:
    """Let alice say 440 Hz and bob 1000 Hz, each in what was chosen."""
    stage.shop.user("alice").phone(audio=sources.tone(440), **alice)
    stage.shop.user("bob").phone(audio=sources.tone(1000), **bob)
    call = stage.alice.dial("bob")
    call.wait("connected")
    stage.lab.run(seconds)
    return call


def assert_heard(call: Call, within_db: float = 1.0) -> None:
    for who, hertz, other in (("bob", 440, 1000), ("alice", 1000, 440)):
        audio = call.audio(who)
        rate = audio.rate_hz
        middle = audio.samples[rate // 2 : -rate // 4]
        assert tone_level_dbfs(middle, hertz, rate) == pytest.approx(LEVEL, abs=within_db), who
        assert tone_level_dbfs(middle, other, rate) < -40, who


@pytest.mark.parametrize("live", [False, True], ids=["simulated", "live"])
@pytest.mark.parametrize("codec", ["PCMA", "G722", "opus", "L16/16000"])
def test_both_speak_what_they_chose(make_stage: MakeStage, codec: str, live: bool) -> None:
    stage = make_stage(live=live).forwards()
    call = talk(stage, {"codecs": [codec]}, {"codecs": [codec]}, 1.5 if live else 3.0)
    assert_heard(call)
    assert set(call.media.codec) == {codec.partition("/")[0]}
    assert call.media.lost.sum() == 0
    call.hang_up()


@pytest.mark.parametrize(
    ("alice", "bob"), [("opus", "PCMU"), ("PCMU", "opus"), ("G722", "PCMA"), ("opus", "G722")], ids="{}".format
)
@pytest.mark.parametrize("live", [False, True], ids=["simulated", "live"])
def test_the_cloud_makes_one_codec_of_the_other(make_stage: MakeStage, alice: str, bob: str, live: bool) -> None:
    stage = make_stage(live=live).forwards()
    call = talk(stage, {"codecs": [alice]}, {"codecs": [bob]}, 1.5 if live else 3.0)
    assert_heard(call)
    assert set(call.media.codec) == {alice, bob}
    assert call.media.lost.sum() == 0
    call.hang_up()


def test_the_first_common_codec_is_spoken(make_stage: MakeStage) -> None:
    call = talk(make_stage().forwards(), {"codecs": ["opus", "PCMA", "PCMU"]}, {"codecs": ["PCMU", "PCMA"]})
    assert set(call.media.codec) == {"PCMA"}


@pytest.mark.parametrize("live", [False, True], ids=["simulated", "live"])
@pytest.mark.parametrize("bob", [{"srtp": True}, {}], ids=["both", "caller alone"])
def test_srtp_is_spoken_by_who_chose_it(make_stage: MakeStage, live: bool, bob: dict[str, Any]) -> None:
    stage = make_stage(live=live).forwards()
    call = talk(stage, {"srtp": True}, bob, 1.5 if live else 3.0)
    assert_heard(call)
    offers = [str(call.message(n).sdp) for n in range(1, len(call.messages) + 1) if call.message(n).sdp]
    assert "RTP/SAVP" in offers[0]
    assert "inline:...." in offers[0], "the key is not in the journal"
    blocks = [block for block in stage.lab.journal.rtp_blocks if block.call_id]
    sizes = {int(size) for block in blocks for size in block.size_bytes}
    assert sizes == ({170} if bob else {160, 170}), "ten octets of authentication"
    assert call.media.lost.sum() == 0
    call.hang_up()


def test_who_insists_on_srtp_refuses_a_plain_call(make_stage: MakeStage) -> None:
    stage = make_stage().forwards()
    stage.shop.user("bob").phone(srtp=True)
    call = stage.alice.dial("bob")
    with pytest.raises(VoxlabError, match="488"):
        call.wait("connected")


@pytest.mark.parametrize("live", [False, True], ids=["simulated", "live"])
@pytest.mark.parametrize(
    "options",
    [{}, {"codecs": ["opus"]}, {"dtmf": "inband"}, {"dtmf": "info"}],
    ids=["events", "opus", "inband", "info"],
)
def test_keys_are_heard_at_the_other_end(make_stage: MakeStage, options: dict[str, Any], live: bool) -> None:
    stage = make_stage(live=live).forwards()
    call = talk(stage, options, options, 0.3)
    stage.alice.send_digits("19#")
    stage.lab.run(2.0 if live else 3.0)
    heard = call.digits
    assert "".join(heard.key) == "19#"
    assert set(heard.who) == {"bob"}
    assert set(heard.method) == {options.get("dtmf", "rfc4733")}
    assert heard.duration_s.to_numpy() == pytest.approx(0.16, abs=0.02)
    call.hang_up()


@pytest.mark.parametrize("dtmf", ["rfc4733", "info"])
def test_the_cloud_hears_keys_while_nobody_else_takes_part(make_stage: MakeStage, dtmf: str) -> None:
    stage = make_stage()
    stage.shop.user("alice").phone(dtmf=dtmf)

    @stage.shop.scenario()
    async def desk(call: Any) -> None:
        await call.answer()
        await asyncio.sleep(3)
        await call.forward_to_user()

    call = stage.alice.dial("bob").wait("connected")
    stage.lab.run(0.5)
    stage.alice.send_digits("1,a")
    stage.lab.run(4)
    stage.alice.send_digits("7")
    stage.lab.run(1)
    heard = [(row.who, row.key, row.method) for row in call.digits.itertuples()]
    assert heard == [("cloud", "1", dtmf), ("cloud", "A", dtmf), ("bob", "7", dtmf)]
    assert call.digits.volume_dbm0.isna().all() == (dtmf == "info")
    assert call.media.start_s[call.media.leg == "B"].min() > 3.0, "bob hears nothing from before he was there"


def test_an_info_that_tells_no_key_presses_none(make_stage: MakeStage) -> None:
    stage = make_stage().forwards()
    call = talk(stage, {}, {}, 0.3)
    for kind, body in (("application/dtmf-relay", b"Signal=99"), ("text/plain", b"5"), ("application/dtmf", b"\xff")):
        stage.lab.world.submit(stage.machine("alice").send, "INFO", kind, body)
        stage.lab.run(0.2)
    assert call.digits.empty
    assert list(call.digits.columns)[-1] == "method"


def test_keys_pass_from_one_clock_to_another(make_stage: MakeStage) -> None:
    stage = make_stage().forwards()
    call = talk(stage, {"codecs": ["opus"]}, {"codecs": ["PCMU"]}, 0.3)
    stage.alice.send_digits("5")
    stage.bob.send_digits("7")
    stage.lab.run(2)
    assert [(row.who, row.key) for row in call.digits.itertuples()] == [("bob", "5"), ("alice", "7")]
    assert call.digits.duration_s.to_numpy() == pytest.approx(0.16, abs=0.001)


def test_keys_disturb_neither_statistics_nor_what_is_said_afterwards(make_stage: MakeStage) -> None:
    stage = make_stage().forwards()
    call = talk(stage, {}, {}, 0.5)
    stage.alice.send_digits("123")
    stage.lab.run(3)
    assert call.media.lost.sum() == 0
    assert call.media.max_jitter_ms.max() < 0.001
    heard = call.audio("bob").samples
    assert tone_level_dbfs(heard[-8000:], 440) == pytest.approx(LEVEL, abs=0.2)


def test_nobody_can_press_keys_without_a_call_or_keys_that_are_none(make_stage: MakeStage) -> None:
    stage = make_stage().forwards()
    with pytest.raises(VoxlabError, match="no call to press keys in"):
        stage.alice.send_digits("1")
    talk(stage, {}, {}, 0.3)
    with pytest.raises(VoxlabError, match="'1x' has X"):
        stage.alice.send_digits("1x")


@pytest.mark.parametrize("mux", [False, True], ids=["apart", "on one port"])
def test_both_tell_how_they_hear_the_other(make_stage: MakeStage, mux: bool) -> None:
    stage = make_stage().forwards()
    talk(stage, {"rtcp_xr": True, "rtcp_mux": mux}, {"rtcp_xr": True, "rtcp_mux": mux}, 12.0)
    for name in ("alice", "bob"):
        (terminal,) = stage.machine(name).terminals.values()
        assert terminal._rtp is not None
        metrics = terminal._rtp.remote_metrics
        assert metrics is not None, name
        assert (metrics.loss_rate, metrics.mos_lq) == (0, 44)


def test_a_packet_holds_as_much_sound_as_was_asked_for(make_stage: MakeStage) -> None:
    call = talk(make_stage().forwards(), {"ptime_ms": 40}, {"ptime_ms": 40})
    assert set(call.media.max_delta_ms.round(3)) == {40.0}
    assert_heard(call)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"codecs": ["G729"]}, "unknown codec 'G729'; a phone speaks PCMU, PCMA, G722, opus"),
        ({"codecs": "opus"}, "codecs are a list of names"),
        ({"codecs": ["PCMU", "pcmu"]}, "named once"),
        ({"dtmf": "smoke"}, "rfc4733 or inband or info"),
        ({"ptime_ms": 5}, "10 to 200 whole milliseconds"),
    ],
)
def test_what_no_phone_speaks_is_refused(make_stage: MakeStage, wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(VoxlabError, match=sentence):
        make_stage().shop.user("alice").phone(**wrong)


@pytest.mark.parametrize("after_s", [1.0, 3.7, 6.0])
def test_a_link_loses_what_is_sent_while_it_is_impaired_and_nothing_else(make_stage: MakeStage, after_s: float) -> None:
    stage = make_stage().forwards()
    call = talk(stage, {}, {}, after_s)
    stage.lab.link(stage.bob).impair(Impairment(loss=1.0))
    stage.lab.run(1.0)
    stage.lab.link(stage.bob).heal()
    stage.lab.run(1.0)
    heard = call.media.query("dst_name == 'bob'")
    assert heard.lost.tolist() == [50]
