"""kill -9 at any moment of the ingest, then a restart: nothing lost, nothing twice.

A child process (`run`: what is new, then its end; `stream`: turn after turn, while messages come in) ingests and kills
itself at its n-th step, where a step is anything that changes the disk: opening a
file for writing, fsync, rename, link, remove, and each commit of the database, before it and after it. So every line
between two steps is a place where it dies. The outcome is compared with that of an ingest nobody disturbed.
"""

import multiprocessing
import os
import random
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from logplatform.failures import LeaseLost
from logplatform.settings.model import Settings
from logplatform.stores.ticket_state import TicketState
from logplatform.tenancy import open_tenancy
from logplatform.tickets.ingest import Ingest
from logplatform.tickets.report import Progress
from logplatform_tests.tickets.messages import numbered
from logplatform_tests.tickets.outcome import Outcome, outcome, settings_in
from logplatform_tests.tickets.test_ingest import fill, ingest, made

_CHANGES = {"os.rename", "os.link", "os.symlink", "os.remove", "os.rmdir", "os.mkdir", "os.truncate"}
_BATCH = 90
Mode = Literal["run", "stream"]
FORK = multiprocessing.get_context("fork")


class Steps:
    """Counts the steps of this process, and kills it at step `last` (0: never)."""

    def __init__(self, last: int) -> None:
        self.count, self.last = 0, last
        sys.addaudithook(self._audit)
        self._fsync = os.fsync
        pytest.MonkeyPatch().setattr(os, "fsync", self._before_fsync)
        event.listen(sa.Engine, "commit", lambda _: self.step())

    def _before_fsync(self, fd: int) -> None:
        self.step()
        self._fsync(fd)

    def step(self) -> None:
        self.count += 1
        if self.count == self.last:
            os.kill(os.getpid(), signal.SIGKILL)

    def _audit(self, name: str, arguments: tuple[object, ...]) -> None:
        written = name == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
        if written or name in _CHANGES:
            self.step()


class _Turns(threading.Event):
    """Stops a stream after so many turns."""

    def __init__(self, turns: int) -> None:
        super().__init__()
        self._left = turns

    def wait(self, timeout: float | None = None) -> bool:
        self._left -= 1
        if self._left <= 0:
            self.set()
        return super().wait(timeout)


def _run(settings: Settings) -> None:
    Progress(settings).run(lambda: False, lambda _: None)


def _stream(settings: Settings) -> None:
    Progress(settings).stream(_Turns(4), 0.1, lambda _: None)


_WORK: dict[Mode, Callable[[Settings], None]] = {"run": _run, "stream": _stream}


def _child(mode: Mode, settings: Settings, last: int, tell: "Callable[[int], object] | None") -> None:
    steps = Steps(last)
    _WORK[mode](settings)
    if tell is not None:
        tell(steps.count)


def _killed_child(mode: Mode, settings: Settings, last: int, meanwhile: Callable[[], None]) -> bool:
    """Ingest in a child that dies at step `last`, with something done `meanwhile`; tells whether it died."""
    child = FORK.Process(target=_child, args=(mode, settings, last, None))
    child.start()
    meanwhile()
    child.join()
    assert child.exitcode in (0, -signal.SIGKILL)
    return child.exitcode != 0


def _steps(settings: Settings) -> int:
    """How many steps an undisturbed ingest takes."""
    receiver, sender = FORK.Pipe(duplex=False)
    child = FORK.Process(target=_child, args=("run", settings, 0, sender.send))
    child.start()
    steps = receiver.recv()
    child.join()
    return int(steps)


def _messages(turn: int) -> list[bytes]:
    return [*made(200, seed=turn), *(numbered(n, priority=("low", "high")[turn % 2]) for n in range(20))]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Outcome]:
    """Steps and outcome of the two fillings that every test here ingests, without a kill."""
    folder = tmp_path_factory.mktemp("undisturbed")
    settings = settings_in(folder, batch_messages=_BATCH)
    fill(folder, _messages(1))
    steps = _steps(settings)
    fill(folder, _messages(2))
    ingest(settings)
    return steps, outcome(settings)


def _killed(mode: Mode, folder: Path, seed: int, steps: int) -> tuple[Outcome, int]:
    """Two fillings, half of each while a child is at work, and four children that may be killed, each at a random step.

    Returns the outcome after an ingest of the rest, and the kills.
    """
    draw = random.Random(seed)
    settings = settings_in(folder, batch_messages=_BATCH)
    kills = 0
    for turn in (1, 2):
        messages = _messages(turn)
        fill(folder, messages[:110])
        rest = partial(fill, folder, messages[110:])
        for meanwhile in (rest, lambda: None):
            kills += _killed_child(mode, settings, draw.randint(1, steps), meanwhile)
    ingest(settings)
    return outcome(settings), kills


@pytest.mark.parametrize(("mode", "seed"), [("run", 0), ("run", 1), ("run", 2), ("stream", 3), ("stream", 4)])
def test_a_killed_ingest_loses_and_doubles_nothing(
    tmp_path: Path, undisturbed: tuple[int, Outcome], mode: Mode, seed: int
) -> None:
    steps, expected = undisturbed
    found, kills = _killed(mode, tmp_path, seed, steps)
    assert kills > 0
    assert found == expected


@pytest.mark.faults
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("mode", _WORK)
def test_sixty_kills_lose_and_double_nothing(tmp_path: Path, undisturbed: tuple[int, Outcome], mode: Mode) -> None:
    steps, expected = undisturbed
    kills = turns = wrong = 0
    while kills < 60:
        found, died = _killed(mode, tmp_path / str(turns), 1_000 + turns, steps)
        kills, turns = kills + died, turns + 1
        wrong += found != expected
    sys.stdout.write(f"\ntickets {mode}: {kills} kills in {turns} cases of {steps} steps, {wrong} wrong outcomes\n")
    assert wrong == 0


def test_a_holder_that_lost_its_lease_commits_nothing(tmp_path: Path) -> None:
    """A process that was asleep past its lease wakes up behind its successor."""
    settings = settings_in(tmp_path, batch_messages=10)
    fill(tmp_path, [numbered(n) for n in range(40)])
    with open_tenancy(settings, "tickets") as tenancy:
        asleep = Ingest(tenancy, "asleep").run()
        next(asleep)
        with tenancy.database.write() as connection:
            connection.exec_driver_sql("UPDATE lease SET fence = fence + 1, expires_at = '2000-01-01 00:00:00'")
        with pytest.raises(LeaseLost):
            next(asleep)
        assert TicketState(tenancy.database, "default").sums()["messages"] == 10
    assert sum(commit.messages for commit in ingest(settings)) == 30
    assert outcome(settings).sums["accepted"] == 40
