"""Where one host's media lives: its address, its world, and where evidence goes.

Must not know what is sent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from voxlab.base.datagram import Address
from voxlab.base.ids import Ids
from voxlab.base.journal import Journal
from voxlab.net.loop import OrderedLoop
from voxlab.net.network import Network


@dataclass(frozen=True)
class MediaPlace:
    """Where one host's media lives: its address, its world, and where evidence goes.

    Attributes
    ----------
    batched : bool
        Whether packets travel as columns (simulated world) or one by one.
    record_s : float
        Seconds of what each end hears that are kept for ``call.audio``.
    symmetric : bool
        Whether to send to where packets come from instead of where SDP says (RFC 4961), for peers behind NAT.
    advertise : str or None
        The address that descriptions name instead of our own.
    ports : callable
        Draws the RTP port to bind, 0 for any.
    media_addresses : set of Address
        The media ports of the whole lab: what comes from one of them is on record already.
    lets_in : callable
        Whether the border of this host's network lets RTP from an address through; all of it by default.
    behind_nat : bool
        Whether what arrives here bears other addresses than where it was sent, and so is recorded here, too.
    settle : callable
        Brings what is under way in batches up to now, so that counts speak of now.
    """

    owner: str
    host: str
    loop: OrderedLoop
    network: Network
    ids: Ids
    journal: Journal
    batched: bool
    record_s: float = 60.0
    symmetric: bool = False
    advertise: str | None = None
    ports: Callable[[], int] = field(default=lambda: 0)
    media_addresses: set[Address] = field(default_factory=set)
    lets_in: Callable[[str], bool] = field(default=lambda _host: True)
    behind_nat: bool = False
    settle: Callable[[], None] = field(default=lambda: None)
