"""Five times as many calls as the platform takes: it serves what it took, turns the rest away at once, and is then as
it was before.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from voxlab import Lab
from voxlab.base.datagram import Address
from voxlab.base.records import CallsTurnedAway
from voxlab.dialog.session import Session as Leg
from voxlab.lab.application import Application
from voxlab.scenario.session import Session
from voxlab.transaction.transaction import Transaction

from .calls import CALLEE, CALLEE_PORT, CALLER, DOMAIN, PASSWORD, register
from .harness.ports import own_address
from .harness.process import missing
from .harness.sipp import Sipp, SippResult

pytestmark = [
    pytest.mark.peers,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(missing("sipp") is not None, reason=str(missing("sipp"))),
]
# Long calls: what a slow machine adds to each before it is answered has to be little beside its length.
CALLS, AT_ONCE, HOLD_S, PER_S = 10_000, 200, 6.0, 40
TAKEN_PER_S = AT_ONCE / HOLD_S
OFFERED_PER_S = 5 * TAKEN_PER_S


@pytest.fixture
def shop() -> Iterator[Application]:
    host = own_address()
    with Lab(
        live=True, bind=host, max_calls=AT_ONCE, max_calls_per_second=PER_S, payloads="none", limit_messages=200_000
    ) as lab:
        lab.account("acme").trunk("load", allow=[f"{host}/32"])
        shop = lab.account("acme").application("shop")
        shop.user(CALLEE, password=PASSWORD)

        @shop.scenario()
        async def forward(call: Any) -> None:
            await call.forward_to_user()

        yield shop


def offer(shop: Application, folder: Path, calls: int) -> tuple[SippResult, SippResult]:
    """Offer calls at five times the rate that fits; return the counts of caller and callee."""
    where: Address = shop.lab.cloud.addresses["UDP"]
    with Sipp("uas", folder, host=where.host, port=CALLEE_PORT, calls=calls, load=True, timeout_s=200) as callee:
        callee.until_listening()
        with Sipp(
            "uac_patient",
            folder,
            host=where.host,
            port=5070,
            peer=str(where),
            calls=calls,
            rate=OFFERED_PER_S,
            user=CALLER,
            pause_ms=round(HOLD_S * 1000),
            load=True,
            limit=2_000,
            timeout_s=200,
            keys={"callee": CALLEE, "domain": DOMAIN, "caller_domain": "carrier.example"},
        ) as caller:
            calling = caller.result(220)
            assert calling.failed == 0, caller.errors()
        return calling, callee.stopped()


def alive(lab: Lab) -> dict[str, int]:
    """Count what a call leaves behind while it runs."""
    node = lab.cloud.node
    return {
        "transactions": len(node.layer),
        "calls": node.user_agent.calls_in,
        "sessions": len(lab.exchange.sessions),
        "ports": sum(not port.released for port in lab.cloud.ports),
    }


def in_memory(*kinds: type) -> dict[str, int]:
    """Count the objects of some classes that are in memory."""
    gc.collect()
    return dict(Counter(type(each).__name__ for each in gc.get_objects() if isinstance(each, kinds)))


def test_at_five_times_the_limit_what_was_taken_is_served_and_nothing_stays_behind(
    shop: Application, tmp_path: Path
) -> None:
    lab, calls = shop.lab, CALLS
    where: Address = lab.cloud.addresses["UDP"]
    known = register(CALLEE, tmp_path, server=str(where), host=where.host, port=CALLEE_PORT)
    assert known.successful == 1
    calling, answering = offer(shop, tmp_path / "load", calls)
    # Nothing inside a dialog was lost: each call ended as it should, or was turned away with a 503 and a time.
    assert (calling.created, calling.successful) == (calls, calls)
    assert answering.failed == 0, (tmp_path / "load" / "uas-5080.errors").read_text()[:6000]
    assert lab.turned_away == calls - answering.successful, "each call was served, or turned away at the door"
    told = [note for note in lab.journal.notes if isinstance(note, CallsTurnedAway)]
    assert sum(note.calls for note in told) == lab.turned_away
    # SIPp counts the seconds of its own run; the last calls hold their places when nobody calls any more.
    goodput = answering.successful / (calls / OFFERED_PER_S)
    assert goodput >= 0.9 * TAKEN_PER_S, f"{goodput:.1f} of {TAKEN_PER_S:.1f} calls/s"
    # The longest timers of a transaction are 32 s, those of a session a minute.
    nothing = {"transactions": 0, "calls": 0, "sessions": 0, "ports": 0}
    lab.world.wait(lambda: alive(lab) == nothing, 75.0)
    assert alive(lab) == nothing
    assert in_memory(Session, Leg, Transaction) == {}
