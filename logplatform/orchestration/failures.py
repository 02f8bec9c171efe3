"""How our failures become Dagster's: permanent ones are never retried, transient ones wait and come again.

What belongs here: the translation. What does not: the failure types themselves (`logplatform.failures`), and faults
of single files, which are results and fail no run.
"""

from collections.abc import Generator
from contextlib import contextmanager

import dagster as dg

from logplatform.failures import LeaseLost, PermanentFailure, TransientFailure
from logplatform.landing.retry import RetryPolicy

STEP_RETRIES = RetryPolicy(attempts=4, base_seconds=2, multiplier=4, max_seconds=60)
"""A step waits in its process, so its retries are few and short; longer waits are the ledger's."""


@contextmanager
def translated(attempt: int, policy: RetryPolicy = STEP_RETRIES) -> Generator[None]:
    """Turn our failures into Dagster's; `attempt` counts from 1.

    PermanentFailure: the step fails and the run is not retried. LeaseLost: another run does the work, so this one
    ends here. Any other TransientFailure: the step waits by `policy` and is tried again until it is exhausted. What
    is no failure of ours passes as it is: it is a mistake in the program and must look like one.
    """
    try:
        yield
    except PermanentFailure as failure:
        raise dg.Failure(f"{failure} (permanent: not tried again)", allow_retries=False) from failure
    except LeaseLost as failure:
        raise dg.Failure(f"{failure} (the other run does the work)", allow_retries=False) from failure
    except TransientFailure as failure:
        if policy.exhausted(attempt):
            raise dg.Failure(f"{failure} (after {attempt} attempts)", allow_retries=False) from failure
        wait = policy.wait(attempt).total_seconds()
        raise dg.RetryRequested(max_retries=policy.attempts - 1, seconds_to_wait=wait) from failure
