"""Trouble in the middle of a run: another run, a source that drops, a disk that fills. Afterwards all is as it should.

Each test ends with the same comparison as the kills: what the stores hold is what an undisturbed run holds.
"""

import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from logplatform.settings.model import Domain
from logplatform_tests.faults import inputs
from logplatform_tests.faults.disks import small_disk
from logplatform_tests.faults.killing import Course, Kill
from logplatform_tests.faults.snapshot import Snapshot, differences, snapshot
from logplatform_tests.faults.stage import KILLED, Stage, course_of, run, start

pytestmark = pytest.mark.slow

INPUTS: dict[Domain, Callable[[Path], Stage]] = {"archives": inputs.archives, "machines": inputs.machines}
DOMAINS = sorted(INPUTS)


@pytest.fixture(params=DOMAINS)
def domain(request: pytest.FixtureRequest) -> Domain:
    return request.param


@pytest.fixture
def expected(domain: Domain, tmp_path: Path) -> Snapshot:
    stage = INPUTS[domain](tmp_path / "clean")
    assert run(stage) == 0
    return snapshot(stage.again())


def _finish(stage: Stage) -> Snapshot:
    """Restart until a run ends well, and tell what there is then."""
    for _ in range(3):
        stage = stage.again()
        if run(stage) == 0:
            return snapshot(stage.again())
    pytest.fail("three restarts did not end well")


@pytest.mark.parametrize("attempt", [0, *(pytest.param(number, marks=pytest.mark.faults) for number in (1, 2, 3))])
def test_runs_at_once_share_the_work_and_double_nothing(
    domain: Domain, expected: Snapshot, tmp_path: Path, attempt: int
) -> None:
    """A command and the daemon may run at the same time, on the same day."""
    stage = INPUTS[domain](tmp_path / "stage")
    runs = [start(stage) for _ in range(3)]
    for child in runs:
        child.join()
    assert [child.exitcode for child in runs] == [0, 0, 0]
    assert differences(expected, snapshot(stage.again())) == ([], [])
    assert differences(expected, _finish(stage)) == ([], [])


def test_a_run_that_is_taken_over_while_it_sleeps_commits_nothing_more(
    domain: Domain, expected: Snapshot, tmp_path: Path
) -> None:
    """A laptop is closed in the middle of a run: another run finishes the work, then the first one wakes up."""
    stage = INPUTS[domain](tmp_path / "stage")
    course = course_of(INPUTS[domain](tmp_path / "course"), tmp_path / "course.json")
    # While the first bytes are published no transaction is open: one that sleeps inside would hold all writers up.
    asleep = Kill("line", 1, _first_publishing(course), sends=signal.SIGSTOP)
    sleeper = start(stage, asleep)
    assert sleeper.pid is not None
    try:
        while psutil.Process(sleeper.pid).status() != psutil.STATUS_STOPPED:
            time.sleep(0.05)
        assert run(stage.again()) == 0
        assert differences(expected, snapshot(stage.again().again())) == ([], [])
    finally:
        os.kill(sleeper.pid, signal.SIGCONT)
        sleeper.join()
    assert differences(expected, _finish(stage.again())) == ([], [])


def _first_publishing(course: Course) -> str:
    return min(place for place in course.lines if place.startswith("landing/publish.py:"))


def test_a_source_that_drops_in_the_middle_is_read_to_its_end_later(
    domain: Domain, expected: Snapshot, tmp_path: Path
) -> None:
    stage = INPUTS[domain](tmp_path / "stage")
    sources, away = stage.folder / "sources", stage.folder / "away"
    assert run(stage, Kill("step", 150)) == KILLED
    sources.rename(away)
    sources.mkdir()
    assert run(stage.again()) in {0, 1}
    sources.rmdir()
    away.rename(sources)
    recovered = stage.again().again()
    _recover(recovered)
    assert differences(expected, _finish(recovered)) == ([], [])


def _recover(stage: Stage) -> None:
    """What a person does: try again what failed for good because its file was away."""
    from logplatform.tenancy import open_tenancy  # noqa: PLC0415

    with open_tenancy(stage.settings, stage.domain, stage.now()) as tenancy, tenancy.ledger.transaction() as connection:
        failed = [found for found in tenancy.ledger.find() if found.status == "error" and found.error_kind == "copy"]
        tenancy.ledger.reopen(connection, failed)


GROWING: dict[Domain, tuple[str, bytes]] = {
    "archives": ("web1/live.log", inputs.access("live", 30)),
    "machines": ("plant1/DEM12 (PVC)/20260105.LOG", inputs.shift("20260105", 12, "grows").encode()),
}
RESULTS = ("dataset", "table dead_letter", *(f"table {name}" for name in inputs.SESSION_TABLES))


@pytest.mark.parametrize("seed", [0, *(pytest.param(number, marks=pytest.mark.faults) for number in (1, 2, 3))])
def test_a_file_that_grows_between_kills_counts_each_line_once(domain: Domain, tmp_path: Path, seed: int) -> None:
    """Each run is killed and each restart finds the file longer, cut at any byte; the end is what one look gives."""
    path, whole = GROWING[domain]
    once = INPUTS[domain](tmp_path / "once")
    inputs.put(once, path, whole, 9)
    assert run(once) == 0
    expected = _results(snapshot(once.again()))
    course = course_of(INPUTS[domain](tmp_path / "course"), tmp_path / "course.json")
    draw = random.Random(f"{seed} {domain}")
    stage = INPUTS[domain](tmp_path / "stage")
    for step, cut in enumerate(sorted(draw.sample(range(1, len(whole)), 4))):
        inputs.put(stage, path, whole[:cut], step)
        kill = Kill("step", draw.randint(len(course.steps) // 4, len(course.steps))) if step % 2 == 0 else None
        assert run(stage, kill) in {0, KILLED}
        stage = stage.again()
    inputs.put(stage, path, whole, 9)
    found = _results(_finish(stage))
    lost, doubled = differences(expected, found)
    assert not lost, lost[:5]
    assert not doubled, doubled[:5]


def _results(found: Snapshot) -> Snapshot:
    """What users see in the end: how often a file was looked at, and letters that were replaced, are no part of it."""
    results = {place: rows for place, rows in found.items() if place.startswith(RESULTS)}
    replayed = "('replayed_at', True)"
    return {
        place: Counter({row: n for row, n in rows.items() if replayed not in row}) for place, rows in results.items()
    }


@pytest.mark.parametrize("kilobytes", [400, *(pytest.param(size, marks=pytest.mark.faults) for size in (60, 900))])
def test_a_disk_that_fills_in_the_middle_loses_nothing(
    domain: Domain, expected: Snapshot, tmp_path: Path, kilobytes: int
) -> None:
    """The run fails, in the database or in the landing; with room again, the next one finishes the work."""
    made = INPUTS[domain](tmp_path / "made")
    with small_disk(tmp_path / "stage" / "data", 8) as disk:
        subprocess.run(["cp", "-a", f"{made.folder}/.", str(tmp_path / "stage")], check=True)
        stage = Stage(tmp_path / "stage", made.domain, made.options)
        free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        (disk / "ballast").write_bytes(b"\0" * (free - kilobytes * 1024))
        assert run(stage) != KILLED
        (disk / "ballast").unlink()
        assert differences(expected, _finish(stage)) == ([], [])
