"""The API itself: a method's name and a form go in, the answer's JSON comes out; HTTP is elsewhere.

Runs in the lab's thread, on the lab's own objects: what the API changes the notebook sees, and the other way about.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any, NamedTuple

from voxlab.base.errors import LabClosed, VoxlabError
from voxlab.lab.lab import Lab
from voxlab.management.errors import (
    DB_ERROR,
    FORBIDDEN_COMMAND,
    INVALID_ARGUMENTS,
    MISSING_CMD,
    UNKNOWN_COMMAND,
    ApiError,
)
from voxlab.management.methods import METHODS
from voxlab.management.outside import OUTSIDE
from voxlab.management.parameters import Parameters
from voxlab.management.question import Answer, Later, Question
from voxlab.management.script import revive
from voxlab.management.tokens import account_of


class Request(NamedTuple):
    """What came over HTTP, or did not.

    Attributes
    ----------
    method : str
        Such as "AddUser"; "" if none was named.
    form : mapping
        The parameters, as texts.
    authorization : str or None
        The header field.
    address : str
        Where it came from.
    """

    method: str
    form: Mapping[str, str]
    authorization: str | None
    address: str


class Api:
    """The management API of a lab.

    Parameters
    ----------
    lab : Lab
    allow_scripts : bool
        Whether scenarios may come as text, which is code that runs in this process.
    """

    def __init__(self, lab: Lab, *, allow_scripts: bool = False) -> None:
        self.lab = lab
        self.allow_scripts = allow_scripts
        if allow_scripts:
            lab.world.submit(revive, lab.platform)

    async def answer(self, request: Request) -> Answer:
        """Carry a request out, and answer when what it changed is on record; what is wrong with it is an answer too."""
        try:
            return await self._answer(request)
        except ApiError as error:
            return error.answer
        except LabClosed:
            return ApiError(2, "the lab is closed").answer
        except VoxlabError as error:
            return ApiError(INVALID_ARGUMENTS, str(error)).answer

    async def _answer(self, request: Request) -> Answer:
        submit = self.lab.world.aio.submit
        answer, written = await submit(self._perform, request)
        if isinstance(answer, Later):
            rows = await self._outcome(answer.rows)
            return await submit(answer.finish, rows)
        if written is not None:
            try:
                await self._outcome(written)
            except Exception as error:  # noqa: BLE001 - the client has to know that it cannot count on what it asked for
                raise ApiError(DB_ERROR, str(error)) from None
        return answer

    async def _outcome(self, future: Future[Any]) -> Any:
        """Wait for the store. In a simulated lab's own thread by standing still: so does its clock."""
        import asyncio

        stands_still = self.lab.world.in_lab and not self.lab.live
        return future.result() if stands_still else await asyncio.wrap_future(future)

    def _perform(self, request: Request) -> tuple[Answer | Later, Future[Any] | None]:
        account = account_of(self.lab.platform, request.authorization, request.address)
        name = request.method
        if not name:
            raise ApiError(MISSING_CMD)
        if name in OUTSIDE:
            raise ApiError(FORBIDDEN_COMMAND, f"{name}: {OUTSIDE[name]}")
        if name not in METHODS:
            raise ApiError(UNKNOWN_COMMAND, name)
        question = Question(self.lab, account, Parameters(request.form), self.allow_scripts)
        try:
            answer = METHODS[name](question)
        finally:
            self.lab.store.keep()  # a number that was given while something was refused is given for good
        return answer, self.lab.store.written() if self.lab.store.is_durable else None
