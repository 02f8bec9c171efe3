"""The first page as the server sends it: whole without a script, escaped, with its policy."""

import html
import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logplatform.api.page_parts import (
    CHART_HEIGHT,
    CHART_WIDTH,
    asked_for,
    counted,
    dagster_url,
    drawn,
    file_size,
    link,
    shown_document,
    when,
)
from logplatform.settings.model import Settings
from logplatform.stores.log_query import Hit
from logplatform.uploads.figures.histogram import MAX_BARS, bars
from logplatform_tests.api.conftest import Serve, Service
from logplatform_tests.uploads.indexed import ndjson, put, some_events

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


def test_it_is_whole_without_a_script_and_allows_no_other(service: Service) -> None:
    put(service.room.index, "one", ndjson(some_events(60)))
    answer = service.client.get("/", params={"log_type": "error", "size": 3})
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    for policy in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
        assert policy in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    page = answer.text
    total = service.client.get("/api/search", params={"log_type": "error"}).json()["data"]["total"]
    assert f"<strong>{total}</strong> documents" in page
    assert page.count("<details>") == 3
    assert page.count("<rect") == len(re.findall(r"<title>\d", page)) > 0
    outside = [one for one in re.findall(r'(?:src|href)="([^"]+)"', page) if not one.startswith(("/", "?", "#"))]
    assert set(outside) <= {f"http://127.0.0.1:3000{path}" for path in ("", "/runs", "/asset-groups")}
    assert "style=" not in page
    assert "onclick" not in page
    for name in re.findall(r'(?:src|href)="(/static/[^"]+)"', page):
        assert service.client.get(name).status_code == 200


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"size": "9999"}, "size"),
        ({"date_from": "<script>"}, "date_from"),
        ({"page": "600"}, "page: only the first 10000"),
        ({"min_amount": "2", "max_amount": "1"}, "amount"),
    ],
)
def test_what_cannot_be_asked_is_told_on_the_page(client: httpx.Client, parameters: dict[str, str], told: str) -> None:
    answer = client.get("/", params=parameters)
    assert answer.status_code == 200
    (fault,) = re.findall(r'role="alert">([^<]*)<', answer.text)
    assert told in html.unescape(fault)
    assert "<script>" not in answer.text


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), st.text(max_size=20))
def test_a_link_leads_to_the_search_it_names(text: str, other: str) -> None:
    """Whatever stands in a search comes back out of its address."""
    address = link({"q": text, "page": "7", "size": "5"}, size=None, service=other.encode("utf-8", "ignore").decode())
    found = dict(httpx.QueryParams(address.removeprefix("?")))
    assert found == {"q": text, "service": other.encode("utf-8", "ignore").decode()}


@given(st.dictionaries(st.integers(0, 20_000), st.integers(1, 10**9), max_size=30))
def test_bars_hold_every_document_once_and_stand_side_by_side(found: dict[int, int]) -> None:
    counts = {BEGIN + timedelta(hours=hours): count for hours, count in found.items()}
    made = bars(counts, 3_600)
    assert len(made) <= MAX_BARS
    assert sum(bar.count for bar in made) == sum(counts.values())
    for bar in made:
        assert bar.count == sum(count for moment, count in counts.items() if bar.begin <= moment < bar.end)
    assert all(one.end == other.begin for one, other in pairwise(made))
    picture = drawn(made)
    if picture is None:
        assert not counts
        return
    for shape in picture.bars:
        assert 0 <= shape.x <= shape.x + shape.width <= CHART_WIDTH + 0.01
        assert 0 <= shape.y <= shape.y + shape.height <= CHART_HEIGHT + 0.01
    assert max(shape.height for shape in picture.bars) == CHART_HEIGHT


def test_a_hit_tells_its_message_and_what_else_was_hit() -> None:
    """A word that only the service has must not hide what happened."""
    document = {"message": "paid <b>", "service": "payments", "level": "WARN"}
    hit = Hit("1", document, 1.0, {"service": ["<em>pay</em>ments"]})
    assert shown_document(hit).line == "paid &lt;b&gt; · service: <em>pay</em>ments"
    hit = Hit("1", document, 1.0, {"message": ["<em>pa</em>id &lt;b&gt;"]})
    assert shown_document(hit).line == "<em>pa</em>id &lt;b&gt;"
    assert shown_document(Hit("1", {"bytes": 5}, 0.0, {})).line == "{&#34;bytes&#34;:5}"


def test_texts_for_people() -> None:
    assert [counted(count, "record") for count in (0, 1, 2_000)] == ["0 records", "1 record", "2,000 records"]
    assert [file_size(count) for count in (0, 999, 1_000, 2_093_051, 5 * 10**12)] == [
        "0 B", "999 B", "1.0 KB", "2.1 MB", "5.0 TB",
    ]  # fmt: skip
    assert when(BEGIN) == "2026-03-01"
    assert when(BEGIN + timedelta(hours=5, seconds=7)) == "2026-03-01 05:00:07"
    assert asked_for({"q": "a b", "level": "ERROR", "size": 5}) == "a b, level ERROR"
    assert asked_for({"size": 5}) == "everything"


@pytest.mark.parametrize(
    ("host", "reached", "url"),
    [
        ("127.0.0.1", "localhost", "http://127.0.0.1:3000"),
        ("0.0.0.0", "logs.example.org", "http://logs.example.org:3000"),
        ("::", "::1", "http://[::1]:3000"),
        ("0.0.0.0", None, "http://127.0.0.1:3000"),
    ],
)
def test_dagster_is_linked_where_a_browser_can_reach_it(host: str, reached: str | None, url: str) -> None:
    assert dagster_url(Settings.model_validate({"dagster": {"host": host}}), reached) == url


def test_the_page_needs_the_key_as_everything_else(serve: Serve) -> None:
    client = serve(api={"api_key": "a-long-enough-key"}).client
    for address in ("/", "/page/jobs", "/static/page.css"):
        assert client.get(address).status_code == 401
        assert client.get(address, auth=("anybody", "a-long-enough-key")).status_code == 200
