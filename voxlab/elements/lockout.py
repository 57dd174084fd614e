"""Who is turned away for a while after too many wrong passwords: a user's name at an address, nobody else.

Only answers to nonces that went to the very address are to be counted: who merely writes another's address into a UDP
packet never saw the nonce, and so cannot lock the other out. Must not know digests or messages.
"""

from __future__ import annotations

from typing import NamedTuple

_FORGOTTEN_AFTER = 10  # durations without a wrong answer


class Lock(NamedTuple):
    """Wrong answers for one user from one address.

    Attributes
    ----------
    address : str
        Where they came from.
    user : str
        The address-of-record, or what was taken for one.
    wrong : int
        Since the last right answer or lock.
    last_s : float
        When the last one came, in lab seconds.
    until_s : float
        Until when the user is turned away there; 0 if never yet.
    locks : int
        How often that has happened; each time lasts twice as long as the one before.
    """

    address: str
    user: str
    wrong: int
    last_s: float
    until_s: float = 0.0
    locks: int = 0


class Lockout:
    """Counts wrong answers per user and address, and says who is turned away.

    Parameters
    ----------
    max_failures : int
        So many wrong answers in a row lock.
    duration_s : float
        How long the first time, and after how long a wrong answer is forgotten. It doubles with every further lock.
    longest_s : float
        The longest lock.
    max_entries : int
        Users and addresses remembered; the oldest is forgotten first.
    """

    def __init__(
        self,
        *,
        max_failures: int = 10,
        duration_s: float = 60.0,
        longest_s: float = 3600.0,
        max_entries: int = 16_384,
    ) -> None:
        self.max_failures = max_failures
        self.duration_s = duration_s
        self.longest_s = longest_s
        self._max_entries = max_entries
        self._locks: dict[tuple[str, str], Lock] = {}

    def is_locked(self, address: str, user: str, now: float) -> bool:
        """Whether this user is turned away who comes from this address."""
        lock = self._locks.get((address, user))
        return lock is not None and now < lock.until_s

    def remaining_s(self, address: str, user: str, now: float) -> float:
        """Return for how long, 0 for whoever is not locked out."""
        lock = self._locks.get((address, user))
        return 0.0 if lock is None else max(0.0, lock.until_s - now)

    def failed(self, address: str, user: str, now: float) -> bool:
        """Count a wrong answer; return whether it was one too many."""
        lock = self._locks.pop((address, user), None)
        if lock is None or now >= max(lock.last_s, lock.until_s) + _FORGOTTEN_AFTER * self.duration_s:
            lock = Lock(address, user, 0, now)
        wrong = 1 if now >= lock.last_s + self.duration_s else lock.wrong + 1
        if wrong >= self.max_failures:
            until_s = now + min(self.duration_s * 2.0**lock.locks, self.longest_s)
            lock = Lock(address, user, 0, now, until_s, lock.locks + 1)
        else:
            lock = lock._replace(wrong=wrong, last_s=now)
        if len(self._locks) >= self._max_entries:
            del self._locks[next(iter(self._locks))]
        self._locks[address, user] = lock
        return lock.until_s > now

    def passed(self, address: str, user: str) -> None:
        """Forget wrong answers: the right one came."""
        if self._locks:
            self._locks.pop((address, user), None)

    def locks(self, now: float) -> list[Lock]:
        """Return who is turned away now, the first locked out first."""
        return [lock for lock in self._locks.values() if now < lock.until_s]

    def lift(self, address: str | None = None, user: str | None = None) -> int:
        """Let back in who is locked out at an address, as a user, or both; everyone by default. Return how many."""
        lifted = [
            key for key in self._locks if (address is None or key[0] == address) and (user is None or key[1] == user)
        ]
        for key in lifted:
            del self._locks[key]
        return len(lifted)

    def __len__(self) -> int:
        return len(self._locks)
