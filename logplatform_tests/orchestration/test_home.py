"""Dagster's home, the definitions as a whole, and a drained domain."""

import os
import socket
import time
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._daemon.types import DaemonHeartbeat

from logplatform.failures import PermanentFailure
from logplatform.orchestration.drain import drain
from logplatform.orchestration.home import INSTANCE_FILE, PACKAGED, prepare_home
from logplatform.orchestration.resources import FilesResource, FolderSourceResource, source_key
from logplatform.orchestration.runs import PROCESS_TAG, open_batches, proposal_tags
from logplatform.orchestration.sensors import bounds_of, tick
from logplatform.settings.model import DagsterSettings, Settings
from logplatform.settings.stores import FilesStore
from logplatform.sources.folder import FolderSource
from logplatform.tenancy import open_tenancy
from logplatform_tests.orchestration.toy import put, toy_definitions, watched

ROOT = Path(__file__).parents[2]


def test_a_home_is_made_with_the_settings_concurrency(tmp_path: Path) -> None:
    settings = Settings(data_root=tmp_path, dagster=DagsterSettings(max_concurrent_runs=7))
    env: dict[str, str] = {}
    home = prepare_home(settings, env)
    assert (home, env["DAGSTER_HOME"]) == (tmp_path / "dagster", str(tmp_path / "dagster"))
    written = yaml.safe_load((home / INSTANCE_FILE).read_text())
    assert written["concurrency"]["runs"]["max_concurrent_runs"] == 7
    assert written["telemetry"] == {"enabled": False}


def test_a_users_own_home_and_file_are_respected(tmp_path: Path) -> None:
    """Somebody who runs Dagster already keeps their instance as it is."""
    own = tmp_path / "own"
    own.mkdir()
    (own / INSTANCE_FILE).write_text("telemetry:\n  enabled: true\n")
    env = {"DAGSTER_HOME": str(own)}
    assert prepare_home(Settings(data_root=tmp_path / "data"), env) == own
    assert (own / INSTANCE_FILE).read_text() == "telemetry:\n  enabled: true\n"


def test_a_home_that_cannot_be_made_is_a_clear_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PermanentFailure, match="Dagster's home"):
        prepare_home(Settings(data_root=tmp_path / "file"), {})


def test_the_files_at_the_root_are_those_of_the_package() -> None:
    """`dagster dev` in the checkout and an installed package must mean the same."""
    for name in ("dagster.yaml", "workspace.yaml"):
        assert (ROOT / name).resolve() == (PACKAGED / name).resolve()


def test_source_names_give_keys_that_stay_apart(tmp_path: Path) -> None:
    keys = {source_key("archives", name) for name in ("web-1", "web.1", "web_1", "web1")}
    assert len(keys) == 4
    assert all(key.isidentifier() for key in keys)
    source = FolderSource("web-1", tmp_path, ("*.gz", "*.bz2"))
    assert FolderSourceResource.of(source).open() == source


def test_the_definitions_are_whole(settings: Settings) -> None:
    """Every resource that anything requires is there; every asset has what the UI shows of it."""
    definitions = toy_definitions(settings)
    dg.Definitions.validate_loadable(definitions)
    for node in definitions.resolve_asset_graph().asset_nodes:
        assert (node.group_name, bool(node.description), bool(node.kinds), bool(node.owners)) == (
            "machines",
            True,
            True,
            True,
        )
        assert node.backfill_policy == dg.BackfillPolicy.single_run()


def test_resources_can_be_replaced_by_keyword(settings: Settings, instance: dg.DagsterInstance, tmp_path: Path) -> None:
    """Tests and other deployments put their own store in without touching the environment."""
    put(settings, "20250512")
    elsewhere = FilesResource(root=str(tmp_path / "elsewhere"))
    with open_tenancy(settings, "machines") as tenancy:
        done = drain(toy_definitions(settings, files=elsewhere), instance, tenancy, watched(tenancy))
        assert [one.success for one in done.ran] == [True]
        assert list(tenancy.files.keys("landing")) == []
    assert len(list(elsewhere.open(FilesStore()).keys("landing"))) == 1


def test_a_command_drains_what_is_new_and_then_nothing(settings: Settings, instance: dg.DagsterInstance) -> None:
    for day in ("20250512", "20250514"):
        put(settings, day)
    definitions = toy_definitions(settings)
    told: list[int] = []
    with open_tenancy(settings, "machines") as tenancy:
        first = drain(definitions, instance, tenancy, watched(tenancy), lambda proposal, _: told.append(proposal.items))
        second = drain(definitions, instance, tenancy, watched(tenancy))
        assert tenancy.ledger.count() == {"processed": 2}
    assert [one.success for one in first.ran] == [True, True]
    assert (told, second.ran, second.found[0].known) == ([1, 1], [], 2)
    assert all(instance.has_run(one.run_id) for one in first.ran)
    assert os.environ["DAGSTER_HOME"] == instance.root_directory


def test_a_batch_in_a_living_hand_is_left_and_one_in_a_dead_hand_is_taken(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    """After kill -9 of a command, or of the daemon, the next command must go on with the files, not wait for ever."""
    put(settings, "20250512")
    definitions = toy_definitions(settings)
    job = definitions.resolve_job_def("machines")
    with open_tenancy(settings, "machines") as tenancy:
        (proposal,) = tick(tenancy, watched(tenancy), bounds_of(settings), set()).proposals
        tags = proposal_tags("machines", proposal)
        queued = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags=tags)
        assert open_batches(instance, "machines") == set()
        beat = DaemonHeartbeat(timestamp=time.time(), daemon_type="SENSOR", daemon_id="x", errors=[])
        instance.add_daemon_heartbeat(beat)
        assert open_batches(instance, "machines") == {proposal.batch_id}
        instance.report_run_failed(queued)

        gone = {**tags, PROCESS_TAG: f"{socket.gethostname()}/999999999/0"}
        instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags=gone)
        assert open_batches(instance, "machines") == {proposal.batch_id}
        done = drain(definitions, instance, tenancy, watched(tenancy))
        assert [one.success for one in done.ran] == [True]
        assert tenancy.ledger.count() == {"processed": 1}


def test_what_a_run_cannot_finish_is_not_run_again_by_the_same_command(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    """A command must come to its end, whatever fails; and the next one must try again at once."""
    put(settings, "20250512")

    def fail(asset: str, day: object) -> None:
        raise PermanentFailure(f"{asset}: {day}: the disk is gone")

    with open_tenancy(settings, "machines") as tenancy:
        failed = drain(toy_definitions(settings, fail), instance, tenancy, watched(tenancy))
        assert [one.success for one in failed.ran] == [False]
        assert "the disk is gone" in " ".join(failed.ran[0].problems)
        again = drain(toy_definitions(settings), instance, tenancy, watched(tenancy))
        assert [one.success for one in again.ran] == [True]
        assert tenancy.ledger.count() == {"processed": 1}
