"""Erasing a tenant's documents in Elasticsearch leaves those of others alone."""

from contextlib import closing
from pathlib import Path

from logplatform.erasing import erasable, erase
from logplatform.settings.model import Settings
from logplatform.settings.stores import IndexStore, StoresSettings
from logplatform.stores.elasticsearch_client import ElasticsearchServer
from logplatform.stores.elasticsearch_template import create, index_of, install, prefix_of


def put(store: IndexStore, tenant: str, day: str) -> None:
    prefix = prefix_of(store.prefix, tenant)
    with closing(ElasticsearchServer(store)) as server:
        install(server, prefix)
        create(server, index_of(prefix, day))
        server.ask("PUT", f"/{index_of(prefix, day)}/_doc/1", {"message": "hello"}, params={"refresh": "true"})


def test_only_the_tenants_own_indices_go(elasticsearch_store: IndexStore, tmp_path: Path) -> None:
    def settings(tenant: str) -> Settings:
        return Settings(data_root=tmp_path, tenant=tenant, stores=StoresSettings(index=elasticsearch_store))

    for tenant, day in (("default", "2026-01-01"), ("default", "2026-01-02"), ("other", "2026-01-01")):
        put(elasticsearch_store, tenant, day)
    found = erasable(settings("default"))
    assert [(it.name.partition(" ")[0], it.files) for it in found] == [("documents", 2)]
    erase(found)
    assert erasable(settings("default")) == []
    erase(found)
    (kept,) = erasable(settings("other"))
    assert kept.files == 1
    erase([kept])


def test_nothing_is_found_where_nothing_was_written(elasticsearch_store: IndexStore, tmp_path: Path) -> None:
    assert erasable(Settings(data_root=tmp_path, stores=StoresSettings(index=elasticsearch_store))) == []
