"""Who may ask: the key in every form, and what pages of other sites may not do."""

import base64

import httpx
import pytest

from logplatform.api.server import bound
from logplatform.failures import PermanentFailure
from logplatform.settings.api import is_loopback
from logplatform.settings.model import Settings
from logplatform_tests.api.conftest import Serve

KEY = "correct-horse-battery"
ASKED = "/openapi.json"


def basic(password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"anybody:{password}".encode()).decode()}


GIVEN: list[tuple[dict[str, str], int]] = [
    ({}, 401),
    ({"X-API-Key": KEY}, 200),
    ({"X-API-Key": KEY + "x"}, 401),
    ({"X-API-Key": ""}, 401),
    ({"X-API-Key": KEY.upper()}, 401),
    ({"Authorization": f"Bearer {KEY}"}, 200),
    ({"Authorization": f"bearer {KEY}"}, 200),
    ({"Authorization": f"Bearer {KEY}x"}, 401),
    ({"Authorization": KEY}, 401),
    ({"X-API-Key": "wrong", "Authorization": f"Bearer {KEY}"}, 401),
    (basic(KEY), 200),
    (basic("wrong"), 401),
    ({"Authorization": "Basic !!!"}, 401),
]


def test_the_key_is_asked_for_as_soon_as_one_is_set(serve: Serve) -> None:
    client = serve(api={"api_key": KEY}).client
    for headers, status in GIVEN:
        answer = client.get(ASKED, headers=headers)
        assert answer.status_code == status, headers
        if status == 401:
            assert answer.json() == {"success": False, "error": "An API key is needed"}
            assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_header_that_is_no_ascii_is_only_wrong(serve: Serve) -> None:
    client = serve(api={"api_key": KEY}).client
    assert client.get(ASKED, headers=[(b"X-API-Key", b"\xff\xfe")]).status_code == 401
    assert client.get(ASKED, headers=[(b"Authorization", b"Basic \xff\xfe")]).status_code == 401


def test_health_is_open_and_unknown_paths_are_not(serve: Serve) -> None:
    """Which routes there are is nobody's business who has no key."""
    client = serve(api={"api_key": KEY}).client
    assert client.get("/api/health").status_code == 200
    assert client.get("/health").status_code == 200
    assert client.get("/api/nothing").status_code == 401
    assert client.get("/api/health/").status_code == 401
    assert client.post("/api/logs/upload", files={"file": ("a.csv", b"a\n1\n")}).status_code == 401


def test_a_browser_is_told_to_ask_its_user(serve: Serve) -> None:
    client = serve(api={"api_key": KEY}).client
    answer = client.get("/", headers={"Accept": "text/html,*/*"})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic")


def test_pages_of_other_sites_may_not_send(client: httpx.Client) -> None:
    """A form on any web page can post a file to this machine; the browser tells where the page is from."""
    answer = client.post("/api/logs/upload", headers={"Origin": "https://elsewhere.example"})
    assert answer.status_code == 403
    assert answer.json()["success"] is False
    own = str(client.base_url).rstrip("/")
    assert client.post("/api/logs/upload", headers={"Origin": own}).status_code != 403


def test_a_name_that_was_made_to_point_here_is_refused_without_a_key(serve: Serve) -> None:
    """DNS rebinding: the page's own name leads to this machine, so its requests are of one origin."""
    client = serve().client
    assert client.get("/api/health", headers={"Host": "evil.example"}).status_code == 403
    assert client.get("/api/health", headers={"Host": "localhost:5001"}).status_code == 200
    assert client.get("/api/health", headers={"Host": "[::1]:5001"}).status_code == 200
    assert client.get("/api/health", headers={"Host": "[::1"}).status_code == 403


@pytest.mark.parametrize(("host", "local"), [("localhost", True), ("127.0.0.1", True), ("127.9.9.9", True),
                                             ("::1", True), ("0.0.0.0", False), ("::", False), ("10.0.0.1", False),
                                             ("example.org", False)])  # fmt: skip
def test_which_addresses_only_this_machine_reaches(host: str, local: bool) -> None:
    assert is_loopback(host) is local


def test_no_other_address_is_bound_without_a_key() -> None:
    with pytest.raises(PermanentFailure, match="no API key is set"), bound(Settings(), "0.0.0.0", 0):
        pass
    with bound(Settings.model_validate({"api": {"api_key": KEY}}), "0.0.0.0", 0) as listening:
        assert listening.getsockname()[1] > 0


def test_a_taken_port_is_told_clearly() -> None:
    with (
        bound(Settings(), port=0) as taken,
        pytest.raises(PermanentFailure, match="--port"),
        bound(Settings(), port=taken.getsockname()[1]),
    ):
        pass
