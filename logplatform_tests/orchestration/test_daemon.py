"""The whole of it with the real webserver and daemon: sensors, runs, a backfill over days without input."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from logplatform.orchestration.services import Address, free_address, graphql, programs, wait_until_ready
from logplatform.orchestration.supervise import running
from logplatform.settings.model import Settings
from logplatform_tests.orchestration.toy import put

LINES = dg.AssetKey(["machines", "lines"])
WORKSPACE = """
load_from:
  - python_module: {module_name: logplatform_tests.orchestration.toy_location, location_name: toy}
"""
# Dagster looks at backfills every 30 s, and needs several looks; there is no setting for it.
HASTY_DAEMON = """
import sys
import dagster._daemon.controller as controller
controller.DEFAULT_DAEMON_INTERVAL_SECONDS = 1
from dagster._daemon.cli import main
main()
"""
BACKFILL = """mutation ($p: LaunchBackfillParams!) {launchPartitionBackfill(backfillParams: $p) {
  ... on LaunchBackfillSuccess {backfillId} ... on PythonError {message}}}"""
STANDING = """query ($b: String!) {partitionBackfillOrError(backfillId: $b) {... on PartitionBackfill {
  status runs {status} assetBackfillData {assetBackfillStatuses {... on AssetPartitionsStatusCounts {
    numPartitionsTargeted numPartitionsMaterialized numPartitionsFailed}}}}}}"""


@pytest.fixture
def address(settings: Settings, instance: dg.DagsterInstance, tmp_path: Path) -> Iterator[Address]:
    """The webserver's address; the daemon's sensors are on."""
    workspace = tmp_path / "workspace.yaml"
    workspace.write_text(WORKSPACE)
    at = free_address("127.0.0.1", 0)
    env = {**os.environ, "TOY_ROOT": str(tmp_path), "DAGSTER_HOME": instance.root_directory}
    web, daemon = programs(at, workspace, tmp_path / "logs")
    hasty = [daemon.arguments[0], "-c", HASTY_DAEMON, *daemon.arguments[3:]]
    with running([web, replace(daemon, arguments=hasty)], env) as started:
        wait_until_ready(at, started)
        yield at


def until(true: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.5)


def standing(address: Address, backfill_id: str) -> dict[str, Any]:
    return graphql(address, STANDING, {"b": backfill_id})["partitionBackfillOrError"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_files_come_in_by_themselves_and_a_backfill_over_gap_days_completes(
    settings: Settings, instance: dg.DagsterInstance, address: Address
) -> None:
    """Files put into the folder are counted without anybody asking; then a backfill of ten days, three with input."""
    for day in ("20250512", "20250513", "20250516"):
        put(settings, day)
    made = {"2025-05-12", "2025-05-13", "2025-05-16"}
    until(lambda: instance.get_materialized_partitions(LINES) == made, 250)

    days = [f"2025-05-{number}" for number in range(12, 22)]
    wanted = {"assetSelection": [{"path": LINES.path}], "partitionNames": days}
    backfill_id = graphql(address, BACKFILL, {"p": wanted})["launchPartitionBackfill"]["backfillId"]
    until(lambda: standing(address, backfill_id)["status"] == "COMPLETED_SUCCESS", 250)
    told = standing(address, backfill_id)
    assert [run["status"] for run in told["runs"]] == ["SUCCESS"]
    assert told["assetBackfillData"]["assetBackfillStatuses"] == [
        {"numPartitionsTargeted": 3, "numPartitionsMaterialized": 3, "numPartitionsFailed": 0}
    ]
    assert instance.get_materialized_partitions(LINES) == made
