"""Whatever goes wrong, the answer has one shape."""

import httpx
import pytest

from logplatform_tests.api.conftest import Service


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/api/nothing", 404), ("DELETE", "/api/health", 405), ("GET", "/api/logs/uploads/recent?limit=no", 422)],
)
def test_refusals_have_one_shape(client: httpx.Client, method: str, path: str, status: int) -> None:
    answer = client.request(method, path)
    assert answer.status_code == status
    told = answer.json()
    assert told["success"] is False
    assert told["error"]
    assert set(told) == {"success", "error"}


def test_a_fault_of_the_program_is_a_500_that_tells_nothing(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a secret of the program")

    monkeypatch.setattr("logplatform.api.health._questions", broken)
    answer = service.client.get("/api/health")
    assert answer.status_code == 500
    assert answer.json()["success"] is False
    assert "secret" not in answer.text
    assert service.client.get("/api/nothing").status_code == 404


def test_a_store_that_fails_is_a_503_that_may_be_tried_again(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "/some/path")

    monkeypatch.setattr("logplatform.api.health._questions", full)
    answer = service.client.get("/api/health")
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert "/some/path" not in answer.text
