"""A serving lab is killed while it carries calls, and started again on the same file (kill -9, SIPp on both sides)."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from voxlab import Lab
from voxlab.store.history import KILLED

from .calls import CALLEE, CALLEE_PORT, CALLER, CALLER_PORT, DOMAIN, FORWARDING, PASSWORD, register
from .harness.ports import own_address
from .harness.process import missing
from .harness.serve import Served
from .harness.sipp import Sipp

pytestmark = [
    pytest.mark.peers,
    pytest.mark.slow,
    pytest.mark.skipif(missing("sipp") is not None, reason=str(missing("sipp"))),
]
CALLS, RATE, ENOUGH = 50, 25.0, 20
_ANSWERED = "SELECT call_id, answer_s, end_s, reason FROM calls WHERE incoming"


def answered(caller: Sipp) -> set[str]:
    """Return the Call-IDs of the calls that the caller has had an answer to."""
    return {line.removeprefix("answered ") for line in caller.said() if line.startswith("answered ")}


def test_no_answered_call_is_missing_after_kill_9_and_a_late_bye_gets_481(tmp_path: Path) -> None:
    host = own_address()
    server, store = f"{host}:5060", tmp_path / "acme.db"
    with Served(FORWARDING, tmp_path / "voxlab", host=host, arguments=["--store", str(store)]) as cloud:
        cloud.until_ready()
        for user, port in ((CALLEE, CALLEE_PORT), (CALLER, CALLER_PORT)):
            assert register(user, tmp_path, server=server, host=host, port=port).successful == 1
        with Sipp("uas", tmp_path, host=host, port=CALLEE_PORT, calls=2 * CALLS) as callee:
            callee.until_listening()
            with Sipp(
                "uac_remembers",
                tmp_path,
                host=host,
                port=CALLER_PORT,
                peer=server,
                calls=CALLS,
                rate=RATE,
                user=CALLER,
                password=PASSWORD,
                pause_ms=6000,
                timeout_s=60,
                keys={"callee": CALLEE, "domain": DOMAIN},
            ) as caller:
                caller.wait_until(lambda: len(answered(caller)) >= ENOUGH, 30, f"{ENOUGH} answered calls")
                os.killpg(cloud.pid, signal.SIGKILL)
                cloud.process.wait()
                with Lab(live=True, bind=host, store=store) as again:
                    (found,) = again.world.submit(again.store.ask, [(_ANSWERED, ())]).result()
                    rows = {call_id: rest for call_id, *rest in found}
                    bound = {aor.partition("@")[0] for aor, _ in again.cloud.location.aors()}
                    history = again.history
                    result = caller.result()
                    messages = again.messages
            callee.stopped()
    heard = answered(caller)
    assert len(heard) >= ENOUGH
    assert heard - {call_id for call_id, (answer_s, *_) in rows.items() if answer_s is not None} == set()
    assert bound == {CALLER, CALLEE}
    assert all(end_s is not None and reason for _, end_s, reason in rows.values())
    assert set(history.finish_reason) == {KILLED}
    assert result.successful == len(heard), caller.errors()
    refused = messages[(messages.status == 481) & (messages.cseq_method == "BYE")]
    assert heard <= set(refused.call_id)
    assert heard <= set(messages[messages.method == "BYE"].call_id)
