"""The whole input of a demonstration, made once and kept.

What belongs here: the order of making, resuming after an interruption, and the totals. What does not: the files
themselves (`archives`, `machines`, `uploads`, `tickets`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from logplatform.demo import archives, machines, tickets, uploads
from logplatform.demo.plan import Domain, Made, Plan, Planted, Record, clear, read_record, write_record

Advance = Callable[[int, int], None]
"""Told after every file: (files made, files in all)."""


@dataclass(slots=True)
class _Totals:
    files: dict[Domain, int] = field(default_factory=dict)
    bytes: dict[Domain, int] = field(default_factory=dict)
    lines: dict[Domain, int] = field(default_factory=dict)
    planted: list[Planted] = field(default_factory=list)

    def add(self, domain: Domain, made: Made) -> None:
        self.files[domain] = self.files.get(domain, 0) + 1
        self.bytes[domain] = self.bytes.get(domain, 0) + made.size
        self.lines[domain] = self.lines.get(domain, 0) + made.lines
        self.planted.extend(made.planted)


def generate(folder: Path, plan: Plan, advance: Advance) -> Record:
    """Make the input of `plan` in `folder`, which holds nothing else; a finished one of the same plan is kept.

    A generation that was interrupted is made again from the start, to the same bytes. Memory does not grow with the
    input. The caller makes sure that a finished one of another plan is not in the way (`read_record`).
    """
    finished = read_record(folder)
    if finished is not None and finished.plan == plan:
        return finished
    clear(folder)
    folder.mkdir(parents=True)
    totals = _Totals()
    files = list(_files(folder, plan))
    for number, (domain, make) in enumerate(files, 1):
        totals.add(domain, make())
        advance(number, len(files))
    record = Record(plan, totals.files, totals.bytes, totals.lines, tuple(totals.planted))
    write_record(folder, record)
    return record


def _files(folder: Path, plan: Plan) -> Iterator[tuple[Domain, Callable[[], Made]]]:
    """Every file that there will be, with what makes it."""
    yield from (("archives", partial(archives.make, folder, plan, log)) for log in archives.planned(plan))
    yield from (("machines", partial(machines.make, folder, plan, day)) for day in machines.planned(plan))
    yield from (("uploads", partial(uploads.make, folder, plan, file)) for file in uploads.planned(plan))
    yield from (("tickets", partial(tickets.make, folder, plan, partition)) for partition in tickets.planned(plan))
