"""What the commands of `logplatform archives` print, and the exit code that goes with it.

What belongs here: outcomes and their tables. What does not: how an outcome comes about (`archives_work`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from logplatform.cli.output import print_json, print_table

if TYPE_CHECKING:
    from logplatform.archives.extract import Extraction

EXIT_FAILED = 1
EXIT_UNREACHABLE = 2
SHOWN_FAILURES = 20


@dataclass(frozen=True, slots=True)
class FailedFile:
    """A file that failed: its name as `source/path`, at which step (copy, extract, corruption), and why."""

    file: str
    kind: str
    type: str
    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one command did. `looked`: files listed, new, known, and left by reason; `files`: those that were worked
    on by their status now; `failed` holds the first few failures of `failures`.

    `totals` speak of the whole store (files by status, lines, events, dead letters); `unreachable` of servers.
    """

    looked: Mapping[str, int] = field(default_factory=dict)
    files: Mapping[str, int] = field(default_factory=dict)
    failures: int = 0
    failed: Sequence[FailedFile] = ()
    problems: Sequence[str] = ()
    unreachable: Mapping[str, str] = field(default_factory=dict)
    totals: Mapping[str, int] = field(default_factory=dict)
    missing: Mapping[str, int] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """0 all well, 1 some files failed, 2 a server unreachable."""
        if self.unreachable:
            return EXIT_UNREACHABLE
        return EXIT_FAILED if self.failures or self.problems or any(self.missing.values()) else 0


def print_outcome(outcome: Outcome, *, as_json: bool) -> None:
    """The outcome, for people or as JSON."""
    if as_json:
        print_json({**asdict(outcome), "exit_code": outcome.exit_code})
        return
    for title, counts in (("looked at", outcome.looked), ("this time", outcome.files), ("in store", outcome.totals)):
        if counts:
            click.echo(f"{title:>10}: {', '.join(f'{count:,} {name}' for name, count in counts.items())}")
    if outcome.failed:
        rows = [(it.file, it.kind, it.type, it.reason) for it in outcome.failed]
        print_table(f"{outcome.failures:,} failed:", ("file", "step", "error", "reason"), rows)
        click.echo("Bytes and notes of failed files are under error/; try again: `logplatform archives recover`.")
    for server, reason in outcome.unreachable.items():
        click.echo(f"unreachable: {server}: {reason}", err=True)
    for problem in outcome.problems:
        click.echo(f"problem: {problem}", err=True)
    for arrow, count in outcome.missing.items():
        if count:
            click.echo(f"not accounted for: {arrow}: {count:+,}", err=True)


def print_verdict(file: Path, found: "Extraction") -> None:
    """What `verify` found, as a table."""
    rows = [
        ("whole", "yes" if found.ok else "no"),
        ("format", found.format),
        ("compressed bytes", f"{found.compressed_bytes:,}"),
        ("extracted bytes", f"{found.extracted_bytes:,}"),
        ("lines", f"{found.lines:,}"),
        ("SHA-256 of the file", found.sha256),
        ("SHA-256 of the content", found.content_sha256 or "-"),
    ]
    if found.error is not None:
        rows.append(("error", found.error))
    print_table(str(file), ("what", "found"), rows)
