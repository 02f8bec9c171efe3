"""The compose file: valid, and every service as a service must be."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from logplatform_tests.docker.places import DOCKER, REPOSITORY
from logplatform_tests.needed import cannot_be_had

SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"]
EXPECTED = {
    "code-server", "webserver", "daemon", "api", "worker", "proxy", "postgres", "redis", "mongo", "elasticsearch",
    "elasticsearch-setup", "kibana", "redpanda", "prometheus", "grafana",
}  # fmt: skip


def checked(*files: Path) -> "subprocess.CompletedProcess[str]":
    command = [REPOSITORY / ".ci" / "compose", *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode == 3:
        cannot_be_had("a program to check compose files with is missing")
    return done


@pytest.fixture
def deployment(tmp_path: Path) -> Path:
    """The compose file in a folder where its secrets are."""
    done = subprocess.run([DOCKER / "make-secrets", tmp_path / "secrets"], capture_output=True, check=True, timeout=60)
    assert done.returncode == 0
    file = tmp_path / "compose.yaml"
    file.write_text((DOCKER / "compose.yaml").read_text())
    return file


def test_docker_compose_takes_it(deployment: Path) -> None:
    done = checked(deployment)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_check_sees_a_mistake(deployment: Path) -> None:
    deployment.write_text(deployment.read_text().replace("cap_drop", "cap_dropp"))
    assert checked(deployment).returncode != 0


def test_every_part_of_the_deployment_is_there() -> None:
    assert set(SERVICES) == EXPECTED


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_service_is_pinned_bounded_and_watched(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"[a-z0-9./-]+:v?\d+\.\d+(\.\d+)?(-[a-z]+)?", service["image"])
    assert {"cpus", "memory"} <= set(service["deploy"]["resources"]["limits"])
    assert service["logging"]["options"] == {"max-size": "10m", "max-file": "5"}
    assert service["cap_drop"] == ["ALL"]
    assert not service.get("privileged", False)
    assert "healthcheck" in service or service["image"].startswith("logplatform:")
    assert ("ports" in service) == (name == "proxy")


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_no_password_stands_in_the_file(name: str) -> None:
    environment = SERVICES[name].get("environment", {})
    secret = {key: value for key, value in environment.items() if re.search(r"PASSWORD|SECRET|KEY|TOKEN", key)}
    assert all(str(value).startswith("/run/secrets/") for value in secret.values())


def test_a_service_waits_until_what_it_needs_is_healthy() -> None:
    for name, service in SERVICES.items():
        waits = service.get("depends_on", {})
        conditions = {one["condition"] for one in waits.values()}
        assert conditions <= {"service_healthy", "service_completed_successfully"}, name
    for part in ("code-server", "api", "worker"):
        assert {"postgres", "mongo", "redis", "redpanda", "elasticsearch-setup"} <= set(SERVICES[part]["depends_on"])


def test_secrets_are_made_once_and_are_kept_from_others(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    subprocess.run([DOCKER / "make-secrets", folder], capture_output=True, check=True, timeout=60)
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    again = subprocess.run([DOCKER / "make-secrets", folder], capture_output=True, text=True, check=True, timeout=60)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first
    assert "password" not in again.stdout
    assert folder.stat().st_mode & 0o777 == 0o700
    declared = yaml.safe_load((DOCKER / "compose.yaml").read_text())["secrets"]
    assert set(declared) == set(first)
    assert len(set(first.values())) == len(first)
