"""A file of messages judged without storing anything.

What belongs here: `check_file`, the answer of `logplatform tickets check FILE.jsonl`. What does not: printing it.
"""

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypedDict

import sqlalchemy as sa

from logplatform.failures import PermanentFailure
from logplatform.stores.lines import read_lines
from logplatform.stores.spool_segments import READ_BYTES
from logplatform.stores.sql import Database
from logplatform.stores.ticket_ids import SeenIds
from logplatform.stores.ticket_log import Block
from logplatform.stores.ticket_tables import ticket_seen
from logplatform.tickets.duplicates import Settled
from logplatform.tickets.intake import Intake
from logplatform.tickets.metrics import Metrics, metrics
from logplatform.tickets.ticket import RequestType
from logplatform.tickets.transform import open_duckdb, transform

CHECKED_AT_ONCE = 50000
_BOM = b"\xef\xbb\xbf"


class CheckReport(TypedDict):
    """What `check_file` answers, ready for JSON; total = accepted + rejected + duplicates.

    `reasons` counts messages by reason; a message may have several.
    """

    total: int
    accepted: int
    rejected: int
    duplicates: int
    reasons: dict[str, int]
    metrics: Metrics


def check_file(path: Path, teams: Mapping[RequestType, str], high: Sequence[str], max_line_bytes: int) -> CheckReport:
    """Judge each line of `path` as a message; the last line counts without a line end too.

    Raises PermanentFailure if the file cannot be read. Ids are kept in a temporary database, so memory does not grow
    with the file.
    """
    total = accepted = rejected = duplicates = 0
    reasons, counts, clients = Counter[str](), Counter[tuple[str, str]](), set[str]()
    with open_duckdb() as engine:
        for intake, settled in _settled(path, max_line_bytes):
            made = transform(engine, settled.tickets, teams, high, 0)
            counts.update(made.counts)
            clients.update(made.clients)
            total += intake.messages
            accepted += settled.tickets.num_rows
            rejected += len(intake.rejects)
            duplicates += settled.duplicates
            reasons.update(reason for reject in intake.rejects for reason in reject.reasons)
    return CheckReport(
        total=total,
        accepted=accepted,
        rejected=rejected,
        duplicates=duplicates,
        reasons=dict(reasons.most_common()),
        metrics=metrics(counts, len(clients)),
    )


def _settled(path: Path, max_line_bytes: int) -> Iterator[tuple[Intake, Settled]]:
    with tempfile.TemporaryDirectory(prefix="logplatform-check-") as folder:
        database = Database.open(sa.URL.create("sqlite", database=str(Path(folder) / "ids.db")))
        try:
            ticket_seen.create(database.engine)
            for number, intake in enumerate(_intakes(path, max_line_bytes)):
                found = intake.grouped()
                with database.write() as connection:
                    known = SeenIds("").add(connection, found.ids, number)
                yield intake, found.settle(known)
        finally:
            database.close()


def _intakes(path: Path, max_line_bytes: int) -> Iterator[Intake]:
    intake = Intake(max_line_bytes)
    for block in _blocks(path, max_line_bytes):
        intake.take(block)
        if intake.messages >= CHECKED_AT_ONCE or intake.size >= 64 * READ_BYTES:
            yield intake
            intake = Intake(max_line_bytes)
    if intake.messages:
        yield intake


def _blocks(path: Path, max_line_bytes: int) -> Iterator[Block]:
    offset = 0
    for lines in read_lines(_chunks(path), max_line_bytes, final=True):
        after = offset + len(lines.values)
        long = {offset + index: size for index, size in lines.long.items()}
        yield Block(0, range(offset, after), lines.values, after, long)
        offset = after


def _chunks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            # The mark of a text editor belongs to the file, not to its first message.
            yield file.read(READ_BYTES).removeprefix(_BOM)
            while chunk := file.read(READ_BYTES):
                yield chunk
    except OSError as error:
        raise PermanentFailure(f"{path}: cannot be read: {error.strerror}") from error
