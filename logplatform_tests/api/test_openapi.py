"""The OpenAPI document: complete, and no request that it allows, or nearly allows, is a fault of the server."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from logplatform_tests.api.conftest import Service

DOCUMENT = "/openapi.json"
CONFORMING = ("status_code", "content_type", "response_schema")


def test_every_route_is_told_with_what_it_answers(client: httpx.Client) -> None:
    document = client.get(DOCUMENT).json()
    promised = {
        "/api/logs/upload": "post",
        "/api/logs/uploads": "post",
        "/api/logs/ingest": "post",
        "/api/logs/uploads/recent": "get",
        "/api/logs/uploads/{job_id}": "get",
        "/api/health": "get",
        "/health": "get",
    }
    for path, method in promised.items():
        operation = document["paths"][path][method]
        assert operation["description"]
        good = next(answer for status, answer in operation["responses"].items() if status.startswith("2"))
        assert good["content"]["application/json"]["schema"]
    for path in document["paths"].values():
        for operation in path.values():
            for status, answer in operation["responses"].items():
                if status.startswith("4"):
                    assert answer["content"]["application/json"]["schema"]["$ref"].endswith("/ErrorAnswer"), operation


def attack(service: Service, folder: Path, phases: str, examples: int) -> None:
    """Send requests made from the document, right, odd and wrong ones; every answer must be one that it promises."""
    checks = (
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_schema_conformance",
    )
    options = {
        "checks": ",".join(checks),
        "phases": phases,
        "max-examples": str(examples),
        "seed": "7",
        "suppress-health-check": "all",
        "generation-database": "none",
        "request-timeout": "60",
    }
    program = Path(sys.executable).with_name("schemathesis")
    arguments = [text for name, value in options.items() for text in (f"--{name}", value)]
    done = subprocess.run(
        [program, "run", service.url + DOCUMENT, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "Tested:" in done.stdout


@pytest.mark.slow
def test_no_request_is_a_fault_of_the_server(service: Service, tmp_path: Path) -> None:
    attack(service, tmp_path, "examples,fuzzing", 3)


@pytest.mark.faults
@pytest.mark.timeout(3_000)
def test_no_request_of_many_is_a_fault_of_the_server(service: Service, tmp_path: Path) -> None:
    attack(service, tmp_path, "examples,coverage,fuzzing", 100)
