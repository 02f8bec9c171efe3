"""The ingest: every message is a ticket, a duplicate or refused, once, in tables that others can read."""

import json
import os
import statistics
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path

import duckdb
import msgspec
import pandas as pd
import pytest
from click.testing import CliRunner

from logplatform.cli import main
from logplatform.failures import LeaseHeld, PermanentFailure
from logplatform.settings.model import Settings
from logplatform.stores.ticket_ids import SeenIds
from logplatform.stores.ticket_state import CommitRow, TicketState
from logplatform.tenancy import open_tenancy
from logplatform.tickets.ingest import Ingest
from logplatform.tickets.produce import Maker, Mix
from logplatform.tickets.tables import TABLES
from logplatform.tickets.ticket import Ticket
from logplatform.tickets.validate import parse_ticket
from logplatform_tests.tickets.messages import message, numbered
from logplatform_tests.tickets.outcome import all_values, log_in, outcome, rows_of, settings_in


def ingest(settings: Settings) -> list[CommitRow]:
    with open_tenancy(settings, "tickets") as tenancy:
        return list(Ingest(tenancy, "test").run())


def fill(folder: Path, values: list[bytes]) -> None:
    log_in(folder).append([(value[15:51], value) for value in values])


def made(count: int, seed: int = 1) -> list[bytes]:
    maker = Maker(Mix(invalid_share=0.03, duplicate_share=0.02, seed=seed))
    now = datetime(2026, 11, 22, 10, tzinfo=UTC)
    return [maker.make(now)[1] for _ in range(count)]


def test_tables_equal_a_count_made_from_the_messages_and_a_restart_changes_nothing(tmp_path: Path) -> None:
    values = made(5_000)
    fill(tmp_path, values)
    settings = settings_in(tmp_path, batch_messages=700)
    commits = ingest(settings)
    assert len(commits) > 5
    parsed = [parse_ticket(value) for value in values]
    tickets = {ticket.key: ticket for ticket in parsed if isinstance(ticket, Ticket)}
    rejected = sum(not isinstance(ticket, Ticket) for ticket in parsed)
    found = outcome(settings)
    assert found.sums | {"bytes": 0} == {
        "messages": 5_000,
        "accepted": len(tickets),
        "rejected": rejected,
        "duplicates": 5_000 - len(tickets) - rejected,
        "conflicts": 0,
        "bytes": 0,
    }
    assert [row[0] for row in found.tables["tickets_with_assignment"]] == sorted(t.ticket_id for t in tickets.values())
    high = sorted(t.ticket_id for t in tickets.values() if t.priority in ("high", "critical"))
    assert [row[0] for row in found.tables["high_priority_tickets"]] == high
    types = Counter(ticket.request_type for ticket in tickets.values())
    priorities = Counter(ticket.priority for ticket in tickets.values())
    clients = len({ticket.client_id for ticket in tickets.values()})
    assert rows_of(tmp_path / "tickets" / "metrics") == [
        {
            "total_tickets": len(tickets),
            **{f"{name}_count": types[name] for name in ("billing", "technical", "account", "general")},
            "critical_priority_count": priorities["critical"],
            "unique_clients": clients,
        }
    ]
    by_type = [(row["request_type"], row["count"]) for row in rows_of(tmp_path / "tickets" / "tickets_by_type")]
    assert by_type == types.most_common()
    assert {
        row["priority"]: row["count"] for row in rows_of(tmp_path / "tickets" / "tickets_by_priority")
    } == priorities
    assert len(found.tables["rejected_tickets"]) == len(found.letters) == len(found.refused) == rejected
    assert ingest(settings) == []
    assert outcome(settings) == found


def test_the_first_wins_across_commits_and_a_contradiction_is_reported(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    fill(tmp_path, [numbered(1, request_type="billing"), numbered(1, request_type="general")])
    ingest(settings)
    fill(tmp_path, [numbered(1, request_type="billing"), numbered(1, priority="low"), numbered(2)])
    (commit,) = ingest(settings)
    assert (commit.accepted, commit.duplicates, commit.conflicts) == (1, 2, 1)
    rows = rows_of(tmp_path / "tickets" / "tickets_with_assignment")
    assert [row["assigned_team"] for row in rows] == ["Billing Team", "Account Management"]
    with open_tenancy(settings, "tickets") as tenancy:
        reported = list(TicketState(tenancy.database, "default").conflicts(10))
    assert [(row.ticket["request_type"], row.ticket["priority"]) for row in reported] == [
        ("account", "low"),
        ("general", "high"),
    ]


def test_a_second_that_equals_the_stored_first_is_no_conflict_beside_one_that_is(tmp_path: Path) -> None:
    """Within one commit a duplicate is compared with the stored ticket, not with another duplicate."""
    settings = settings_in(tmp_path)
    fill(tmp_path, [numbered(1)])
    ingest(settings)
    fill(tmp_path, [numbered(1, priority="low"), numbered(1)])
    (commit,) = ingest(settings)
    assert (commit.duplicates, commit.conflicts) == (2, 1)


def test_a_refused_message_keeps_place_bytes_and_reasons_everywhere(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    broken = message(priority="urgent", extra="password=geheim")
    log_in(tmp_path).append_to(1, [numbered(1), broken, b"\xff\xfe", b"x" * (1 << 21)])
    ingest(settings)
    rows = rows_of(tmp_path / "tickets" / "rejected_tickets")
    assert [(row["topic"], row["partition"], row["offset"]) for row in rows] == [
        ("client_tickets", 1, n) for n in (1, 2, 3)
    ]
    assert [row["reasons"] for row in rows] == [
        ["priority is none of low, medium, high, critical"],
        ["the message is not UTF-8"],
        ["the message is longer than 1048576 bytes"],
    ]
    assert rows[0]["raw"] == broken.replace(b"password=geheim", b"********")
    assert (rows[1]["raw"], rows[1]["raw_text"]) == (b"\xff\xfe", None)
    assert (rows[2]["size"], len(str(rows[2]["raw_text"]))) == (1 << 21, 8_192)
    sent = [msgspec.json.decode(value) for value in all_values(log_in(tmp_path, "client_tickets.dead_letters"))]
    assert [(m["partition"], m["offset"], m["raw_base64"]) for m in sent] == [
        (1, 1, None),
        (1, 2, "//4="),
        (1, 3, None),
    ]
    assert "geheim" not in json.dumps(sent)


def test_json_tables_keep_null_columns_and_hold_the_same(tmp_path: Path) -> None:
    values = [*made(400), b"\xff"]
    for name, output_format in (("one", "parquet"), ("two", "json")):
        fill(tmp_path / name, values)
        ingest(settings_in(tmp_path / name, output_format=output_format, batch_messages=150))
    one, two = (rows_of(tmp_path / name / "tickets" / "tickets_with_assignment") for name in ("one", "two"))
    key = lambda row: str(row["ticket_id"])  # noqa: E731
    for name in set(one[0]) - {"created_at_text"}:
        # DuckDB takes any JSON text that looks like a time for one.
        assert [str(row[name]) for row in sorted(one, key=key)] == [str(row[name]) for row in sorted(two, key=key)]
    lines = [
        json.loads(line)
        for path in (tmp_path / "two" / "tickets" / "rejected_tickets").iterdir()
        for line in path.read_text().splitlines()
    ]
    (odd,) = [line for line in lines if line["raw"] == "/w=="]
    assert odd["raw_text"] is None
    assert set(odd) == {"topic", "partition", "offset", "raw", "raw_text", "size", "reasons", "commit_id"}


def test_another_format_writes_all_tables_again(tmp_path: Path) -> None:
    fill(tmp_path, made(300))
    ingest(settings_in(tmp_path, batch_messages=100))
    before = outcome(settings_in(tmp_path))
    for output_format in ("json", "parquet"):
        settings = settings_in(tmp_path, output_format=output_format)
        fill(tmp_path, [numbered(7)])
        ingest(settings)
        for table in ("tickets_with_assignment", "high_priority_tickets", "rejected_tickets", "metrics"):
            suffixes = {path.suffix for path in (tmp_path / "tickets" / table).iterdir()}
            assert suffixes == {f".{output_format}"}
    after = outcome(settings_in(tmp_path))
    assert after.tables["rejected_tickets"] == before.tables["rejected_tickets"]
    assert len(after.tables["tickets_with_assignment"]) == len(before.tables["tickets_with_assignment"]) + 1


def test_a_small_table_is_one_file_that_pandas_and_duckdb_read_as_it_lies(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, batch_messages=50)
    fill(tmp_path, made(500))
    ingest(settings)
    for table in TABLES:
        folder = tmp_path / "tickets" / table
        assert len(list(folder.iterdir())) == 1
        frame = pd.read_parquet(folder)
        rows = duckdb.execute(f"SELECT * FROM read_parquet('{folder}/*.parquet')").fetchall()
        assert len(frame) == len(rows)
    frame = pd.read_parquet(tmp_path / "tickets" / "tickets_with_assignment")
    assert str(frame["created_at"].dt.tz) == "UTC"


def test_tables_are_there_and_empty_before_the_first_message(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    assert ingest(settings) == []
    assert [len(pd.read_parquet(tmp_path / "tickets" / table)) for table in TABLES] == [0, 1, 0, 0, 0, 0]


def test_a_reader_never_sees_a_part_of_a_commit_nor_a_row_twice(tmp_path: Path) -> None:
    """Whoever resolves the link reads six tables of one moment, also while small files are merged."""
    settings = settings_in(tmp_path, batch_messages=60)
    values = [numbered(n, priority=("critical", "low")[n % 2]) for n in range(1_200)]
    ingest(settings)
    fill(tmp_path, values)
    done, seen = threading.Event(), list[int]()

    def read() -> None:
        while not done.is_set():
            version = (tmp_path / "tickets" / "current").resolve()
            tickets = [row["ticket_id"] for row in rows_of(version / "tickets_with_assignment")]
            high = [row["ticket_id"] for row in rows_of(version / "high_priority_tickets")]
            (metrics,) = rows_of(version / "metrics")
            assert len(tickets) == len(set(tickets)) == metrics["total_tickets"]
            assert len(high) == metrics["critical_priority_count"]
            assert set(high) <= set(tickets)
            seen.append(len(tickets))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        commits = ingest(settings)
    finally:
        done.set()
        reader.join()
    assert seen == sorted(seen)
    assert len(set(seen)) > 3
    assert set(seen) <= {0, *accumulate(commit.accepted for commit in commits)}


def test_a_reader_through_the_link_is_right_or_told_so(tmp_path: Path) -> None:
    """A glob through the link may meet a swap: then a file is gone, and never are rows missing or doubled."""
    settings = settings_in(tmp_path, batch_messages=60)
    ingest(settings)
    fill(tmp_path, [numbered(n) for n in range(1_200)])
    done, seen, gone = threading.Event(), set[int](), list[str]()
    pattern = tmp_path / "tickets" / "tickets_with_assignment" / "*.parquet"

    def read() -> None:
        with duckdb.connect() as engine:
            while not done.is_set():
                try:
                    rows = engine.execute(f"SELECT ticket_id FROM read_parquet('{pattern}')").fetchall()
                except duckdb.IOException as error:
                    gone.append(str(error))
                else:
                    assert len(rows) == len(set(rows))
                    seen.add(len(rows))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        commits = ingest(settings)
    finally:
        done.set()
        reader.join()
    assert seen <= {0, *accumulate(commit.accepted for commit in commits)}
    assert len(seen) > 3
    assert all("No such file" in text or "No files found" in text for text in gone)


def test_two_at_once_are_one_after_the_other(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, batch_messages=10)
    fill(tmp_path, [numbered(n) for n in range(30)])
    with open_tenancy(settings, "tickets") as tenancy:
        first = Ingest(tenancy, "first").run()
        next(first)
        with pytest.raises(LeaseHeld):
            list(Ingest(tenancy, "second").run())
        assert sum(commit.messages for commit in first) == 20


def test_several_topics_make_one_set_of_tables(tmp_path: Path) -> None:
    """The same ticket in two topics is one ticket: the first topic's."""
    topics = [{"name": name, "topic": name} for name in ("north", "south")]
    settings = settings_in(tmp_path, topics=topics)
    log_in(tmp_path, "north").append([(b"k", numbered(1)), (b"k", numbered(2))])
    log_in(tmp_path, "south").append([(b"k", numbered(2)), (b"k", numbered(3))])
    assert [(c.topic, c.accepted, c.duplicates) for c in ingest(settings)] == [("north", 2, 0), ("south", 1, 1)]
    assert ingest(settings) == []


def test_a_spool_that_was_replaced_is_refused(tmp_path: Path) -> None:
    """Going on at an offset that now names other messages would lose some in silence."""
    settings = settings_in(tmp_path)
    log_in(tmp_path).append_to(0, [numbered(1), numbered(2)])
    ingest(settings)
    for segment in (tmp_path / "spool" / "default" / "client_tickets" / "0").glob("*.jsonl"):
        segment.write_bytes(numbered(3) + b"\n")
    with pytest.raises(PermanentFailure, match="replaced or cut"):
        ingest(settings)


def test_teams_come_from_the_settings(tmp_path: Path) -> None:
    teams = {"billing": "A", "technical": "B", "account": "C", "general": "D"}
    fill(tmp_path, [numbered(1, request_type="general")])
    ingest(settings_in(tmp_path, teams=teams, high_priorities=["low"]))
    assert [row["assigned_team"] for row in rows_of(tmp_path / "tickets" / "tickets_with_assignment")] == ["D"]
    assert rows_of(tmp_path / "tickets" / "high_priority_tickets") == []


def test_the_commands_run_and_show(tmp_path: Path) -> None:
    environment = {"LOGPLATFORM_DATA_ROOT": str(tmp_path)}
    fill(tmp_path, [numbered(1), numbered(1, priority="low"), b"{}"])
    ran = CliRunner().invoke(main, ["tickets", "run", "--json"], env=environment)
    assert ran.exit_code == 0, ran.output
    told = json.loads(ran.stdout)
    assert (told["messages"], told["accepted"], told["rejected"], told["duplicates"], told["conflicts"]) == (
        3,
        1,
        1,
        1,
        1,
    )
    shown = CliRunner().invoke(main, ["tickets", "show", "metrics", "--json"], env=environment)
    assert json.loads(shown.stdout)["metrics"]["rows"][0]["total_tickets"] == 1
    conflicts = CliRunner().invoke(main, ["tickets", "show", "--conflicts"], env=environment)
    assert "low" in conflicts.output
    everything = CliRunner().invoke(main, ["tickets", "show"], env=environment)
    assert all(table in everything.output for table in TABLES)


def test_a_long_refused_message_is_cut_where_it_is_shown_to_people(tmp_path: Path) -> None:
    environment = {"LOGPLATFORM_DATA_ROOT": str(tmp_path)}
    fill(tmp_path, [numbered(1, request="x" * 5000)])
    assert CliRunner().invoke(main, ["tickets", "run"], env=environment).exit_code == 0
    shown = CliRunner().invoke(main, ["tickets", "show", "rejected_tickets"], env=environment)
    assert "CLIENT_0042" in shown.output
    assert "x" * 201 not in shown.output
    whole = CliRunner().invoke(main, ["tickets", "show", "rejected_tickets", "--json"], env=environment)
    assert "x" * 5000 in whole.output


def test_a_batch_costs_the_same_beside_many_tickets(tmp_path: Path) -> None:
    """Nothing that a commit does may read all that was there before: neither ids nor rows nor links."""

    def cost(folder: Path, ids: int) -> float:
        settings = settings_in(folder)
        seconds: list[float] = []
        with open_tenancy(settings, "tickets") as tenancy:
            with tenancy.database.write() as connection:
                records = sorted(os.urandom(16) + b"12345678" for _ in range(ids))
                SeenIds("default").add(connection, b"".join(records), 1_000_000)
            for turn in range(7):
                fill(folder, [numbered(turn * 1_000 + n) for n in range(1_000)])
                start = time.process_time()
                list(Ingest(tenancy, "test").run())
                seconds.append(time.process_time() - start)
        return statistics.median(seconds)

    assert cost(tmp_path / "full", 300_000) < 2 * cost(tmp_path / "empty", 0)
