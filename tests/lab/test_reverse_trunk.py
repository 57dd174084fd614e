"""The reverse trunk: a carrier lets in the addresses that getMediaResources names, and has to learn them anew."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.lab.operators import OMA, MakeOperators, Operators
from voxlab.base.errors import CallFailed, VoxlabError
from voxlab.lab.call import Call
from voxlab.lab.lab import Lab


def befriended(operators: Operators) -> Operators:
    operators.account.trunk("gigafon", gateway=operators.giga.address)

    @operators.shop.scenario(pattern=r"\+49.*")
    async def dial_out(call: Any) -> None:
        await call.forward_to_pstn()

    operators.giga.import_addresses(operators.lab.media_resources)
    return operators


def talk(operators: Operators) -> Call:
    call = operators.alice.dial(OMA).wait("connected")
    operators.lab.run(1.0)
    call.hang_up()
    operators.lab.run(1.0)
    return call


def heard(operators: Operators, call: Call) -> dict[str, int]:
    """Return how many packets each phone counted."""
    counts = {"alice": 0, "oma": 0}
    addresses = {name: getattr(operators, name).machine.place.host for name in counts}
    for _, stream in call.media.iterrows():
        for name, address in addresses.items():
            if stream["dst"] == address:
                counts[name] += int(stream["packets"])
    return counts


def test_the_addresses_are_where_signalling_and_media_come_from(both: Operators) -> None:
    befriended(both)
    resources = both.lab.media_resources()
    call = talk(both)
    (sbc,), (server,) = resources["sbcs"], resources["mediaservers"]
    sent = [m for m in both.lab.journal.messages() if m.data.startswith(b"INVITE") and b"@gigafon" not in m.data]
    assert {m.src.host for m in sent if m.dst.host == both.giga.address.partition(":")[0]} == {sbc["ip"]}
    assert sbc["ports"]["udp"] == 5060
    assert server["ip"] in set(call.media["src"])
    low, high = server["rtp_ports"]
    assert ((call.media["src_port"] >= low) & (call.media["src_port"] <= high)).all()
    assert min(heard(both, call).values()) > 30


def test_when_the_sbc_moves_the_stale_whitelist_answers_403_until_it_imports_again(both: Operators) -> None:
    befriended(both)
    talk(both)
    before = both.lab.media_resources()["sbcs"][0]["ip"]
    now = both.lab.move_sbc()
    assert now != before
    assert both.lab.media_resources()["sbcs"][0]["ip"] == now
    with pytest.raises(CallFailed, match="403 Forbidden, said by gigafon"):
        both.alice.dial(OMA).wait()
    assert both.refusals()[-1] == f"{now} is not on the whitelist of gigafon, which has {before}/32"
    assert "let it import lab.media_resources()" in str(both.trunk.probe())
    both.giga.import_addresses(both.lab.media_resources())
    assert min(heard(both, talk(both)).values()) > 30


def test_when_the_media_server_moves_signalling_passes_and_audio_is_one_way(both: Operators) -> None:
    befriended(both)
    now = both.lab.move_media_server()
    call = talk(both)
    one_way = heard(both, call)
    assert one_way["alice"] > 30
    assert one_way["oma"] == 0
    assert f"the border keeps RTP from {now} out: oma hears nothing" in call.ladder().text(width=200)
    assert "connected" in repr(call)
    both.giga.import_addresses(both.lab.media_resources)
    assert min(heard(both, talk(both)).values()) > 30


def test_a_carrier_reads_the_resources_as_a_mapping_as_json_or_from_whoever_knows_them(operators: Operators) -> None:
    giga, lab = operators.giga, operators.lab
    for given in (lab.media_resources(), json.dumps(lab.media_resources()), lab.media_resources):
        giga.allow("203.0.113.77")
        giga.import_addresses(given)
        assert [str(each) for each in giga.record.allow] == ["192.0.2.10/32"]
    with pytest.raises(VoxlabError, match="name no SBC"):
        giga.import_addresses(lab.media_resources("with_mediaservers"))
    with pytest.raises(VoxlabError, match="media resources are a mapping, JSON or a URL, not 7"):
        giga.import_addresses(7)
    with pytest.raises(VoxlabError, match="begins with http"):
        giga.import_addresses("file:///etc/passwd")


def test_flags_choose_what_is_told_and_unknown_ones_are_ignored(operators: Operators) -> None:
    assert set(operators.lab.media_resources("with_sbcs", "with_nodes")) == {"sbcs"}
    assert operators.lab.media_resources("with_nodes") == {}


def test_our_own_phones_and_calls_in_survive_a_move(operators: Operators) -> None:
    operators.lab.move_sbc()
    assert operators.alice.registration == "registered"
    operators.oma.dial("sip:alice@shop.acme.voxlab.test").wait("connected").hang_up()  # DNS knows the new address


def test_a_lab_with_one_address_moves_nowhere(make_operators: MakeOperators) -> None:
    with Lab(live=True, bind="127.0.0.1", port=0) as lab:
        for move in (lab.move_sbc, lab.move_media_server):
            with pytest.raises(VoxlabError, match="nothing can move"):
                move()
