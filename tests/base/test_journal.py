"""The journal keeps what it is told, in little memory, the same way every time."""

from __future__ import annotations

import sys
import tracemalloc
from typing import TYPE_CHECKING

import numpy as np
import pytest

from voxlab.base.columns import ROW_BYTES, SPAN_ROWS
from voxlab.base.datagram import Address
from voxlab.base.journal import Journal
from voxlab.base.records import (
    LOST,
    LegOpened,
    MediaStarted,
    RtpBlock,
    ScenarioLog,
    SessionOpened,
    TransactionRecord,
    TransitionRecord,
    WireRecord,
)
from voxlab.base.retention import call_id_of

if TYPE_CHECKING:
    from collections.abc import Iterator

ALICE, CLOUD = Address("192.0.2.11", 5060), Address("192.0.2.1", 5060)


@pytest.fixture
def journal() -> Iterator[Journal]:
    journal = Journal()
    yield journal
    journal.close()


def invite(call_id: str, body: bytes = b"") -> bytes:
    return b"INVITE sip:bob@example.com SIP/2.0\r\nCall-ID: %s\r\n\r\n" % call_id.encode() + body


def block(call_id: str = "", packets: int = 3) -> RtpBlock:
    n = packets
    return RtpBlock(
        ALICE,
        CLOUD,
        0x1234,
        np.linspace(0.0, 0.02 * n, n, endpoint=False),
        np.arange(n, dtype=np.uint16),
        np.arange(n, dtype=np.uint32) * 160,
        np.zeros(n, np.uint8),
        np.full(n, 4, np.uint16),
        np.zeros(n, np.uint8),
        bytes(4 * n),
        call_id,
    )


def test_a_message_is_found_again_by_its_number(journal: Journal) -> None:
    first = journal.wire(0.5, "UDP", ALICE, CLOUD, invite("a"))
    second = journal.wire(0.75, "TCP", CLOUD, ALICE, invite("b"), LOST)
    assert (first, second, len(journal)) == (1, 2, 2)
    assert journal.message(2) == WireRecord(2, 0.75, "TCP", CLOUD, ALICE, invite("b"), LOST)
    assert [record.number for record in journal.messages(after=1)] == [2]


def test_a_number_that_was_never_given_is_a_key_error(journal: Journal) -> None:
    journal.wire(0.0, "UDP", ALICE, CLOUD, b"x")
    for number in (0, 2, -1):
        with pytest.raises(KeyError):
            journal.message(number)


def test_messages_survive_sealing_and_spilling() -> None:
    journal = Journal(spill_bytes=50_000)
    count = SPAN_ROWS + 100
    for number in range(1, count + 1):
        journal.wire(number * 1e-3, "UDP", ALICE, CLOUD, b"%d" % number)
    assert [record.data for record in journal.messages()] == [b"%d" % number for number in range(1, count + 1)]
    assert journal.message(SPAN_ROWS + 1).data == b"%d" % (SPAN_ROWS + 1)
    assert journal._arena.resident_bytes < 200_000
    journal.close()


def test_a_message_larger_than_what_memory_may_hold_comes_back_whole() -> None:
    journal = Journal(spill_bytes=100)
    large = bytes(range(256)) * 5
    journal.wire(0.0, "UDP", ALICE, CLOUD, b"before")
    journal.wire(0.0, "UDP", ALICE, CLOUD, large)
    journal.wire(0.0, "UDP", ALICE, CLOUD, b"after")
    assert [record.data for record in journal.messages()] == [b"before", large, b"after"]
    journal.close()


def test_a_row_costs_26_bytes_of_memory_beside_its_message() -> None:
    journal = Journal(spill_bytes=1000)
    message, rows = b"m" * 900, SPAN_ROWS // 4
    tracemalloc.start()
    try:
        for number in range(rows):
            journal.wire(number * 1e-3, "UDP", ALICE, CLOUD, message)
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert ROW_BYTES <= 26
    assert used / rows < 30  # the buffer that still grows has spare room; sealed, it has none
    journal._spans[-1].seal()
    assert len(journal._spans[-1].rows) == 25 * rows
    journal.close()


def test_a_spilled_journal_and_one_in_memory_have_the_same_digest() -> None:
    journals = Journal(spill_bytes=64), Journal()
    for journal in journals:
        for number in range(50):
            journal.wire(number * 0.1, "UDP", ALICE, CLOUD, invite(f"call-{number}"))
        journal.rtp(block())
    small, large = (journal.digest() for journal in journals)
    assert small == large
    for journal in journals:
        journal.close()


@pytest.mark.parametrize(
    "change",
    [
        lambda journal: journal.wire(1.0, "UDP", ALICE, CLOUD, b"x"),
        lambda journal: journal.transaction(1.0, "alice", 1, "INVITE client", "INVITE", "a", "z9hG4bK1"),
        lambda journal: journal.transition(1.0, "alice", 1, "INVITE client", "2xx", "Accepted"),
        lambda journal: journal.note(ScenarioLog(1.0, 1, "hello")),
        lambda journal: journal.rtp(block()),
        lambda journal: journal.name("192.0.2.11", "alice"),
    ],
)
def test_whatever_is_recorded_changes_the_digest(journal: Journal, change: object) -> None:
    before = journal.digest()
    assert callable(change)
    change(journal)
    assert journal.digest() != before


def test_a_cleared_journal_counts_from_one_again_and_keeps_its_names(journal: Journal) -> None:
    journal.name("192.0.2.11", "alice")
    fresh = journal.digest()
    journal.wire(0.0, "UDP", ALICE, CLOUD, b"x")
    journal.transaction(0.0, "alice", 1, "m", "INVITE", "a", "b")
    journal.note(ScenarioLog(0.0, 1, "x"))
    journal.clear()
    assert journal.digest() == fresh
    assert journal.wire(0.0, "UDP", ALICE, CLOUD, b"y") == 1
    assert journal.name_of(ALICE) == "alice"


def test_a_name_for_host_and_port_goes_before_one_for_the_host(journal: Journal) -> None:
    journal.name("127.0.0.1", "loopback")
    journal.name("127.0.0.1:5062", "bob")
    assert journal.name_of(Address("127.0.0.1", 5062)) == "bob"
    assert journal.name_of(Address("127.0.0.1", 5064)) == "loopback"
    assert journal.name_of(Address("127.0.0.9", 5064)) == ""


def test_transactions_and_their_steps_come_back(journal: Journal) -> None:
    journal.transaction(0.0, "alice", 3, "INVITE client", "INVITE", "caf\udce9@host", "z9hG4bK77")
    journal.transition(0.1, "alice", 3, "INVITE client", "1xx", "Proceeding")
    assert list(journal.transactions()) == [
        TransactionRecord(0.0, "alice", 3, "INVITE client", "INVITE", "caf\udce9@host", "z9hG4bK77")
    ]
    assert list(journal.transitions()) == [TransitionRecord(0.1, "alice", 3, "INVITE client", "1xx", "Proceeding")]


SECRET = b"WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
CRYPTO = (
    b"v=0\r\nm=audio 4000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"
    + SECRET
    + b"|2^20|1:4\r\na=sendrecv\r\n"
)


def test_media_keys_are_blotted_out_and_every_other_byte_stays(journal: Journal) -> None:
    journal.wire(0.0, "TLS", ALICE, CLOUD, invite("a", CRYPTO))
    kept = journal.message(1).data
    assert SECRET not in kept
    assert kept == invite("a", CRYPTO).replace(SECRET, b"." * len(SECRET))


def test_media_keys_are_kept_when_asked_for() -> None:
    journal = Journal(keep_keys=True)
    journal.wire(0.0, "TLS", ALICE, CLOUD, invite("a", CRYPTO))
    assert SECRET in journal.message(1).data


@pytest.mark.parametrize(("policy", "blocks", "payload"), [("none", 0, False), ("headers", 1, False), ("all", 1, True)])
def test_the_payload_policy_decides_what_stays_of_rtp(policy: str, blocks: int, payload: bool) -> None:
    journal = Journal(payloads=policy)  # type: ignore[arg-type]
    journal.rtp(block())
    assert len(journal.rtp_blocks) == blocks
    assert all((kept.payload is not None) == payload for kept in journal.rtp_blocks)


def two_legged(journal: Journal, session: int, time_s: float) -> None:
    a, b = f"a{session}", f"b{session}"
    journal.note(SessionOpened(time_s, session, "shop", "rule", "forward"))
    journal.note(LegOpened(time_s, session, "A", a, "cloud", "alice"))
    journal.note(LegOpened(time_s, session, "B", b, "cloud", "bob"))
    for call_id in (a, b):
        journal.wire(time_s, "UDP", ALICE, CLOUD, invite(call_id))
        journal.transaction(time_s, "cloud", 2 * session + (call_id == b), "INVITE client", "INVITE", call_id, "z9")
        journal.transition(time_s, "cloud", 2 * session + (call_id == b), "INVITE client", "2xx", "Accepted")
        journal.rtp(block(call_id))
    journal.note(MediaStarted(time_s, session, "A", a, ALICE, CLOUD, "PCMU", 0))


def test_retention_forgets_whole_calls_and_says_how_many() -> None:
    journal = Journal(limit_messages=64)  # spans of eight messages, four calls
    for session in range(1, 41):
        two_legged(journal, session, session * 1.0)
    gone = journal.evicted_calls
    kept = range(gone + 1, 41)
    legs = {leg + str(session) for leg in "ab" for session in kept}
    assert gone >= 8
    assert (journal.evicted_messages, len(journal)) == (2 * gone, 80 - 2 * gone)
    assert [record.number for record in journal.messages()] == list(range(2 * gone + 1, 81))
    assert {note.session for note in journal.notes if isinstance(note, SessionOpened)} == set(kept)
    assert {record.call_id for record in journal.transactions()} - {f"b{gone}"} == legs
    # What is told of a call after its last message goes with the messages that follow.
    assert {kept.call_id for kept in journal.rtp_blocks} - {f"b{gone}"} == legs
    assert f"{gone} call(s) evicted" in repr(journal)


def test_a_call_that_goes_on_is_carried_along_with_all_that_belongs_to_it() -> None:
    journal = Journal(limit_messages=64)
    two_legged(journal, 1, 0.5)
    for session in range(2, 200):
        two_legged(journal, session, session * 1.0)
        journal.wire(session + 0.5, "UDP", CLOUD, ALICE, b"INFO sip:a SIP/2.0\r\nCall-ID: a1\r\n\r\n")
    kept = [record for record in journal.messages() if call_id_of(record.data) in {"a1", "b1"}]
    assert [record.number for record in kept][:2] == [1, 2]
    assert len(kept) == 2 + 198
    assert {note.session for note in journal.notes if isinstance(note, LegOpened)} >= {1}
    assert [record.call_id for record in journal.transactions()][:2] == ["a1", "b1"]
    assert {"a1", "b1"} <= {kept.call_id for kept in journal.rtp_blocks}
    assert journal.evicted_calls > 100


def test_registrations_age_though_they_go_on_for_ever() -> None:
    journal = Journal(limit_messages=64)
    for number in range(1000):
        request = b"REGISTER sip:a SIP/2.0\r\nCall-ID: phone%d\r\n\r\n" % (number % 5)
        journal.wire(number * 1.0, "UDP", ALICE, CLOUD, request)
    assert len(journal) <= 64 + 8
    assert journal.evicted_calls == 0


def test_what_is_forgotten_gives_its_memory_and_its_files_back() -> None:
    journal = Journal(limit_messages=800, spill_bytes=100_000)
    for number in range(20_000):
        journal.wire(number * 1.0, "UDP", ALICE, CLOUD, invite(f"call-{number}", b"x" * 900))
    assert len(journal) <= 900
    assert journal._arena.resident_bytes < 300_000
    assert len(list(journal.messages())) == len(journal)
    assert [record.data for record in journal.messages()][-1] == invite("call-19999", b"x" * 900)
    assert len(journal._speakers._last_span) <= 900
    journal.close()


def test_a_number_keeps_its_message_when_calls_before_it_are_forgotten() -> None:
    journal = Journal(limit_messages=8)
    for session in range(1, 6):
        two_legged(journal, session, session * 1.0)
    assert journal.message(9).data == invite("a5")
    with pytest.raises(KeyError):
        journal.message(1)


def test_the_call_that_speaks_now_is_never_forgotten() -> None:
    journal = Journal(limit_messages=4)
    for number in range(20):
        journal.wire(number * 1.0, "UDP", ALICE, CLOUD, invite("only"))
    assert (len(journal), journal.evicted_calls) == (20, 0)


def test_messages_without_a_call_id_go_before_the_call_that_goes_on() -> None:
    journal = Journal(limit_messages=10)
    for number in range(24):
        journal.wire(number * 1.0, "UDP", ALICE, CLOUD, b"junk %d" % number if number % 6 else invite("good"))
    assert sum(record.data == invite("good") for record in journal.messages()) == 4
    assert len(journal) <= 10 + 1  # the span that is being written


def test_a_call_id_that_another_message_only_mentions_keeps_no_call() -> None:
    journal = Journal(limit_messages=10)
    journal.wire(0.0, "UDP", ALICE, CLOUD, invite("quiet"))
    told = b"NOTIFY sip:a@b SIP/2.0\r\nCall-ID: talker\r\n\r\nINVITE sip:a@b SIP/2.0\r\nCall-ID: quiet\r\n\r\n"
    for number in range(24):
        journal.wire(1.0 + number, "UDP", ALICE, CLOUD, told)
    assert all(record.data == told for record in journal.messages())


def test_the_journal_loads_no_numpy() -> None:
    import subprocess

    code = "import sys, voxlab.base.journal as j; J = j.Journal(); assert 'numpy' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", ["Call-ID", "call-id", "CALL-ID", "i", "I"])
def test_a_call_id_is_found_by_any_spelling_of_its_name(name: str) -> None:
    assert call_id_of(f"BYE sip:a@b SIP/2.0\r\nCSeq: 1 BYE\r\n{name} \t:  x@y \r\nTo: z\r\n\r\n".encode()) == "x@y"


def test_of_several_call_ids_the_first_counts_and_a_name_that_ends_alike_is_none() -> None:
    assert call_id_of(b"BYE sip:a@b SIP/2.0\nX-Call-ID: no\nVi: no\ni: x\nCall-ID: y\n\n") == "x"
    assert call_id_of(b"BYE sip:a@b SIP/2.0\r\nX-Call-ID: no\r\n\r\n") == ""
