"""Dagster: when its daemons were last heard of, and its runs.

What belongs here: asking the Dagster instance, which takes a second and 60 MB once, for Dagster itself. What does not:
anything about assets (`stored` tells what they hold).
"""

import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import yaml
from dagster._check import CheckError

from logplatform.failures import Unreachable
from logplatform.metrics.catalogue import Sample


def measure_daemon(home: Path) -> Iterator[Sample]:
    """The samples of the instance in `home`; raises Unreachable, SQLAlchemyError or OSError if it cannot be asked."""
    try:
        with dg.DagsterInstance.from_config(str(home)) as instance:
            yield from _samples(instance)
    except (dg.DagsterError, CheckError, yaml.YAMLError) as error:
        raise Unreachable(f"the Dagster instance in {home} cannot be asked: {error}") from error


def _samples(instance: dg.DagsterInstance) -> Iterator[Sample]:
    now = time.time()
    for name, beat in sorted(instance.get_daemon_heartbeats().items()):
        yield Sample("logplatform_dagster_heartbeat_age_seconds", (name,), max(0.0, now - beat.timestamp))
    for status in dg.DagsterRunStatus:
        count = instance.get_runs_count(dg.RunsFilter(statuses=[status]))
        yield Sample("logplatform_dagster_runs", (status.value.lower(),), count)
