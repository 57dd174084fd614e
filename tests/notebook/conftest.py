"""The stage with another operator, for panels."""

from __future__ import annotations

from tests.lab.operators import both, make_operators, operators

__all__ = ["both", "make_operators", "operators"]
