"""Backup and restore of the stores on servers: each by itself, and all of them at once."""

from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import dagster as dg
import pytest
from pydantic import SecretStr

from logplatform.failures import PermanentFailure
from logplatform.orchestration.home import opened_instance
from logplatform.settings.stores import FilesStore, IndexStore, SqlStore, UploadsStore
from logplatform.stores.elasticsearch_client import ElasticsearchServer
from logplatform_tests.backup.house import House
from logplatform_tests.servers import isolation
from logplatform_tests.servers.addresses import PostgresAddress

pytestmark = pytest.mark.slow


def _dumped(store: Any) -> dict[str, Any]:
    """A section with its secrets in it, which a dump would mask."""
    return {name: getattr(store, name) for name in type(store).model_fields} | {
        name: value.get_secret_value()
        for name, value in ((name, getattr(store, name)) for name in type(store).model_fields)
        if isinstance(value, SecretStr)
    }


def _round(tmp_path: Path, first: dict[str, Any], second: dict[str, Any], more: dict[str, Any] | None = None) -> None:
    """Fill, save, bring back to other servers, and go on in both."""
    house = House(tmp_path / "house", tmp_path / "sources", first, more or {})
    house.fill()
    assert house.back_up(tmp_path / "target").missing == []
    with pytest.raises(PermanentFailure, match="needs an empty place"):
        House(tmp_path / "other", house.sources, first, more or {}).bring_back(tmp_path / "target")
    back = House(tmp_path / "back", house.sources, second, more or {})
    back.bring_back(tmp_path / "target")
    assert back.seen() == house.seen()
    for one in (house, back):
        one.go_on()
    assert back.seen() == house.seen()


def test_postgresql(tmp_path: Path, postgres_store: SqlStore, postgres: PostgresAddress) -> None:
    with isolation.database(postgres) as other:
        _round(tmp_path, {"sql": _dumped(postgres_store)}, {"sql": _dumped(other)})


def test_files_in_an_object_store(tmp_path: Path, s3_store: FilesStore) -> None:
    second = s3_store.model_copy(update={"url": f"{s3_store.url}/second"})
    first = s3_store.model_copy(update={"url": f"{s3_store.url}/first"})
    _round(tmp_path, {"files": _dumped(first)}, {"files": _dumped(second)})


def test_uploads_in_mongodb(tmp_path: Path, mongo_store: UploadsStore) -> None:
    parts = urlsplit(mongo_store.url)
    other = mongo_store.model_copy(update={"url": urlunsplit(parts._replace(path=f"{parts.path}_2"))})
    _round(tmp_path, {"uploads": _dumped(mongo_store)}, {"uploads": _dumped(other)})


def test_documents_in_elasticsearch(tmp_path: Path, elasticsearch_store: IndexStore) -> None:
    """Rows name documents by the indices' prefix, so they come back under the same, on a server that has lost them."""
    stores = {"index": _dumped(elasticsearch_store)}
    house = House(tmp_path / "house", tmp_path / "sources", stores)
    house.fill()
    house.back_up(tmp_path / "target")
    seen = house.seen()
    back = House(tmp_path / "back", house.sources, stores)
    with pytest.raises(PermanentFailure, match="hold documents"):
        back.bring_back(tmp_path / "target")
    other = House(
        tmp_path / "other", house.sources, {"index": _dumped(elasticsearch_store.model_copy(update={"prefix": "x"}))}
    )
    with pytest.raises(PermanentFailure, match=r"stores\.index\.prefix is x here"):
        other.bring_back(tmp_path / "target")
    with closing(ElasticsearchServer(elasticsearch_store)) as server:
        for index in server.ask("GET", f"/{elasticsearch_store.prefix}-*"):
            server.send("DELETE", f"/{index}")
    back.bring_back(tmp_path / "target")
    assert back.seen() == seen
    back.upload("later.json", 50, 80)
    assert back.seen()["documents"] == 80


@dg.asset
def something() -> int:
    return 1


def test_dagster_on_postgresql(
    tmp_path: Path, postgres_store: SqlStore, postgres: PostgresAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = {"dagster": {"storage": {"type": "postgresql"}}}
    house = House(tmp_path / "house", tmp_path / "sources", {"sql": _dumped(postgres_store)}, more)
    house.fill()
    with opened_instance(house.settings) as instance:
        run = dg.materialize([something], instance=instance).run_id
    house.back_up(tmp_path / "target")
    with isolation.database(postgres) as other:
        monkeypatch.setenv("DAGSTER_HOME", "")
        monkeypatch.setenv("DAGSTER_POSTGRES_URL", "")
        back = House(tmp_path / "back", house.sources, {"sql": _dumped(other)}, more)
        back.bring_back(tmp_path / "target")
        with opened_instance(back.settings) as instance:
            assert [it.run_id for it in instance.get_runs()] == [run]
            event = instance.get_latest_materialization_event(something.key)
            assert event is not None
            assert event.run_id == run
            later = dg.materialize([something], instance=instance).run_id
            assert {it.run_id for it in instance.get_runs()} == {run, later}
