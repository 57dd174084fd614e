"""The ladder of a call between programs of others: who took part, by name, and every message in its order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from voxlab import Lab

from .calls import CALLEE, CALLER, PASSWORD, call_through
from .harness.ports import own_address
from .harness.process import missing

pytestmark = [pytest.mark.peers, pytest.mark.skipif(missing("sipp") is not None, reason=str(missing("sipp")))]
# RFC 3261 s.22.2 and s.13: a digest round on leg A, then both legs together.
STORY = [
    "A INVITE", "A 407", "A ACK", "A INVITE", "B INVITE", "B 180", "A 180", "B 200", "B ACK", "A 200", "A ACK",
    "A BYE", "A 200", "B BYE", "B 200",
]  # fmt: skip
MESSAGE = re.compile(r"^ *\d+ .*[│├┤◀─╌▶ ]([AB]) (↻ )?(\w+)", re.MULTILINE)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_call_of_others_is_drawn_with_their_names_on_one_address(tmp_path: Path, transport: str) -> None:
    lab = Lab(live=True, bind=own_address())
    try:
        shop = lab.account("acme").application("shop")
        for name in (CALLER, CALLEE):
            shop.user(name, password=PASSWORD)

        @shop.scenario()
        async def forward(call):  # type: ignore[no-untyped-def]
            await call.forward_to_user()

        host, port = lab.cloud.addresses["UDP"]
        call_through(host, port, tmp_path, calls=1, rate=1.0, transport=transport)
        ladder = lab.call(1).ladder()
        drawn, picture = ladder.text(), ladder.svg
    finally:
        lab.close()
    assert drawn.split("\n")[2].split() == [CALLER, "cloud", CALLEE], drawn
    # A repeated message is not wrong: this machine may have been busy for half a second.
    told = [f"{leg} {what}" for leg, repeated, what in MESSAGE.findall(drawn) if not repeated]
    assert sorted(told) == sorted(STORY), drawn
    assert [line for line in told if line.startswith("A")] == [line for line in STORY if line.startswith("A")], drawn
    assert [line for line in told if line.startswith("B")] == [line for line in STORY if line.startswith("B")], drawn
    assert all(name in picture for name in (CALLER, "cloud", CALLEE))
