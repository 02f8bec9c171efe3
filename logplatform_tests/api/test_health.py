"""Health: every store is told, and one that is away shows."""

import httpx

from logplatform_tests.api.conftest import Service


def test_every_store_is_told_with_its_latency(client: httpx.Client) -> None:
    for path in ("/api/health", "/health"):
        answer = client.get(path)
        assert answer.status_code == 200
        told = answer.json()
        assert told["success"] is True
        assert told["status"] == "up"
        assert set(told["stores"]) == {"ledger", "queue", "index", "files"}
        assert all(store["state"] == "up" and store["latency_ms"] >= 0 for store in told["stores"].values())


def test_a_store_that_is_away_is_told_without_its_address(service: Service) -> None:
    service.room.tenancy.database.engine.dispose()
    database = service.settings.data_root / "uploads.db"
    for file in database.parent.glob("uploads.db*"):
        file.unlink()
    answer = service.client.get("/api/health")
    assert answer.status_code == 503
    told = answer.json()
    assert told["success"] is False
    assert told["status"] == "down"
    assert told["stores"]["ledger"]["state"] == "down"
    assert told["stores"]["files"]["state"] == "up"
    assert str(database.parent) not in answer.text
