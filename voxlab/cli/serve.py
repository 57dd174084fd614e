"""``voxlab serve``: a live platform that runs until Ctrl-C or SIGTERM, defined by ``setup(lab)`` in a file.

On standard output stands nothing but the ready line when JSON is asked for; whatever the file prints goes to standard
error. Must not know protocols.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.util
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from voxlab.base.errors import LabClosed, VoxlabError
from voxlab.cli.terminal import Terminal
from voxlab.net.collecting import GENTLY, collecting

if TYPE_CHECKING:
    from types import ModuleType

    from voxlab.lab.lab import Lab
    from voxlab.platform.rule import Rule

_LOOK_EVERY_S = 0.25
_FAREWELL_S = 5.0
TRANSPORTS = ("udp", "tcp", "tls", "ws")
# What the first call with audio needs: imported only then, it would keep everybody waiting for half a second.
_OF_THE_FIRST_CALL = ("media.plane", "media.quality", "media.rtp_session", "media.sources", "analysis.streams")
_EXAMPLE = "def setup(lab):\n    shop = lab.account('acme').application('shop')\n    shop.user('alice', password='...')"

Setup = Callable[["Lab"], object]


class Settings(NamedTuple):
    """Where to listen, what to write into messages about it, and where to keep what outlives the process."""

    bind: str
    port: int
    advertise: str | None
    store: Path | None = None
    http_port: int | None = None
    allow_remote_scenarios: bool = False


def run(file: Path, settings: Settings, as_json: bool, ascii: bool) -> int:  # noqa: A002 - the switch's name
    """Serve until told to stop, and return 0 when everything ended cleanly.

    Raises
    ------
    VoxlabError
        For a file without ``setup``, one that fails, or an address that is taken.
    """
    if settings.allow_remote_scenarios and settings.http_port is None:
        raise VoxlabError("--allow-remote-scenarios goes with --http-port: without it nothing comes over HTTP")
    out = Terminal(ascii=ascii)
    with _stop_signals(), contextlib.redirect_stdout(sys.stderr if as_json else sys.stdout):
        setup = load(file)
        lab = _lab(settings)
        try:
            _define(setup, lab, file)
            _open_http(lab, settings)
            with _settled_memory():
                announce(lab, out, as_json)
                _watch(lab)
        except KeyboardInterrupt:
            _ignore_signals()  # ending takes its time, and once is enough
            _say("stopping: calls are ended")
        finally:
            _farewell(lab)
    return 0


# -- the file


def load(file: Path) -> Setup:
    """Run the file and return its ``setup``.

    Raises
    ------
    VoxlabError
        When there is no such file, it fails, or has no ``setup``; the text says how to write one.
    """
    if not file.is_file():
        raise VoxlabError(f"there is no file {file}; it has to define setup(lab):\n{_EXAMPLE}")
    module = _module(file)
    setup = getattr(module, "setup", None)
    if not callable(setup):
        raise VoxlabError(f"{file} defines no setup(lab); give it one, which receives the live lab:\n{_EXAMPLE}")
    return setup  # type: ignore[no-any-return]


def _module(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("voxlab_served", file)
    if spec is None or spec.loader is None:
        raise VoxlabError(f"{file} is no Python file: its name has to end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    sys.path.insert(0, str(file.resolve().parent))  # as if Python ran it: its neighbours can be imported
    with _users_own(file):
        spec.loader.exec_module(module)
    return module


@contextlib.contextmanager
def _users_own(file: Path) -> Iterator[None]:
    """Turn what the user's code raises into a sentence that holds the user's own lines."""
    try:
        yield
    except VoxlabError:
        raise
    except Exception as error:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == file]
        lines = "".join(traceback.format_list(frames) + traceback.format_exception_only(error)).rstrip()
        raise VoxlabError(f"{file} failed:\n{lines}") from error


def _define(setup: Setup, lab: Lab, file: Path) -> None:
    with _users_own(file):
        made: Any = setup(lab)
    if hasattr(made, "close") and hasattr(made, "cr_await"):
        made.close()
        raise VoxlabError(f"{file}: setup(lab) is an async function; write def setup(lab): without async")


# -- the platform


def _lab(settings: Settings) -> Lab:
    from voxlab import kernels
    from voxlab.lab.lab import Lab
    from voxlab.net.plane import build

    kernels.load()  # before anybody calls: importing numba takes a second
    build.load()  # likewise; else the first calls are on the portable plane
    for module in _OF_THE_FIRST_CALL:
        importlib.import_module(f"voxlab.{module}")
    # It runs for days: RTP is counted, its packets are not kept.
    return Lab(
        live=True,
        bind=settings.bind,
        port=settings.port,
        advertise=settings.advertise,
        payloads="none",
        store=settings.store,
    )


def _open_http(lab: Lab, settings: Settings) -> None:
    if settings.http_port is not None:
        from voxlab.management.server import serve

        serve(lab, settings.http_port, allow_scripts=settings.allow_remote_scenarios)


@contextlib.contextmanager
def _settled_memory() -> Iterator[None]:
    """Leave what is there for good out of garbage collection, and look at the rest gently."""
    gc.collect()
    gc.freeze()
    try:
        with collecting.at(GENTLY):
            yield
    finally:
        gc.unfreeze()


def ready(lab: Lab) -> dict[str, object]:
    """Return the ready line: what listens where."""
    where = {transport.lower(): str(address) for transport, address in lab.cloud.addresses.items()}
    return {
        "ready": True,
        "sip": {name: where.get(name) for name in TRANSPORTS},
        "http": lab.http.url if lab.http else None,
    }


def announce(lab: Lab, out: Terminal, as_json: bool) -> None:
    """Say that phones can come."""
    if as_json:
        out.json(ready(lab))
        return
    listening = " · ".join(f"{name.lower()} {address}" for name, address in lab.cloud.addresses.items())
    out.say(f"✓ ready · {listening}" + (f" · http {lab.http.url}" if lab.http else ""))
    for account in lab.platform.accounts.values():
        for application in account.applications.values():
            users = ", ".join(application.users) or "no users yet"
            out.wrap(f"{application.domain}: {users}", first="  ", rest="    ")
            out.say("\n".join(f"    rule {rule.name}: {rule.pattern} → {_goal(rule)}" for rule in application.rules))
    out.say("  Ctrl-C ends it")


def _goal(rule: Rule) -> str:
    """Return where a rule leads, in a word or two."""
    return rule.goal if rule.scenario is None else rule.scenario.name


def _watch(lab: Lab) -> None:
    """Pass on what scenarios print and raise, until a signal interrupts."""
    never, seen = threading.Event(), 0
    while not never.wait(_LOOK_EVERY_S):
        lab.let_scenarios_speak()
        for error in lab.errors[seen:]:
            _say("".join(traceback.format_exception(error)).rstrip())
        seen = len(lab.errors)


def _farewell(lab: Lab) -> None:
    """End the calls that run, give their BYEs time to be answered, and close."""
    with contextlib.suppress(LabClosed):
        lab.world.submit(lab.exchange.end_all, "The platform is shut down")
        lab.world.wait(lambda: not lab.exchange.sessions, _FAREWELL_S)
    lab.close()


# -- the process


@contextlib.contextmanager
def _stop_signals() -> Iterator[None]:
    """Let SIGTERM do what Ctrl-C does; a shell that starts us in the background has both ignored."""
    before = {each: signal.signal(each, signal.default_int_handler) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _ignore_signals() -> None:
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)


def _say(text: str) -> None:
    print(f"voxlab: {text}", file=sys.stderr, flush=True)
