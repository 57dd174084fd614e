"""The tables' columns, order and types are a contract; empty tables keep it."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.analysis.story import ALICE, CLOUD, Story, answered, busy, cancelled
from voxlab.analysis import frames
from voxlab.analysis.index import Index
from voxlab.analysis.streams import STREAM_COLUMNS, streams
from voxlab.base.journal import Journal

CONTRACT = {
    "time_s": "float64",
    "time": "datetime64[ns, UTC]",
    "src": "string",
    "src_port": "int64",
    "dst": "string",
    "dst_port": "int64",
    "src_name": "string",
    "dst_name": "string",
    "transport": "category",
    "method": "category",
    "status": "Int64",
    "kind": "string",
    "call": "Int64",
    "leg": "string",
    "call_id": "string",
    "cseq": "Int64",
    "cseq_method": "string",
    "branch": "string",
    "retransmission": "bool",
    "size_bytes": "int64",
    "wire": "category",
}


def types(frame: pd.DataFrame) -> dict[str, str]:
    return {str(column): str(kind) for column, kind in frame.dtypes.items()}


@pytest.mark.parametrize("journal", [Journal(), answered().journal], ids=["empty", "a call"])
def test_the_columns_of_messages_are_those_of_the_contract_in_order(journal: Journal) -> None:
    frame = frames.messages(Index(journal))
    assert types(frame) == CONTRACT
    assert list(frame.columns) == list(CONTRACT)
    assert frame.index.name == "message"


@pytest.mark.parametrize("journal", [Journal(), answered().journal], ids=["empty", "a call"])
def test_the_other_tables_keep_their_types_when_empty(journal: Journal) -> None:
    assert types(frames.calls(Index(journal))) == frames.CALL_COLUMNS
    assert types(streams(Index(journal))) == STREAM_COLUMNS


def test_messages_of_a_call_are_numbered_from_one_and_those_of_the_lab_by_the_journal() -> None:
    story = Story()
    story.say(0.0, ALICE, CLOUD, "REGISTER sip:shop.acme.voxlab.test", cseq="1 REGISTER", call_id="registration")
    story.say(1.0, ALICE, CLOUD, "INVITE sip:bob@shop.acme.voxlab.test")
    index = Index(story.journal)
    assert list(frames.messages(index).index) == [1, 2]
    assert list(frames.messages(index, index.call(1)).index) == [1]


def test_what_belongs_to_no_call_has_neither_call_nor_leg() -> None:
    story = Story()
    story.say(0.0, ALICE, CLOUD, "REGISTER sip:shop.acme.voxlab.test", cseq="1 REGISTER", call_id="registration")
    row = frames.messages(Index(story.journal)).loc[1]
    assert row["call"] is pd.NA
    assert row["leg"] is pd.NA
    assert row["method"] == "REGISTER"


def test_a_row_says_what_was_on_the_wire() -> None:
    index = Index(busy().journal)
    row = frames.messages(index, index.call(1)).loc[8]
    assert (row["src_name"], row["dst_name"], row["status"], row["kind"]) == ("bob", "cloud", 486, "response")
    assert (row["call"], row["leg"], row["cseq"], row["cseq_method"]) == (1, "B", 1, "INVITE")
    assert row["time"] == pd.Timestamp("2026-01-01T00:00:00.510Z")
    assert pd.isna(row["method"])


def test_the_same_bytes_on_the_same_way_are_a_retransmission() -> None:
    index = Index(busy().journal)
    frame = frames.messages(index, index.call(1))
    assert list(frame.index[frame["retransmission"]]) == [7]


def test_what_is_no_sip_is_a_row_of_kind_malformed() -> None:
    journal = Journal()
    journal.wire(0.0, "UDP", ALICE, CLOUD, b"INVITE nonsense\r\nCall-ID: caf\xe9\r\n\r\n")
    row = frames.messages(Index(journal)).loc[1]
    assert (row["kind"], row["call_id"]) == ("malformed", "caf\N{REPLACEMENT CHARACTER}")
    assert row["cseq"] is pd.NA


def test_the_history_has_a_row_for_each_call() -> None:
    row = frames.calls(Index(answered().journal)).loc[1]
    assert (row["caller"], row["callee"], row["scenario"], row["result"]) == ("alice", "bob", "forward", "connected")
    assert row["setup_s"] == pytest.approx(2.004)
    assert row["duration_s"] == pytest.approx(10.0)
    assert (row["ended_by"], row["messages"], row["legs"]) == ("alice", 13, 2)


@pytest.mark.parametrize(("story", "result", "status"), [(busy, "failed", 486), (cancelled, "cancelled", 487)])
def test_the_history_says_how_a_call_failed(story: object, result: str, status: int) -> None:
    assert callable(story)
    row = frames.calls(Index(story().journal)).loc[1]
    assert (row["result"], row["status"]) == (result, status)
    assert row["duration_s"] is pd.NA


def test_streams_tell_loss_as_a_fraction_and_lost_as_a_count() -> None:
    index = Index(answered().journal)
    frame = streams(index, index.call(1)).set_index("ssrc")
    assert frame.loc["0x3A2B3C4D", "lost"] == 3
    assert frame.loc["0x3A2B3C4D", "loss"] == pytest.approx(0.006)
    assert frame.loc["0x1A2B3C4D", "leg"] == "A"


def test_a_frame_is_a_snapshot() -> None:
    story = answered()
    index = Index(story.journal)
    before = frames.messages(index)
    story.say(20.0, ALICE, CLOUD, "OPTIONS sip:192.0.2.1", cseq="9 OPTIONS", call_id="probe")
    assert len(frames.messages(index)) == len(before) + 1
