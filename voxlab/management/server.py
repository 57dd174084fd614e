"""The API on a socket: https, the certificate signed by the lab's own authority, served by uvicorn in a thread of its
own.

Every request is handed to the lab's thread. Must not know methods.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import TYPE_CHECKING

from voxlab.base.errors import VoxlabError
from voxlab.lab.lab import Lab
from voxlab.management.web import web
from voxlab.net.sockets import LiveNetwork

if TYPE_CHECKING:
    import uvicorn

_START_S = 20.0
_MAX_CONNECTIONS = 256
_IDLE_S = 5


class Server:
    """The running API of a live lab; ``serve`` makes one.

    Attributes
    ----------
    host : str
    port : int
    url : str
        Such as ``https://127.0.0.1:8443``.
    """

    def __init__(self, lab: Lab, listener: socket.socket, server: uvicorn.Server) -> None:
        self.host, self.port = listener.getsockname()[:2]
        self.url = f"https://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"
        self._lab = lab
        self._listener = listener
        self._server = server
        self._thread = threading.Thread(target=self._run, name="voxlab-http", daemon=True)

    def _run(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._listener]))

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()
        waited = threading.Event()
        for _ in range(int(_START_S / 0.01)):
            if self._server.started or not self._thread.is_alive():
                break
            waited.wait(0.01)
        if not self._server.started:
            self.close()
            raise VoxlabError("the management API did not start")

    def close(self) -> None:
        """Stop to answer and give the port back; may be called twice."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join()
        self._listener.close()

    def __repr__(self) -> str:
        return f"<management API at {self.url}>"


def serve(lab: Lab, port: int = 0, *, host: str | None = None, allow_scripts: bool = False) -> Server:
    """Serve the management API of a live lab over https, until the lab is closed.

    Parameters
    ----------
    lab : Lab
    port : int
        0 draws a free one.
    host : str or None
        The lab's own address if not given.
    allow_scripts : bool
        Whether scenarios may come as text, which is code that runs in this process.

    Raises
    ------
    VoxlabError
        In a simulated lab, whose API is called in process (``voxlab.management.web.web``), and when the port is taken.
    """
    network = lab.network
    if not isinstance(network, LiveNetwork):
        raise VoxlabError("a simulated lab has no sockets: call its API in process, voxlab.management.web.web(lab)")
    where = host or lab.cloud.place.host
    listener = _listener(where, port)
    try:
        names = (where, lab.platform.domain, *(("localhost",) if where == "127.0.0.1" else ()))
        server = _uvicorn(lab, network, names, allow_scripts)
    except BaseException:
        listener.close()
        raise
    made = Server(lab, listener, server)
    made.start()
    lab.opened_http(made)
    return made


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_MAX_CONNECTIONS)
    except OSError as error:
        listener.close()
        raise VoxlabError(f"the management API cannot listen on {host}:{port}: {error.strerror or error}") from None
    return listener


def _uvicorn(lab: Lab, network: LiveNetwork, names: tuple[str, ...], allow_scripts: bool) -> uvicorn.Server:
    import uvicorn

    chain, key = network.authority.credentials(names)
    config = uvicorn.Config(
        web(lab, allow_scripts=allow_scripts),
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        ssl_certfile=chain,
        ssl_keyfile=key,
        limit_concurrency=_MAX_CONNECTIONS,
        timeout_keep_alive=_IDLE_S,
        timeout_graceful_shutdown=_IDLE_S,
    )
    try:
        config.load()
    finally:
        key.unlink()
        chain.unlink()
    return uvicorn.Server(config)
