"""A trunk as the store writes it: its dialect, its limits, its way out; health and standing calls are of the moment.

Must not know tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from voxlab.platform.caller_identity import CallerIdentity
from voxlab.platform.gateway import gateway
from voxlab.platform.number_range import NumberRange
from voxlab.platform.numbering import Dialect
from voxlab.platform.trunk import Trunk
from voxlab.store.sealing import Seal


def outward_of(trunk: Trunk, seal: Seal) -> dict[str, Any]:
    """Return what a trunk is beside its whitelist, as JSON takes it."""
    dialect, identity = trunk.dialect, trunk.identity
    return {
        "dialect": [dialect.style, dialect.country, dialect.prefix],
        "trusts_from": trunk.trusts_from,
        "transit": trunk.transit,
        "limits": [trunk.usage.channels, trunk.usage.calls_per_second],
        "gateways": [[str(each.uri), each.priority, each.weight] for each in trunk.gateways],
        "reaches": None if trunk.reaches is None else list(trunk.reaches.patterns),
        "identity": [identity.style, identity.forwarding, identity.domain],
        "caller_id": trunk.caller_id,
        "options_every_s": trunk.options_every_s,
        "username": trunk.username,
        "password": None if trunk.password is None else seal.seal(trunk.password),
    }


def restore_outward(trunk: Trunk, record: Mapping[str, Any], seal: Seal) -> None:
    """Make a trunk what it was."""
    trunk.dialect = Dialect(*record["dialect"])
    trunk.trusts_from, trunk.transit = record["trusts_from"], record["transit"]
    trunk.usage.limit(*record["limits"])
    trunk.gateways = tuple([gateway(*each) for each in record["gateways"]])
    trunk.reaches = None if record["reaches"] is None else NumberRange(record["reaches"])
    trunk.identity = CallerIdentity(*record["identity"])
    trunk.caller_id, trunk.options_every_s = record["caller_id"], record["options_every_s"]
    trunk.username = record["username"]
    trunk.password = None if record["password"] is None else seal.open(record["password"])
