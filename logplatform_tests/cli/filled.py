"""A store with a little of everything in it, as a run leaves it: landed files, errors, dead letters.

What belongs here: what the tests of `status`, `dead-letters`, `prune` and `reset` read. What does not: asserting.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from logplatform.failures import LogplatformError, PermanentFailure, TransientFailure
from logplatform.landing.dead_letters import Letter, Origin
from logplatform.landing.observations import ErrorKind, Observation
from logplatform.settings.load import load
from logplatform.settings.model import Settings
from logplatform.sources.base import Entry
from logplatform.tenancy import Tenancy, open_tenancy

DAY = date(2026, 1, 5)
MOMENT = datetime(2026, 1, 5, 12, tzinfo=UTC)


def settings_file(folder: Path, more: str = "") -> Path:
    """A settings file with two sources of archives, `web1` and `web2`."""
    for name in ("web1", "web2"):
        (folder / "in" / name).mkdir(parents=True)
    file = folder / "logplatform.yaml"
    text = "archives:\n  sources:\n    - {name: web1, path: in/web1}\n    - {name: web2, path: in/web2}\n"
    file.write_text(text + more, encoding="utf-8")
    return file


def fill(file: Path) -> Settings:
    """Two files landed and processed, one copied, one to be tried again, two given up; three dead letters."""
    settings = load(file, {}).settings
    with open_tenancy(settings, "archives", lambda: MOMENT) as tenancy:
        names = ("a.gz", "b.gz", "c.gz", "d.gz", "e.gz", "f.gz")
        with tenancy.ledger.transaction() as connection:
            tenancy.ledger.record(connection, "web1", [(Entry(name, 3, 1), DAY) for name in names], "b1")
        a, b, c, d, e, f = tenancy.ledger.batch("b1")
        for found, content in ((a, b"aaa"), (b, b"bbb"), (c, b"ccc")):
            land(tenancy, found, content)
        with tenancy.ledger.transaction() as connection:
            tenancy.ledger.advance(connection, [a, b], "processed", "run-1")
        fail(tenancy, d, "copy", TransientFailure("connection lost"))
        fail(tenancy, e, "corruption", PermanentFailure("e.gz: CRC is wrong"))
        fail(tenancy, f, "copy", PermanentFailure("may not be read"))
        letters(tenancy, "a.gz", [Letter(1, b"bad \x1b[31mline", ("no format",)), Letter(7, b"x" * 200, ("too odd",))])
        letters(tenancy, "b_1.gz", [Letter(3, "é".encode("latin-1"), ("no format", "no time"), ("_dateparsefailure",))])
    return settings


def land(tenancy: Tenancy, found: Observation, content: bytes) -> None:
    """Publish bytes and commit them as the file's."""
    with tenancy.landing.receive() as receiver:
        receiver.write(content)
    assert receiver.landed is not None
    with tenancy.ledger.transaction() as connection:
        tenancy.ledger.land(connection, tenancy.files, found, receiver.landed, "run-1")


def fail(tenancy: Tenancy, found: Observation, kind: ErrorKind, failure: LogplatformError) -> None:
    """Record a failure of a file."""
    policy = tenancy.settings.archives.retry.copying()
    with tenancy.ledger.transaction() as connection:
        tenancy.ledger.fail(connection, found, kind, failure, "run-1", policy)


def letters(tenancy: Tenancy, path: str, found: Sequence[Letter], day: date = DAY) -> None:
    """Make `found` the open letters of one file of web1."""
    origin = Origin(f"web1/{path}", "web1", path, "0" * 64, day)
    with tenancy.ledger.transaction() as connection:
        tenancy.letters.replace(connection, origin, found, "b1")
