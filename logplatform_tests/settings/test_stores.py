from pathlib import Path

import pytest

from logplatform.settings.load import load
from logplatform.settings.mistakes import SettingsError
from logplatform.settings.model import Settings
from logplatform.settings.tickets import KafkaTopic


def written(folder: Path, text: str) -> Path:
    path = folder / "logplatform.yaml"
    path.write_text(text)
    return path


def test_nothing_needs_a_server_unless_it_is_asked_for() -> None:
    stores = Settings().stores
    kinds = (stores.sql.type, stores.uploads.type, stores.queue.type, stores.index.type, stores.files.type)
    assert kinds == ("sqlite", "sql", "sql", "parquet", "folder")


def test_the_profile_server_sets_every_store(tmp_path: Path) -> None:
    settings = load(written(tmp_path, "profile: server\n"), {}).settings
    stores = settings.stores
    kinds = (stores.sql.type, stores.uploads.type, stores.queue.type, stores.index.type)
    assert kinds == ("postgresql", "mongodb", "redis", "elasticsearch")
    assert (settings.tickets.engine, settings.dagster.storage.type) == ("spark", "postgresql")
    assert isinstance(settings.tickets.topics[0], KafkaTopic)


def test_a_store_is_set_by_itself_beside_the_profile(tmp_path: Path) -> None:
    text = "profile: server\nstores:\n  queue: {type: sql}\n  sql: {url: postgresql://me@db/logs}\n"
    stores = load(written(tmp_path, text), {}).settings.stores
    assert (stores.queue.type, stores.sql.type, stores.sql.url) == ("sql", "postgresql", "postgresql://me@db/logs")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("sql: {url: 'postgresql://me:secret@db/logs'}", "an address holds no password here"),
        ("sql: {url: 'mysql://me@db/logs'}", "an address begins with postgresql://"),
        ("kafka: {bootstrap_servers: 'broker'}", "write host:port"),
        ("spark: {master: 'nowhere'}", "pattern"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_without_showing_it(tmp_path: Path, line: str, told: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load(written(tmp_path, f"stores:\n  {line}\n"), {})
    assert told in str(refused.value)
    assert "secret" not in str(refused.value)


def test_topics_are_told_apart_by_their_type(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        load(written(tmp_path, "tickets:\n  topics:\n    - {type: kafka, partitons: 3}\n    - {type: kafkaa}\n"), {})
    assert [(it.key, it.fix) for it in refused.value.mistakes] == [
        ("tickets.topics[0].partitons", "did you mean 'partitions'?"),
        ("tickets.topics[1]", "did you mean 'kafka'?"),
    ]
