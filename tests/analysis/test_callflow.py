"""A call as a flow, an index that grows with the journal, and the line that comes first."""

from __future__ import annotations

import pytest

from tests.analysis.story import ALICE, BOB, CLOUD, URI, Story, answered, busy, cancelled, crashed
from voxlab.analysis.callflow import Band, Remark, call_flow, lab_flow
from voxlab.analysis.index import Index
from voxlab.analysis.transactions import transactions
from voxlab.analysis.verdict import seconds, verdict
from voxlab.base.datagram import Address
from voxlab.base.journal import Journal
from voxlab.base.records import LOST, LegOpened


def line(story: Story, now: float | None = None) -> str:
    index = Index(story.journal)
    return verdict(index, index.call(1), now).text


def test_the_verdict_on_a_connected_call() -> None:
    assert line(answered()) == "✓ connected 10.0 s · alice → shop.forward → bob · PCMU · MOS 4.21 · 13 messages"


def test_the_verdict_on_a_busy_callee_names_who_said_so_first() -> None:
    assert line(busy()) == "✗ 486 Busy Here, said by bob (leg B, message 8) after 0.51 s"


def test_the_verdict_on_a_cancelled_call() -> None:
    assert line(cancelled()) == "✗ cancelled by alice (leg A, message 3) after 3.2 s, while it rang"


def test_the_verdict_on_a_scenario_that_raised_means_the_exception() -> None:
    index = Index(crashed().journal)
    judged = verdict(index, index.call(1))
    assert judged.text == "✗ 500 Server Internal Error, said by cloud (leg A, message 2) after 2 ms"
    assert judged.meaning == "The scenario raised ZeroDivisionError: division by zero."
    assert judged.ok is False


def test_a_busy_phone_is_no_fault_of_the_platform() -> None:
    index = Index(busy().journal)
    assert verdict(index, index.call(1)).meaning == "bob's phone was busy. Nothing is wrong with the platform."


def test_a_call_that_rings_has_no_verdict_yet() -> None:
    story = Story()
    story.say(0.0, ALICE, CLOUD, f"INVITE {URI}")
    story.say(0.5, CLOUD, ALICE, "180 Ringing")
    assert line(story, now=2.5) == "… ringing 2.0 s · alice → cloud · 2 messages"


def test_a_call_that_goes_on_is_talking() -> None:
    story = Story()
    story.say(0.0, ALICE, CLOUD, f"INVITE {URI}")
    story.say(1.0, CLOUD, ALICE, "200 OK")
    assert line(story, now=5.0) == "● talking 4.0 s · alice → cloud · 2 messages"


def test_a_challenge_is_no_refusal() -> None:
    story = Story()
    story.say(0.0, ALICE, CLOUD, f"INVITE {URI}")
    story.say(0.1, CLOUD, ALICE, "407 Proxy Authentication Required")
    index = Index(story.journal)
    assert verdict(index, index.call(1)).ok is None


def test_an_invite_without_any_answer_names_the_timer() -> None:
    story = Story()
    journal = story.journal
    journal.transaction(0.0, "alice", 1, "INVITE client", "INVITE", "a@story", "z9hG4bK1")
    story.say(0.0, ALICE, BOB, f"INVITE {URI}", outcome=LOST)
    journal.transition(32.0, "alice", 1, "INVITE client", "Timer B", "Terminated")
    assert line(story) == "✗ no answer from bob: Timer B gave the INVITE up after 32.0 s"


@pytest.mark.parametrize(
    ("duration_s", "text"),
    [(0.0, "0 ms"), (0.002, "2 ms"), (0.31, "0.31 s"), (0.999, "1.0 s"), (10.0, "10.0 s"), (1234.0, "1,234 s")],
)
def test_durations_read_well(duration_s: float, text: str) -> None:
    assert seconds(duration_s) == text


def test_columns_stand_caller_cloud_callee() -> None:
    index = Index(answered().journal)
    flow = call_flow(index, index.call(1))
    assert [(person.name, person.address) for person in flow.participants] == [
        ("alice", "192.0.2.11"),
        ("cloud", "192.0.2.1"),
        ("bob", "192.0.2.22"),
    ]


def test_unnamed_hosts_of_one_address_are_told_apart_by_port() -> None:
    journal = Journal()
    story = Story()
    story.journal = journal
    one, two = Address("127.0.0.1", 5070), Address("127.0.0.1", 5080)
    story.say(0.0, one, two, f"INVITE {URI}")
    index = Index(journal)
    assert [person.name for person in call_flow(index, index.call(1)).participants] == [
        "127.0.0.1:5070",
        "127.0.0.1:5080",
    ]


def test_arrows_carry_leg_session_description_and_fate() -> None:
    index = Index(busy().journal)
    arrows = call_flow(index, index.call(1)).arrows
    assert arrows[0].note == "SDP PCMU PCMA · 192.0.2.11:4000"
    assert (arrows[5].leg, arrows[5].lost, arrows[5].failure) == ("B", True, True)
    assert (arrows[6].retransmission, arrows[6].arrived) == (True, True)
    assert not arrows[1].failure  # 407 asks for credentials, it refuses nothing


def test_media_becomes_a_band_for_each_leg() -> None:
    index = Index(answered().journal)
    found = [event for event in call_flow(index, index.call(1)).events if isinstance(event, Band)]
    assert [(band.left, band.right, band.leg, band.codec) for band in found] == [
        (0, 1, "A", "PCMU"),
        (1, 2, "B", "PCMU"),
    ]
    assert [(band.rightward, band.leftward, band.lost) for band in found] == [(500, 499, 0), (500, 499, 3)]


def test_what_a_scenario_prints_stands_at_the_cloud() -> None:
    index = Index(busy().journal)
    remarks = [event for event in call_flow(index, index.call(1)).events if isinstance(event, Remark)]
    assert remarks == [Remark(0.004, "forwarding to bob", 1)]


def test_the_flow_of_the_lab_has_everything_with_the_journals_numbers() -> None:
    story = busy()
    story.say(5.0, BOB, CLOUD, "REGISTER sip:shop.acme.voxlab.test", cseq="1 REGISTER", call_id="registration")
    flow = lab_flow(Index(story.journal))
    assert [arrow.number for arrow in flow.arrows] == list(range(1, 13))
    assert flow.arrows[-1].leg == ""
    assert flow.verdict == "✗ 1 call · 1 failed · 12 messages"


def test_the_index_takes_in_what_came_since_and_keeps_the_numbers_of_calls() -> None:
    story = Story()
    story.say(0.0, ALICE, CLOUD, f"INVITE {URI}")
    index = Index(story.journal)
    assert [call.number for call in index.calls] == [1]
    story.say(1.0, BOB, CLOUD, f"INVITE {URI}", call_id="second")
    story.session(both=False)
    assert [(call.number, call.session) for call in index.calls] == [(1, 1), (2, 0)]


def test_a_cleared_journal_starts_the_index_afresh() -> None:
    story = answered()
    index = Index(story.journal)
    assert len(index.calls) == 1
    story.journal.clear()
    assert not list(index.calls)
    story.say(0.0, ALICE, CLOUD, f"INVITE {URI}", call_id="new")
    assert [call.number for call in index.calls] == [1]


def test_calls_keep_their_numbers_when_older_ones_are_forgotten() -> None:
    story = Story()
    story.journal = Journal(limit_messages=4)
    index = Index(story.journal)
    for call in range(1, 4):
        story.say(call * 1.0, ALICE, CLOUD, f"INVITE {URI}", call_id=f"call-{call}")
        story.say(call + 0.5, CLOUD, ALICE, "486 Busy Here", call_id=f"call-{call}")
        assert index.calls[-1].number == call
    assert [call.number for call in index.calls] == [2, 3]
    with pytest.raises(KeyError):
        index.call(1)


def test_transactions_of_a_call_come_with_their_steps() -> None:
    story = Story()
    story.say(0.0, ALICE, CLOUD, f"INVITE {URI}")
    story.journal.note(LegOpened(0.0, 1, "A", "a@story", "192.0.2.1", "alice", incoming=True))
    story.journal.transaction(0.0, "alice", 1, "INVITE client", "INVITE", "a@story", "z9hG4bK1")
    story.journal.transaction(0.0, "cloud", 1, "INVITE server", "INVITE", "other", "z9hG4bK2")
    story.journal.transition(0.1, "alice", 1, "INVITE client", "1xx", "Proceeding")
    index = Index(story.journal)
    (trace,) = transactions(index, index.call(1))
    assert (trace.record.machine, [step.input for step in trace.steps]) == ("INVITE client", ["1xx"])
