"""The platform with real input and its sensors on, and a headless Chromium in front of it.

Chromium is taken from PATH (`make test` puts it there). Without it these tests are skipped; with CI=true they fail.
Screenshots go to the folder that LOGPLATFORM_SCREENSHOTS names, else to the test run's own.
"""

import gzip
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from logplatform.orchestration.services import Address, graphql
from logplatform_tests.needed import cannot_be_had

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LINE = '10.0.0.{host} - - [12/May/2025:10:{minute:02d}:00 +0000] "GET /page/{host} HTTP/1.1" 200 {size} "-" "probe"\n'
CONFIG = """
data_root: data
landing: {disk_space_threshold_gb: 0, disk_space_target_gb: 0}
archives:
  interval_seconds: 5
  settle_seconds: 0
  sources:
    - {name: web1, path: input/web1}
machines:
  interval_seconds: 5
  settle_seconds: 0
  sources:
    - {name: plant, path: input/plant}
"""
SHIFT = [
    "20250512 06:00:00|@MachineStart:",
    "20250512 06:00:05|@JobProfiel: R:215023 L:3359.0 C:7016 G ALU",
    *(f"20250512 {6 + piece // 6:02d}:{piece % 6 * 10:02d}:30|@StukUitgevoerd: {piece + 1}" for piece in range(18)),
    "20250512 07:12:00|@MachineWait: 240 sec",
    "20250512 08:02:00|@MachineStop:",
    "20250512 08:08:00|@MachineStart:",
    "no machine ever wrote this",
]
PARTITIONS = """query ($path: [String!]!) {assetNodeOrError(assetKey: {path: $path}) {
  ... on AssetNode {assetMaterializations(limit: 100) {partition}}}}"""

CHECKS = """query ($path: [String!]!) {assetNodeOrError(assetKey: {path: $path}) {... on AssetNode {
  assetChecksOrError {... on AssetChecks {checks {name executionForLatestMaterialization {
    evaluation {success}}}}}}}}"""


@dataclass(frozen=True, slots=True)
class Platform:
    """A running platform: its address, and where screenshots go."""

    address: Address
    screenshots: Path

    def materialized(self, *path: str) -> set[str]:
        """The partitions of an asset that were materialized."""
        node = graphql(self.address, PARTITIONS, {"path": list(path)})["assetNodeOrError"]
        return {one["partition"] for one in node.get("assetMaterializations", [])}

    def checked(self, *path: str) -> set[str]:
        """The checks of an asset that were evaluated."""
        found = graphql(self.address, CHECKS, {"path": list(path)})["assetNodeOrError"]["assetChecksOrError"]["checks"]
        return {one["name"] for one in found if (one["executionForLatestMaterialization"] or {}).get("evaluation")}

    def until(self, true: Callable[[], bool], seconds: float = 240) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(1)


def write_input(root: Path) -> None:
    """A whole archive and one that is cut; a machine's shift with an odd line, and a file from 2031."""
    folder = root / "input" / "web1"
    folder.mkdir(parents=True)
    text = "".join(LINE.format(host=line % 9, minute=line % 60, size=line * 7) for line in range(120)).encode()
    (folder / "access.log.1.gz").write_bytes(gzip.compress(text))
    (folder / "broken.log.gz").write_bytes(gzip.compress(text)[:-40])
    centre = root / "input" / "plant" / "DEM12 (PVC)"
    centre.mkdir(parents=True)
    (centre / "20250512.LOG").write_text("\n".join(SHIFT) + "\n")
    (centre / "20310101.LOG").write_text("")


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's path."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        cannot_be_had("there is no Chromium on PATH")
    return found


@pytest.fixture(scope="package")
def platform(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """`logplatform up` on the input above."""
    root = tmp_path_factory.mktemp("ui")
    write_input(root)
    (root / "logplatform.yaml").write_text(CONFIG)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = Address("127.0.0.1", server.getsockname()[1])
    command = [sys.executable, "-c", "from logplatform.cli import main; main()"]
    arguments = ["--config", str(root / "logplatform.yaml"), "up", "--port", str(address.port), "--api-port", "0"]
    env = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
    process = subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True, env=env)
    try:
        assert process.stdout is not None
        assert address.url in process.stdout.readline()
        screenshots = Path(os.environ.get("LOGPLATFORM_SCREENSHOTS", root / "screenshots"))
        screenshots.mkdir(parents=True, exist_ok=True)
        yield Platform(address, screenshots)
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture
def page(chromium: str, platform: Platform) -> Iterator[Page]:
    """An empty page of the right size."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1600, "height": 1300})
        page.set_default_timeout(180_000)
        yield page
        browser.close()
