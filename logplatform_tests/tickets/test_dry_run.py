"""`tickets check`: the figures of a file, without storing anything."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from logplatform.cli import main
from logplatform.settings.tickets import TicketsSettings
from logplatform.tickets import dry_run
from logplatform.tickets.dry_run import CheckReport, check_file
from logplatform_tests.tickets.messages import message, numbered

_SETTINGS = TicketsSettings()


def _check(path: Path, max_line_bytes: int = 1 << 20) -> CheckReport:
    return check_file(path, _SETTINGS.teams, _SETTINGS.high_priorities, max_line_bytes)


def test_figures_add_up_and_a_duplicate_is_not_rejected(tmp_path: Path) -> None:
    lines = [
        numbered(1, request_type="billing", priority="critical"),
        numbered(2, request_type="technical", client_id="CLIENT_0001"),
        numbered(1, request_type="billing", priority="critical"),
        numbered(2, request_type="general"),
        b"{torn",
        message(priority="urgent", client_id=None),
        b"",
    ]
    path = tmp_path / "tickets.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + b"\n".join(lines) + b"\n")
    assert _check(path) == {
        "total": 7,
        "accepted": 2,
        "rejected": 3,
        "duplicates": 2,
        "reasons": {
            "the message is not JSON": 1,
            "client_id is missing": 1,
            "priority is none of low, medium, high, critical": 1,
            "the message is empty": 1,
        },
        "metrics": {
            "total_tickets": 2,
            "billing_count": 1,
            "technical_count": 1,
            "account_count": 0,
            "general_count": 0,
            "critical_priority_count": 1,
            "unique_clients": 2,
        },
    }


def test_the_last_line_counts_without_its_end_and_an_empty_file_has_none(tmp_path: Path) -> None:
    path = tmp_path / "tickets.jsonl"
    path.write_bytes(message())
    assert (_check(path)["total"], _check(path)["accepted"]) == (1, 1)
    path.write_bytes(b"")
    assert _check(path)["total"] == 0


def test_duplicates_are_found_however_far_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids are remembered past what is judged at once."""
    monkeypatch.setattr(dry_run, "CHECKED_AT_ONCE", 10)
    path = tmp_path / "tickets.jsonl"
    path.write_bytes(b"".join(numbered(n % 40) + b"\n" for n in range(100)))
    report = _check(path)
    assert (report["accepted"], report["duplicates"], report["metrics"]["total_tickets"]) == (40, 60, 40)


def test_a_line_over_the_limit_is_refused_and_the_rest_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "tickets.jsonl"
    path.write_bytes(numbered(1) + b"\n" + b"x" * 3_000_000 + b"\n" + numbered(2))
    report = _check(path, max_line_bytes=2_000)
    assert (report["accepted"], report["reasons"]) == (2, {"the message is longer than 2000 bytes": 1})


def test_the_command_prints_the_same_as_json(tmp_path: Path) -> None:
    path = tmp_path / "tickets.jsonl"
    path.write_bytes(message() + b"\n{}\n")
    found = CliRunner().invoke(main, ["tickets", "check", str(path), "--json"])
    assert found.exit_code == 0, found.output
    assert json.loads(found.stdout) == json.loads(json.dumps(_check(path)))
    assert list(json.loads(found.stdout)) == ["total", "accepted", "rejected", "duplicates", "reasons", "metrics"]
