"""Pictures: well formed, the same every time, safe whatever strangers write, readable aloud and without colour."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from tests.analysis.story import ALICE, CLOUD, Story, answered, busy, cancelled, crashed
from voxlab.analysis.callflow import call_flow, lab_flow
from voxlab.analysis.index import Index
from voxlab.base.datagram import Address
from voxlab.base.records import ScenarioLog, TransitionRecord
from voxlab.display.ladder_svg import ladder_svg
from voxlab.display.machine import machine_svg, machine_text, walk
from voxlab.display.svg import element, number
from voxlab.display.waveform import waveform_svg
from voxlab.transaction import tables

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<script>alert(1)</script>\"'&"


def svg_of(story: Story) -> str:
    index = Index(story.journal)
    return ladder_svg(call_flow(index, index.call(1)))


def texts(svg: str) -> list[str]:
    return ["".join(node.itertext()) for node in ET.fromstring(svg).iter(f"{SVG}text")]


def test_a_picture_says_in_words_what_it_shows() -> None:
    root = ET.fromstring(svg_of(busy()))
    title, text = root.findtext(f"{SVG}title"), root.findtext(f"{SVG}desc")
    assert root.get("role") == "img"
    assert title == root.get("aria-label") == "call 1: ✗ 486 Busy Here, said by bob (leg B, message 8) after 0.51 s"
    assert "8: leg B, 0.510 s, bob to cloud: 486 Busy Here." in str(text)
    assert "6: leg B, 0.005 s, cloud to bob: INVITE sip:bob@192.0.2.22:5060, lost." in str(text)
    assert "retransmission" in str(text)


def test_every_message_is_in_the_picture_with_its_number() -> None:
    root = ET.fromstring(svg_of(answered()))
    numbers = [group.get("data-message") for group in root.iter(f"{SVG}g") if group.get("data-message")]
    assert numbers == [str(n) for n in range(1, 14)]


def test_meaning_does_not_hang_on_colour() -> None:
    shown = texts(svg_of(busy()))
    assert "✗ 486 Busy Here" in shown
    assert "↻ INVITE bob@192.0.2.22:5060" in shown
    assert "lost" in shown
    assert {"A", "B"} <= set(shown)


def test_the_legs_have_lines_of_their_own() -> None:
    dashes = set(re.findall(r'stroke-dasharray="([^"]+)"', svg_of(answered())))
    assert "7 4" in dashes


@pytest.mark.parametrize("story", [answered, busy, cancelled, crashed])
def test_the_same_call_is_the_same_picture(story: object) -> None:
    assert callable(story)
    assert svg_of(story()) == svg_of(story())


def test_two_pictures_on_a_page_share_no_identifier() -> None:
    first, second = (set(re.findall(r' id="([^"]+)"', svg_of(story))) for story in (answered(), busy()))
    assert first
    assert not first & second


def test_what_strangers_write_is_text_and_never_markup() -> None:
    story = Story()
    story.journal.name("192.0.2.66", HOSTILE)
    mallory = Address("192.0.2.66", 5060)
    story.say(0.0, mallory, CLOUD, "INVITE sip:<script>@example.com", display_name='"<script>alert(2)</script>" ')
    story.say(0.1, CLOUD, mallory, f"486 {HOSTILE}")
    story.journal.note(ScenarioLog(0.2, 1, HOSTILE))
    svg = ladder_svg(lab_flow(Index(story.journal)))
    tags = {node.tag.removeprefix(SVG) for node in ET.fromstring(svg).iter()}
    assert tags <= {"svg", "title", "desc", "style", "g", "rect", "line", "path", "circle", "text", "tspan"}
    assert "<script" not in svg
    assert any(HOSTILE in text for text in texts(svg))


def test_control_characters_do_not_break_the_xml() -> None:
    story = Story()
    story.say(0.0, ALICE, CLOUD, "INVITE sip:a\x00\x08\x1bb@example.com")
    story.journal.wire(0.1, "UDP", ALICE, CLOUD, b"INVITE sip:caf\xe9@x SIP/2.0\r\n\r\n")
    assert ET.fromstring(ladder_svg(lab_flow(Index(story.journal)))) is not None


def test_a_long_ladder_folds_in_the_picture_too() -> None:
    story = Story()
    for at in range(100):
        story.say(at * 1.0, ALICE, CLOUD, "INVITE sip:bob@example.com", cseq=f"{at + 1} INVITE")
    assert any("40 messages folded away" in text for text in texts(svg_of(story)))


def test_an_empty_journal_has_a_picture() -> None:
    assert texts(ladder_svg(lab_flow(Index(Story().journal)))) == ["✓ 0 calls · 0 messages"]


def test_nothing_is_fetched_from_elsewhere() -> None:
    svg = svg_of(answered()).replace("http://www.w3.org/2000/svg", "")
    assert "http" not in svg
    assert "url(" not in svg
    assert "@import" not in svg


def test_styles_reach_nothing_but_our_pictures() -> None:
    style = str(ET.fromstring(svg_of(answered())).findtext(f"{SVG}style"))
    selectors = re.findall(r"(?:^|[{}])([^{}@]+)\{", style)
    assert selectors
    assert all(".vx" in part for selector in selectors for part in selector.split(","))


def test_both_themes_follow_the_system_and_the_notebook() -> None:
    style = str(ET.fromstring(svg_of(answered())).findtext(f"{SVG}style"))
    assert "prefers-color-scheme:dark" in style
    assert '[data-jp-theme-light="false"] .vx' in style
    assert '[data-jp-theme-light="true"] .vx' in style


def test_the_writer_escapes_text_and_attributes_but_not_markup() -> None:
    inner = element("tspan", "<&>")
    assert element("text", inner, 'a"b', class_='x"y', stroke_width=1.0) == (
        '<text class="x&quot;y" stroke-width="1"><tspan>&lt;&amp;&gt;</tspan>a"b</text>'
    )
    assert [number(value) for value in (1.0, 0.125, -0.001, 10.0)] == ["1", "0.12", "0", "10"]


PATH = [
    TransitionRecord(0.5, "cloud", 1, "INVITE client", "Timer A", "Calling"),
    TransitionRecord(0.6, "cloud", 1, "INVITE client", "1xx", "Proceeding"),
    TransitionRecord(2.0, "cloud", 1, "INVITE client", "2xx", "Accepted"),
]


@pytest.mark.parametrize("table", tables.ALL, ids=lambda table: table.name)
def test_a_machine_s_picture_has_every_state_and_every_transition(table: tables.Table) -> None:
    shown = texts(machine_svg(table))
    assert {state.label for state in table.states} <= set(shown)
    arrows = [each for each in table.transitions() if each.next_state != each.state]
    assert sum(text.startswith("→ ") for text in shown) == len(arrows)
    assert sum(shown.count(given.label) for given in table.inputs) == len(list(table.transitions()))


def test_the_path_of_a_transaction_is_numbered() -> None:
    taken = walk(tables.INVITE_CLIENT, PATH)
    assert taken.title == "INVITE client transaction, 3 steps, now Accepted"
    assert taken.states == {tables.State.CALLING, tables.State.PROCEEDING, tables.State.ACCEPTED}
    shown = texts(machine_svg(tables.INVITE_CLIENT, PATH))
    assert {"1", "2", "3"} <= set(shown)
    assert "● now" in [text.strip() for text in shown]


def test_inputs_that_a_machine_ignores_are_no_steps() -> None:
    ignored = TransitionRecord(0.1, "cloud", 1, "INVITE client", "Timer M", "Calling")
    assert walk(tables.INVITE_CLIENT, [ignored, *PATH]).visits == walk(tables.INVITE_CLIENT, PATH).visits


def test_a_machine_as_text_marks_where_the_transaction_stands() -> None:
    lines = machine_text(tables.INVITE_CLIENT, PATH).splitlines()
    assert lines[0] == "INVITE client transaction, 3 steps, now Accepted"
    assert "● Accepted" in lines
    assert any(line.split()[:2] == ["[2]", "1xx"] for line in lines)
    assert all(len(line) <= 80 for line in lines)
    assert machine_text(tables.INVITE_CLIENT, PATH, ascii=True).isascii()


def tone(seconds: float) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    at = np.arange(round(8000 * seconds)) / 8000
    return (16384 * np.sin(2 * np.pi * 1000 * at)).astype(np.int16)


def test_a_waveform_tells_length_and_level() -> None:
    svg = waveform_svg(tone(2.0), 8000, title="what bob heard")
    root = ET.fromstring(svg)
    assert root.findtext(f"{SVG}desc") == "what bob heard: 2.0 s, peak -6 dBFS."
    assert svg == waveform_svg(tone(2.0), 8000, title="what bob heard")


@pytest.mark.parametrize("samples", [0, 1, 100, 8000])
def test_a_waveform_of_any_length_is_well_formed(samples: int) -> None:
    silence = np.zeros(samples, np.int16)
    assert "of silence" in str(ET.fromstring(waveform_svg(silence, 8000, title="x")).findtext(f"{SVG}desc"))


def test_a_spectrogram_is_brightest_where_the_tone_is() -> None:
    from voxlab.display.waveform import _levels

    levels = _levels(tone(1.0))
    rows = levels.shape[0]
    brightest = int(levels[:, levels.shape[1] // 2].argmax())
    assert abs((rows - 1 - brightest) / (rows - 1) * 4000 - 1000) < 40
