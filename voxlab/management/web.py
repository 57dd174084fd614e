"""The API over HTTP, as an ASGI application (Starlette): one path for all methods or one per method, and
getMediaResources beside them.

Must not know what methods do, nor who serves it: uvicorn does in the live world, in process it is called as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from voxlab.lab.lab import Lab
from voxlab.lab.media_resources import media_resources
from voxlab.management.api import Api, Request
from voxlab.management.errors import INVALID_ARGUMENTS, UNKNOWN_COMMAND, ApiError

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request as HttpRequest
    from starlette.responses import Response

PATH = "/platform_api"
MEDIA_RESOURCES = "/getMediaResources"
MAX_BODY = 1 << 20
"""Bytes of a form: eight times the longest script."""

MAX_FIELDS = 200


def web(lab: Lab, *, allow_scripts: bool = False) -> Starlette:
    """Return the ASGI application of a lab's API.

    Parameters
    ----------
    lab : Lab
    allow_scripts : bool
        Whether scenarios may come as text, which is code that runs in this process.
    """
    from starlette.applications import Starlette
    from starlette.routing import Route

    site = _Site(lab, Api(lab, allow_scripts=allow_scripts))
    verbs = ["GET", "POST"]
    return Starlette(
        routes=[
            Route(PATH, site.call, methods=verbs),
            Route(PATH + "/", site.call, methods=verbs),
            Route(PATH + "/{method}", site.call, methods=verbs),
            Route(MEDIA_RESOURCES, site.media_resources, methods=["GET"]),
        ],
        exception_handlers={404: _nowhere, 405: _nowhere},
    )


class _Site:
    """What the paths lead to."""

    def __init__(self, lab: Lab, api: Api) -> None:
        self._lab = lab
        self._api = api

    async def call(self, request: HttpRequest) -> Response:
        """Carry a method out."""
        from starlette.responses import JSONResponse

        try:
            form = _fields(request.url.query) | _fields(await _body(request))
        except ApiError as error:
            return JSONResponse(error.answer)
        method = str(request.path_params.get("method") or form.get("cmd", ""))
        address = request.client.host if request.client is not None else ""
        asked = Request(method, form, request.headers.get("authorization"), address)
        return JSONResponse(await self._api.answer(asked))

    async def media_resources(self, request: HttpRequest) -> Response:
        """Tell whoever asks which addresses are ours; no key is needed, a carrier has none."""
        from starlette.responses import JSONResponse

        flags = [name for name, _ in parse_qsl(request.url.query, keep_blank_values=True, max_num_fields=MAX_FIELDS)]
        return JSONResponse(await self._lab.world.aio.submit(media_resources, self._lab.cloud, flags))


async def _body(request: HttpRequest) -> str:
    """Return the form; one that is too long is not read to its end."""
    taken = bytearray()
    async for chunk in request.stream():
        taken += chunk
        if len(taken) > MAX_BODY:
            raise ApiError(INVALID_ARGUMENTS, f"a form has at most {MAX_BODY} bytes")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if taken and kind != "application/x-www-form-urlencoded":
        raise ApiError(INVALID_ARGUMENTS, f"send application/x-www-form-urlencoded, not {kind or 'an unnamed type'}")
    return taken.decode("utf-8", "replace")


def _fields(text: str) -> dict[str, str]:
    """Read a form; a field that comes several times is a list, which the API writes with ``;``."""
    found: dict[str, str] = {}
    try:
        for name, value in parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS):
            found[name] = f"{found[name]};{value}" if name in found else value
    except ValueError:
        raise ApiError(INVALID_ARGUMENTS, f"a form has at most {MAX_FIELDS} fields") from None
    return found


async def _nowhere(request: HttpRequest, _error: Exception) -> Response:
    """Answer what leads nowhere with the API's own error object."""
    from starlette.responses import JSONResponse

    where = f"{request.method} {request.url.path}"
    error = ApiError(UNKNOWN_COMMAND, f"{where}; there are {PATH}, {PATH}/<method> and GET {MEDIA_RESOURCES}")
    return JSONResponse(error.answer, status_code=404)
