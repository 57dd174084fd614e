"""The arguments of ``Lab(...)``: what makes no lab is refused with a sentence, before anything is built."""

from __future__ import annotations

import ipaddress

from voxlab.base.errors import VoxlabError


def check_lab(
    live: bool, bind: str | None, port: int, delay: float, max_calls: int, payloads: str, seed: int | None
) -> None:
    """Refuse what makes no lab, with a sentence."""
    if bind is not None and not live:
        raise VoxlabError("bind goes with live=True: the simulated world has no sockets")
    if bind is not None:
        try:
            address = ipaddress.ip_address(bind)
        except ValueError:
            raise VoxlabError(f"bind takes an IP address of this machine, not {bind!r}") from None
        if address.is_unspecified:
            raise VoxlabError(
                f"bind={bind!r} would listen everywhere and answer from any address: name one address of this machine"
            )
    if not 0 <= port <= 65_534:
        raise VoxlabError(f"port takes 0 to 65534 (TLS has the next one), not {port}")
    if not 0 <= delay < 60:
        raise VoxlabError(f"delay takes seconds, 0 to 60, not {delay!r}")
    if max_calls < 0:
        raise VoxlabError(f"max_calls takes 0 or more, not {max_calls}")
    if payloads not in ("all", "headers", "none"):
        raise VoxlabError(f"payloads takes 'all', 'headers' or 'none', not {payloads!r}")
    if seed is not None and not isinstance(seed, int):
        raise VoxlabError(f"seed takes a whole number or None, not {seed!r}")


def check_rate(max_calls_per_second: int | None) -> None:
    """Refuse what is no limit of calls a second."""
    given: object = max_calls_per_second
    if given is not None and not (isinstance(given, int) and given >= 0):
        raise VoxlabError(f"max_calls_per_second takes 0 or more, or None for no limit, not {given!r}")
