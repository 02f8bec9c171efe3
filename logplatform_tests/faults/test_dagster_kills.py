"""kill -9 of the command that runs a domain's job on Dagster, then the same command again.

The pure engines take most of the kills (`test_kills`); here what stands around them is killed too: the run's own
record, and what Dagster is told of committed days.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from logplatform.orchestration.home import HOME_VARIABLE, opened_instance
from logplatform.orchestration.reconcile import close_dead_runs, reconcile
from logplatform.settings.model import Domain
from logplatform.stores.schema import day_commit
from logplatform.tenancy import open_tenancy
from logplatform_tests.faults import inputs
from logplatform_tests.faults.snapshot import differences, snapshot
from logplatform_tests.faults.stage import Stage

INPUTS: dict[Domain, Callable[[Path], Stage]] = {"archives": inputs.archives, "machines": inputs.machines}
PROPOSED_AGAIN = timedelta(seconds=32)
"""A batch that was not finished is proposed again after 30 seconds."""


def _command(stage: Stage) -> subprocess.Popen[bytes]:
    config = stage.folder / "logplatform.yaml"
    config.write_text(json.dumps(stage.settings.model_dump(mode="json", include=_included(stage))), encoding="utf-8")
    command = [Path(sys.executable).parent / "logplatform", "--config", config, "run", "--domain", stage.domain]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DAGSTER", "LOGPLATFORM"))}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


def _included(stage: Stage) -> set[str]:
    return {"data_root", "landing", stage.domain}


@pytest.mark.faults
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("domain", sorted(INPUTS))
def test_a_killed_command_is_taken_up_by_the_next_and_dagster_knows_every_day(
    domain: Domain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean = INPUTS[domain](tmp_path / "clean")
    begun = time.monotonic()
    assert _command(clean).wait() in {0, 1}
    whole = time.monotonic() - begun
    expected = snapshot(clean)
    draw = random.Random(f"dagster {domain}")
    for case in range(3):
        stage = INPUTS[domain](tmp_path / f"case {case}")
        command = _command(stage)
        time.sleep(whole * draw.uniform(0.4, 0.95))
        os.killpg(command.pid, signal.SIGKILL)
        command.wait()
        again = datetime.now(UTC) + PROPOSED_AGAIN
        while datetime.now(UTC) < again:
            time.sleep(1)
        assert _command(stage).wait() in {0, 1}
        assert differences(expected, snapshot(stage)) == ([], [])
        monkeypatch.setenv(HOME_VARIABLE, str(stage.settings.dagster_home))
        _check_dagster(stage)


def _check_dagster(stage: Stage) -> None:
    """Every committed day is materialized, no other day is, and no run of the dead goes on."""
    with opened_instance(stage.settings) as instance, open_tenancy(stage.settings, stage.domain) as tenancy:
        close_dead_runs(instance)
        reconcile(instance, tenancy.days, lambda: False)
        assert list(tenancy.days.unreported()) == []
        committed: dict[str, set[str]] = {}
        with tenancy.database.read() as connection:
            for asset, day in connection.execute(sa.select(day_commit.c.asset, day_commit.c.day)):
                committed.setdefault(asset, set()).add(day.isoformat())
        for asset, days in committed.items():
            assert instance.get_materialized_partitions(dg.AssetKey(asset.split("/"))) == days
        assert all(run.is_finished for run in instance.get_runs())
