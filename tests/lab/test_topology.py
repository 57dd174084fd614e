"""The picture of a lab's network."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.lab.stage import MakeStage
from voxlab import Lab
from voxlab.analysis.topology import Node, Topology
from voxlab.lab.topology import TopologyPicture
from voxlab.net.impairment import Impairment

SETTLE_S = 1.0


def grown(lab: Lab) -> dict[str, Any]:
    """Put something of each kind into a lab."""
    account = lab.account("acme")
    shop = account.application("shop")
    home = lab.nat("home", kind="symmetric")
    cgn = lab.nat("cgn", network="100.64.0.0/24")
    flat = lab.nat("flat", behind=cgn)
    things = {
        "home": home,
        "cgn": cgn,
        "flat": flat,
        "alice": shop.user("alice").phone(nat=home),
        "carol": shop.user("carol").phone(nat=flat),
        "bob": shop.user("bob").phone(transport="TCP"),
        "gigafon": lab.carrier("gigafon", network="198.51.100.0/24", numbers="+4930555*"),
    }
    things["oma"] = things["gigafon"].phone("+4930555001", name="oma")
    things["trunk"] = account.trunk("gigafon", allow=["198.51.100.0/24"], gateway=things["gigafon"].address)
    lab.run(SETTLE_S)
    return things


def test_everything_is_in_the_picture_and_stands_where_it_stands(make_stage: MakeStage) -> None:
    lab = make_stage().lab
    things = grown(lab)
    topology = lab.topology().topology
    parents = {node.name: node.parent for node in topology.nodes}
    assert parents["alice"] == "home"
    assert (parents["carol"], parents["flat"], parents["cgn"]) == ("flat", "cgn", "cloud")
    assert (parents["bob"], parents["gigafon"], parents["oma"]) == ("cloud", "cloud", "gigafon")
    assert [line.text for line in topology.lines_of("gigafon") if line.kind == "trunk"] == ["acme in ✓ out ✓"]
    assert topology.faults == ()
    assert things["trunk"].faults == ()


def test_the_text_is_a_tree_that_fits_a_terminal(make_stage: MakeStage) -> None:
    lab = make_stage().lab
    grown(lab)
    text = repr(lab.topology())
    assert max(map(len, text.splitlines())) <= 80
    assert "├─ cgn (NAT)" in text
    assert "│  └─ flat (NAT)" in text
    assert "│     └─ carol  10.3.0.2:5060" in text
    assert "= trunk acme in ✓ out ✓" in text
    assert lab.topology().text(ascii=True).isascii()


def test_faults_and_impairments_are_marked(make_stage: MakeStage) -> None:
    lab = make_stage().lab
    things = grown(lab)
    things["home"].fault("binding_dies")
    things["alice"].fault("no_rport")
    lab.sbc.fault("no_latching")
    lab.zone.fault("nxdomain")
    lab.link(things["bob"]).fault("fragments_lost")
    lab.link(things["home"]).impair(Impairment(delay_s=0.04, loss=0.02))
    lab.link(things["carol"]).toward("flat").impairment = Impairment(delay_s=0.1)
    picture = lab.topology()
    assert set(picture.topology.faults) == {
        "home: binding_dies",
        "alice: no_rport",
        "cloud: no_latching",
        "cloud: DNS: nxdomain",
        "link of bob: fragments_lost",
    }
    text = picture.text(width=140)
    for said in ("✗ binding_dies", "✗ link: 40 ms · 2 % lost", "✗ link: → 100 ms", "✗ fragments_lost on its link"):
        assert said in text
    assert "MTU 576" in picture.svg
    assert "5 switched on" in picture.svg


def test_the_svg_is_whole_and_the_same_each_time(make_stage: MakeStage) -> None:
    lab = make_stage().lab
    grown(lab)
    svg = lab.topology().svg
    assert svg == lab.topology()._repr_svg_()
    assert svg.startswith("<svg")
    assert svg.endswith("</svg>")
    assert "prefers-color-scheme:dark" in svg
    assert 'role="img"' in svg
    for name in ("alice", "home", "cgn", "cloud", "gigafon", "oma"):
        assert f">{name}<" in svg


def test_no_two_boxes_overlap(make_stage: MakeStage) -> None:
    lab = make_stage().lab
    grown(lab)
    shop = lab.account("acme").application("shop")
    for each in range(6):
        shop.user(f"extra{each}").phone(nat=lab.nat("home") if each % 2 else None)
    shapes = re.findall(
        r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"[^>]*class="box', lab.topology().svg
    )
    boxes = [tuple(map(float, shape)) for shape in shapes]
    assert len(boxes) == len(lab.topology().topology.nodes)
    for place, (x, y, width, height) in enumerate(boxes):
        for other_x, other_y, other_width, other_height in boxes[place + 1 :]:
            apart = x + width <= other_x or other_x + other_width <= x or y + height <= other_y
            assert apart or other_y + other_height <= y


def test_words_of_strangers_are_escaped() -> None:
    odd = Node("<b>&", "phone", "cloud", ("\x1b[31m red",))
    picture = TopologyPicture(Topology("odd", (Node("cloud", "cloud", ""), odd), ()))
    assert "<b>&<" not in picture.svg
    assert "&lt;b&gt;&amp;" in picture.svg
    assert "\x1b" not in picture.svg + repr(picture)


def test_a_crowd_is_counted(make_stage: MakeStage) -> None:
    lab = make_stage().lab
    shop = lab.account("acme").application("shop")
    for number in range(23):
        shop.user(f"user{number}").phone()
    assert "5 more at cloud" in repr(lab.topology())


@pytest.mark.parametrize("live", [False, True])
def test_a_lab_without_anything_has_a_picture_too(live: bool) -> None:
    with Lab(live=live) as lab:
        picture = lab.topology()
        assert [node.name for node in picture.topology.nodes] == ["cloud"]
        assert "cloud" in repr(picture)
        assert picture.svg.startswith("<svg")
