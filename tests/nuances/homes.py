"""A stage whose alice is behind a NAT: what the nuances of NATs are played on."""

from __future__ import annotations

from typing import Any

from tests.lab.stage import MakeStage, Stage
from voxlab.faults.profile import PeerProfile
from voxlab.lab.call import Call
from voxlab.lab.nat import Nat


class Home(Stage):
    """A shop that forwards; alice and bob pick up after a moment, alice is behind "home"."""

    nat: Nat


def home(make_stage: MakeStage, phone: dict[str, Any] | None = None, **nat: Any) -> Home:
    """Return a stage with alice behind a NAT of this kind, with a phone like this."""
    stage = make_stage(seed=7).forwards()
    stage.nat = stage.lab.nat("home", **nat)  # type: ignore[attr-defined]
    stage.alice = stage.shop.user("alice").phone(nat=stage.nat, answer_after=0.5, **(phone or {}))  # type: ignore[attr-defined]
    return stage  # type: ignore[return-value]


def listed(name: str, nuance: int, finding: str) -> bool:
    """Whether the catalogue lists a fault with symptom, section and cure."""
    fault = next(each for each in PeerProfile.catalogue() if each.name == name)
    told = bool(fault.symptom and fault.cure and "RFC" in fault.rfc)
    return told and (fault.nuance, fault.finding) == (nuance, finding)


def packets_to(call: Call, name: str) -> int:
    """Return how many RTP packets of a call came to somebody."""
    media = call.media
    return int(media[media["dst_name"] == name]["packets"].sum())


def evidence_of(call: Call, finding: str) -> list[str]:
    """Return the lines of the only finding, which is to be this one."""
    found = call.explain()
    assert found.ids == (finding,), found.text()
    assert found.findings[0].certainty.word == "certain"
    for each in found.findings[0].evidence:
        assert 1 <= each.message <= len(call.messages)
    return [each.line for each in found.findings[0].evidence]
