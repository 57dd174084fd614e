"""A telephone number of ours (DID): which application its calls go to, and which rule takes them there.

Must not know SIP.
"""

from __future__ import annotations

from typing import NamedTuple

from voxlab.platform.application import Application
from voxlab.platform.rule import Rule


class Number(NamedTuple):
    """A number in E.164 form and what it leads to; without a rule the application's patterns are tried on it."""

    number: str
    application: Application
    rule: Rule | None = None

    def __str__(self) -> str:
        rule = f", rule {self.rule.name}" if self.rule is not None else ""
        return f"{self.number} → {self.application.domain}{rule}"

    def __repr__(self) -> str:
        return f"<Number {self}>"
