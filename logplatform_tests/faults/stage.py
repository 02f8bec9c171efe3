"""A stage for faults: a domain with its input and its stores in one folder, and the work that children do on it.

What belongs here: settings, the work of one run from looking to delivering, and starting it in a child. What does not:
the input (`inputs`), where children die (`killing`), and what must hold afterwards (`snapshot`).

The clock of a stage stands on one day and goes on 70 minutes with each restart, so that every wait of a killed batch
is over, and a day's figures are comparable between a run that was killed and one that was not.
"""

import multiprocessing
import os
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from logplatform.failures import LeaseHeld
from logplatform.landing.leases import holder_name
from logplatform.orchestration.batches import Bounds, propose
from logplatform.orchestration.discovery import Watched
from logplatform.orchestration.drain import discover
from logplatform.settings.model import Domain, Settings
from logplatform.tenancy import Tenancy, open_tenancy
from logplatform_tests.faults.killing import Course, Kill, read_course, watcher, write_course

BEGIN = datetime(2026, 1, 5, 0, 10, tzinfo=UTC)
RESTART = timedelta(minutes=70)
BOUNDS = Bounds(max_files=6)
KILLED = -signal.SIGKILL
_CHILDREN = multiprocessing.get_context("forkserver")
_CHILDREN.set_forkserver_preload(["logplatform_tests.faults.stage", "logplatform_tests.faults.domains"])


@dataclass(frozen=True)
class Stage:
    """`folder` holds `sources/` (the input) and `data/` (the data root); `options` are settings of the domain."""

    folder: Path
    domain: Domain
    options: dict[str, Any] = field(default_factory=dict)
    restart: int = 0

    @property
    def settings(self) -> Settings:
        """The settings, with nothing that waits."""
        return Settings.model_validate(
            {
                "data_root": self.folder / "data",
                self.domain: _anchored(self.options, self.folder),
                "landing": {"disk_space_threshold_gb": 0, "disk_space_target_gb": 0},
            }
        )

    def now(self) -> Callable[[], datetime]:
        """The stage's clock."""
        begin, started = BEGIN + self.restart * RESTART, time.monotonic()
        return lambda: begin + timedelta(seconds=time.monotonic() - started)

    def again(self) -> "Stage":
        """The same stage after a restart."""
        return replace(self, restart=self.restart + 1)

    def copy(self, folder: Path) -> "Stage":
        """The same input and stores in another folder; times of files are kept."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return replace(self, folder=folder)


def _anchored(options: dict[str, Any], folder: Path) -> dict[str, Any]:
    sources = [{**source, "path": folder / "sources" / source["path"]} for source in options["sources"]]
    return {"settle_seconds": 0, **options, "sources": sources}


@dataclass(frozen=True, slots=True)
class DomainWork:
    """What a domain brings: what it watches, and how it runs a batch."""

    watched: Callable[[Tenancy], Sequence[Watched]]
    run_batch: Callable[[Tenancy, str, str], object]


def work(stage: Stage, domain: DomainWork) -> None:
    """One run: look at the sources, then batch after batch until nothing is due."""
    with open_tenancy(stage.settings, stage.domain, stage.now()) as tenancy:
        for _ in discover(tenancy, domain.watched(tenancy)):
            pass
        while batch := _next_batch(tenancy):
            try:
                domain.run_batch(tenancy, batch, f"run-{os.getpid()}")
            except LeaseHeld:
                # Another run has it; it is not proposed again while that one lives.
                continue


def _next_batch(tenancy: Tenancy) -> str | None:
    while True:
        try:
            proposals = propose(tenancy.ledger, BOUNDS, set(), 1, holder_name("faults"))
        except LeaseHeld:
            time.sleep(0.05)
        else:
            return proposals[0].batch_id if proposals else None


def _child(stage: Stage, kill: Kill | None, course: Path | None) -> None:
    from logplatform_tests.faults.domains import WORK  # noqa: PLC0415 (it knows the stage)

    watching = watcher(kill, record=course is not None)
    started = time.monotonic()
    work(stage, WORK[stage.domain])
    if course is not None:
        write_course(course, watching, round((time.monotonic() - started) * 1000))
    # Leave at once: what the interpreter does at its end is no part of the work.
    os._exit(0)


def start(stage: Stage, kill: Kill | None = None, course: Path | None = None) -> BaseProcess:
    """Start a run of the stage in a child."""
    child = _CHILDREN.Process(target=_child, args=(stage, kill, course))
    child.start()
    return child


def run(stage: Stage, kill: Kill | None = None) -> int:
    """A whole run in a child; its exit code (`KILLED` if it died where it should)."""
    child = start(stage, kill)
    if kill is not None and kill.kind == "clock":
        child.join(kill.nth / 1000)
        if child.is_alive() and child.pid is not None:
            os.kill(child.pid, signal.SIGKILL)
    child.join()
    code = child.exitcode
    if code is None:
        raise AssertionError("a child that was waited for has no exit code")
    return code


def course_of(stage: Stage, note: Path) -> Course:
    """Run the stage undisturbed and tell what it passed."""
    child = start(stage, course=note)
    child.join()
    if child.exitcode != 0:
        raise AssertionError(f"the undisturbed run failed: {child.exitcode}")
    return read_course(note)
