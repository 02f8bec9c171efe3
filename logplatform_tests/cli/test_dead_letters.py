"""`logplatform dead-letters`: choosing, showing, and the days of a replay."""

import json
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from logplatform.cli import main
from logplatform.cli.letters import Choice, stretches
from logplatform.landing.dead_letters import Letter
from logplatform.settings.load import load
from logplatform.tenancy import open_tenancy
from logplatform_tests.cli.filled import DAY, fill, letters, settings_file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return settings_file(tmp_path)


def run(file: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--config", str(file), "dead-letters", *arguments])


def listed(file: Path, *arguments: str) -> list[tuple[str, int]]:
    found = json.loads(run(file, "list", "--json", *arguments).output)["letters"]
    return [(letter["path"], letter["position"]) for letter in found]


def test_nothing_stored_is_no_letter(file: Path) -> None:
    """The first question of somebody who has just installed it; nothing is made by asking."""
    result = run(file, "list")
    assert (result.exit_code, result.output) == (0, "0 open.\n")
    assert not (file.parent / "data").exists()


def test_the_list_shows_place_reason_and_bytes(file: Path) -> None:
    """A terminal escape in a record must not reach the terminal."""
    fill(file)
    output = run(file, "list").output
    assert "\x1b" not in output
    rows = [[cell.strip() for cell in line.split("│")] for line in output.splitlines() if "│" in line]
    assert ["archives:1", "web1", "a.gz", "1", "no format", "bad \\x1b[31mline"] in rows
    assert output.endswith("3 open.\n")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), [("a.gz", 1), ("a.gz", 7), ("b_1.gz", 3)]),
        (("--limit", "1"), [("a.gz", 1)]),
        (("--file", "a.gz"), [("a.gz", 1), ("a.gz", 7)]),
        (("--file", "b_*"), [("b_1.gz", 3)]),
        (("--file", "_"), [("b_1.gz", 3)]),
        (("--file", "%"), []),
        (("--file", "?.gz"), [("a.gz", 1), ("a.gz", 7)]),
        (("--source", "web2"), []),
        (("--day", "2026-01-05"), [("a.gz", 1), ("a.gz", 7), ("b_1.gz", 3)]),
        (("--day", "2026-01-06"), []),
        (("--domain", "machines"), []),
    ],
)
def test_letters_can_be_chosen(file: Path, arguments: tuple[str, ...], expected: list[tuple[str, int]]) -> None:
    """By file, source, day and domain; `%` and `_` in a name mean themselves."""
    fill(file)
    assert listed(file, *arguments) == expected


def test_letters_made_good_are_listed_only_on_demand(file: Path) -> None:
    """What was replayed stays on record, out of the way."""
    settings = fill(file)
    with open_tenancy(settings, "archives") as tenancy:
        letters(tenancy, "a.gz", [Letter(7, b"x", ("too odd",))])
    assert listed(file) == [("a.gz", 7), ("b_1.gz", 3)]
    assert len(listed(file, "--replayed")) == 3
    assert "made good" in run(file, "show", "archives:1").output


def test_show_tells_everything_and_raw_gives_the_bytes(file: Path) -> None:
    """The bytes are what somebody sends to the maker of the machine."""
    fill(file)
    output = run(file, "show", "archives:3").output
    for told in ("archives:3", "web1", "b_1.gz", "no format; no time", "_dateparsefailure", "\\xe9", "open"):
        assert told in output
    assert run(file, "show", "archives:3", "--raw").stdout_bytes == b"\xe9"
    assert json.loads(run(file, "show", "archives:3", "--json").output)["reasons"] == ["no format", "no time"]


@pytest.mark.parametrize(("letter", "told"), [("archives:99", "no dead letter archives:99"), ("12", "written like")])
def test_a_letter_that_is_none_is_told(file: Path, letter: str, told: str) -> None:
    """A wrong number and a wrong form are the user's mistakes: one line, exit code 2."""
    fill(file)
    result = run(file, "show", letter)
    assert result.exit_code == 2
    assert told in result.output
    assert "Traceback" not in result.output


def test_a_replay_takes_each_day_once(file: Path) -> None:
    """Many letters of a day cost one derivation, and days apart are not filled up with the days between."""
    settings = fill(file)
    with open_tenancy(settings, "archives") as tenancy:
        for days, name in ((1, "x.gz"), (2, "y.gz"), (9, "z.gz")):
            letters(tenancy, name, [Letter(1, b"1", ("r",)), Letter(2, b"2", ("r",))], DAY + timedelta(days=days))
    days = Choice().days(load(file, {}).settings, "archives")
    assert days == [DAY, DAY + timedelta(1), DAY + timedelta(2), DAY + timedelta(9)]
    assert list(stretches(days)) == [(DAY, DAY + timedelta(2)), (DAY + timedelta(9), DAY + timedelta(9))]
    assert Choice(ids=[("archives", 1)]).days(settings, "archives") == [DAY]


@given(st.sets(st.dates(date(2026, 1, 1), date(2026, 3, 1))))
def test_stretches_cover_exactly_the_days(days: set[date]) -> None:
    """No day is left out, none is added, and no two stretches touch."""
    found = list(stretches(sorted(days)))
    covered = [first + timedelta(n) for first, last in found for n in range((last - first).days + 1)]
    assert covered == sorted(days)
    assert all(second[0] - first[1] > timedelta(days=1) for first, second in pairwise(found))


def test_a_replay_of_nothing_does_nothing(file: Path) -> None:
    """It must not start Dagster, nor make a database."""
    result = run(file, "replay", "--json")
    assert result.exit_code == 0
    assert json.loads(result.output) == {"open_before": 0, "open_after": 0, "problems": []}
    assert not (file.parent / "data").exists()
