"""What people read: complete, bounded, and never markup that came from outside."""

import json
from datetime import date

import dagster as dg
from hypothesis import given, settings
from hypothesis import strategies as st

from logplatform.orchestration.checks import broken_result, conservation_result, with_trouble
from logplatform.orchestration.figures import Arrow, Broken, DayReport, FailureNote, Fault
from logplatform.orchestration.metadata import (
    PICTURE_LIMIT_BYTES,
    TEXT_LIMIT,
    day_metadata,
    failure_list,
    picture,
    table,
)

DAY = date(2025, 5, 12)


def full_report() -> DayReport:
    return DayReport(
        day=DAY,
        unit="lines",
        came=1000,
        out=3,
        duplicates=1,
        dead_letters=2,
        unit_out="sessions",
        used=997,
        bytes=4096,
        seconds=0.5,
        failures=[FailureNote(f"a.log:{line}", "cut") for line in range(7)],
        preview=[{"centre": "DEM12", "pieces": 3, "rate": 1.5}, {"centre": "SU12", "pieces": None, "open": True}],
        picture="<svg xmlns='http://www.w3.org/2000/svg'/>",
        facts={"oee": 0.7, "partial": True, "centres": 2, "note": "x" * 1000, "nothing": None},
    )


def test_a_day_tells_counts_rate_failures_preview_and_picture() -> None:
    told = day_metadata(full_report())
    assert told["in (lines)"].value == 1000
    assert told["out (sessions)"].value == 3
    assert told["used (lines)"].value == 997
    assert told["rate"].value == "2,000 lines a second"
    assert told["dagster/row_count"].value == 3
    assert str(told["first failures"].value).splitlines()[-1] == "- and 2 more"
    assert "data:image/svg+xml;base64," in str(told["picture"].value)
    assert len(str(told["note"].value)) == TEXT_LIMIT
    assert [type(told[name]) for name in ("oee", "partial", "centres")] == [
        dg.FloatMetadataValue,
        dg.BoolMetadataValue,
        dg.IntMetadataValue,
    ]


def test_a_report_survives_the_ledger() -> None:
    """The reconciler builds a dead run's report from the JSON of the day's commit."""
    report = full_report()
    back = DayReport.restore(DAY, json.loads(json.dumps(report.counts())))
    assert (back.came, back.out, back.used, back.unit_out, dict(back.facts)) == (1000, 3, 997, "sessions", report.facts)
    assert back.failures == tuple(report.failures[:5])
    assert (back.preview, back.picture) == ((), None)


def test_counts_of_another_shape_are_told_as_facts() -> None:
    """A day committed by an older version must not stop the reconciler."""
    told = day_metadata(DayReport.restore(DAY, {"rows": 7, "odd": ["x"]}))
    assert (told["rows"].value, told["odd"].value) == (7, "['x']")


def test_tables_have_every_column_and_types_that_sort() -> None:
    made = table(full_report().preview)
    assert {column.name: column.type for column in made.schema.columns} == {
        "centre": "string",
        "pieces": "int",
        "rate": "float",
        "open": "bool",
    }
    assert made.records[1].data == {"centre": "SU12", "pieces": None, "rate": None, "open": True}


def test_a_picture_is_bounded() -> None:
    """Event rows are kept for ever; a picture of a million pieces must not be in them."""
    assert "too large" in str(picture("x" * (PICTURE_LIMIT_BYTES + 1)).value)


@settings(max_examples=50)
@given(st.text(alphabet="ab`*_<>[]()!#|\n\\", max_size=60))
def test_failures_from_outside_are_one_line_of_plain_text_each(text: str) -> None:
    """File names and log lines are hostile; the UI renders Markdown."""
    (line,) = failure_list([FailureNote(text, text)]).split("\n")
    name, _, reason = line.removeprefix("- `").partition("`: ")
    assert "`" not in name
    for sign in "*_<>[]()!#|`":
        assert all(before == "\\" for before, at in zip(" " + reason, reason, strict=False) if at == sign)


def test_conservation_fails_with_the_arrow_the_number_and_the_unit() -> None:
    """A blocking check must say where to look."""
    good = Arrow("source → raw", "files", came=5, out=3, duplicates=1, waiting=1)
    lost = Arrow("raw → events", "lines", came=100, out=90, dead_letters=3)
    doubled = Arrow("events → sessions", "events", came=10, out=11)
    assert conservation_result([good]).passed
    result = conservation_result([good, lost, doubled])
    assert (result.passed, result.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert result.description == "not accounted for: raw → events: +7 lines; events → sessions: -1 events"
    assert isinstance(result.metadata["arrows"], dg.TableMetadataValue)


def test_what_is_broken_warns_with_sample_and_recovery_and_stops_nothing() -> None:
    broken = Broken(12, [Fault("web1: a.gz", "cut", "2025-05-12", "logplatform archives recover")], "run `recover`")
    result = broken_result(with_trouble(broken, {"source web2": "no route to host"}))
    assert (result.passed, result.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert result.metadata["still broken"].value == 13
    assert result.metadata["how to recover"].value == "run `recover`"
    rows = result.metadata["first ones"]
    assert isinstance(rows, dg.TableMetadataValue)
    assert [row.data["what"] for row in rows.records] == ["source web2", "web1: a.gz"]
    assert rows.records[0].data["recover"]
    assert broken_result(Broken(0, [], "")).passed
