"""The upkeep sensor: what is still broken is told when it changes, without waiting for a run."""

import dagster as dg
import pytest
from dagster._core.definitions.sensor_definition import SensorExecutionData

from logplatform.landing.retry import RetryPolicy
from logplatform.orchestration.resources import domain_resources
from logplatform.orchestration.sensors import bounds_of, tick
from logplatform.orchestration.upkeep import read_told
from logplatform.settings.model import Settings
from logplatform.tenancy import open_tenancy
from logplatform_tests.orchestration.toy import put, toy_definitions, watched

CHECK = dg.AssetCheckKey(dg.AssetKey(["machines", "lines"]), "still_broken")


def upkeep(settings: Settings, instance: dg.DagsterInstance, cursor: str | None = None) -> SensorExecutionData:
    """One tick, as the daemon makes it; its events are stored as the daemon would."""
    repository = toy_definitions(settings).get_repository_def()
    resources = domain_resources(settings, "machines")
    with dg.build_sensor_context(
        instance=instance, cursor=cursor, repository_def=repository, resources=resources
    ) as context:
        result = repository.get_sensor_def("upkeep").evaluate_tick(context)
    for event in result.asset_events:
        instance.report_runless_asset_event(event)
    return result


def test_a_fault_and_its_end_are_told_once_each(settings: Settings, instance: dg.DagsterInstance) -> None:
    """A fault that a command made good must not stand there until the next file happens to come."""
    put(settings, "20250512")
    with open_tenancy(settings, "machines") as tenancy:
        (proposal,) = tick(tenancy, watched(tenancy), bounds_of(settings), set()).proposals
        (found,) = tenancy.ledger.batch(proposal.batch_id)
        with tenancy.ledger.transaction() as connection:
            tenancy.ledger.fail(connection, found, "copy", "disk gone", "run", RetryPolicy())
        first = upkeep(settings, instance)
        (told,) = first.asset_events
        assert isinstance(told, dg.AssetCheckEvaluation)
        assert (told.asset_check_key, told.passed, told.severity) == (CHECK, False, dg.AssetCheckSeverity.WARN)
        assert not upkeep(settings, instance, first.cursor).asset_events

        (found,) = tenancy.ledger.batch(proposal.batch_id)
        with tenancy.ledger.transaction() as connection:
            tenancy.ledger.advance(connection, [found], "processed", "run")
    (told,) = upkeep(settings, instance, first.cursor).asset_events
    assert isinstance(told, dg.AssetCheckEvaluation)
    assert told.passed
    assert told.description == "nothing is broken"


@pytest.mark.parametrize("cursor", [None, "", "x", "[]", '{"machines": 3}'])
def test_a_cursor_that_cannot_be_read_is_none(cursor: str | None) -> None:
    assert read_told(cursor) == {}
