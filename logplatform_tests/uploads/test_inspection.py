"""The answer to an upload, by the function and by the command."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from logplatform.cli import main
from logplatform.landing.redaction import Redactor
from logplatform.uploads.inspection import UploadLimits, inspect_upload
from logplatform.uploads.reading import chunks_of

SAMPLES = Path(os.environ.get("LOGPLATFORM_SAMPLES", Path(__file__).parents[3] / "shared/samples")) / "uploads"


def check(path: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    result = CliRunner().invoke(main, ["uploads", "check", str(path), *arguments], catch_exceptions=False)
    return result.exit_code, json.loads(result.stdout)


def test_the_dry_run_answers_in_json(tmp_path: Path) -> None:
    """Scripts read these fields, no more and no less."""
    file = tmp_path / "events.json"
    file.write_text('{"a":1,"password":"x"}\n{"a":\n{"a":2}\n')
    code, report = check(file)
    assert code == 0
    assert list(report) == ["ok", "error", "file_type", "total_lines", "preview_lines", "preview", "dead_letters"]
    assert report["preview"] == [{"a": 1, "password": "********"}, {"a": 2}]
    assert (report["total_lines"], report["preview_lines"], report["file_type"]) == (3, 2, "json")
    assert [letter["line"] for letter in report["dead_letters"]] == [2]


def test_a_deep_dry_run_judges_what_records_say(tmp_path: Path) -> None:
    """Before a large upload one wants to know what ingest would refuse."""
    file = tmp_path / "events.json"
    file.write_text('{"timestamp":"2026-03-01T10:00:00Z","log_type":"web"}\n{"timestamp":"soon","log_type":"web"}\n')
    assert check(file)[1]["dead_letters"] == []
    reason = "timestamp: 'soon' is no time from 1970 to 2099"
    assert check(file, "--deep")[1]["dead_letters"] == [{"line": 2, "reason": reason}]


def test_a_refused_file_has_an_error_and_exit_code_1(tmp_path: Path) -> None:
    """A script must notice without reading."""
    file = tmp_path / "events.csv"
    file.write_text("a,b\n1\n")
    code, report = check(file)
    assert (code, report["ok"], report["dead_letters"]) == (1, False, [])
    assert report["error"] == "Invalid CSV: line 2: 1 cells where the header has 2"
    assert check(file, "--name", "events.xml")[1]["error"] == (
        "File extension '.xml' not allowed. Allowed: .csv, .json"
    )


def test_size_is_judged_as_bytes_arrive() -> None:
    """A client that sends for ever is cut off at the limit, not after."""
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        record = b'{"text":"%s"}\n' % (b"x" * (100_000 - 12))
        while True:
            taken += len(record)
            yield record

    found = inspect_upload("a.json", endless(), Redactor())
    assert found.error == "File size exceeds 100 MB limit"
    assert taken <= 101 << 20


def test_an_empty_file_is_told() -> None:
    """Its own message, that clients know."""
    assert inspect_upload("a.csv", [], Redactor()).error == "File is empty"


def test_a_preview_stays_small() -> None:
    """Ten records may be ten megabytes; an answer may not."""
    record = json.dumps({"text": "x" * 100_000, "list": [1] * 1000, "map": {str(n): n for n in range(1000)}}).encode()
    found = inspect_upload("a.json", [(record + b"\n") * 20], Redactor())
    assert found.preview_lines == 10
    assert len(json.dumps(found.preview)) < 50_000


def test_only_the_extensions_that_are_allowed() -> None:
    """An installation may take CSV alone."""
    limits = UploadLimits(extensions=("csv",))
    error = inspect_upload("a.json", [b"{}"], Redactor(), limits).error
    assert error == "File extension '.json' not allowed. Allowed: .csv"


@pytest.mark.samples
@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample folder is not here")
@pytest.mark.parametrize(
    ("name", "records"), [("web-events.json", 5000), ("web-events-array.json", 2000), ("web-events.csv", 3000)]
)
def test_the_samples_are_taken_whole(name: str, records: int) -> None:
    """10,000 real web requests in three shapes, none refused."""
    with (SAMPLES / name).open("rb") as file:
        found = inspect_upload(name, chunks_of(file), Redactor())
    assert (found.total_lines, found.refused, found.preview_lines) == (records, 0, 10)
