"""Backup and restore of the stores on servers: each by itself, and all of them at once."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from pydantic import SecretStr

from logplatform.failures import PermanentFailure
from logplatform.settings.stores import FilesStore, IndexStore, SqlStore, UploadsStore
from logplatform_tests.backup.house import House
from logplatform_tests.servers import isolation
from logplatform_tests.servers.addresses import PostgresAddress


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
    other = elasticsearch_store.model_copy(update={"prefix": f"other-{elasticsearch_store.prefix}"})
    _round(tmp_path, {"index": _dumped(elasticsearch_store)}, {"index": _dumped(other)})
