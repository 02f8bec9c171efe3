"""Demonstration input of the domain uploads: a folder of files that a web shop and its services left, with faults.

What belongs here: which files there are, what is in them, and what is broken in which. What does not: the kinds of
records (`records`).
"""

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from logplatform.demo.packing import set_written
from logplatform.demo.plan import Made, Plan, Planted, settled
from logplatform.demo.records import KINDS, Kind, Value, records

FOLDER = "uploads"

Writer = Callable[[Sequence[dict[str, Value]]], bytes]
"""Makes a file's bytes of its records."""
Damage = Callable[[bytes], bytes]


def ndjson(rows: Sequence[dict[str, Value]]) -> bytes:
    """One object a line."""
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def pretty_array(rows: Sequence[dict[str, Value]]) -> bytes:
    """One array, indented as people write it."""
    return json.dumps(list(rows), indent=1).encode()


def plain_csv(rows: Sequence[dict[str, Value]], delimiter: str = ",") -> bytes:
    """CSV with a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), delimiter=delimiter, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def utf16_csv(rows: Sequence[dict[str, Value]]) -> bytes:
    """CSV as a spreadsheet saves it: UTF-16, semicolons."""
    return plain_csv(rows, ";").decode().encode("utf-16")


WRITERS: dict[Kind, tuple[str, Writer]] = {
    "transaction": ("transactions-{day}.json", ndjson),
    "user_behavior": ("clicks-{day}.csv", plain_csv),
    "performance": ("performance-{day}.json", pretty_array),
    "error": ("errors-{day}.csv", utf16_csv),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """Something broken in the file of a kind."""

    what: str
    expected: str
    damage: Damage


def _in_the_middle(change: Callable[[bytes], bytes]) -> Damage:
    """Change the middle line."""

    def damage(data: bytes) -> bytes:
        lines = data.splitlines(keepends=True)
        lines[len(lines) // 2] = change(lines[len(lines) // 2])
        return b"".join(lines)

    return damage


def _odd_time(line: bytes) -> bytes:
    return json.dumps(json.loads(line) | {"timestamp": "yesterday"}).encode() + b"\n"


def _first_line(data: bytes) -> bytes:
    return data.decode("utf-16").splitlines(keepends=True)[0].encode("utf-16")


FAULTS: dict[tuple[Kind, int], Fault] = {
    ("transaction", 1): Fault(
        "a record whose time is no time",
        "one dead letter; the records around it become documents",
        _in_the_middle(_odd_time),
    ),
    ("transaction", 2): Fault(
        "a record that is cut",
        "one dead letter; the records around it become documents",
        _in_the_middle(lambda line: line[:40] + b"\n"),
    ),
    ("user_behavior", 1): Fault(
        "a row that lacks cells",
        "one dead letter; the rows around it become documents",
        _in_the_middle(lambda line: line.rsplit(b",", 3)[0] + b"\r\n"),
    ),
    ("user_behavior", 2): Fault("a file of 0 bytes named .csv", "refused: the file is empty", lambda _data: b""),
    ("error", 1): Fault("a header without records", "refused, and set aside with its reason", _first_line),
}
"""By kind and the number of the file, from the last day back."""


@dataclass(frozen=True, slots=True)
class UploadFile:
    """One file: the records of a kind and a day."""

    path: str
    kind: Kind
    day: date
    fault: Fault | None = None


def planned(plan: Plan) -> list[UploadFile]:
    """Every file of the domain, in the order of making; the odd ones last."""
    files = []
    for back, day in enumerate(reversed(plan.log_days())):
        for kind in KINDS:
            name = WRITERS[kind][0].format(day=day)
            files.append(UploadFile(f"{FOLDER}/{name}", kind, day, FAULTS.get((kind, back))))
    newest = plan.log_days()[-1]
    again = Fault("the same file under another name", "known content: nothing is indexed twice", bytes)
    unwanted = Fault("a file that is neither CSV nor JSON", "refused by its name, and set aside", bytes)
    files.append(UploadFile(f"{FOLDER}/transactions-{newest}_again.json", "transaction", newest, again))
    files.append(UploadFile(f"{FOLDER}/clicks-{newest}.txt", "user_behavior", newest, unwanted))
    return files


def make(folder: Path, plan: Plan, file: UploadFile) -> Made:
    """Make one file; equal plans make equal bytes."""
    rows = list(records(plan, file.kind, file.day))
    data = WRITERS[file.kind][1](rows)
    planted: tuple[Planted, ...] = ()
    if file.fault is not None:
        data = file.fault.damage(data)
        planted = (Planted("uploads", file.path, file.fault.what, file.fault.expected),)
    path = folder / file.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    set_written(path, settled(file.day))
    return Made(file.path, len(data), len(rows), planted)
