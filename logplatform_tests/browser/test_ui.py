"""What a person sees and does in the Dagster UI, confirmed by GraphQL where the UI claims success."""

import re

import pytest
from playwright.sync_api import Page

from logplatform.orchestration.services import graphql
from logplatform_tests.browser.conftest import Platform

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]

GROUP = "/locations/__repository__@logplatform/asset-groups/{}/lineage"
ASSETS = {
    "archives": ("raw_archives", "extracted_logs", "archive_events"),
    "machines": ("raw_machine_logs", "machine_events", "machine_sessions", "machine_anomalies", "machine_report"),
}
STATUS = "query ($id: ID!) {runOrError(runId: $id) {... on Run {status jobName stepStats {stepKey status}}}}"


def shoot(page: Page, platform: Platform, name: str) -> None:
    page.wait_for_timeout(1_500)
    page.screenshot(path=platform.screenshots / f"{name}.png")


def open_day(page: Page, platform: Platform, path: str, day: str) -> None:
    page.goto(f"{platform.address.url}/assets/{path}?view=partitions&partition={day}")
    page.get_by_text("Latest materialization").first.wait_for()


@pytest.mark.parametrize("group", ASSETS)
def test_the_lineage_shows_every_arrow(page: Page, platform: Platform, group: str) -> None:
    page.goto(platform.address.url + GROUP.format(group))
    for name in ASSETS[group]:
        page.get_by_text(name, exact=True).first.wait_for()
    shoot(page, platform, f"lineage_{group}")


def test_a_run_started_in_the_ui_succeeds_and_its_day_can_be_read(page: Page, platform: Platform) -> None:
    """Materialize pressed: the days are derived again from landed bytes, and what came of it is readable."""
    platform.until(lambda: len(platform.materialized("archives", "archive_events")) == 1)
    (day,) = platform.materialized("archives", "archive_events")
    page.goto(platform.address.url + GROUP.format("archives"))
    page.get_by_role("button", name="Materialize all").first.click()
    page.get_by_role("button", name="Latest", exact=True).click()
    page.get_by_role("button", name=re.compile("^Launch 1 run")).click()
    link = page.locator("a[href^='/runs/']", has_text=re.compile("view", re.IGNORECASE)).first
    run_id = (link.get_attribute("href") or "").removeprefix("/runs/").partition("?")[0]
    shoot(page, platform, "launched")

    def status() -> str:
        return graphql(platform.address, STATUS, {"id": run_id})["runOrError"]["status"]

    platform.until(lambda: status() in {"SUCCESS", "FAILURE", "CANCELED"})
    run = graphql(platform.address, STATUS, {"id": run_id})["runOrError"]
    assert run["status"] == "SUCCESS"
    assert {step["status"] for step in run["stepStats"]} == {"SUCCESS"}
    page.goto(f"{platform.address.url}/runs/{run_id}")
    page.get_by_text("RUN_SUCCESS").first.wait_for()
    shoot(page, platform, "run")

    open_day(page, platform, "archives/archive_events", day)
    for text in ("in (lines)", "out (events)", "dead letters", "rate", "preview"):
        page.get_by_text(text, exact=True).first.wait_for()
    shoot(page, platform, "day")


def test_a_broken_archive_is_told_with_reason_and_recovery(page: Page, platform: Platform) -> None:
    """No digging in logs: the check on the asset's page names the file, the reason and what to do."""
    platform.until(lambda: platform.checked("archives", "archive_events") == {"conservation", "still_broken"})
    page.goto(f"{platform.address.url}/assets/archives/archive_events?view=checks&checkDetail=still_broken")
    page.get_by_text("broken.log.gz").first.wait_for()
    page.get_by_text("how to recover").first.wait_for()
    shoot(page, platform, "still_broken")
    page.goto(f"{platform.address.url}/assets/archives/archive_events?view=checks&checkDetail=conservation")
    page.get_by_text("This is a blocking asset check").first.wait_for()
    page.get_by_text("Passed").first.wait_for()
    shoot(page, platform, "conservation")


def test_a_production_day_shows_its_timeline_and_its_dead_letter(page: Page, platform: Platform) -> None:
    """The picture must really be drawn: a data address that the page refuses would leave an empty frame."""
    platform.until(lambda: platform.materialized("machines", "machine_report") == {"2025-05-12"})
    open_day(page, platform, "machines/machine_sessions", "2025-05-12")
    # Markdown of a thousand signs and more is behind a link.
    page.get_by_text("[Show Markdown]").first.click()
    picture = page.locator("img[src^='data:image/svg+xml']").first
    picture.wait_for()
    page.wait_for_function("image => image.complete && image.naturalWidth > 100", arg=picture.element_handle())
    shoot(page, platform, "session")
    open_day(page, platform, "machines/machine_events", "2025-05-12")
    page.get_by_text("20250512.LOG line 24").first.wait_for()
    shoot(page, platform, "dead_letter")


def test_a_file_from_the_future_is_a_reported_state(page: Page, platform: Platform) -> None:
    """It can never come in by itself; no run may fail of it, and somebody must see it."""
    platform.until(lambda: "still_broken" in platform.checked("machines", "machine_sessions"))
    page.goto(f"{platform.address.url}/assets/machines/machine_sessions?view=checks&checkDetail=still_broken")
    page.get_by_text("1 dated in the future").first.wait_for()
    page.get_by_text("20310101.LOG").first.wait_for()
    shoot(page, platform, "future")


def test_resources_and_sensors_are_there(page: Page, platform: Platform) -> None:
    page.goto(f"{platform.address.url}/locations/logplatform/resources")
    for key in ("archives_source_web1", "archives_sql", "machines_source_plant", "machines_sql", "files"):
        page.get_by_text(key, exact=True).first.wait_for()
    shoot(page, platform, "resources")
    page.goto(f"{platform.address.url}/automation")
    for name in ("archives_sources", "machines_sources", "upkeep"):
        page.get_by_text(name, exact=True).first.wait_for()
    shoot(page, platform, "sensors")
