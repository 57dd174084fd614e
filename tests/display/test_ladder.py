"""Text ladders, cell by cell."""

from __future__ import annotations

import pytest

from tests.analysis.story import ALICE, BOB, CLOUD, URI, Story, answered, busy, cancelled, crashed
from voxlab.analysis.callflow import CallFlow, call_flow, lab_flow
from voxlab.analysis.index import Index
from voxlab.base.datagram import Address
from voxlab.base.records import REFUSED
from voxlab.display.characters import cells, clean, fit
from voxlab.display.ladder import ladder


def flow_of(story: Story) -> CallFlow:
    index = Index(story.journal)
    return call_flow(index, index.call(1))


ANSWERED = """\
✓ connected 10.0 s · alice → shop.forward → bob · PCMU · MOS 4.21 · 13 messages

             alice                         cloud                          bob
          192.0.2.11                     192.0.2.1                    192.0.2.22
               │                             │                             │
 1  0.000      ├─ A INVITE bob@shop.a… SDP ─▶│                             │
 2  0.001      │◀─ A 100 Trying ─────────────┤                             │
 3  0.002      │                             ├╌ B INVITE bob@192.0.… SDP ╌▶│
 4  0.003      │                             │◀╌ B 180 Ringing ╌╌╌╌╌╌╌╌╌╌╌╌┤
 5  0.004      │◀─ A 180 Ringing ────────────┤                             │
 6  2.003      │                             │◀╌ B 200 OK SDP ╌╌╌╌╌╌╌╌╌╌╌╌╌┤
 7  2.004      │                             ├╌ B ACK bob@192.0.2.22:50… ╌▶│
 8  2.004      │◀─ A 200 OK SDP ─────────────┤                             │
 9  2.005      ├─ A ACK 192.0.2.1 ──────────▶│                             │
    2.010      │░░░ A RTP PCMU 500→ ←499 ░░░░│░ B PCMU 500→ ←499 ✗3 lost ░░│
10 12.004      ├─ A BYE 192.0.2.1 ──────────▶│                             │
11 12.005      │◀─ A 200 OK ─────────────────┤                             │
12 12.005      │                             ├╌ B BYE bob@192.0.2.22:50… ╌▶│
13 12.006      │                             │◀╌ B 200 OK ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌┤"""

BUSY = """\
✗ 486 Busy Here, said by bob (leg B, message 8) after 0.51 s

            alice                         cloud                          bob
         192.0.2.11                     192.0.2.1                    192.0.2.22
              │                             │                             │
 1 0.000      ├─ A INVITE bob@shop.a… SDP ─▶│                             │
 2 0.001      │◀─ A 407 Proxy Authenticat… ─┤                             │
 3 0.002      ├─ A ACK bob@shop.acme.vox… ─▶│                             │
 4 0.003      ├─ A INVITE bob@shop.a… SDP ─▶│                             │
 5 0.004      │◀─ A 100 Trying ─────────────┤                             │
   0.004  » forwarding to bob               │                             │
 6 0.005      │                             ├╌ B ✗ INVITE b… SDP ╌✗ lost  │
 7 0.505      │                             ├╌ B ↻ INVITE bob@192.… SDP ╌▶│
 8 0.510      │                             │◀╌ B ✗ 486 Busy Here ╌╌╌╌╌╌╌╌┤
 9 0.511      │                             ├╌ B ACK bob@192.0.2.22:50… ╌▶│
10 0.511      │◀─ A ✗ 486 Busy Here ────────┤                             │
11 0.512      ├─ A ACK bob@shop.acme.vox… ─▶│                             │"""

CANCELLED_ASCII = """\
x cancelled by alice (leg A, message 3) after 3.2 s, while it rang

           alice                                             cloud
        192.0.2.11                                         192.0.2.1
             |                                                 |
1 0.000      |- A INVITE bob@shop.acme.voxlab.test ----------->|
2 0.100      |<- A 180 Ringing --------------------------------|
3 3.200      |- A CANCEL bob@shop.acme.voxlab.test ----------->|
4 3.210      |<- A 200 OK -------------------------------------|
5 3.220      |<- A x 487 Request Terminated -------------------|
6 3.230      |- A ACK bob@shop.acme.voxlab.test -------------->|"""

LISTED = """\
✗ 486 Busy Here, said by bob (leg B, message
8) after 0.51 s

 1 0.000 A alice → cloud  INVITE bob@shop.a…
 2 0.001 A cloud → alice  407 Proxy Authent…"""


def test_an_answered_call_of_two_legs_with_media() -> None:
    assert ladder(flow_of(answered())) == ANSWERED


def test_a_failed_call_with_a_loss_and_a_retransmission() -> None:
    assert ladder(flow_of(busy())) == BUSY


def test_ascii_fits_a_narrower_terminal() -> None:
    assert ladder(flow_of(cancelled()), ascii=True, width=68) == CANCELLED_ASCII


def test_a_list_takes_over_where_columns_do_not_fit() -> None:
    text = ladder(flow_of(busy()), width=44)
    assert text.startswith(LISTED)
    assert " 6 0.005 B cloud → bob  ✗ INVITE bob@192.0.…" in text


@pytest.mark.parametrize("width", [40, 62, 80, 132])
@pytest.mark.parametrize("story", [answered, busy, cancelled, crashed])
@pytest.mark.parametrize("plain", [False, True])
def test_no_line_is_wider_than_the_terminal(width: int, story: object, plain: bool) -> None:
    assert callable(story)
    text = ladder(flow_of(story()), width=width, ascii=plain)
    assert max(map(cells, text.splitlines())) <= width
    assert not plain or text.isascii()


def test_a_long_ladder_folds_and_says_how_many_it_hides() -> None:
    story = Story()
    for number in range(100):
        story.say(number * 1.0, ALICE, CLOUD, f"INVITE {URI}", cseq=f"{number + 1} INVITE")
    flow = flow_of(story)
    text = ladder(flow)
    assert "⋮ 40 messages folded away; ladder(fold=None) shows them" in text
    assert "\n 40 " in text
    assert "\n 41 " not in text
    assert "\n 80 " not in text
    assert "\n 81 " in text
    assert len(ladder(flow, fold=None).splitlines()) == len(text.splitlines()) + 39


def test_a_ladder_of_sixty_messages_does_not_fold() -> None:
    story = Story()
    for number in range(60):
        story.say(number * 1.0, ALICE, CLOUD, f"INVITE {URI}", cseq=f"{number + 1} INVITE")
    assert "folded" not in ladder(flow_of(story))


def test_a_refused_message_says_so() -> None:
    story = Story()
    story.say(0.0, BOB, ALICE, f"INVITE {URI}", outcome=REFUSED)
    assert "✗ refused" in ladder(flow_of(story))


def test_what_is_sent_from_right_to_left_and_lost_ends_before_the_lifeline() -> None:
    story = Story()
    story.say(0.0, ALICE, CLOUD, f"INVITE {URI}")
    story.say(0.1, CLOUD, ALICE, "200 OK", outcome=1)
    row = ladder(flow_of(story)).splitlines()[-1]
    assert "│ " in row
    assert "✗ lost" in row
    assert "◀" not in row
    assert row.endswith("┤")


def test_a_message_to_oneself_stays_in_its_column() -> None:
    story = Story()
    story.say(0.0, CLOUD, Address("192.0.2.1", 5080), f"INVITE {URI}")
    assert "│◀ A INVITE" in ladder(flow_of(story))


def test_escape_sequences_of_a_stranger_do_not_reach_the_terminal() -> None:
    story = Story()
    story.say(0.0, ALICE, CLOUD, "INVITE sip:\x1b[2Jbob@\u202eexample.com")
    text = ladder(lab_flow(Index(story.journal)))
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_an_empty_journal_has_a_ladder_of_one_line() -> None:
    assert ladder(lab_flow(Index(Story().journal))) == "✓ 0 calls · 0 messages"


def test_wide_characters_count_two_cells() -> None:
    assert cells("电话") == 4
    assert fit("电话电话", 5) == "电话…"
    assert fit("abc", 2) == "a…"
    assert clean("a\tb\x07") == "a\ufffdb\ufffd"
