"""Another operator's calls come in: the whole stack, on the wire of the simulated world."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from tests.lab.stage import Stage
from tests.scenario.peer import HERE, Peer
from voxlab.base.errors import VoxlabError
from voxlab.sip.message import Request

_NUMBERS = count()


@pytest.fixture
def peer() -> Iterator[Peer]:
    stage = Stage(seed=7).forwards()
    yield Peer(stage)
    stage.lab.close()


def call(peer: Peer, uri: str, *, method: str = "INVITE", sender: str = "+4930555001@gigafon.example") -> None:
    """Send a request without an offer from the operator's address."""
    number = next(_NUMBERS)
    headers = [
        ("Via", f"SIP/2.0/UDP {HERE};branch=z9hG4bK{number}"),
        ("Max-Forwards", "70"),
        ("From", f"<sip:{sender}>;tag=p"),
        ("To", f"<{uri}>"),
        ("Call-ID", f"call-{number}"),
        ("CSeq", f"1 {method}"),
        ("Contact", f"<sip:{HERE}>"),
    ]
    peer.say(Request.build(method, uri, headers).raw)


def trunk_of(peer: Peer) -> str:
    return repr(peer.lab.account("acme").trunk("peers"))


def test_a_whitelist_is_edited_live(peer: Peer) -> None:
    account = peer.lab.account("acme")
    call(peer, f"sip:bob@{peer.stage.shop.domain}")
    peer.response(180, "INVITE")
    account.trunk("peers", allow=["198.51.100.0/24"])
    peer.heard.clear()
    call(peer, f"sip:bob@{peer.stage.shop.domain}", sender="+4930555002@gigafon.example")
    refused = peer.response(403, "INVITE")
    assert refused.reason == "Forbidden"
    assert "reason" not in refused.headers
    assert "warning" not in refused.headers
    item = account.allow(HERE.host, "one address")
    peer.heard.clear()
    call(peer, f"sip:alice@{peer.stage.shop.domain}", sender="+4930555003@gigafon.example")
    peer.response(180, "INVITE")
    account.disallow(item.number)
    assert [str(each.network) for each in account.whitelist] == ["198.51.100.0/24"]


def test_the_journal_knows_what_the_wire_does_not_say(peer: Peer) -> None:
    trunk = peer.lab.account("acme").trunk("peers", allow=["198.51.100.0/24"])
    call(peer, f"sip:bob@{peer.stage.shop.domain}")
    peer.response(403, "INVITE")
    told = trunk.explain(HERE.host)
    assert not told
    assert "203.0.113.9 is in no trunk's whitelist, and From sip:+4930555001@gigafon.example is no user" in str(told)
    assert trunk_of(peer) == "<Trunk peers: in ✓ 198.51.100.0/24 · out ✗ no gateway · 0 calls>"


def test_a_register_from_the_address_of_a_trunk_is_challenged_like_any_other(peer: Peer) -> None:
    call(peer, f"sip:{peer.stage.shop.domain}", method="REGISTER", sender=f"alice@{peer.stage.shop.domain}")
    peer.response(401, "REGISTER")


def test_a_number_of_ours_leads_to_its_rule(peer: Peer) -> None:
    shop = peer.stage.shop

    @shop.scenario(pattern="nobody dials this")
    async def reception(call) -> None:  # type: ignore[no-untyped-def]
        await call.reject(486, "Nobody In")

    number = shop.number("+49 30 999-100", rule="reception")
    assert shop.numbers == (number,)
    assert str(number) == "+4930999100 → shop.acme.voxlab.test, rule reception"
    call(peer, "sip:+4930999100@192.0.2.10;user=phone")
    assert peer.response(486, "INVITE").reason == "Nobody In"
    with pytest.raises(VoxlabError, match="did you mean 'reception'"):
        shop.number("+4930999100", rule="recption")
    with pytest.raises(VoxlabError, match="a number of another account"):
        peer.lab.account("bikes").application("garage").number("+4930999100")


def test_a_channel_is_taken_while_a_call_stands_and_given_back_after_it(peer: Peer) -> None:
    trunk = peer.lab.account("acme").trunk("peers", channels=1)
    call(peer, f"sip:bob@{peer.stage.shop.domain}")
    peer.response(180, "INVITE")
    assert trunk_of(peer) == "<Trunk peers: in ✓ 203.0.113.9/32 · out ✗ no gateway · 1 of 1 channels>"
    call(peer, f"sip:alice@{peer.stage.shop.domain}", sender="+4930555002@gigafon.example")
    assert peer.response(503, "INVITE").headers.get("Retry-After") == "1"
    peer.lab.run()  # no ACK ever comes: the first call ends after 64*T1
    assert trunk.usage.calls == 0
    assert trunk.usage.peak == 1
