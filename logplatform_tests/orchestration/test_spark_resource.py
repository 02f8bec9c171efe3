"""Spark as Dagster shows it: there where it is chosen, without its secrets, started by nobody who only looks."""

from pathlib import Path

import pytest

from logplatform.orchestration.resources import SPARK, domain_keys, domain_resources
from logplatform.settings.model import Settings

pytest.importorskip("dagster_pyspark")

from logplatform.orchestration import spark_resource
from logplatform.orchestration.spark_resource import SparkResource


class _Session:
    stopped = 0

    def stop(self) -> None:
        self.stopped += 1


def _settings(folder: Path, **tickets: object) -> Settings:
    conf = {"spark.hadoop.fs.s3a.secret.key": "geheim", "spark.executor.instances": "4"}
    stores = {"spark": {"master": "local[2]", "conf": conf}}
    return Settings.model_validate({"data_root": folder, "stores": stores, "tickets": tickets})


def test_it_is_there_where_it_is_chosen(tmp_path: Path) -> None:
    assert SPARK not in domain_keys(_settings(tmp_path), "tickets")
    chosen = _settings(tmp_path, engine="spark")
    assert SPARK in domain_keys(chosen, "tickets")
    assert SPARK not in domain_keys(chosen, "uploads")
    assert isinstance(domain_resources(chosen, "tickets")[SPARK], SparkResource)


def test_secrets_are_passed_and_not_shown_and_one_session_serves_all_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, session, started = _settings(tmp_path, engine="spark"), _Session(), list[dict[str, str]]()

    def start(configuration: dict[str, str]) -> _Session:
        started.append(configuration)
        return session

    monkeypatch.setattr(spark_resource, "prepare", lambda *_, **__: None)
    monkeypatch.setattr(spark_resource, "is_alive", lambda _: True)
    monkeypatch.setattr(spark_resource, "spark_session_from_config", start)
    resource = SparkResource.of(settings)
    assert "geheim" not in repr(resource)
    with resource.process_config_and_initialize_cm() as opened:
        assert started == []
        assert opened.open(settings.stores.spark) is opened.open(settings.stores.spark) is session
    assert len(started) == 1
    assert started[0]["spark.hadoop.fs.s3a.secret.key"] == "geheim"
    assert (started[0]["spark.master"], started[0]["spark.executor.instances"]) == ("local[2]", "4")
    assert session.stopped == 1
