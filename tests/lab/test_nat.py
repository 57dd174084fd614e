"""The handles of NATs, links, the border and DNS."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab.stage import MakeStage
from voxlab import Lab, VoxlabError
from voxlab.net.impairment import Impairment


def test_a_nat_is_made_once_and_updated(make_stage: MakeStage) -> None:
    lab = make_stage().lab
    home = lab.nat("home")
    assert (home.kind, home.lifetime_s, home.inside, home.outside) == (
        "port_restricted_cone", 30.0, "10.1.0.0/24", "203.0.113.1",
    )  # fmt: skip
    assert lab.nat("home", kind="symmetric", lifetime=60) is home
    assert (home.kind, home.mapping, home.lifetime_s) == ("symmetric", "address-and-port-dependent", 60.0)
    assert lab.nat("home", filtering="endpoint independent").kind == ""
    office = lab.nat("office", network="192.168.1.0/24", ports=(4000, 4009))
    assert (office.inside, office.outside) == ("192.168.1.0/24", "203.0.113.2")
    assert repr(office).startswith("<Nat office: port restricted cone, 192.168.1.0/24 as 203.0.113.2")
    assert "address-and-port-dependent mapping, endpoint-independent filtering" in repr(home)


def test_wrong_words_and_numbers_are_refused_with_what_is_allowed(make_stage: MakeStage) -> None:
    stage = make_stage()
    lab = stage.lab
    lab.nat("home")
    for options, said in (
        ({"kind": "cone"}, "there is no kind of NAT 'cone'"),
        ({"mapping": "random"}, "endpoint-independent"),
        ({"lifetime": 0}, "seconds above 0"),
        ({"ports": (5000, 4000)}, "range such as"),
        ({"network": "10.9.0.0/24"}, "another network"),
    ):
        with pytest.raises(VoxlabError, match=said):
            lab.nat("home", **options)  # type: ignore[arg-type]
    with pytest.raises(VoxlabError, match="another host"):
        lab.nat("bob")
    with pytest.raises(VoxlabError, match="is no network"):
        lab.nat("odd", network="nowhere")
    with pytest.raises(VoxlabError, match=r"such as lab\.nat"):
        stage.shop.user("alice").phone(nat="home")
    with pytest.raises(VoxlabError, match="keep_alive is off, crlf, options, outbound"):
        stage.shop.user("alice").phone(keep_alive="stun")
    with pytest.raises(VoxlabError, match="keep_alive_every takes seconds"):
        stage.shop.user("alice").phone(keep_alive_every=0)
    with pytest.raises(VoxlabError, match="'alg' cannot be switched on at a phone; it can at: nat"):
        stage.alice.fault("alg")
    with pytest.raises(VoxlabError, match="rewrites is one of 'sdp'"):
        lab.nat("home").fault("alg", rewrites="all")


def test_a_live_lab_has_no_nats(make_stage: MakeStage) -> None:
    lab = make_stage(live=True).lab
    with pytest.raises(VoxlabError, match=r"boxes of the simulated network: Lab\(\) without live=True"):
        lab.nat("home")


def test_bindings_are_a_table(make_stage: MakeStage) -> None:
    stage = make_stage()
    home = stage.lab.nat("home", kind="symmetric")
    assert list(home.bindings.columns) == [
        "transport", "inside", "inside_port", "outside", "outside_port", "far", "expires_in_s",
    ]  # fmt: skip
    assert len(home.bindings) == 0
    stage.shop.user("alice").phone(nat=home)
    (row,) = home.bindings.to_dict("records")
    assert (row["transport"], row["inside"], row["inside_port"], row["outside"]) == (
        "UDP", "10.1.0.2", 5060, "203.0.113.1",
    )  # fmt: skip
    assert row["far"] == "192.0.2.10:5060"
    assert 29 < row["expires_in_s"] <= 30
    home.reboot()
    assert len(home.bindings) == 0


def test_a_phone_moves_behind_a_nat_and_registers_from_there(make_stage: MakeStage) -> None:
    stage = make_stage()
    home = stage.lab.nat("home")
    before = stage.alice.address
    assert stage.shop.user("alice").phone(nat=home) is stage.alice
    assert (before, stage.alice.address) == ("10.0.0.1:5060", "10.1.0.2:5060")
    sources = stage.alice.user.bindings["source"]
    assert any(source.startswith("203.0.113.1:") for source in sources)


def test_messages_say_on_which_wire_they_were_seen(make_stage: MakeStage) -> None:
    stage = make_stage().forwards()
    alice = stage.shop.user("alice").phone(nat=stage.lab.nat("home"))
    call = alice.dial("bob").wait("connected")
    wires = call.messages["wire"]
    assert set(wires.dropna()) == {"home"}
    inside, outside = call.messages[wires.notna()], call.messages[wires.isna()]
    assert set(inside["src"]) | set(inside["dst"]) == {"10.1.0.2", "192.0.2.10"}
    assert "10.1.0.2" not in set(outside["src"]) | set(outside["dst"])
    assert "203.0.113.1" in set(outside["src"])


def test_a_capture_has_an_interface_for_each_side(make_stage: MakeStage, tmp_path: Path) -> None:
    stage = make_stage().forwards()
    alice = stage.shop.user("alice").phone(nat=stage.lab.nat("home"))
    call = alice.dial("bob").wait("connected")
    stage.lab.run(5)
    alice.hang_up()
    raw = stage.lab.save(tmp_path / "nat.pcapng", call=call).read_bytes()
    assert b"behind home" in raw
    interfaces, frames = blocks(raw)
    assert interfaces == 2
    assert {which for which, _ in frames} == {0, 1}
    for which, packet in frames:
        private = bytes([10, 1, 0, 2]) in (packet[12:16], packet[16:20])
        assert private == (which == 1)


def blocks(raw: bytes) -> tuple[int, list[tuple[int, bytes]]]:
    """Return how many interfaces a pcapng file has, and its packets with their interfaces."""
    at, interfaces, frames = 0, 0, []
    while at < len(raw):
        kind, length = (int.from_bytes(raw[at + n : at + n + 4], "little") for n in (0, 4))
        interfaces += kind == 1
        if kind == 6:
            which, size = (int.from_bytes(raw[at + n : at + n + 4], "little") for n in (8, 20))
            frames.append((which, raw[at + 28 : at + 28 + size]))
        at += length
    return interfaces, frames


def test_a_reset_lab_has_its_nats_again(make_stage: MakeStage) -> None:
    stage = make_stage(seed=5).forwards()
    home = stage.lab.nat("home", kind="symmetric", lifetime=45)
    alice = stage.shop.user("alice").phone(nat=home)
    home.fault("alg", rewrites="contact")
    stage.lab.reset()
    assert (home.kind, home.lifetime_s, home.faults) == ("symmetric", 45.0, ("alg",))
    assert alice.registration == "registered"
    assert len(home.bindings) == 1
    home.heal()
    assert alice.dial("bob").wait("connected").state == "connected"


def test_links_lead_to_the_nat_and_on_from_there(make_stage: MakeStage) -> None:
    stage = make_stage().forwards()
    home = stage.lab.nat("home")
    alice = stage.shop.user("alice").phone(nat=home)
    assert stage.lab.link(alice).names == ("alice", "home")
    assert stage.lab.link(home).names == ("home", "cloud")
    assert stage.lab.link(alice) is stage.lab.link("alice", home)
    stage.lab.link(home).drop(lambda data: data.startswith(b"INVITE"), times=1)
    call = alice.dial("bob").wait("connected")
    assert int(call.messages["retransmission"].sum()) >= 1
    assert repr(stage.lab.link(alice)).startswith("<Link alice–home: MTU 1500")


def test_a_link_takes_faults_by_name(make_stage: MakeStage) -> None:
    stage = make_stage().forwards()
    link = stage.lab.link(stage.bob)
    with link.fault("loss", rate=0.2, burst=3), link.fault("delay", delay_s=0.1), link.fault("jitter"):
        assert link.faults == ("loss", "delay", "jitter")
        temper = link.toward("bob").impairment
        assert isinstance(temper, Impairment)
        assert (temper.loss, temper.burst, temper.delay_s, temper.jitter_s) == (0.2, 3.0, 0.1, 0.03)
        call = stage.alice.dial("bob").wait("connected")
        stage.lab.run(10)
        stage.alice.hang_up()
        assert call.media["lost"].sum() > 50
    assert link.toward("bob").impairment == link.toward("cloud").impairment == stage.lab.network.links.impairment  # type: ignore[attr-defined]
    with pytest.raises(VoxlabError, match="must lie between 0 and 1"):
        link.fault("loss", rate=2.0)
    assert link.faults == ()


def test_the_border_says_what_it_does_for_phones_behind_nats(make_stage: MakeStage) -> None:
    lab = make_stage().lab
    assert repr(lab.sbc) == "<Sbc 192.0.2.10: follows where messages come from, restricted latching>"
    with lab.sbc.fault("no_latching"), lab.sbc.fault("contact_believed"):
        assert repr(lab.sbc) == (
            "<Sbc 192.0.2.10: believes Contacts, off latching, faults: no_latching, contact_believed>"
        )
    assert lab.sbc.faults == ()


def test_a_lab_with_a_nat_that_nobody_uses_runs_as_one_without() -> None:
    def run(nat: bool) -> list[bytes]:
        lab = Lab(seed=3)
        if nat:
            lab.nat("home")
        shop = lab.account("acme").application("shop")
        alice = shop.user("alice").phone()
        shop.user("bob").phone(answer_after=0.5)
        shop.rule("direct", pattern=".*", route="users")
        alice.dial("bob").wait("connected")
        lab.run(5)
        messages = [message.data for message in lab.journal.messages()]
        lab.close()
        return messages

    assert run(nat=True) == run(nat=False)


def test_a_nat_of_another_lab_is_none_here(make_stage: MakeStage) -> None:
    one, other = make_stage(), make_stage()
    foreign = other.lab.nat("home")
    with pytest.raises(VoxlabError, match="is a NAT of another lab"):
        one.shop.user("carol").phone(nat=foreign)
    with pytest.raises(VoxlabError, match="another NAT of this lab"):
        one.lab.nat("flat", behind=foreign)
    other.lab.close()
    assert repr(foreign) == "<Nat home: its lab is closed>"


def test_latching_cannot_be_switched_off_where_there_are_no_nats(make_stage: MakeStage) -> None:
    lab = make_stage(live=True).lab
    for name in ("no_latching", "latching_hijack"):
        with pytest.raises(VoxlabError, match="shows behind NATs alone"):
            lab.sbc.fault(name)
    assert lab.sbc.faults == ()


def test_a_ladder_says_once_what_a_nat_does_to_every_repetition(make_stage: MakeStage) -> None:
    stage = make_stage().forwards()
    alice = stage.shop.user("alice").phone(nat=stage.lab.nat("home"), keep_alive="off")
    stage.lab.run(60)
    call = stage.bob.dial("alice")
    stage.lab.run(40)
    assert call.ladder().text(width=120).count("home drops it") == 1
    assert alice.state == "idle"
