"""Section 2 of what using voxlab feels like: everything that happened is data."""

from __future__ import annotations

import shutil
import subprocess
import wave
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.lab.stage import MakeStage, Stage, picture
from voxlab import VoxlabError
from voxlab.lab.call import Call
from voxlab.net.impairment import Impairment

MESSAGE_COLUMNS = [
    "time_s", "time", "src", "src_port", "dst", "dst_port", "src_name", "dst_name", "transport", "method", "status",
    "kind", "call", "leg", "call_id", "cseq", "cseq_method", "branch", "retransmission", "size_bytes",
    "wire",
]  # fmt: skip


@pytest.fixture
def talk(stage: Stage) -> Call:
    """Ten seconds of a call, and it is over."""
    call = stage.alice.dial("bob").wait("connected")
    stage.lab.run(10)
    return call.hang_up()


# -- packets ----------------------------------------------------------------------------------------------------------


def test_packets_are_a_table_and_agree_with_the_counts(stage: Stage, talk: Call) -> None:
    packets = talk.packets
    assert packets.index.name == "packet"
    assert packets.time_s.is_monotonic_increasing
    assert set(packets.outcome) == {"delivered"}
    for stream in talk.media.itertuples():
        of_it = packets[(packets.src_name == stream.src_name) & (packets.dst_name == stream.dst_name)]
        assert len(of_it) == stream.packets
        assert set(of_it.leg) == {stream.leg}
        assert of_it.marker.tolist() == [True] + [False] * (len(of_it) - 1), "the first begins a talkspurt"
        assert set(np.diff(of_it.sequence) % 65536) == {1}
        assert set(np.diff(of_it.timestamp) % 2**32) == {160}
    nothing = stage.alice.dial("bob").packets
    assert nothing.empty
    assert list(nothing.columns) == list(packets.columns)
    assert nothing.dtypes.astype(str).drop("outcome").equals(packets.dtypes.astype(str).drop("outcome"))


def test_packets_that_a_link_lost_are_told_apart(stage: Stage) -> None:
    call = stage.alice.dial("bob").wait("connected")
    stage.lab.link(stage.bob).impair(Impairment(loss=0.2))
    stage.lab.run(5)
    packets = call.packets
    to_bob = packets[packets.dst_name == "bob"]
    (heard,) = call.media[call.media.dst_name == "bob"].itertuples()
    assert 0 < heard.lost <= (to_bob.outcome == "lost").sum()
    assert heard.packets == (to_bob.outcome == "delivered").sum()


def test_reports_say_what_their_tellers_counted(stage: Stage) -> None:
    call = stage.alice.dial("bob").wait("connected")
    stage.lab.link(stage.bob).impair(Impairment(loss=0.25))
    stage.lab.run(21)
    reports = call.reports
    assert reports.index.name == "report"
    assert {"bob", "alice"} <= set(reports.src_name)
    of_bob = reports[(reports.src_name == "bob") & (reports.fraction_lost > 0)]
    assert of_bob.fraction_lost.mean() == pytest.approx(64, abs=20)
    assert of_bob.cumulative_lost.is_monotonic_increasing
    (heard,) = call.media[call.media.dst_name == "bob"].itertuples()
    assert set(of_bob.about) == {heard.ssrc}
    assert of_bob.cumulative_lost.iloc[-1] <= heard.lost


# -- messages ---------------------------------------------------------------------------------------------------------


def test_messages_are_a_table_with_fixed_columns(stage: Stage, talk: Call) -> None:
    for table in (talk.messages, stage.lab.messages):
        assert list(table.columns)[: len(MESSAGE_COLUMNS)] == MESSAGE_COLUMNS
        assert table.index.name == "message"
        assert table.index[0] == 1
        assert table.time_s.dtype == "float64"
        assert isinstance(table.time.dtype, pd.DatetimeTZDtype)
        assert isinstance(table.transport.dtype, pd.CategoricalDtype)
        assert isinstance(table.method.dtype, pd.CategoricalDtype)
        assert [str(table[name].dtype) for name in ("status", "cseq", "retransmission")] == ["Int64", "Int64", "bool"]
    assert len(stage.lab.messages) == len(stage.lab.journal)
    assert list(talk.messages.index) == list(range(1, len(talk.messages) + 1))
    assert str(talk.messages.time.iloc[0]).startswith("2026-01-01")
    assert set(talk.messages.leg) == {"A", "B"}
    assert set(talk.messages.src_name) == {"alice", "cloud", "bob"}


def test_an_empty_table_keeps_columns_and_types(stage: Stage, talk: Call) -> None:
    fresh = stage.alice.dial("bob").messages
    assert list(fresh.columns) == list(talk.messages.columns)
    assert dict(fresh.dtypes.astype(str)) == dict(talk.messages.dtypes.astype(str))
    stage.lab.run(1)


def test_a_message_is_typed_headers_a_description_and_its_bytes(talk: Call) -> None:
    invite = talk.message(1)
    assert invite.method == "INVITE"
    assert invite.headers.get("Call-ID") == talk.call_id
    assert invite.sdp is not None
    assert invite.sdp.media[0].port > 0
    assert invite.raw.startswith(b"INVITE sip:bob@shop.acme.voxlab.test SIP/2.0\r\n")
    assert repr(invite).startswith("message 1 · ")
    assert "INVITE sip:bob" in picture(invite)
    ringing = talk.message(int(talk.messages.index[talk.messages.status.eq(180).fillna(value=False)][0]))
    assert ringing.status == 180
    for number in (0, len(talk.messages) + 1):
        with pytest.raises(VoxlabError, match=r"this call has messages 1 to 15, there is no message"):
            talk.message(number)


def test_a_call_is_found_again_by_its_number(stage: Stage, talk: Call) -> None:
    again = stage.lab.call(1)
    assert (again.call_id, again.verdict, again.number) == (talk.call_id, talk.verdict, 1)
    assert again.state == "ended"
    with pytest.raises(VoxlabError, match="there is no call 2; there are 1 calls so far"):
        stage.lab.call(2)


def test_a_call_found_by_number_can_be_waited_for_and_hung_up(stage: Stage) -> None:
    stage.alice.dial("bob").wait("connected")
    found = stage.lab.call(1)
    assert found.wait("connected").state == "connected"
    found.hang_up()
    assert found.wait("ended").state == "ended"
    assert (stage.alice.state, stage.bob.state) == ("idle", "idle")


def test_the_call_history_says_who_when_by_which_rule_and_how_it_ended(stage: Stage, talk: Call) -> None:
    stage.shop.user("bob").phone(busy=True)
    stage.alice.dial("bob").wait("ended")
    first, second = (stage.lab.calls.loc[number] for number in (1, 2))
    assert (first.caller, first.destination, first.application) == ("alice", "bob", "shop.acme.voxlab.test")
    assert (first.rule, first.scenario, first.result, first.ended_by) == ("forward", "forward", "connected", "alice")
    assert first.duration_s == pytest.approx(10, abs=0.01)
    assert (second.status, second.result) == (486, "failed")


# -- pictures ---------------------------------------------------------------------------------------------------------


def test_a_transaction_shows_its_path_through_its_machine(stage: Stage, talk: Call) -> None:
    stage.lab.run(40)
    second = talk.transaction(2)
    assert repr(second) == "<transaction 2: INVITE at cloud, INVITE server: completed → confirmed → terminated>"
    diagram = second.diagram()
    text = diagram.text()
    assert text.startswith("INVITE server transaction, 3 steps, now Terminated")
    assert "[1]    300-699 from TU" in text
    drawn = ET.fromstring(diagram.svg)
    assert drawn.tag.endswith("svg")
    assert "3 steps" in "".join(drawn.itertext())
    assert picture(diagram) == diagram.svg
    assert repr(diagram) == text
    with pytest.raises(VoxlabError, match="there is no transaction 99"):
        talk.transaction(99)
    assert {view.record.host for view in talk.transactions} == {"alice", "cloud", "bob"}
    assert all(view.path[-1][2].lower() == "terminated" for view in talk.transactions)


def test_the_ladder_is_a_picture_with_a_title_and_a_text(stage: Stage, talk: Call, tmp_path: Path) -> None:
    for ladder in (talk.ladder(), stage.lab.ladder()):
        ET.fromstring(ladder.svg)
        assert "<title" in ladder.svg
        assert "<svg" in picture(ladder)
    assert talk.ladder().save(tmp_path / "call.svg").read_text("utf-8") == talk.ladder().svg
    assert talk.ladder().save(tmp_path / "call.txt").read_text("utf-8") == talk.ladder().text()
    assert talk.ladder().text(ascii=True).isascii()
    assert max(map(len, talk.ladder().text(width=60).splitlines()[1:])) <= 60


HOSTILE = '"><script>alert(1)</script>&amp;<img src=x onerror=y>'


def test_a_hostile_name_stays_text(make_stage: MakeStage) -> None:
    stage = make_stage()
    eve = stage.shop.user("eve", display_name=HOSTILE).phone()

    @stage.shop.scenario()
    async def forward(call: Any) -> None:
        print(HOSTILE)
        await call.forward_to_user()
        raise ValueError(HOSTILE)

    call = eve.dial("bob", headers={"X-Name": HOSTILE}).wait("connected")
    stage.lab.run(1)
    call.hang_up()
    stage.lab.run(1)
    pictures = [picture(call), picture(stage.lab.ladder()), picture(call.message(1))]
    pictures += [picture(view.diagram()) for view in call.transactions]
    assert stage.lab.errors
    for drawn in pictures:
        assert "<script" not in drawn
        assert "<img" not in drawn
    assert call.messages.shape[0] > 10


# -- media ------------------------------------------------------------------------------------------------------------


def test_ten_seconds_are_five_hundred_packets_on_each_stream(talk: Call) -> None:
    media = talk.media
    assert len(media) == 4
    assert media.packets.between(500, 501).all()
    assert (media.lost == 0).all()
    assert (media.loss == 0).all()
    assert (media.duplicates == 0).all()
    assert (media.reordered == 0).all()
    assert set(media.codec) == {"PCMU"}
    assert media.mos.round(2).eq(4.41).all()
    assert media.mean_jitter_ms.to_numpy(float) == pytest.approx(np.zeros(4), abs=1e-6)
    assert set(media.leg) == {"A", "B"}
    assert {"src_name", "dst_name", "ssrc", "r", "mean_delay_ms", "burst_loss", "gap_loss", "late"} <= set(
        media.columns
    )


def test_media_is_counted_while_the_call_runs(stage: Stage) -> None:
    call = stage.alice.dial("bob").wait("connected")
    for seconds, counted in ((3, 150), (0.5, 175), (1.5, 250)):  # a packet each 20 ms, the first at once
        stage.lab.run(seconds)
        media = call.media
        assert len(media) == 4
        assert media.packets.between(counted, counted + 1).all()
        assert (media.lost == 0).all()


def test_loss_on_a_link_is_counted_where_it_is_seen(stage: Stage) -> None:
    from voxlab.net.impairment import Impairment

    call = stage.alice.dial("bob").wait("connected")
    stage.lab.link("bob").toward("bob").impairment = Impairment(loss=0.1)
    stage.lab.run(20)
    stage.lab.link("bob").heal()
    call.hang_up()
    media = call.media
    heard_by_bob = media[media.dst_name == "bob"].iloc[0]
    assert 0.05 < heard_by_bob.loss < 0.15
    assert heard_by_bob.mos < 4.2
    assert (media[media.dst_name != "bob"].lost == 0).all()
    assert "MOS 4.41" not in call.verdict


def test_who_heard_what(stage: Stage, talk: Call, tmp_path: Path) -> None:
    assert talk.audio() == ["alice", "bob"]
    heard = talk.audio("bob")
    assert not isinstance(heard, list)
    assert heard.duration_s == pytest.approx(10, abs=0.1)
    assert heard.level_dbfs > -40
    assert "<audio controls" in picture(heard)
    assert "what bob heard" in repr(heard)
    with wave.open(str(heard.save(tmp_path / "bob.wav"))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getnframes()) == (8000, 1, len(heard.samples))
    with pytest.raises(VoxlabError, match="'carol' heard nothing in this call; there is alice, bob"):
        talk.audio("carol")


# -- a file for Wireshark ---------------------------------------------------------------------------------------------


def tshark(path: Path, *arguments: str) -> list[str]:
    program = shutil.which("tshark")
    if program is None:
        pytest.skip("tshark is not here: apt-get install tshark")
    ran = subprocess.run([program, "-r", str(path), *arguments], capture_output=True, text=True, timeout=60, check=True)
    return ran.stdout.splitlines()


def test_a_capture_has_the_same_numbers_as_the_ladder(talk: Call, stage: Stage, tmp_path: Path) -> None:
    path = stage.lab.save(tmp_path / "run.pcapng", call=talk)
    methods = tshark(path, "-Y", "sip", "-T", "fields", "-e", "sip.CSeq.method")
    assert methods == list(talk.messages.cseq_method)


def test_wireshark_reads_sip_and_rtp(stage: Stage, talk: Call, tmp_path: Path) -> None:
    path = stage.lab.save(tmp_path / "run.pcapng")
    assert len(tshark(path, "-Y", "sip")) == len(stage.lab.journal)
    packets = tshark(path, "-Y", "rtp", "-T", "fields", "-e", "ip.src", "-e", "rtp.p_type")
    assert len(packets) == talk.media.packets.sum()
    assert {line.split()[0] for line in packets} == {"10.0.0.1", "10.0.0.2", "192.0.2.10"}
    assert not tshark(path, "-Y", "_ws.malformed")
