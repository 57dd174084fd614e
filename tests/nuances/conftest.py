"""The stage of the lab's tests serves here, too."""

from __future__ import annotations

from tests.lab.operators import both, make_operators, operators
from tests.lab.stage import either, make_stage

__all__ = ["both", "either", "make_operators", "make_stage", "operators"]
