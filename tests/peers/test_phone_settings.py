"""What ``user.phone_settings(reveal=True)`` prints, pasted into real phones, registers them at `voxlab serve`."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from .harness.baresip import Baresip
from .harness.linphone import Linphone
from .harness.namespace import Street, cannot_build_streets
from .harness.process import missing
from .harness.serve import Served

_reason = cannot_build_streets() or missing("baresip") or missing("linphonec")
pytestmark = [pytest.mark.peers, pytest.mark.skipif(_reason is not None, reason=str(_reason))]

# A generated password, and one that somebody chose with as much as a line to paste can carry.
PRINTING = """
import os

def setup(lab):
    shop = lab.account("acme").application("shop")
    for name, password in (("alice", None), ("bob", "R0se=bud!7&x")):
        settings = shop.user(name, password=password).phone_settings(reveal=True)
        with open(os.path.join(os.environ["OUT"], name), "w") as file:
            file.write(repr(settings))
"""


def printed(folder: Path, user: str, program: str) -> str:
    """Return the line that the settings print for a program."""
    lines = (folder / user).read_text().splitlines()
    (line,) = [line for line in lines if line.split()[0] == program]
    return line.strip().removeprefix(program).strip()


def serve(street: Street, folder: Path) -> Served:
    environment = {"OUT": str(folder)}
    return Served(PRINTING, folder / "v", host=street.addresses[0], prefix=street.prefix, environment=environment)


def test_the_lines_for_baresip_and_linphonec_register_them(tmp_path: Path) -> None:
    with Street() as street, serve(street, tmp_path) as cloud, ExitStack() as phones:
        cloud.until_ready()
        for port, address, user in ((5070, street.addresses[1], "alice"), (5080, street.addresses[2], "bob")):
            line = printed(tmp_path, user, "baresip")
            device = phones.enter_context(Baresip(tmp_path / f"b-{user}", street, address, line, tone_hz=440))
            device.until_ready()
            device.until_registered()
            nobody = {"user": "", "domain": "", "password": "", "server": ""}
            other = phones.enter_context(Linphone(tmp_path / f"l-{user}", street, port, **nobody))
            other.type(printed(tmp_path, user, "linphonec"))
            other.until_registered()
        phones.close()
        assert cloud.stop() == 0, cloud.tail()
