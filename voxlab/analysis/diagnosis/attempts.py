"""Attempts to register: a REGISTER and what its challenges and 423s lead to, up to the answer that ends it (RFC 3261
s.10.2.7, s.22.2).

Whoever is registered now does not want to hear of a password that was corrected since. Must not know any rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from voxlab.analysis.diagnosis.case import Step

_CHALLENGES = (401, 407)
_MOST_CHALLENGES = 4


def that_matter(steps: Iterable[Step]) -> tuple[Step, ...]:
    """Return the messages of registrations without those of attempts that failed and were followed by a success."""
    by_device: dict[str, list[Step]] = {}
    for step in steps:
        by_device.setdefault(step.entry.call_id, []).append(step)
    kept = [step for found in by_device.values() for step in _without_old_failures(found)]
    return tuple(sorted(kept, key=lambda step: step.number))


def _without_old_failures(steps: list[Step]) -> list[Step]:
    attempts = list(_attempts(steps))
    last = max((at for at, (_, success) in enumerate(attempts) if success), default=-1)
    return [step for at, (found, success) in enumerate(attempts) if success or at > last for step in found]


def _attempts(steps: list[Step]) -> Iterator[tuple[list[Step], bool]]:
    """Yield each attempt with whether it ended well."""
    found: list[Step] = []
    challenged = 0
    for step in steps:
        found.append(step)
        if step.status in _CHALLENGES:
            challenged += 1
        if step.status >= 200 and _ends(step, challenged):
            yield found, step.status < 300
            found, challenged = [], 0
    if found:
        yield found, False


def _ends(answer: Step, challenged: int) -> bool:
    if answer.status not in _CHALLENGES:
        return answer.status != 423
    stale = "stale=true" in (answer.value("WWW-Authenticate") + answer.value("Proxy-Authenticate")).lower()
    return challenged >= _MOST_CHALLENGES or (challenged >= 2 and not stale)
