"""What tests of nuances do again and again: a call with a fault, and the same call once it is cured."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from tests.lab.operators import DID, MakeOperators, Operators
from tests.lab.stage import Stage
from voxlab import VoxlabError
from voxlab.base.errors import CallFailed
from voxlab.lab.call import Call

During = Callable[[Stage, Call], object]


def direct(stage: Stage) -> Stage:
    """Let calls go to users without a script: one dialog from phone to phone."""
    stage.shop.rule("direct", pattern=".*", route="users")
    return stage


def called(stage: Stage, *, seconds: float = 2.0, during: During | None = None) -> Call:
    """Let alice call bob, do something, let time pass; a call or a change that fails is evidence, too."""
    call = stage.alice.dial("bob")
    with suppress(VoxlabError):
        call.wait("connected")
        if during is not None:
            during(stage, call)
    stage.lab.run(seconds)
    return call


def dialled(phone: Any, target: str, *, seconds: float = 2.0, **options: Any) -> Call:
    """Let a phone call somebody, and let time pass."""
    call: Call = phone.dial(target, **options)
    with suppress(CallFailed):
        call.wait("connected")
    phone.lab.run(seconds)
    return call


def opened(make: MakeOperators, **trunk: Any) -> Operators:
    """Return two operators that let each other in; numbers go out through the trunk."""
    operators = make(seed=7)
    operators.giga.allow(operators.lab.cloud.place.host)
    operators.account.trunk("gigafon", gateway=operators.giga.address, **trunk)
    operators.shop.number(DID)

    @operators.shop.scenario(pattern=r"\+49.*")
    async def dial_out(call: Any) -> None:
        await call.forward_to_pstn()

    return operators
