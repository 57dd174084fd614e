"""Nuances on real sockets: what a fault shows and what explains it are the same there."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.operators import OMA, Operators
from tests.lab.stage import Stage
from voxlab.base.errors import CallFailed


def failed(phone: Any, target: str) -> Any:
    call = phone.dial(target)
    with pytest.raises(CallFailed):
        call.wait("connected", timeout=20)
    return call


def test_phones_in_both_worlds(either: Stage) -> None:
    either.bob.fault("prack_required")
    assert failed(either.alice, "bob").explain().ids == ("VX-100REL-REQUIRED",)
    either.bob.heal()
    either.alice.dial("bob").wait("connected", timeout=20)


def test_registrars_in_both_worlds(either: Stage) -> None:
    either.lab.registrar.fault("min_expires", least_s=5000)
    either.alice.register()
    assert (either.alice.registration, either.alice.explain().ids) == ("registered", ("VX-MIN-EXPIRES",))


def test_operators_in_both_worlds(both: Operators) -> None:
    both.giga.allow(both.lab.cloud.place.host)
    both.account.trunk("gigafon", gateway=both.giga.address)

    @both.shop.scenario(pattern=r"\+49.*")
    async def dial_out(call: Any) -> None:
        await call.forward_to_pstn()

    both.giga.fault("identity_required")
    assert "VX-IDENTITY-MISSING" in failed(both.alice, OMA).explain()
    both.account.trunk("gigafon", identity="pai")
    both.alice.dial(OMA).wait("connected", timeout=20)
