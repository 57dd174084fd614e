"""The joint of a lab and its store: what was registered comes back, and answers wait until they are on record."""

from __future__ import annotations

from voxlab.base.journal import Journal
from voxlab.lab.installation import Installation
from voxlab.net.world import World
from voxlab.store.store import Store


def attach(store: Store, installation: Installation, world: World, journal: Journal) -> None:
    """Let the store serve an installation that was just built; in the lab's thread."""
    cloud = installation.cloud
    store.attach(world.loop, cloud.location, epoch_of(world, journal))
    for aor, bindings in store.bindings(cloud.addresses).items():
        cloud.restore(aor, bindings)
    if store.is_durable:
        cloud.host.gate = store
    cloud.keep_definitions()


def epoch_of(world: World, journal: Journal) -> float:
    """Return the Unix time of second 0: of the live world now, whose clock a reset sets back."""
    if not world.live:
        return journal.epoch_s
    import time

    return time.time() - world.now
