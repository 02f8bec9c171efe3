"""When to try again: exponential backoff with jitter.

What belongs here: the arithmetic. What does not: what counts as permanent (`failures.py`), and the ledger's rows.
"""

import random
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """`attempts` in all, waiting base × multiplier^(n-1) seconds after attempt n, at most `max_seconds`, plus jitter.

    Jitter is a random share of the wait between 0 and `jitter`, so that many files that failed together do not all
    come back together.
    """

    attempts: int = 3
    base_seconds: float = 60
    multiplier: float = 2
    max_seconds: float = 3600
    jitter: float = 0.25

    def wait(self, attempt: int, draw: float | None = None) -> timedelta:
        """How long to wait after `attempt` (1 = the first); `draw` in [0, 1) replaces the random number."""
        # The exponent is bounded: 2.0 ** 1100 is an OverflowError, and every wait is capped long before.
        plain = min(self.base_seconds * self.multiplier ** min(attempt - 1, 64), self.max_seconds)
        share = random.random() if draw is None else draw  # noqa: S311 (spreading load, not secrets)
        return timedelta(seconds=plain * (1 + self.jitter * share))

    def exhausted(self, attempt: int) -> bool:
        """Whether `attempt` was the last."""
        return attempt >= self.attempts
