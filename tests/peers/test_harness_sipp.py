"""The harness itself: SIPp calls SIPp directly, and through Kamailio with digest; all else here rests on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from .calls import CALLER, DOMAIN, PASSWORD, call_through, register
from .harness.kamailio import Kamailio
from .harness.ports import own_address
from .harness.process import missing
from .harness.sipp import Sipp

pytestmark = pytest.mark.peers
needs_sipp = pytest.mark.skipif(missing("sipp") is not None, reason=str(missing("sipp")))
needs_kamailio = pytest.mark.skipif(missing("kamailio") is not None, reason=str(missing("kamailio")))


@needs_sipp
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_sipp_calls_sipp_directly_and_both_count_every_call(tmp_path: Path, transport: str) -> None:
    host = own_address()
    with Sipp("uas", tmp_path, host=host, port=5080, calls=50, transport=transport) as callee:
        callee.until_listening()
        with Sipp(
            "uac_open",
            tmp_path,
            host=host,
            port=5070,
            peer=f"{host}:5080",
            calls=50,
            rate=50,
            transport=transport,
            user=CALLER,
            keys={"callee": "bob", "domain": DOMAIN, "caller_domain": DOMAIN},
        ) as caller:
            assert caller.result().successful == 50, caller.errors()
        assert callee.result().successful == 50, callee.errors()


@needs_sipp
def test_a_callee_that_hears_nothing_counts_no_call_although_it_runs(tmp_path: Path) -> None:
    host = own_address()
    with Sipp("uas", tmp_path, host=host, port=5080, calls=1) as callee:
        callee.until_listening()
        assert callee.stopped().successful == 0


@needs_sipp
@needs_kamailio
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_sipp_registers_at_kamailio_with_digest_and_calls_through_it(tmp_path: Path, transport: str) -> None:
    host = own_address()
    with Kamailio(tmp_path / "kamailio", host=host, domain=DOMAIN, password=PASSWORD) as kamailio:
        kamailio.until_ready()
        caller, callee = call_through(kamailio.host, kamailio.port, tmp_path, calls=50, rate=50, transport=transport)
    assert (caller.successful, caller.failed, callee.successful, callee.failed) == (50, 0, 50, 0)


@needs_sipp
@needs_kamailio
def test_a_wrong_password_is_not_registered(tmp_path: Path) -> None:
    host = own_address()
    with Kamailio(tmp_path / "kamailio", host=host, domain=DOMAIN, password=PASSWORD) as kamailio:
        kamailio.until_ready()
        result = register("bob", tmp_path, server=f"{host}:5060", host=host, port=5080, password="not this one")
    assert (result.successful, result.failed) == (0, 1)
