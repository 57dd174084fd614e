"""The harness itself: two baresip phones in a street hear each other's tone, directly and through Kamailio."""

from __future__ import annotations

import array
import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from .calls import CALLEE, CALLER, DOMAIN, PASSWORD
from .harness.baresip import Baresip
from .harness.kamailio import Kamailio
from .harness.namespace import Street, cannot_build_streets
from .harness.process import missing
from .harness.tone import level_dbfs
from .phones import CALLEE_HZ, CALLER_HZ, account, talk

pytestmark = pytest.mark.peers
_reason = cannot_build_streets() or missing("baresip")
needs_baresip = pytest.mark.skipif(_reason is not None, reason=str(_reason))


@pytest.fixture
def street() -> Iterator[Street]:
    with Street() as built:
        yield built


@pytest.mark.parametrize(("frequency_hz", "expected_dbfs"), [(440, -6.02), (880, -math.inf)])
def test_the_level_of_a_tone_is_that_of_its_own_frequency_only(frequency_hz: int, expected_dbfs: float) -> None:
    samples = array.array("h", (round(16384 * math.sin(2 * math.pi * 440 * n / 8000)) for n in range(8000)))
    level = level_dbfs(samples, 8000, frequency_hz)
    assert level == pytest.approx(expected_dbfs, abs=0.01) if math.isfinite(expected_dbfs) else level < -60


def test_silence_has_no_level() -> None:
    assert level_dbfs(array.array("h", bytes(1600)), 8000, 440) == -math.inf


@needs_baresip
def test_a_street_is_gone_when_its_test_fails() -> None:
    street = Street()

    def a_test_that_fails() -> None:
        with street:
            assert not street.door.exists(), "the failure that is meant"

    with pytest.raises(AssertionError, match="meant"):
        a_test_that_fails()
    assert not street.door.exists()


@needs_baresip
def test_two_phones_hear_each_others_tone_directly(tmp_path: Path, street: Street) -> None:
    _, at_caller, at_callee = street.addresses
    alice = f"<sip:alice@{at_caller};transport=udp>;regint=0"
    bob = f"<sip:bob@{at_callee};transport=udp>;regint=0;answermode=auto"
    with (
        Baresip(tmp_path / CALLER, street, at_caller, alice, tone_hz=CALLER_HZ) as caller,
        Baresip(tmp_path / CALLEE, street, at_callee, bob, tone_hz=CALLEE_HZ) as callee,
    ):
        caller.until_ready()
        callee.until_ready()
        talk(caller, callee, f"sip:bob@{at_callee}:5060")


@needs_baresip
@pytest.mark.skipif(missing("kamailio") is not None, reason=str(missing("kamailio")))
def test_two_phones_register_at_kamailio_and_hear_each_other(tmp_path: Path, street: Street) -> None:
    at_server, at_caller, at_callee = street.addresses
    alice, bob = account(CALLER, f"{at_server}:5060"), account(CALLEE, f"{at_server}:5060", extra=";answermode=auto")
    with Kamailio(tmp_path / "kamailio", host=at_server, domain=DOMAIN, password=PASSWORD, street=street) as kamailio:
        kamailio.until_ready()
        with (
            Baresip(tmp_path / CALLER, street, at_caller, alice, tone_hz=CALLER_HZ) as caller,
            Baresip(tmp_path / CALLEE, street, at_callee, bob, tone_hz=CALLEE_HZ) as callee,
        ):
            for phone in (caller, callee):
                phone.until_ready()
                phone.until_registered()
            talk(caller, callee, f"sip:{CALLEE}@{DOMAIN}")
