"""A small domain that does real work (lands files, counts lines), to try what the domains share in Dagster."""

import os
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path

import dagster as dg

from logplatform.landing.leases import holder_name
from logplatform.landing.ledger import batch_lease
from logplatform.orchestration.assembly import DomainParts, assemble
from logplatform.orchestration.checks import broken_check, conservation_check
from logplatform.orchestration.days import DayGroup, DayRun, day_partitions
from logplatform.orchestration.discovery import Left, Watched
from logplatform.orchestration.figures import Arrow, Broken, DayReport, FailureNote
from logplatform.orchestration.sensors import watching_sensor
from logplatform.settings.machines import MachineFolder, MachinesSettings
from logplatform.settings.model import Settings
from logplatform.sources.base import Entry
from logplatform.tenancy import Tenancy

FOLDER = "DEM12 (PVC)"
TODAY = date(2025, 6, 1)
Between = Callable[[str, date], None]


def toy_settings(root: Path) -> Settings:
    """Settings with one machine folder below `root`."""
    inbox = root / "inbox"
    (inbox / FOLDER).mkdir(parents=True, exist_ok=True)
    return Settings(
        data_root=root / "data",
        machines=MachinesSettings(sources=(MachineFolder(name="plant", path=inbox),)),
    )


def put(settings: Settings, day: str, text: str = "a\nb\n") -> Path:
    """A log of `day` (YYYYMMDD), last changed an hour ago."""
    (source,) = settings.machines.sources
    assert isinstance(source, MachineFolder)
    path = source.path / FOLDER / f"{day}.LOG"
    path.write_text(text)
    hour_ago = time.time() - 3600
    os.utime(path, (hour_ago, hour_ago))
    return path


def day_of(entry: Entry) -> date | Left:
    """The day in the name, within 2015 and TODAY."""
    try:
        day = datetime.strptime(entry.name[:8], "%Y%m%d").date()  # noqa: DTZ007 (a date has no zone)
    except ValueError:
        return Left("not ours", "no date in its name")
    if day < date(2015, 1, 1):
        return Left("too early", "dated before 2015")
    return Left("future", "dated after today") if day > TODAY else day


def watched(tenancy: Tenancy) -> list[Watched]:
    """Every source by the rule above."""
    return [Watched(source, day_of) for source in tenancy.sources()]


def toy_definitions(
    settings: Settings, between: Between = lambda asset, day: None, **overrides: object
) -> dg.Definitions:
    """The toy's definitions; `between` is called after each day's commit, before Dagster is told."""
    group = DayGroup("machines", settings, day_partitions(settings))

    @group.asset("raw", description="landed files", kinds={"file"})
    def raw(run: DayRun) -> Iterator[DayReport]:
        yield from land(run, between)

    @group.asset("lines", after=["raw"], description="lines of landed files", kinds={"table"})
    def lines(run: DayRun) -> Iterator[DayReport]:
        yield from count(run, between)

    return assemble(
        settings,
        [
            DomainParts(
                group=group,
                assets=[raw, lines],
                checks=[
                    conservation_check(group, "raw", arrows),
                    broken_check(group, "lines", "raw", broken),
                ],
                raw="raw",
                sensor=watching_sensor(group, "raw", watched, interval_seconds=30),
                told_at="lines",
                broken=broken,
                description="The toy.",
            )
        ],
        lambda _tenancy: [],
        **overrides,
    )


def land(run: DayRun, between: Between) -> Iterator[DayReport]:
    """Land the batch's files day by day; without a batch, tell of the days that have landed files."""
    tenancy = run.tenancy
    if run.batch_id is None:
        return
    with tenancy.ledger.leases.hold(batch_lease(run.batch_id), holder_name(run.run_id)) as lease:
        for day in run.days:
            found = [one for one in tenancy.ledger.batch(run.batch_id, "pending") if one.day == day]
            if not found:
                continue
            (source,) = tenancy.sources()
            landed = list(source.fetch([one.entry for one in found], lambda _: tenancy.landing.receive()))
            report = DayReport(day, "files", len(found), len(found))
            with tenancy.ledger.transaction(lease) as connection:
                for one, fetched in zip(found, landed, strict=True):
                    assert fetched.landed is not None
                    tenancy.ledger.land(connection, tenancy.files, one, fetched.landed, run.run_id)
                tenancy.days.commit(connection, "machines/raw", day, run.run_id, report.counts(), run.batch_id)
            between("machines/raw", day)
            yield report


def count(run: DayRun, between: Between) -> Iterator[DayReport]:
    """Count the lines of each day's landed files."""
    tenancy = run.tenancy
    for day in run.days:
        found = list(tenancy.ledger.of_day(day, "copied", "processed"))
        if not found:
            continue
        total = 0
        for one in found:
            assert one.sha256 is not None
            content = tenancy.ledger.content(one.sha256)
            assert content is not None
            with tenancy.files.open(content.object_key) as file:
                total += sum(1 for _ in file)
        note = FailureNote(f"{day}.LOG", "odd `line` <b>here</b>")
        report = DayReport(
            day, "lines", total, total, bytes=10, seconds=0.5, failures=[note], preview=[{"file": "x", "lines": total}]
        )
        with tenancy.ledger.transaction() as connection:
            tenancy.ledger.advance(connection, found, "processed", run.run_id)
            tenancy.days.commit(connection, "machines/lines", day, run.run_id, report.counts(), run.batch_id)
        between("machines/lines", day)
        yield report


def arrows(tenancy: Tenancy) -> list[Arrow]:
    """Every observation is landed, counted or waiting."""
    counts = tenancy.ledger.count()
    done = counts.get("copied", 0) + counts.get("processed", 0)
    return [Arrow("source → raw", "files", sum(counts.values()), done, waiting=counts.get("pending", 0))]


def broken(tenancy: Tenancy) -> Broken:
    """Observations in error."""
    return Broken(tenancy.ledger.count().get("error", 0), (), "look at the files")
