"""The first page as people use it: drop a file, see what becomes of it, find it, on a desk and on a phone."""

import base64
import os
import threading
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import ConsoleMessage, Page, ViewportSize, sync_playwright

from logplatform.settings.model import Settings
from logplatform.uploads.worker import work
from logplatform_tests.api.conftest import Service, serving
from logplatform_tests.browser.conftest import FLAGS
from logplatform_tests.uploads.indexed import ndjson, put, some_events

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PHONE: ViewportSize = {"width": 390, "height": 844}
DESK: ViewportSize = {"width": 1280, "height": 900}
EVIL = '<img src=x onerror="document.title=1"><script>document.title=1</script>'
DROP = """([selector, name, data]) => {
  const bytes = Uint8Array.from(atob(data), (sign) => sign.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name));
  for (const kind of ["dragenter", "dragover", "drop"])
    document.querySelector(selector).dispatchEvent(
      new DragEvent(kind, {dataTransfer: transfer, bubbles: true, cancelable: true}));
}"""


@dataclass(slots=True)
class Desk:
    """A browser before a running service; `complaints`: what the browser had to say against the page."""

    page: Page
    service: Service
    screenshots: Path
    complaints: list[str] = field(default_factory=list)

    def open(self, address: str = "/") -> None:
        self.page.goto(self.service.url + address)

    def drop(self, name: str, data: bytes) -> None:
        self.page.evaluate(DROP, ["#drop", name, base64.b64encode(data).decode()])

    def shoot(self, name: str) -> None:
        self.page.screenshot(path=self.screenshots / f"page_{name}.png", full_page=True)

    def overflows(self) -> bool:
        """Whether the page is wider than the screen."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > innerWidth"))


@contextmanager
def working(service: Service) -> Generator[None]:
    """A worker beside the service."""
    stop = threading.Event()
    worker = threading.Thread(target=lambda: list(work(service.room, "page", stop.is_set)))
    worker.start()
    try:
        yield
    finally:
        stop.set()
        worker.join()


@contextmanager
def at_desk(chromium: str, folder: Path, api: dict[str, Any], **context: Any) -> Generator[Desk]:
    settings = Settings.model_validate({"data_root": folder / "data", "api": api})
    screenshots = Path(os.environ.get("LOGPLATFORM_SCREENSHOTS", folder / "screenshots"))
    screenshots.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        service = stack.enter_context(serving(settings))
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        stack.callback(browser.close)
        desk = Desk(browser.new_page(viewport=DESK, **context), service, screenshots)

        def heard(message: ConsoleMessage) -> None:
            if message.type in {"error", "warning"}:
                desk.complaints.append(message.text)

        desk.page.on("console", heard)
        desk.page.on("pageerror", lambda error: desk.complaints.append(str(error)))
        desk.page.set_default_timeout(60_000)
        yield desk


@pytest.fixture
def desk(chromium: str, tmp_path: Path) -> Iterator[Desk]:
    with at_desk(chromium, tmp_path, {}) as found:
        yield found


def test_a_dropped_file_is_previewed_ingested_and_found(desk: Desk) -> None:
    """The whole way of a file, without leaving the page, without a complaint of the browser."""
    events = some_events(120)
    desk.open()
    assert desk.page.get_by_text("The index is empty: send a file.").is_visible()
    desk.drop("march.json", ndjson(events))
    desk.page.get_by_text("120 records received").wait_for()
    cells = desk.page.locator(".sent td").all_inner_texts()
    assert events[0]["timestamp"] in cells
    assert desk.page.locator(".sent tbody tr").count() == 10
    desk.page.locator(".jobs .state.pending").wait_for()
    with working(desk.service):
        desk.page.locator(".jobs .state.completed").wait_for()
    assert "120 documents" in desk.page.locator(".jobs li").first.inner_text()
    desk.shoot("completed")
    desk.page.get_by_role("link", name="There are new documents: show them").click()
    desk.page.get_by_text("120 documents in", exact=False).wait_for()
    desk.page.get_by_label("Words to look for").fill("payment")
    desk.page.keyboard.press("Enter")
    desk.page.wait_for_url("**/?q=payment")
    paid = [one for one in events if one["log_type"] == "transaction" or one["service"] == "payments"]
    assert desk.page.locator(".told strong").inner_text() == str(len(paid))
    assert desk.page.locator(".hits em").first.inner_text().lower() == "payment"
    told = [title.text_content() or "" for title in desk.page.locator(".chart title").all()]
    assert sum(int(one.rpartition(" ")[2]) for one in told) == len(paid)
    height = desk.page.locator(".chart rect").first.bounding_box()
    assert height is not None
    assert height["height"] > 1
    desk.page.locator(".hits summary").first.click()
    assert desk.page.locator(".hits dl").first.is_visible()
    desk.shoot("found")
    assert desk.complaints == []


def test_a_refused_file_tells_why_and_the_same_file_is_told_as_known(desk: Desk) -> None:
    desk.open()
    desk.drop("twice.csv", b"timestamp,log_type,timestamp\n2026-03-01T00:00:00Z,web,x\n")
    desk.page.get_by_text("duplicate column name").wait_for()
    for _ in range(2):
        desk.drop("one.csv", b"timestamp,log_type,message\n2026-03-01T00:00:00Z,web,hello\n")
        desk.page.get_by_text("1 record received").first.wait_for()
    desk.page.get_by_text("nothing is indexed twice").wait_for()
    desk.page.locator(".jobs .state.duplicate").wait_for()


def test_filters_bars_pages_and_exports_lead_on(desk: Desk) -> None:
    """What can be clicked works without a script, and tells the same counts."""
    events = some_events(200)
    put(desk.service.room.index, "one", ndjson(events))
    desk.open("/?level=error&size=5")
    failed = sum(one["level"] == "ERROR" for one in events)
    assert desk.page.locator(".told strong").inner_text() == str(failed)
    assert desk.page.locator(".hits li").count() == 5
    desk.page.get_by_role("link", name="Next").click()
    assert f"Page 2 of {-(-failed // 5)}" in desk.page.locator(".pages").inner_text()
    with desk.page.expect_download() as download:
        desk.page.get_by_role("link", name="CSV").click()
    assert len(download.value.path().read_text().splitlines()) == failed + 1
    bar = desk.page.locator(".chart a").first
    count = int((bar.locator("title").text_content() or "").rpartition(" ")[2])
    bar.click()
    desk.page.wait_for_url("**date_from=**")
    assert desk.page.locator(".told strong").inner_text() == str(count)
    desk.page.get_by_label("Keep this search as").fill("failed then")
    desk.page.get_by_role("button", name="Keep").click()
    desk.page.get_by_text("Kept.").wait_for()
    desk.open()
    desk.page.get_by_role("link", name="failed then").click()
    assert desk.page.locator(".told strong").inner_text() == str(count)
    assert desk.complaints == []


def test_what_is_typed_is_completed(desk: Desk) -> None:
    put(desk.service.room.index, "one", ndjson(some_events(50)))
    desk.open()
    desk.page.get_by_label("Words to look for").press_sequentially("pay")
    desk.page.locator("#completions option[value=payments]").wait_for(state="attached")
    assert desk.complaints == []


def test_nothing_that_was_sent_runs(desk: Desk) -> None:
    """File names, messages, errors and saved names of an attacker stay text, and the policy would stop them anyway."""
    event = {
        "timestamp": "2026-03-01T00:00:00Z",
        "log_type": EVIL,
        "service": EVIL,
        "message": f"needle {EVIL}",
        EVIL: EVIL,
    }
    desk.open()
    desk.drop(f"{EVIL}.json".replace("/", ""), ndjson([event]))
    desk.page.get_by_text("1 record received").wait_for()
    with working(desk.service):
        desk.page.locator(".jobs .state.completed").wait_for()
    name = {"name": EVIL, "parameters": {"q": EVIL}}
    assert desk.service.client.post("/api/search/saved", json=name).status_code == 201
    for address in ("/?q=needle", "/", "/?service=%22%3E%3Cscript%3Edocument.title%3D1%3C%2Fscript%3E"):
        desk.open(address)
        desk.page.wait_for_timeout(300)
        assert desk.page.title() == "logplatform"
        assert desk.page.locator("main img, main script").count() == 0
    desk.open("/?q=needle")
    assert EVIL in desk.page.locator(".hits .text").first.inner_text()
    policy = desk.service.client.get("/").headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert desk.complaints == []


def test_the_page_fits_a_phone(desk: Desk) -> None:
    """No scrolling to the side, whatever long texts there are."""
    long = "x" * 300
    events = [{**one, "message": long, "service": long, "level": long} for one in some_events(20)]
    put(desk.service.room.index, "one", ndjson([*events, *some_events(50)]))
    desk.page.set_viewport_size(PHONE)
    desk.open()
    desk.drop(f"{long[:200]}.csv", b"timestamp,log_type,message\n2026-03-01T00:00:00Z,web,hello\n")
    desk.page.get_by_text("1 record received").wait_for()
    desk.page.locator(".jobs .state.pending").wait_for()
    assert not desk.overflows()
    desk.open("/?q=payment+xxxx")
    for line in desk.page.locator(".hits summary").all()[:3]:
        line.click()
    assert not desk.overflows()
    desk.shoot("phone")
    desk.page.set_viewport_size(DESK)
    assert not desk.overflows()


def test_everything_can_be_reached_by_keyboard(desk: Desk) -> None:
    """Tab goes through the links, the file field, the search and the results; the focus is seen."""
    put(desk.service.room.index, "one", ndjson(some_events(30)))
    desk.open()
    reached: set[str] = set()
    for _ in range(60):
        desk.page.keyboard.press("Tab")
        reached.add(
            desk.page.evaluate(
                "document.activeElement.id || document.activeElement.name || document.activeElement.tagName"
            )
        )
    assert {"file", "q", "level", "sort_field", "SUMMARY", "A", "BUTTON"} <= reached
    desk.page.locator(".hits summary").first.focus()
    desk.page.keyboard.press("Enter")
    assert desk.page.locator(".hits dl").first.is_visible()
    assert desk.page.locator("input:not([type=file]), select").evaluate_all(
        "all => all.every(one => one.labels.length)"
    )


def test_the_key_is_asked_for_where_one_is_set(chromium: str, tmp_path: Path) -> None:
    """A browser asks its user once; then the page, its script and its downloads work."""
    key = "a key of 20 letters".replace(" ", "-")
    with at_desk(chromium, tmp_path, {"api_key": key}, http_credentials={"username": "x", "password": key}) as desk:
        answer = desk.service.client.get("/", headers={"Accept": "text/html"})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Basic")
        assert desk.service.client.get("/static/page.js").status_code == 401
        desk.open()
        desk.drop("one.csv", b"timestamp,log_type,message\n2026-03-01T00:00:00Z,web,hello\n")
        desk.page.get_by_text("1 record received").wait_for()
        desk.page.locator(".jobs .state.pending").wait_for()
