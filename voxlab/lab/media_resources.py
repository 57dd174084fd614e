"""getMediaResources: the addresses from which the platform's signalling and media come, for a carrier to let in.

The addresses are the truth, read from what is bound, whenever somebody asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from voxlab.host.cloud import CloudMachine

FLAGS = ("with_mediaservers", "with_sbcs")
PATH = "/getMediaResources?with_mediaservers&with_sbcs"

RTP_PORTS = (1024, 65_535)
"""A media port is any free one: the operating system, or the simulated network, draws it."""

Resources = dict[str, list[dict[str, Any]]]


def media_resources(cloud: CloudMachine, flags: Iterable[str]) -> Resources:
    """Return what was asked for; an unknown flag is ignored."""
    asked = set(flags)
    address = cloud.settings.advertise or cloud.place.host
    media_address = cloud.settings.advertise or cloud.media_place.host
    found: Resources = {}
    if "with_mediaservers" in asked:
        found["mediaservers"] = [{"server_name": "ms-1", "ip": media_address, "rtp_ports": list(RTP_PORTS)}]
    if "with_sbcs" in asked:
        ports = {transport.lower(): where.port for transport, where in cloud.addresses.items()}
        found["sbcs"] = [{"server_name": "sbc-1", "ip": address, "ports": ports}]
    return found


class MediaResourcesUrl(str):
    """The URL of getMediaResources; called, it answers in process, as a simulated lab is asked."""

    __slots__ = ("_ask",)
    _ask: Callable[[], Resources]

    def __new__(cls, url: str, ask: Callable[[], Resources]) -> MediaResourcesUrl:
        """Make the text, with the way to its answer."""
        made = super().__new__(cls, url)
        made._ask = ask
        return made

    def __call__(self) -> Resources:
        """Return what a GET would."""
        return self._ask()
