"""Retention by itself: the nightly job on real stores, as Dagster runs it."""

from pathlib import Path

import dagster as dg

from logplatform.definitions import build_defs
from logplatform.orchestration.prune_job import NAME
from logplatform.tenancy import open_tenancy
from logplatform_tests.cli.filled import fill, settings_file

NO_GUARD = "landing: {disk_space_threshold_gb: 0, disk_space_target_gb: 0}\ntimezone: Europe/Paris\n"


def test_every_night_what_is_delivered_and_old_goes_and_nothing_else(tmp_path: Path) -> None:
    """Two files were delivered long ago; the run tells of them, and a second night finds nothing more to remove."""
    settings = fill(settings_file(tmp_path, NO_GUARD))
    definitions = build_defs(settings)
    told = []
    for _ in range(2):
        with dg.DagsterInstance.ephemeral() as instance:
            result = definitions.resolve_job_def(NAME).execute_in_process(instance=instance)
        assert result.success
        (output,) = (event for event in result.all_events if event.event_type == dg.DagsterEventType.STEP_OUTPUT)
        told.append({name: value.value for name, value in output.step_output_data.metadata.items()})
    first, second = told
    assert (first["archives: processed"], first["archives: processed, bytes"]) == (2, 6)
    assert not any(second.values())
    with open_tenancy(settings, "archives") as tenancy:
        left = [found for found in tenancy.ledger.find() if found.sha256 is not None]
        known = tenancy.ledger.contents(found.sha256 or "" for found in left)
        kept = {found.status for found in left if known[found.sha256 or ""].removed_at is None}
    assert "copied" in kept
    assert "processed" not in kept


def test_the_schedule_is_on_and_in_the_settings_zone(tmp_path: Path) -> None:
    """Nobody has to switch retention on."""
    repository = build_defs(fill(settings_file(tmp_path, NO_GUARD))).get_repository_def()
    schedule = repository.get_schedule_def("nightly_prune")
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    assert (schedule.job_name, schedule.execution_timezone) == (NAME, "Europe/Paris")
