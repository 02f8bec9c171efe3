"""The settings and instance files of the deployment: this platform and Dagster load them."""

import re
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from logplatform.orchestration.home import instance_yaml
from logplatform.settings.load import load
from logplatform_tests.docker.places import DOCKER, REPOSITORY

SECRETS = ("SQL", "UPLOADS", "QUEUE", "INDEX", "KAFKA")


def with_secrets(folder: Path) -> dict[str, str]:
    secret = folder / "secret"
    secret.write_text("a-secret-of-many\n")
    named = {f"LOGPLATFORM_STORES__{store}__PASSWORD_FILE": str(secret) for store in SECRETS}
    return {**named, "LOGPLATFORM_API__API_KEY_FILE": str(secret)}


def kubernetes_settings(folder: Path) -> Path:
    written = yaml.safe_load((DOCKER / "kubernetes" / "settings.yaml").read_text())
    file = folder / "logplatform.yaml"
    file.write_text(written["data"]["logplatform.yaml"])
    return file


@pytest.mark.parametrize("kind", ["compose", "kubernetes"])
def test_the_settings_file_is_valid(tmp_path: Path, kind: str) -> None:
    file = DOCKER / "logplatform.yaml" if kind == "compose" else kubernetes_settings(tmp_path)
    settings = load(file, with_secrets(tmp_path)).settings
    assert settings.profile == "server"
    assert settings.stores.sql.password is not None
    assert settings.stores.sql.password.get_secret_value() == "a-secret-of-many"
    assert settings.api.host == "0.0.0.0"


@pytest.mark.parametrize(
    ("kind", "module", "launcher"),
    [("docker", "dagster_docker", "DockerRunLauncher"), ("kubernetes", "dagster_k8s", "K8sRunLauncher")],
)
def test_dagster_loads_the_run_launcher_of_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, module: str, launcher: str
) -> None:
    settings = load(DOCKER / "dagster" / f"run-launcher-{kind}.yaml", {}).settings
    (tmp_path / "dagster.yaml").write_text(instance_yaml(settings))
    if kind == "kubernetes":
        # As in a pod: the launcher reads who it is from the files that Kubernetes mounts.
        monkeypatch.setattr("kubernetes.config.load_incluster_config", lambda: None)
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        loaded = instance.run_launcher
        assert (type(loaded).__module__.split(".")[0], type(loaded).__name__) == (module, launcher)


def test_runs_start_on_this_machine_unless_a_launcher_is_set(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").write_text(instance_yaml(load(None, {}).settings))
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert type(instance.run_launcher).__name__ == "DefaultRunLauncher"


def test_the_workspace_names_the_code_server_of_the_compose_file() -> None:
    (server,) = yaml.safe_load((DOCKER / "dagster" / "workspace.yaml").read_text())["load_from"]
    services: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"]
    address = server["grpc_server"]
    assert address["host"] in services
    assert str(address["port"]) in services[address["host"]]["command"]


def test_the_chart_is_asked_for_the_image_and_the_settings_of_the_manifests() -> None:
    values = yaml.safe_load((DOCKER / "helm" / "values.yaml").read_text())
    (deployment,) = values["dagster-user-deployments"]["deployments"]
    image = "{repository}:{tag}".format(**deployment["image"])
    manifests = [
        document
        for file in sorted((DOCKER / "kubernetes").glob("*.yaml"))
        for document in yaml.safe_load_all(file.read_text())
    ]
    pods = [it["spec"]["template"]["spec"] for it in manifests if it["kind"] == "Deployment"]
    assert {container["image"] for pod in pods for container in pod["containers"]} == {image}
    maps = {it["metadata"]["name"] for it in manifests if it["kind"] == "ConfigMap"}
    assert {volume["configMap"]["name"] for volume in deployment["volumes"] if "configMap" in volume} == maps
    assert values["runLauncher"]["config"]["k8sRunLauncher"]["envSecrets"] == deployment["envSecrets"]
    assert values["generatePostgresqlPasswordSecret"] is False
    assert "postgresqlPassword" not in values["postgresql"]


def test_the_connector_of_the_image_is_of_the_minor_release_of_pyspark() -> None:
    (connector,) = re.findall(
        r"^ARG CONNECTOR_VERSION=(\d+\.\d+)\.\d+$", (DOCKER / "Dockerfile").read_text(), re.MULTILINE
    )
    locked = (REPOSITORY / "requirements-spark.lock").read_text()
    assert re.findall(r"^pyspark==(\d+\.\d+)\.\d+", locked, re.MULTILINE) == [connector]
