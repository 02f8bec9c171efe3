"""Leases between processes: one holder at a time, fences that only rise, and no waiting for the dead."""

import multiprocessing
import os
import random
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from logplatform.failures import LeaseHeld, LeaseLost
from logplatform.landing.leases import Leases, holder_name
from logplatform.stores.places import Place
from logplatform.stores.schema import lease as table
from logplatform.stores.sql import Database

SPAWN = multiprocessing.get_context("spawn")
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def _work_often(place: Place, log: Path, number: int) -> None:
    """Take the lease, note when, sometimes stay past its end, and try to commit."""
    leases = Leases(place.open(), ttl=timedelta(milliseconds=40))
    draw = random.Random(number)
    for _ in range(15):
        try:
            lease = leases.acquire("thing", holder_name(f"run {number}"))
        except LeaseHeld:
            time.sleep(0.01)
            continue
        time.sleep(draw.choice([0, 0.02, 0.08]))
        try:
            with leases.database.write() as connection:
                leases.check(connection, lease)
                with log.open("a") as file:
                    file.write(f"{lease.fence} {number}\n")
        except LeaseLost:
            continue
        leases.release(lease)


def test_processes_that_outstay_their_lease_commit_in_the_order_of_their_fences(place: Place, tmp_path: Path) -> None:
    """A commit by an older fence after a newer one's is the write of a process that should be dead."""
    log = tmp_path / "log"
    place.open().close()
    children = [SPAWN.Process(target=_work_often, args=(place, log, number)) for number in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0, 0, 0]
    commits = [line.split() for line in log.read_text().splitlines()]
    fences = [int(fence) for fence, _ in commits]
    assert fences == sorted(set(fences))
    assert len({number for _, number in commits}) > 1


def _hold_and_wait(place: Place) -> None:
    Leases(place.open(), ttl=timedelta(hours=1)).acquire("thing", holder_name("killed"))
    time.sleep(600)


@pytest.mark.parametrize("reaped", [True, False], ids=["gone", "zombie"])
def test_the_lease_of_a_killed_process_is_free_at_once(place: Place, database: Database, reaped: bool) -> None:
    """A restart after kill -9 once waited for the lease's end; a dead child that nobody asked for counted as living."""
    leases = Leases(database)
    child = SPAWN.Process(target=_hold_and_wait, args=(place,))
    child.start()
    while not leases.live("thing"):
        assert child.is_alive()
        time.sleep(0.05)
    with pytest.raises(LeaseHeld):
        leases.acquire("thing", holder_name("next"))
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    if reaped:
        child.join()
    else:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not leases.live("thing")
    assert leases.acquire("thing", holder_name("next")).fence == 2
    child.join()


def test_a_holder_on_another_machine_is_waited_for(database: Database) -> None:
    """Only of this machine's processes can be known that they are gone."""
    clock = [NOON]
    leases = Leases(database, now=lambda: clock[0])
    leases.acquire("thing", "another-machine/1/run")
    with pytest.raises(LeaseHeld, match="another-machine"):
        leases.acquire("thing", holder_name("run"))
    clock[0] += timedelta(seconds=61)
    assert leases.acquire("thing", holder_name("run")).fence == 2


def test_a_renewed_lease_is_held_longer_and_a_lost_one_is_not_renewed(database: Database) -> None:
    clock = [NOON]
    leases = Leases(database, now=lambda: clock[0])
    mine = leases.acquire("thing", "machine a/1/run")
    clock[0] += timedelta(seconds=50)
    leases.renew(mine)
    clock[0] += timedelta(seconds=50)
    with pytest.raises(LeaseHeld):
        leases.acquire("thing", "machine b/1/run")
    clock[0] += timedelta(seconds=11)
    theirs = leases.acquire("thing", "machine b/1/run")
    with pytest.raises(LeaseLost):
        leases.renew(mine)
    leases.release(mine)
    assert leases.live("thing")
    leases.release(theirs)
    assert not leases.live("thing")
    assert leases.acquire("thing", "machine c/1/run").fence == 3


def test_a_held_lease_is_renewed_while_its_work_goes_on(database: Database) -> None:
    leases = Leases(database, ttl=timedelta(milliseconds=300))
    with leases.hold("thing", "another-machine/1/run") as lease:
        time.sleep(1)
        with leases.database.write() as connection:
            leases.check(connection, lease)
        with pytest.raises(LeaseHeld):
            leases.acquire("thing", holder_name("next"))
    with database.read() as connection:
        assert connection.execute(sa.select(table.c.fence)).scalar_one() == 1
