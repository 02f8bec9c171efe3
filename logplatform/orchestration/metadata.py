"""What people read in the Dagster UI: reports, arrows and faults as metadata.

What belongs here: wording, tables, pictures. What does not: counting (`figures`), and when it is shown.
"""

import base64
from collections.abc import Iterable, Mapping, Sequence

import dagster as dg

from logplatform.orchestration.figures import (
    FIRST_FAILURES,
    PREVIEW_ROWS,
    Arrow,
    Broken,
    Cell,
    DayReport,
    FailureNote,
)

PICTURE_LIMIT_BYTES = 128 * 1024
TEXT_LIMIT = 300

Metadata = dict[str, dg.MetadataValue]


def day_metadata(report: DayReport) -> Metadata:
    """A day's report as metadata, in reading order.

    `dagster/row_count` is what Dagster plots over the days.
    """
    told: Metadata = {f"in ({report.unit})": dg.MetadataValue.int(report.came)}
    told[f"out ({report.unit_out or report.unit})"] = dg.MetadataValue.int(report.out)
    if report.used is not None:
        told[f"used ({report.unit})"] = dg.MetadataValue.int(report.used)
    told["duplicates"] = dg.MetadataValue.int(report.duplicates)
    told["dead letters"] = dg.MetadataValue.int(report.dead_letters)
    told["bytes"] = dg.MetadataValue.int(report.bytes)
    told["seconds"] = dg.MetadataValue.float(round(report.seconds, 3))
    if report.seconds > 0:
        told["rate"] = dg.MetadataValue.text(f"{report.came / report.seconds:,.0f} {report.unit} a second")
    for name, value in report.facts.items():
        told[name] = _value(value)
    if report.failures:
        told["first failures"] = dg.MetadataValue.md(failure_list(report.failures))
    if report.preview:
        told["preview"] = table(report.preview[:PREVIEW_ROWS])
    if report.picture:
        told["picture"] = picture(report.picture)
    told["dagster/row_count"] = dg.MetadataValue.int(report.out)
    return told


def arrow_metadata(arrows: Iterable[Arrow]) -> Metadata:
    """The arrows of the flow as one table."""
    rows = [
        {
            "arrow": arrow.name,
            "unit": arrow.unit,
            "in": arrow.came,
            "out": arrow.out,
            "duplicates": arrow.duplicates,
            "dead letters": arrow.dead_letters,
            "waiting": arrow.waiting,
            "missing": arrow.missing,
        }
        for arrow in arrows
    ]
    return {"arrows": table(rows)} if rows else {}


def broken_metadata(broken: Broken) -> Metadata:
    """Count, sample and recovery of what is still broken."""
    told: Metadata = {"still broken": dg.MetadataValue.int(broken.count)}
    if broken.count:
        # The UI hides Markdown behind a link on a check's page; text stands there at once.
        told["how to recover"] = dg.MetadataValue.text(broken.recovery)
    if broken.sample:
        rows = [
            {"what": fault.what, "reason": shorten(fault.reason), "since": fault.since, "recover": fault.recover}
            for fault in broken.sample
        ]
        told["first ones"] = table(rows)
    return told


def failure_list(failures: Sequence[FailureNote]) -> str:
    """The first failures as a Markdown list."""
    lines = [f"- `{_code(note.what)}`: {_plain(note.reason)}" for note in failures[:FIRST_FAILURES]]
    if len(failures) > FIRST_FAILURES:
        lines.append(f"- and {len(failures) - FIRST_FAILURES:,} more")
    return "\n".join(lines)


def table(rows: Sequence[Mapping[str, Cell]]) -> dg.TableMetadataValue:
    """Rows as a table whose columns are those of all rows, in order of appearance; must not be empty."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = [dg.TableColumn(name, _column_type([row.get(name) for row in rows])) for name in names]
    records = [dg.TableRecord({name: _cell(row.get(name)) for name in names}) for row in rows]
    return dg.TableMetadataValue(records, dg.TableSchema(columns))


def picture(svg: str) -> dg.MetadataValue:
    """An SVG document as a picture (the UI shows long Markdown at a click).

    One over the limit is named instead, since events are kept forever.
    """
    document = svg.encode()
    if len(document) > PICTURE_LIMIT_BYTES:
        return dg.MetadataValue.text(f"too large to show here ({len(document):,} bytes); see the day's report")
    return dg.MetadataValue.md(f"![picture](data:image/svg+xml;base64,{base64.b64encode(document).decode()})")


def shorten(text: str) -> str:
    """At most TEXT_LIMIT characters."""
    return text if len(text) <= TEXT_LIMIT else f"{text[: TEXT_LIMIT - 1]}…"


def _value(value: Cell) -> dg.MetadataValue:
    if isinstance(value, bool):
        return dg.MetadataValue.bool(value)
    if isinstance(value, int):
        return dg.MetadataValue.int(value)
    if isinstance(value, float):
        return dg.MetadataValue.float(value)
    return dg.MetadataValue.text("" if value is None else shorten(value))


def _cell(value: Cell) -> Cell:
    return shorten(value) if isinstance(value, str) else value


def _column_type(values: Sequence[Cell]) -> str:
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return "bool"
    if kinds == {int}:
        return "int"
    return "float" if kinds and kinds <= {int, float} else "string"


def _code(text: str) -> str:
    return shorten(text).replace("`", "'").replace("\n", " ")


def _plain(text: str) -> str:
    # What came from outside must not become markup: the UI renders Markdown.
    return "".join(f"\\{sign}" if sign in r"\`*_{}[]()#+!<>|~" else sign for sign in shorten(text).replace("\n", " "))
