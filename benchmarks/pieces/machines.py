"""Work of the domain machines.

What belongs here: one machine file, stored. What does not: reading it only (`dry`), and many days (`days`).
"""

import shutil
from collections.abc import Callable
from pathlib import Path

from logplatform.machines.columns import session_columns
from logplatform.machines.day import DayBuilder
from logplatform.machines.engine import run_batch
from logplatform.machines.naming import required_day
from logplatform.machines.reading import ReadingLimits, chunks_of, read_events
from logplatform.machines.rows import session_digest, session_rows
from logplatform.machines.sensors import watched
from logplatform.machines.session import Session, compute_session
from logplatform.orchestration.sensors import bounds_of, tick
from logplatform.settings import MachineFolder, MachinesSettings, Settings
from logplatform.stores.sessions import Centre, SessionRecord, SqlSessions
from logplatform.tenancy import open_tenancy

Piece = Callable[[], dict[str, float]]
CENTRE = "DEM12 (PVC)"


def commit(path: str, data: str) -> Piece:
    """A file's session read, computed and committed to the SQLite tables, all of its rows."""
    settings = Settings(data_root=_empty(data))

    def work() -> dict[str, float]:
        found, name = _read(Path(path)), Path(path).name
        with open_tenancy(settings, "machines") as tenancy:
            sessions = SqlSessions(tenancy.database, tenancy.tenant, tenancy.now)
            columns = session_columns(found, name)
            rows = session_rows(found)
            digest = session_digest(found, columns)
            record = SessionRecord(Centre("DEM12", "PVC"), required_day(name), dict(columns), digest, partial=False)
            sessions.replace(tenancy.database.write, record, rows)
        return {"rows": rows.count, "pieces": len(found.pieces)}

    return work


def run(path: str, data: str) -> Piece:
    """The whole way of one file: landed, its events as Parquet, its session in the tables, its report."""
    home = _empty(data)
    source = home / "source"
    (source / CENTRE).mkdir(parents=True)
    shutil.copy2(path, source / CENTRE)
    plant = MachineFolder(name="plant", path=source)
    settings = Settings(data_root=home / "data", machines=MachinesSettings(sources=(plant,)))

    def work() -> dict[str, float]:
        with open_tenancy(settings, "machines") as tenancy:
            for proposal in tick(tenancy, watched(tenancy), bounds_of(settings), set()).proposals:
                run_batch(tenancy, proposal.batch_id, "benchmark")
            found = SqlSessions(tenancy.database, tenancy.tenant, tenancy.now).every()
            return {"sessions": sum(1 for _ in found), "letters": tenancy.letters.count()}

    return work


def _empty(folder: str) -> Path:
    path = Path(folder)
    if path.exists():
        shutil.rmtree(path)
    path.mkdir(parents=True)
    return path


def _read(path: Path) -> Session:
    builder = DayBuilder()
    with path.open("rb") as stream:
        for events, _ in read_events(chunks_of(stream), ReadingLimits(), final=True):
            builder.append(events)
    return compute_session(required_day(path.name), builder.build())
