"""Days derived again: rows are replaced, ids stay, figures add up, and what is good by now is made good."""

import random
import shutil
import signal
from collections.abc import Callable, Generator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from logplatform.settings.model import Settings
from logplatform.stores.ticket_state import CommitRow
from logplatform.tenancy import open_tenancy
from logplatform.tickets import again
from logplatform.tickets.again import derive_again
from logplatform.tickets.day_reports import ASSIGNED, REJECTED
from logplatform.tickets.measures import arrows
from logplatform_tests.tickets.messages import numbered
from logplatform_tests.tickets.outcome import outcome, rows_of, settings_in
from logplatform_tests.tickets.test_ingest import fill, ingest, made
from logplatform_tests.tickets.test_kills import FORK, Steps


def derive(settings: Settings, run_id: str = "again") -> list[CommitRow]:
    """Derive today again."""
    with open_tenancy(settings, "tickets") as tenancy:
        return list(derive_again(tenancy, [datetime.now(UTC).date()], run_id))


def missing(settings: Settings) -> list[int]:
    with open_tenancy(settings, "tickets") as tenancy:
        return [arrow.missing for arrow in arrows(tenancy)]


@pytest.mark.parametrize("format_", ["parquet", "json"])
def test_derived_again_nothing_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format_: str) -> None:
    monkeypatch.setattr(again, "AT_ONCE", 300)
    settings = settings_in(tmp_path, batch_messages=120, output_format=format_)
    fill(tmp_path, [*made(900), *(numbered(n, priority=("low", "high")[n % 2]) for n in range(10) for _ in (1, 2))])
    commits = ingest(settings)
    before = outcome(settings)
    for run_id in ("first", "second"):
        assert [commit.id for commit in derive(settings, run_id)] == [commit.id for commit in commits]
        assert outcome(settings) == before
        assert missing(settings) == [0, 0, 0]
    assert derive(settings, "second") == []


def test_other_teams_reach_the_tickets_of_old_commits(tmp_path: Path) -> None:
    fill(tmp_path, made(200))
    ingest(settings_in(tmp_path, batch_messages=50))
    teams = {"billing": "Money", "technical": "Tech", "account": "Accounts", "general": "All"}
    settings = settings_in(tmp_path, teams=teams, high_priorities=["low"])
    derive(settings)
    rows = rows_of(tmp_path / "tickets" / "tickets_with_assignment")
    assert {row["assigned_team"] for row in rows} == set(teams.values())
    assert all(row["assigned_team"] == teams[str(row["request_type"])] for row in rows)
    low = [row["ticket_id"] for row in rows if row["priority"] == "low"]
    high = rows_of(tmp_path / "tickets" / "high_priority_tickets")
    assert sorted(str(row["ticket_id"]) for row in high) == sorted(map(str, low))


def test_what_is_good_by_now_is_made_good(tmp_path: Path) -> None:
    """A message over the limit is refused; with a larger limit it is a ticket, and its dead letter is closed."""
    long = numbered(7, note="x" * 3_000)
    fill(tmp_path, [*(numbered(n) for n in range(5)), long, b"{}"])
    narrow = Settings.model_validate({"data_root": tmp_path, "landing": {"max_line_bytes": 2_000}})
    ingest(narrow)
    assert outcome(narrow).sums["rejected"] == 2
    wide = settings_in(tmp_path)
    derive(wide)
    found = outcome(wide)
    assert (found.sums["accepted"], found.sums["rejected"], len(found.letters)) == (6, 1, 1)
    assert len(found.tables["rejected_tickets"]) == 1
    assert missing(wide) == [0, 0, 0]
    with open_tenancy(wide, "tickets") as tenancy:
        reports = {
            asset: tenancy.days.newest(f"tickets/{asset}", datetime.now(UTC).date()) for asset in (ASSIGNED, REJECTED)
        }
    assigned, rejected = reports[ASSIGNED], reports[REJECTED]
    assert assigned is not None
    assert rejected is not None
    assert (assigned.counts["came"], assigned.counts["out"], assigned.counts["dead_letters"]) == (7, 6, 1)
    assert (rejected.counts["out"], len(rejected.counts["failures"])) == (1, 1)
    # And back: what is refused again takes its id, its client and its counts along.
    derive(narrow, "back")
    assert outcome(narrow).sums["rejected"] == 2
    assert missing(narrow) == [0, 0, 0]


def test_a_client_whose_last_ticket_went_is_counted_no_more(tmp_path: Path) -> None:
    only = numbered(7, note="x" * 3_000, client_id="CLIENT_7777")
    both = [numbered(n, client_id="CLIENT_0001", note="y" * (3_000 if n else 1)) for n in range(2)]
    fill(tmp_path, [only, *both])
    wide = settings_in(tmp_path)
    ingest(wide)
    assert outcome(wide).tables["metrics"][0][-1] == "2"
    derive(Settings.model_validate({"data_root": tmp_path, "landing": {"max_line_bytes": 2_000}}))
    assert outcome(wide).tables["metrics"][0][-1] == "1"
    assert missing(wide) == [0, 0, 0]


def test_days_without_commits_are_nothing_to_derive(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    fill(tmp_path, [numbered(1)])
    ingest(settings)
    with open_tenancy(settings, "tickets") as tenancy:
        assert list(derive_again(tenancy, [date(2020, 1, 1), date(2020, 1, 2)], "again")) == []


def _child(settings: Settings, last: int, tell: "Callable[[int], object] | None") -> None:
    steps = Steps(last)
    derive(settings, f"child {last}")
    if tell is not None:
        tell(steps.count)


@pytest.mark.parametrize("seed", range(3))
def test_killed_anywhere_and_derived_again_nothing_is_lost_or_doubled(tmp_path: Path, seed: int) -> None:
    narrow = Settings.model_validate(
        {"data_root": tmp_path, "landing": {"max_line_bytes": 2_000}, "tickets": {"batch_messages": 90}}
    )
    fill(tmp_path, [*made(250, seed=seed), *(numbered(n, note="x" * 3_000) for n in range(20))])
    ingest(narrow)
    whole = shutil.copytree(tmp_path, tmp_path.with_name(f"{tmp_path.name} whole"), symlinks=True)
    clean, wide = settings_in(whole), settings_in(tmp_path)
    receiver, sender = FORK.Pipe(duplex=False)
    child = FORK.Process(target=_child, args=(clean, 0, sender.send))
    child.start()
    steps = int(receiver.recv())
    child.join()
    draw = random.Random(seed)
    ended: list[int | None] = []
    for _ in range(3):
        child = FORK.Process(target=_child, args=(wide, draw.randint(1, steps), None))
        child.start()
        child.join()
        ended.append(child.exitcode)
    assert set(ended) <= {0, -signal.SIGKILL}
    assert -signal.SIGKILL in ended
    derive(wide, "last")
    assert outcome(wide) == outcome(clean)
    assert missing(wide) == [0, 0, 0]


def test_a_process_that_dies_between_two_pieces_is_followed_by_one_that_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(again, "AT_ONCE", 100)
    settings = settings_in(tmp_path, batch_messages=60)
    fill(tmp_path, made(600))
    commits = ingest(settings)
    before = outcome(settings)
    with open_tenancy(settings, "tickets") as tenancy:
        half = derive_again(tenancy, [datetime.now(UTC).date()], "dies")
        next(half)
        assert isinstance(half, Generator)
        half.close()
    assert outcome(settings) == before
    assert len(derive(settings, "next")) == len(commits)
    assert outcome(settings) == before
