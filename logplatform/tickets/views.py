"""The folders that users read: links to one whole version of all tables, swapped by one rename.

What belongs here: building a version's folder from the manifest and the totals, and swapping the link. What does not:
what is in the tables.

    <root>/versions/000000000042/<table>/<file>     hard links to the tables' files, and the aggregates
    <root>/current -> versions/000000000042
    <root>/<table> -> current/<table>

A version is complete before anybody can see it. Files never change and have names of their own, so a reader that
listed a folder before the swap never reads new bytes under an old name; a long reader resolves the link once
(`realpath`) and has KEEP_SECONDS for that version.
"""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from logplatform.failures import PermanentFailure
from logplatform.stores.dataset import VisibleFile
from logplatform.stores.files import fsync_folder
from logplatform.stores.ticket_state import TicketState, Totals
from logplatform.tenancy import Tenancy
from logplatform.tickets.files import Rows, write
from logplatform.tickets.metrics import by_priority, by_type, metrics
from logplatform.tickets.tables import GROWING, SCHEMAS, TABLES, Aggregate, Growing, Table, Tables

KEEP_SECONDS = 3_600.0


def tables_root(tenancy: Tenancy) -> Path:
    """Where the tables' folders are: `tickets` under the data root; other tenants' in `tenants/<tenant>` below it."""
    root = tenancy.settings.data_root / "tickets"
    return root if tenancy.tenant == "default" else root / "tenants" / tenancy.tenant


def aggregates(totals: Totals) -> dict[Aggregate, pa.Table]:
    """The aggregate tables: one row of `metrics`, and counts by type and by priority, the highest first."""
    return {
        "metrics": pa.Table.from_pylist([dict(metrics(totals.counts, totals.unique_clients))]),
        "tickets_by_type": _ranking("request_type", by_type(totals.counts)),
        "tickets_by_priority": _ranking("priority", by_priority(totals.counts)),
    }


def _ranking(key: str, rows: list[tuple[str, int]]) -> pa.Table:
    names, counts = [name for name, _ in rows], [count for _, count in rows]
    return pa.table({key: pa.array(names, pa.string()), "count": pa.array(counts, pa.int64())})


@dataclass(frozen=True, slots=True)
class Views:
    """The folders of one tenant's tables."""

    root: Path
    tables: Tables
    state: TicketState

    def version(self) -> int | None:
        """The version that readers see now; None before the first."""
        current = self.root / "current"
        return int(current.readlink().name) if current.is_symlink() else None

    def files(self, table: Table) -> list[Path]:
        """The files of a table in the version of this moment; raises PermanentFailure before the first version."""
        if self.version() is None:
            raise PermanentFailure(f"{self.root}: there are no tables yet; `logplatform tickets run` makes them")
        return sorted((self.root / "current").resolve().joinpath(table).iterdir())

    def publish(self) -> int:
        """Show readers the newest committed state, and forget versions that nobody reads any more.

        Nothing is done if they see it already. Two processes may do this at once: no version is followed by an older.
        """
        with self._locked():
            totals, files = self._newest()
            if self.version() != totals.version:
                self._build(totals, files)
                self._point(totals.version)
                self._forget_old()
            return totals.version

    def _newest(self) -> tuple[Totals, dict[Growing, list[VisibleFile]]]:
        """Totals and files of one version, though they are read one after the other."""
        while True:
            totals = self.state.totals()
            files: dict[Growing, list[VisibleFile]] = {table: self.tables.dataset(table).visible() for table in GROWING}
            if self.state.totals().version == totals.version:
                return totals, files

    def _build(self, totals: Totals, files: dict[Growing, list[VisibleFile]]) -> None:
        versions = self.root / "versions"
        target = versions / f"{totals.version:012}"
        if target.is_dir():
            return
        with tempfile.TemporaryDirectory(prefix=".", dir=versions) as temporary:
            made = Path(temporary) / target.name
            for table in GROWING:
                self._link(made / table, table, files[table])
            for name, rows in aggregates(totals).items():
                self._write(made / name, Rows(rows.schema, [], rows))
            fsync_folder(made)
            made.rename(target)
        fsync_folder(versions)

    def _link(self, folder: Path, table: Growing, files: list[VisibleFile]) -> None:
        if not files:
            self._write(folder, Rows(SCHEMAS[table], []))
            return
        folder.mkdir(parents=True)
        for file in files:
            with self.tables.tenancy.files.local_path(file.key) as path:
                (folder / f"{file.id:012}-{path.name}").hardlink_to(path)
        fsync_folder(folder)

    def _write(self, folder: Path, rows: Rows) -> None:
        folder.mkdir(parents=True)
        # Named after the version: no two versions have a file of one name, see the module.
        path = folder / f"{folder.parent.name}.{self.tables.format}"
        write(path, self.tables.format, rows)
        with path.open("rb") as file:
            os.fsync(file.fileno())
        fsync_folder(folder)

    def _point(self, version: int) -> None:
        for table in TABLES:
            if not (self.root / table).is_symlink():
                _link_to(self.root / table, f"current/{table}")
        _link_to(self.root / "current", f"versions/{version:012}")
        fsync_folder(self.root)

    def _forget_old(self) -> None:
        oldest = time.time() - KEEP_SECONDS
        current = (self.root / "current").resolve()
        for folder in (self.root / "versions").iterdir():
            if folder != current and folder.stat().st_mtime < oldest:
                shutil.rmtree(folder)

    @contextmanager
    def _locked(self) -> Generator[None]:
        (self.root / "versions").mkdir(parents=True, exist_ok=True)
        with (self.root / ".lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _link_to(link: Path, target: str) -> None:
    """Make `link` point at `target`, in one step where it exists already."""
    fresh = link.with_name(f".{link.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.rename(link)
