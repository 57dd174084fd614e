"""The one story every server is put through: bob registers with digest, alice calls him through the server."""

from __future__ import annotations

from pathlib import Path

from .harness.sipp import Sipp, SippResult

DOMAIN = "shop.acme.voxlab.test"
PASSWORD = "rosebud-7"
CALLER, CALLEE = "alice", "bob"
CALLER_PORT, CALLEE_PORT = 5070, 5080
FORWARDING = f"""
import os

def setup(lab):
    shop = lab.account("acme").application("shop")
    for name in ("{CALLER}", "{CALLEE}"):
        shop.user(name, password="{PASSWORD}")

    @shop.scenario()
    async def forward(call):
        await call.forward_to_user()

    if "CA_FILE" in os.environ:
        lab.certificate_authority(os.environ["CA_FILE"])
"""


def register(
    user: str,
    folder: Path,
    *,
    server: str,
    host: str,
    port: int,
    password: str = PASSWORD,
    transport: str = "udp",
    domain: str = DOMAIN,
) -> SippResult:
    """Register `user` at `server` from the very port on which it will be called."""
    with Sipp(
        "register",
        folder,
        host=host,
        port=port,
        peer=server,
        user=user,
        password=password,
        transport=transport,
        timeout_s=15,
        keys={"domain": domain, "contact_port": str(port)},
    ) as device:
        return device.result()


def call_through(
    server_host: str,
    server_port: int,
    folder: Path,
    *,
    calls: int,
    rate: float,
    transport: str = "udp",
    domain: str = DOMAIN,
    password: str = PASSWORD,
) -> tuple[SippResult, SippResult]:
    """Register both parties, let alice call bob `calls` times, each INVITE challenged; return both counts.

    Raises
    ------
    AssertionError
        When a party cannot register.
    """
    server = f"{server_host}:{server_port}"
    for user, port in ((CALLEE, CALLEE_PORT), (CALLER, CALLER_PORT)):
        registered = register(
            user,
            folder,
            server=server,
            host=server_host,
            port=port,
            transport=transport,
            domain=domain,
            password=password,
        )
        assert registered.successful == 1, f"{user} could not register: {registered}"
    with Sipp("uas", folder, host=server_host, port=CALLEE_PORT, calls=calls, transport=transport) as callee:
        callee.until_listening()
        with Sipp(
            "uac_challenged",
            folder,
            host=server_host,
            port=CALLER_PORT,
            peer=server,
            calls=calls,
            rate=rate,
            transport=transport,
            user=CALLER,
            password=password,
            keys={"callee": CALLEE, "domain": domain},
        ) as caller:
            calling = caller.result()
        return calling, callee.stopped() if calling.successful < calls else callee.result()
