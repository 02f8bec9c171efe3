"""What a person sees and does in the Dagster UI, confirmed by GraphQL where the UI claims success."""

import re

import pytest
from playwright.sync_api import Page

from logplatform.orchestration.services import graphql
from logplatform_tests.browser.conftest import Platform

pytestmark = [pytest.mark.browser, pytest.mark.slow]

GROUP = "/locations/__repository__@logplatform/asset-groups/{}/lineage"
STATUS = "query ($id: ID!) {runOrError(runId: $id) {... on Run {status jobName stepStats {stepKey status}}}}"


def shoot(page: Page, platform: Platform, name: str) -> None:
    page.wait_for_timeout(1_500)
    page.screenshot(path=platform.screenshots / f"{name}.png")


def open_day(page: Page, platform: Platform, path: str, day: str) -> None:
    page.goto(f"{platform.address.url}/assets/{path}?view=partitions&partition={day}")
    page.get_by_text("Latest materialization").first.wait_for()


def test_the_lineage_shows_every_arrow(page: Page, platform: Platform) -> None:
    page.goto(platform.address.url + GROUP.format("archives"))
    for name in ("raw_archives", "extracted_logs", "archive_events"):
        page.get_by_text(name).first.wait_for()
    shoot(page, platform, "lineage")


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
    platform.until(lambda: len(platform.materialized("archives", "archive_events")) == 1)
    page.goto(f"{platform.address.url}/assets/archives/archive_events?view=checks&checkDetail=still_broken")
    page.get_by_text("broken.log.gz").first.wait_for()
    page.get_by_text("how to recover").first.wait_for()
    shoot(page, platform, "still_broken")
    page.goto(f"{platform.address.url}/assets/archives/archive_events?view=checks&checkDetail=conservation")
    page.get_by_text("This is a blocking asset check").first.wait_for()
    page.get_by_text("Passed").first.wait_for()
    shoot(page, platform, "conservation")


def test_resources_and_sensors_are_there(page: Page, platform: Platform) -> None:
    page.goto(f"{platform.address.url}/locations/logplatform/resources")
    for key in ("archives_source_web1", "archives_sql", "files"):
        page.get_by_text(key, exact=True).first.wait_for()
    shoot(page, platform, "resources")
    page.goto(f"{platform.address.url}/automation")
    page.get_by_text("archives_sources", exact=True).first.wait_for()
    shoot(page, platform, "sensors")
