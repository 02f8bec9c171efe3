"""`logplatform uploads check`: what an upload would be answered with.

What belongs here: reading arguments and printing. What does not: judging a file (`uploads.inspection`).
"""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import IO, TypedDict

import click
import msgspec

from logplatform.cli.output import print_table
from logplatform.cli.session import Session, pass_session
from logplatform.failures import PermanentFailure
from logplatform.settings.base import zone
from logplatform.settings.model import Settings
from logplatform.uploads.enrich import Enricher, Provenance
from logplatform.uploads.geoip import open_geoip
from logplatform.uploads.inspection import Inspection, Judge, UploadLimits, inspect_upload
from logplatform.uploads.reading import chunks_of
from logplatform.uploads.records import RecordBlock, RefusedRecord

_SHOWN_LETTERS = 20


class _Letter(TypedDict):
    line: int
    reason: str


@click.command("check")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--name", help="Judge the file under this name; left out: its own.")
@click.option("--deep", is_flag=True, help="Judge what the records say too: times, types, addresses, as ingest does.")
@click.option("--json/--table", "as_json", default=None, help="Left out: a table on a terminal, JSON into a pipe.")
@pass_session
@click.pass_context
def check(
    context: click.Context, session: Session, file: Path, name: str | None, deep: bool, as_json: bool | None
) -> None:
    """Tell what an upload of FILE would be answered with; nothing is stored.

    \b
    The JSON: {"ok", "error", "file_type", "total_lines", "preview_lines", "preview",
    "dead_letters": [{"line", "reason"}]}.

    Exit code 0: the file would be taken, though single records may be refused; 1: it would not.
    """
    shown = file.name if name is None else name
    with tempfile.TemporaryFile() as letters:
        found = _inspect(file, shown, session.settings, letters, deep=deep)
        if not found.ok:
            letters.truncate(0)
        letters.seek(0)
        if as_json or (as_json is None and not sys.stdout.isatty()):
            _print_json(found, letters)
        else:
            _print_table(shown, found, letters)
    context.exit(0 if found.ok else 1)


def _inspect(file: Path, name: str, settings: Settings, letters: IO[bytes], *, deep: bool) -> Inspection:
    """Judge a file; each refused record is written to `letters` as a line of JSON, redacted."""
    redactor = settings.redaction.redactor()
    encode = msgspec.json.Encoder().encode

    def keep(refused: RefusedRecord) -> None:
        letters.write(encode({"line": refused.line, "reason": redactor.text(refused.reason)}) + b"\n")

    section = settings.uploads
    limits = UploadLimits(section.max_file_bytes, settings.landing.max_line_bytes, section.allowed_extensions)
    judge = _deep_judge(settings) if deep else _no_judge
    try:
        with file.open("rb") as stream:
            return inspect_upload(name, chunks_of(stream), redactor, limits, keep, judge)
    except OSError as error:
        raise PermanentFailure(f"{file}: {error.strerror}") from error


def _no_judge(block: RecordBlock) -> Sequence[RefusedRecord]:
    return block.refused


def _deep_judge(settings: Settings) -> Judge:
    """Refuses what ingest would refuse; the documents are thrown away."""
    section = settings.uploads
    enricher = Enricher(open_geoip(section.geoip_database), zone(section.timezone or settings.timezone))
    provenance = Provenance(settings.tenant, "", "", "json", datetime.now(UTC))
    return lambda block: enricher.enrich(block, provenance).refused


def _print_json(found: Inspection, letters: IO[bytes]) -> None:
    """One JSON document; the letters are copied into it line by line, for there may be as many as records."""
    report = {
        "ok": found.ok,
        "error": found.error,
        "file_type": found.file_type,
        "total_lines": found.total_lines,
        "preview_lines": found.preview_lines,
        "preview": found.preview,
    }
    head = msgspec.json.format(msgspec.json.encode(report), indent=2).decode().removesuffix("\n}")
    click.echo(f'{head},\n  "dead_letters": [', nl=False)
    for number, line in enumerate(letters):
        click.echo(("," if number else "") + "\n    " + line.decode().rstrip("\n"), nl=False)
    click.echo("\n  ]\n}" if found.refused and found.ok else "]\n}")


def _print_table(name: str, found: Inspection, letters: IO[bytes]) -> None:
    if not found.ok:
        click.echo(f"{name} would be refused: {found.error}")
        return
    click.echo(f"{name} would be taken: {found.total_lines} records, {found.refused} of them refused.")
    columns = list(dict.fromkeys(key for record in found.preview for key in record))
    print_table("First records", columns, ([record.get(column) for column in columns] for record in found.preview))
    if found.refused:
        rows = ((letter["line"], letter["reason"]) for letter in islice(_letters(letters), _SHOWN_LETTERS))
        print_table(f"Refused ({min(found.refused, _SHOWN_LETTERS)} of {found.refused})", ("line", "reason"), rows)


def _letters(lines: IO[bytes]) -> Iterator[_Letter]:
    decode = msgspec.json.Decoder(_Letter).decode
    return (decode(line) for line in lines)
