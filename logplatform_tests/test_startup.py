"""Stores that cannot be used are told before anything starts, all of them, by the names of their settings."""

import json
import socket
from collections.abc import Generator
from pathlib import Path

import pytest
from click.testing import CliRunner

from logplatform.cli import main
from logplatform.failures import Unreachable
from logplatform.settings.model import Settings
from logplatform.startup import ensure_stores, faults, source_faults

KEYS = ["stores.sql", "dagster.storage", "stores.uploads", "stores.queue", "stores.index", "stores.kafka"]


@pytest.fixture
def nobody() -> Generator[int]:
    """A port that refuses every connection as long as the test lasts."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield int(taken.getsockname()[1])


def servers(port: int) -> dict[str, object]:
    """Settings of a server deployment, every server at `port`; the engine of tickets needs none."""
    host = f"127.0.0.1:{port}"
    return {
        "profile": "server",
        "tickets": {"engine": "duckdb"},
        "stores": {
            "sql": {"url": f"postgresql://me@{host}/logs", "password": "not to be seen", "timeout_seconds": 1},
            "uploads": {"url": f"mongodb://{host}/logs", "timeout_seconds": 1},
            "queue": {"url": f"redis://{host}/0", "password": "not to be seen", "timeout_seconds": 1},
            "index": {"url": f"http://{host}", "timeout_seconds": 1},
            "kafka": {"bootstrap_servers": host, "timeout_seconds": 1},
        },
    }


def test_embedded_stores_need_no_asking() -> None:
    assert faults(Settings()) == []
    ensure_stores(Settings())


def test_every_store_that_does_not_answer_is_told(nobody: int) -> None:
    with pytest.raises(Unreachable) as refused:
        ensure_stores(Settings.model_validate(servers(nobody)))
    first, *lines = str(refused.value).splitlines()
    assert first == "6 stores cannot be used"
    assert [line.partition(": ")[0] for line in lines] == KEYS
    assert "not to be seen" not in str(refused.value)
    assert all(str(nobody) in line or "127.0.0.1" in line for line in lines)


def test_a_domain_that_is_off_needs_none_of_its_stores(nobody: int) -> None:
    given = servers(nobody) | {"uploads": {"enabled": False}, "tickets": {"enabled": False}}
    assert [fault.key for fault in faults(Settings.model_validate(given))] == KEYS[:2]


@pytest.mark.parametrize(
    ("command", "needed"),
    [
        (["up"], KEYS),
        (["run"], KEYS),
        (["dagster", "daemon"], KEYS),
        (["api"], KEYS[:5]),
        (["uploads", "work"], KEYS[:5]),
        (["archives", "run"], KEYS[:2]),
        (["machines", "run"], KEYS[:2]),
        (["tickets", "run"], [*KEYS[:2], KEYS[5]]),
        (["tickets", "stream"], [*KEYS[:2], KEYS[5]]),
    ],
    ids=lambda value: " ".join(value[:2]),
)
def test_nothing_starts_on_stores_that_cannot_be_used(
    tmp_path: Path, nobody: int, command: list[str], needed: list[str]
) -> None:
    """And what only other domains need holds nothing up."""
    file = tmp_path / "logplatform.yaml"
    file.write_text(json.dumps({**servers(nobody), "data_root": str(tmp_path / "data")}))
    result = CliRunner().invoke(main, ["--config", str(file), *command])
    assert result.exit_code == 2
    assert f"{len(needed)} stores cannot be used" in result.output
    assert [key for key in KEYS if f"\n{key}: " in result.output] == needed
    assert not (tmp_path / "data" / "dagster").exists()


def test_a_source_that_does_not_answer_is_told_and_holds_nothing_up(tmp_path: Path, nobody: int) -> None:
    source = {"name": "web1", "type": "ftp", "host": "127.0.0.1", "port": nobody, "user": "me", "remote_path": "/logs"}
    settings = Settings.model_validate({"archives": {"sources": [source]}})
    ensure_stores(settings)
    (fault,) = source_faults(settings)
    assert fault.key == "archives.sources[0]"
    assert isinstance(fault.failure, Unreachable)


def test_config_check_asks_where_it_is_told_to(tmp_path: Path, nobody: int) -> None:
    file = tmp_path / "logplatform.yaml"
    file.write_text(json.dumps({**servers(nobody), "data_root": str(tmp_path / "data")}, indent=1))
    quiet = CliRunner().invoke(main, ["--config", str(file), "config", "check"])
    assert quiet.exit_code == 0, quiet.output
    asked = CliRunner().invoke(main, ["--config", str(file), "config", "check", "--connect", "--json"])
    assert asked.exit_code == 1
    told = [one for one in json.loads(asked.output)["mistakes"] if one["level"] == "error"]
    assert [one["key"] for one in told] == KEYS
    # Dagster's storage is the SQL store's: nothing is written of it.
    assert all(one["place"].startswith(f"{file}:") for one in told if one["key"] != "dagster.storage")
