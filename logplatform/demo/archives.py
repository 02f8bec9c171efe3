"""Demonstration input of the domain archives: the log folders of six servers, with the faults such folders have.

What belongs here: which server keeps which logs, how they are rotated and packed, and what is broken in them. What
does not: the text of a line (`lines`), writing and damaging a file (`packing`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain, islice
from pathlib import Path

from logplatform.demo.lines import LINES, Kind
from logplatform.demo.packing import Damage, Packing, damage, set_written, write_packed
from logplatform.demo.plan import Made, Plan, Planted, settled

FOLDER = "archives"
SERVERS = ("web1", "web2", "shop1", "broker1", "db1", "api1")
LONG_LINE = 3 << 19
"""Bytes of the line that is longer than any log line may be: 1.5 MiB."""


@dataclass(frozen=True, slots=True)
class LogFile:
    """One log file to make."""

    server: str
    name: str
    kind: Kind
    day: date
    lines: int
    """Lines in order; an odd line comes on top."""
    packing: Packing
    odd: bytes | None = None
    """A line that does not fit the others, put after the first third."""
    damage: Damage | None = None
    text_of: str | None = None
    """The path whose text this file repeats, where it is the same log under another name or on another server."""
    faults: tuple[tuple[str, str], ...] = ()
    """What is planted in it, and what should come of it."""

    @property
    def path(self) -> str:
        """Relative to the demonstration's input folder."""
        return f"{FOLDER}/{self.server}/{self.name}"


def planned(plan: Plan) -> list[LogFile]:
    """Every log file of a demonstration, faults included."""
    days, lines = plan.log_days(), plan.amounts.log_lines
    return [*_whole(days, lines), *_strange(days, lines)]


def _whole(days: list[date], lines: int) -> Iterator[LogFile]:
    last = len(days) - 1
    for index, day in enumerate(days):
        age = last - index
        dated = f"{day:%Y-%m-%d}"
        open_or = "plain" if age == 0 else None
        gz = "" if age == 0 else ".gz"
        yield _faulty_web1(LogFile("web1", f"access-{dated}.log{gz}", "access", day, lines, open_or or "gz"), age)
        yield _faulty_web2(LogFile("web2", f"access-{dated}.log{gz}", "access", day, lines, open_or or "gz"), age)
        rotated = "" if age == 0 else f".{age}.gz"
        yield _faulty_shop(LogFile("shop1", f"orders.log{rotated}", "log4j", day, lines, open_or or "gz"), age)
        yield LogFile("broker1", f"server.log.{dated}.bz2", "broker", day, lines // 2, "bz2")
        yield LogFile("db1", f"syslog{rotated}", "syslog", day, lines // 2, open_or or "gz")
        suffix = "xz" if age % 2 else "zst"
        yield _faulty_api(LogFile("api1", f"events-{dated}.jsonl.{suffix}", "json", day, lines, suffix), age)


def _faulty_web1(file: LogFile, age: int) -> LogFile:
    if age == 2:
        fault = ("an odd line among access lines", "one dead letter; the lines around it become events")
        return replace(file, odd=b"<<< disk was full here >>>\n", faults=(fault,))
    if age == 3:
        fault = ("a gzip archive in several members", "read to the end, nothing lost")
        return replace(file, packing="gz-members", faults=(fault,))
    return file


def _faulty_web2(file: LogFile, age: int) -> LogFile:
    if age == 2:
        fault = ("a corrupt archive: one byte flipped", "quarantined as corruption")
        return replace(file, damage="flipped", faults=(fault,))
    if age == 4:
        fault = ("bytes after the end of the archive", "quarantined as corruption")
        return replace(file, damage="trailing", faults=(fault,))
    return file


def _faulty_shop(file: LogFile, age: int) -> LogFile:
    if age == 3:
        fault = ("a truncated archive", "quarantined as corruption")
        return replace(file, damage="cut", faults=(fault,))
    return file


def _faulty_api(file: LogFile, age: int) -> LogFile:
    if age == 1:
        fault = ("a cut JSON line", "one dead letter; the lines around it become events")
        return replace(file, odd=b'{"timestamp":"2026-0\n', faults=(fault,))
    if age == 2:
        fault = ("a line of 1.5 MiB", "one dead letter: longer than a line may be")
        return replace(file, odd=b'{"message":"' + b"A" * LONG_LINE + b'"}\n', faults=(fault,))
    return file


def _strange(days: list[date], lines: int) -> Iterator[LogFile]:
    """Files that are strange as a whole; they come after those whose text they repeat."""
    first, last = days[0], days[-1]
    audit = LogFile("shop1", "audit.log.1.gz", "log4j", last, lines // 4, "gz")
    yield audit
    seen = ("the same log under its next rotated name", "recorded as seen, not delivered twice")
    yield replace(audit, name="audit.log.2.gz", packing="gz-members", text_of=audit.path, faults=(seen,))
    deploy = LogFile("web1", "deploy.log.gz", "syslog", last, lines // 8, "gz")
    yield deploy
    own = ("the same text on two servers", "two files: equal content of other servers is no duplicate")
    yield replace(deploy, server="web2", text_of=deploy.path, faults=(own,))
    whole = ("an archive of nothing", "whole, with no lines")
    yield LogFile("db1", "cron.log.gz", "syslog", first, 0, "gz", faults=(whole,))
    nothing = ("a file of 0 bytes named .gz", "quarantined as corruption")
    yield LogFile("db1", "mail.log.gz", "syslog", first, 0, "gz", damage="nothing", faults=(nothing,))
    page = ("an error page named .gz", "quarantined as corruption")
    yield LogFile("api1", "events-download.jsonl.gz", "json", first, 0, "gz", damage="no archive", faults=(page,))


def make(folder: Path, plan: Plan, file: LogFile) -> Made:
    """Write one log file under `folder`; repeated, it writes the same bytes and mtime."""
    path = folder / file.path
    written = settled(file.day)
    source = file.text_of or file.path
    host = source.split("/")[1]
    text = LINES[file.kind](plan.random(source), file.day, file.lines, host)
    count = write_packed(path, _with_odd(text, file), file.packing, written)
    if file.damage is not None:
        damage(path, file.damage, written)
    set_written(path.parent, written)
    planted = tuple(Planted("archives", file.path, fault, expected) for fault, expected in file.faults)
    return Made(file.path, path.stat().st_size, count, planted)


def _with_odd(lines: Iterator[bytes], file: LogFile) -> Iterator[bytes]:
    if file.odd is None:
        return lines
    return chain(islice(lines, file.lines // 3), (file.odd,), lines)
