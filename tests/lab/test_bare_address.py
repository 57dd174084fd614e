"""Devices as they are in the field: a connection that has gone away, an address of ours for a domain."""

from __future__ import annotations

import pytest

from tests.lab.stage import MakeStage
from voxlab.elements.location import Binding


@pytest.mark.parametrize("live", [False, True], ids=["simulated", "live"])
def test_a_device_whose_connection_has_gone_is_called_where_its_contact_says(make_stage: MakeStage, live: bool) -> None:
    stage = make_stage(live=live, bob={"answer_after": 0.05, "transport": "TCP"}).forwards()
    cloud, bob = stage.lab.cloud, stage.machine("bob")

    def binding() -> Binding:
        return cloud.location.lookup(f"bob@{stage.shop.domain}", cloud.now())[0]

    assert binding().needs_flow
    endpoint = bob.host.endpoint
    assert endpoint is not None
    stage.lab.world.submit(endpoint.close_connection, bob.server_flow)
    stage.lab.run(until=lambda: not binding().needs_flow)
    stage.alice.dial("bob").wait("connected", timeout=10)
    assert not stage.lab.errors
