"""The temperament of a peer: a set of faults under one hand, so that lessons, tests and free play share it.

Must not know who is given it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from voxlab.base.errors import VoxlabError, did_you_mean
from voxlab.faults.catalogue import CATALOGUE, NAMES
from voxlab.faults.fault import Fault

PRESETS: dict[str, dict[str, Mapping[str, Any]]] = {
    # carriers
    "no_plus": {"number_format": {"style": "plain"}},
    "national_numbers": {"number_format": {"style": "national"}},
    "wants_identity": {"identity_required": {"header": "pai"}},
    "wants_own_domain": {"from_domain_required": {}},
    "guards_caller_ids": {"identity_required": {"header": "pai"}, "diversion_required": {}},
    "wants_signatures": {"stir_required": {}},
    "announces": {"announce_then_fail": {}},
    "no_trust": {"identity_stripped": {}},
    "hidden_network": {"contact_unreachable": {}},
    # registrars
    "strict_registrar": {"strict_registrar": {}, "no_user_in_register": {}, "registered_source_only": {}},
    "impatient_registrar": {"short_expiry": {"granted_s": 60}, "expires_in_header": {}},
    "old_registrar": {"no_qop": {}, "expires_in_header": {}},
    "modern_registrar": {"opaque_checked": {}, "min_expires": {"least_s": 600}},
    # phones
    "prack_required": {"prack_required": {}},
    "simple_phone": {"no_update": {}, "no_refer": {}, "refuses_reinvite": {}, "prack_refused": {}},
    "old_phone": {"hold_by_zero": {}, "no_update": {}, "offerless_refused": {}},
    "forgetful_phone": {"no_refresh": {}, "same_version": {}},
    "slow_phone": {"late_ack": {"delay_s": 2.0}, "late_answer": {"delay_s": 1.0}},
}
"""Temperaments that are met often, by name: their faults, each with its parameters; all of one fit on one thing."""


class PeerProfile:
    """A set of faults: what ``x.fault(profile)`` switches on, and a carrier or phone may be made with.

    Parameters
    ----------
    *names : str
        Faults with their default parameters.
    **chosen : mapping
        Faults with parameters, such as ``number_format={"style": "national"}``.

    Raises
    ------
    VoxlabError
        For a fault that there is not, or a parameter that it does not have.
    """

    def __init__(self, *names: str, **chosen: Mapping[str, Any]) -> None:
        wanted: dict[str, Mapping[str, Any]] = {**{name: {} for name in names}, **chosen}
        self.faults = {name: _fault(name).checked(given) for name, given in wanted.items()}

    @classmethod
    def preset(cls, *names: str) -> PeerProfile:
        """Return what some temperaments have together: names of ``PeerProfile.presets()``, or of single faults."""
        chosen: dict[str, Mapping[str, Any]] = {}
        for name in names:
            if name not in PRESETS and name not in NAMES:
                raise VoxlabError(f"there is no temperament {name!r}{did_you_mean(name, [*PRESETS, *NAMES])}")
            chosen |= PRESETS.get(name, {name: {}})
        return cls(**chosen)

    @staticmethod
    def presets() -> tuple[str, ...]:
        """Return the names of the temperaments."""
        return tuple(PRESETS)

    @staticmethod
    def catalogue() -> tuple[Fault, ...]:
        """Return every fault, with symptom, section and cure."""
        return CATALOGUE

    def __or__(self, other: PeerProfile) -> PeerProfile:
        return PeerProfile(**{**self.faults, **other.faults})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PeerProfile) and self.faults == other.faults

    def __hash__(self) -> int:
        return hash(tuple(sorted(self.faults)))

    def __repr__(self) -> str:
        shown = [name + (f"({_words(given)})" if given else "") for name, given in self.faults.items()]
        return f"<PeerProfile {', '.join(shown) or 'without a fault'}>"


def _fault(name: str) -> Fault:
    found = next((fault for fault in CATALOGUE if fault.name == name), None)
    if found is None:
        raise VoxlabError(f"there is no fault {name!r}{did_you_mean(name, NAMES)}; lab.faults() lists them all")
    return found


def _words(given: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in given.items())
