"""Whole domains with their files in an object store: the same results as in a folder."""

import gzip
import json
import os
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from logplatform.archives.engine import derive_day
from logplatform.archives.views import sweep_views
from logplatform.cli import main
from logplatform.landing.leases import utc_now
from logplatform.orchestration.resources import FILES, domain_resources
from logplatform.pruning import pruned
from logplatform.settings.model import Settings
from logplatform.settings.stores import FilesStore
from logplatform.stores.log_query import Search
from logplatform.tenancy import open_tenancy
from logplatform.tickets.ingest import Ingest
from logplatform.tickets.tables import TABLES
from logplatform.uploads.intake import receive
from logplatform.uploads.room import open_uploads
from logplatform.uploads.worker import work
from logplatform_tests.archives.platform import Platform, access_log
from logplatform_tests.tickets.messages import numbered
from logplatform_tests.tickets.outcome import log_in, outcome, rows_of
from logplatform_tests.uploads.indexed import ndjson, some_events

SECRETS = "secret_key"


def _stores(store: FilesStore) -> dict[str, object]:
    return {"files": {**store.model_dump(), SECRETS: store.secret_key}}


def _said(link: Path) -> str:
    return os.readlink(link)  # noqa: PTH115 (a Path drops a slash of s3://)


def _fill(platform: Platform) -> None:
    platform.put("web1", "a.log.gz", gzip.compress(access_log("a"), mtime=0))
    platform.put("web1", "b.log", access_log("b"))
    platform.put("web2", "deep/broken.gz", gzip.compress(access_log("c"), mtime=0)[:-9])
    platform.drop("web2", "by-hand.log", access_log("d"))


def test_archives_come_out_the_same(tmp_path: Path, s3_store: FilesStore) -> None:
    local = Platform(tmp_path / "local")
    remote = Platform(tmp_path / "remote", settings_more={"stores": _stores(s3_store)})
    for platform in (local, remote):
        _fill(platform)
        platform.run()
    for ask in (Platform.statuses, Platform.events, Platform.letters, Platform.missing):
        assert ask(remote) == ask(local), ask.__name__
    assert len(remote.events()) == 9
    # Of bytes, this machine has only what libraries opened by themselves.
    assert not [name for name in ("landing", "contents", "datasets") if (remote.data / name).exists()]
    with local.tenancy() as here, remote.tenancy() as there:
        assert sorted(here.files.keys("landing")) == sorted(there.files.keys("landing"))


def test_folders_that_people_know_say_where_an_object_is(tmp_path: Path, s3_store: FilesStore) -> None:
    platform = Platform(tmp_path, settings_more={"stores": _stores(s3_store)})
    _fill(platform)
    platform.run()
    shown = platform.data / "processed" / "web1" / "b.log"
    with platform.tenancy() as tenancy:
        (key,) = [key for key in tenancy.files.keys("landing") if _said(shown).endswith(key)]
        assert _said(shown) == f"{s3_store.url}/{key}"
        assert sweep_views(tenancy.files, platform.data) == 0
        platform.run()
        tenancy.files.remove(key)
        # Its content is the landed bytes themselves: `extracted` showed them too.
        assert sweep_views(tenancy.files, platform.data) == 2
    assert not shown.is_symlink()
    assert (platform.data / "processed" / "web1" / "a.log.gz").is_symlink()
    assert json.loads((platform.data / "error" / "quarantine" / "web2" / "deep" / "broken.gz.json").read_text())


def test_days_derived_again_read_the_landed_objects(tmp_path: Path, s3_store: FilesStore) -> None:
    platform = Platform(tmp_path, settings_more={"stores": _stores(s3_store)})
    platform.put("web1", "a.log.gz", gzip.compress(access_log("a"), mtime=0))
    platform.run()
    before = platform.events()
    with platform.tenancy() as tenancy:
        assert derive_day(tenancy, platform.today(), "again")
    assert platform.events() == before


def test_uploads_are_found_and_pruned(tmp_path: Path, s3_store: FilesStore) -> None:
    settings = Settings.model_validate({"data_root": tmp_path, "stores": _stores(s3_store)})
    with open_uploads(settings) as room:
        record = receive(room, "a.json", [ndjson(some_events(50))]).record
        assert record is not None
        assert [outcome for _, outcome in work(room, "test", lambda: False, once=True)] == ["completed"]
        assert room.index.search(Search(size=5)).total == 50
        assert _said(tmp_path / record.file_path) == f"{s3_store.url}/{record.object_key}"
    with open_tenancy(settings, "uploads", lambda: utc_now() + timedelta(days=40)) as tenancy:
        removed = {one.what: one.count for one in pruned(tenancy)}
        assert removed["processed"] == 1
        assert list(tenancy.files.keys("landing")) == []
    assert not os.path.lexists(tmp_path / record.file_path)
    with open_uploads(settings) as room:
        assert room.index.search(Search(size=5)).total == 50


def test_tables_of_tickets_are_whole_on_the_machine_that_publishes_them(tmp_path: Path, s3_store: FilesStore) -> None:
    found = []
    for name, more in (("local", FilesStore()), ("remote", s3_store)):
        folder = tmp_path / name
        log_in(folder).append([(f"{number}".encode(), numbered(number)) for number in range(300)])
        settings = Settings.model_validate(
            {"data_root": folder, "stores": _stores(more), "tickets": {"batch_messages": 100}}
        )
        with open_tenancy(settings, "tickets") as tenancy:
            list(Ingest(tenancy, "test").run())
        found.append(
            (outcome(settings).sums["messages"], {table: len(rows_of(folder / "tickets" / table)) for table in TABLES})
        )
    assert found[0] == found[1]
    assert found[1][0] == 300


def test_reset_takes_the_objects_too(tmp_path: Path, s3_store: FilesStore) -> None:
    platform = Platform(tmp_path, settings_more={"stores": _stores(s3_store)})
    _fill(platform)
    platform.run()
    config = tmp_path / "logplatform.yaml"
    config.write_text(platform.settings.model_dump_json(exclude_unset=True, exclude={"stores": {"files": {SECRETS}}}))
    variables = {"LOGPLATFORM_STORES__FILES__SECRET_KEY": "test"}
    done = CliRunner().invoke(main, ["--config", str(config), "reset", "--yes"], env=variables)
    assert done.exit_code == 0, done.output
    assert f"{s3_store.url}/landing" in done.output
    with platform.tenancy() as tenancy:
        assert list(tenancy.files.keys("")) == []


def test_the_resource_shows_the_address_and_no_keys(tmp_path: Path, s3_store: FilesStore) -> None:
    store = s3_store.model_copy(update={"access_key": "AKIDNAME"})
    settings = Settings.model_validate({"data_root": tmp_path, "stores": _stores(store)})
    resource = domain_resources(settings, "archives")[FILES]
    shown = json.dumps(resource._resolved_config_dict)
    assert s3_store.url in shown
    assert "AKIDNAME" not in shown
    assert "secret" not in shown


@pytest.mark.parametrize("name", ["archives", "uploads"])
def test_status_works(tmp_path: Path, s3_store: FilesStore, name: str) -> None:
    platform = Platform(tmp_path, settings_more={"stores": _stores(s3_store)})
    _fill(platform)
    platform.run()
    config = tmp_path / "logplatform.yaml"
    config.write_text(platform.settings.model_dump_json(exclude_unset=True, exclude={"stores": {"files": {SECRETS}}}))
    variables = {"LOGPLATFORM_STORES__FILES__SECRET_KEY": "test"}
    done = CliRunner().invoke(main, ["--config", str(config), "status", "--domain", name, "--json"], env=variables)
    assert done.exit_code in {0, 1}, done.output
    assert json.loads(done.output)
