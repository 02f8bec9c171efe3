"""The machines' engine on real stores: growth, names that come back, faults, days derived again."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from logplatform.failures import PermanentFailure
from logplatform.machines import engine
from logplatform.machines.engine import derive_day, run_batch
from logplatform.machines.job import Job
from logplatform.machines.measures import arrows, broken
from logplatform.machines.publish import page_key
from logplatform.machines.sensors import watched
from logplatform.orchestration.figures import DayReport
from logplatform.orchestration.sensors import bounds_of, tick
from logplatform.stores.schema import content
from logplatform_tests.machines.conftest import FOLDER, Plant

DAY = dt.date(2025, 5, 12)
NAME = "20250512.LOG"


def pieces(first: int, last: int) -> bytes:
    """Pieces of 06:00:first to 06:00:last, numbered so, one a second."""
    return b"".join(
        b"20250512 06:00:%02d|@StukUitgevoerd: %d\r\n" % (number, number) for number in range(first, last + 1)
    )


def test_a_log_becomes_a_session_with_all_that_follows(plant: Plant) -> None:
    """Every table, the page and the workbook are there after one batch, and each asset reported the day."""
    plant.write(
        NAME,
        b"20250512 05:59:00|@MachineStart\r\n"
        b"20250512 05:59:00|@JobProfiel: R:215023 L:3359.0 C:7016 G ALU\r\n"
        + pieces(0, 9)
        + b"20250512 06:00:10|@MachineWait: 2.5 sec\r\n"
        + b"20250512 06:00:20|@MachineStop\r\n20250512 06:00:25|@MachineStart\r\n"
        + b"20250512 06:00:40|@StukUitgevoerd: 10\r\nodd\r\n",
    )
    reports = plant.run()
    session = plant.session()
    assert (session.total_pieces, session.duree_production_totale, session.partielle) == (11, 0.0111, True)
    assert plant.rows("SELECT reference, longueur, couleur, details FROM job_profil") == [
        ("215023", 3359, "7016", "G ALU")
    ]
    assert plant.rows("SELECT * FROM periode_attente") == [
        (session.id, "2025-05-12 06:00:10", "2025-05-12 06:00:12.500", 2.5)
    ]
    assert plant.rows("SELECT duree_secondes FROM periode_arret") == [(5,)]
    assert plant.count("piece_production") == 11
    assert [(report.unit, report.came, report.out, report.dead_letters) for report in reports] == [
        ("files", 1, 1, 0), ("lines", 17, 16, 1), ("events", 16, 1, 0), ("sessions", 1, 0, 0), ("sessions", 1, 1, 0),
    ]  # fmt: skip
    assert all(report.bytes > 0 for report in reports)
    page = plant.root / "data" / page_key("default", "DEM12", DAY)
    assert "The day is not over" in page.read_text()
    assert (plant.root / "data/reports/default/machines/sessions.xlsx").stat().st_size > 5_000


def test_the_same_again_changes_nothing(plant: Plant) -> None:
    plant.write(NAME, pieces(0, 9))
    plant.run()
    before = (plant.session(), plant.count("piece_production_row"), plant.count("session_version"))
    assert plant.run() == []
    derive_day(plant.tenancy, DAY, "again")
    plant.conserved()
    assert (plant.session(), plant.count("piece_production_row"), plant.count("session_version")) == before


def test_todays_log_is_read_as_it_grows(plant: Plant) -> None:
    """A last line without its end waits; at every reading the day holds what is whole, and in the end everything."""
    whole = pieces(0, 19)
    for cut in (1, 100, 101, 333, len(whole) - 3, len(whole)):
        plant.write(NAME, whole[:cut])
        plant.run()
        assert plant.session().total_pieces == whole[:cut].count(b"\n")
        assert plant.session().partielle is True
        assert plant.count("dead_letter") == 0
        plant.clock.forward(minutes=5)
    assert plant.count("observation") == 6


def test_a_last_line_without_its_end_counts_once_the_day_is_over(plant: Plant) -> None:
    """Nothing new comes, and yet the day becomes whole: its cut line counts as it stands."""
    plant.write(NAME, pieces(0, 4) + b"20250512 06:00:05|@StukUitgevoerd: 5")
    plant.run()
    assert (plant.session().total_pieces, plant.session().partielle) == (5, True)
    plant.clock.set("2025-05-13 00:05:00")
    plant.run()
    assert (plant.session().total_pieces, plant.session().partielle) == (6, False)
    assert plant.run() == []


def test_a_name_that_comes_back_makes_one_day_of_both(plant: Plant) -> None:
    """Read 2 pieces, delete, read 2 more under the same name: a session of 4 pieces."""
    path = plant.write(NAME, pieces(1, 2))
    plant.run()
    path.unlink()
    plant.run()
    plant.clock.forward(minutes=5)
    plant.write(NAME, pieces(3, 4))
    plant.run()
    assert plant.session().total_pieces == 4
    plant.clock.forward(minutes=5)
    plant.write(NAME, pieces(3, 6))
    plant.run()
    assert plant.session().total_pieces == 6
    assert plant.rows("SELECT numero_piece FROM piece_production ORDER BY 1") == [(number,) for number in range(1, 7)]


def test_lines_of_both_versions_count_once(plant: Plant) -> None:
    plant.write(NAME, pieces(1, 3) + b"odd line\r\n")
    plant.run()
    plant.clock.forward(minutes=5)
    plant.write(NAME, b"odd line\r\n" + pieces(2, 5))
    plant.run()
    assert plant.session().total_pieces == 5
    assert plant.rows("SELECT count(*) FROM dead_letter WHERE replayed_at IS NULL") == [(1,)]
    assert plant.rows("SELECT duplicates, lines FROM machine_day") == [(3, 9)]


def test_letters_of_a_version_that_was_replaced_are_made_good(plant: Plant) -> None:
    """Two versions with a bad line each; then one file that begins with the first of them: one letter stays open."""
    plant.write(NAME, b"odd one\r\n")
    plant.run()
    plant.clock.forward(minutes=5)
    plant.write(NAME, b"odd two\r\n")
    plant.run()
    assert plant.rows("SELECT count(*) FROM dead_letter WHERE replayed_at IS NULL") == [(2,)]
    plant.clock.forward(minutes=5)
    plant.write(NAME, b"odd two\r\nodd one\r\n")
    plant.run()
    assert plant.rows("SELECT count(*) FROM dead_letter WHERE replayed_at IS NULL") == [(2,)]
    assert plant.rows("SELECT versions, dead_letters FROM machine_day") == [(2, 2)]


def test_a_log_leaves_its_source_when_its_day_is_over_and_whole(tidy_plant: Plant) -> None:
    """Not while it grows, not on its own day, not before its session is committed as a whole one."""
    path = tidy_plant.write(NAME, pieces(1, 2))
    tidy_plant.run()
    tidy_plant.clock.set("2025-05-12 23:59:00")
    tidy_plant.run()
    assert path.exists()
    tidy_plant.clock.set("2025-05-13 00:20:00")
    tidy_plant.run()
    assert not path.exists()
    assert tidy_plant.session().total_pieces == 2
    tidy_plant.write(NAME, pieces(3, 4))
    tidy_plant.run()
    assert tidy_plant.session().total_pieces == 4


def test_an_empty_log_is_a_session_of_no_pieces_and_leaves(tidy_plant: Plant) -> None:
    """Empty files must not stay for ever."""
    path = tidy_plant.write(NAME, b"")
    tidy_plant.clock.set("2025-05-14 12:00:00")
    tidy_plant.run()
    assert tidy_plant.session().total_pieces == 0
    assert not path.exists()


def test_one_bad_file_never_fails_the_others(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("logplatform.machines.unit_events.MAX_EVENTS", 5)
    plant.write(NAME, pieces(1, 9))
    plant.write(NAME, pieces(1, 3), "SU12 (HYBRIDE)")
    plant.write("notes.txt", b"hello", "SU12 (HYBRIDE)")
    plant.write("20250231.LOG", b"hello", "SU12 (HYBRIDE)")
    plant.run()
    assert plant.session(centre="SU12").total_pieces == 3
    found = broken(plant.tenancy)
    assert found.count == 1
    assert "more than 5 events" in found.sample[0].reason
    (lines,) = [arrow for arrow in arrows(plant.tenancy) if arrow.unit == "lines"]
    assert (lines.came, lines.out, lines.dead_letters) == (12, 3, 9)


def test_days_are_derived_again_from_landed_bytes_alone(plant: Plant) -> None:
    path = plant.write(NAME, pieces(1, 3) + b"odd\r\n")
    plant.run()
    path.unlink()
    plant.rows("SELECT 1")
    with plant.tenancy.database.write() as connection:
        connection.exec_driver_sql("UPDATE session_production SET total_pieces = 99, empreinte = 'x'")
    reports = derive_day(plant.tenancy, DAY, "again")
    assert plant.session().total_pieces == 3
    assert {report.day for report in reports} == {DAY}
    assert derive_day(plant.tenancy, dt.date(2025, 5, 11), "again") == []


def test_a_day_whose_bytes_retention_took_is_refused_and_stays(plant: Plant) -> None:
    """An empty day must never be published in its place."""
    plant.write(NAME, pieces(1, 3))
    plant.run()
    with plant.tenancy.database.write() as connection:
        connection.execute(content.update().values(removed_at=plant.clock.now()))
    with pytest.raises(PermanentFailure, match="removed by retention"):
        derive_day(plant.tenancy, DAY, "again")
    assert plant.session().total_pieces == 3
    plant.conserved()


def test_a_growing_log_whose_beginning_retention_took_still_replaces_it(plant: Plant) -> None:
    plant.write(NAME, pieces(1, 3))
    plant.run()
    with plant.tenancy.database.write() as connection:
        connection.execute(content.update().values(removed_at=plant.clock.now()))
    plant.clock.forward(minutes=5)
    plant.write(NAME, pieces(1, 5))
    plant.run()
    assert plant.session().total_pieces == 5


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_a_run_that_dies_between_steps_is_taken_up_as_a_whole(
    plant: Plant, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    """Whatever was committed before, the next run of the same files ends as if nothing had happened."""
    plant.write(NAME, pieces(1, 5) + b"odd\r\n")
    (proposal,) = tick(plant.tenancy, watched(plant.tenancy), bounds_of(plant.tenancy.settings), set()).proposals

    def die(_job: Job) -> Iterator[DayReport]:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(engine, "STEPS", (*engine.STEPS[:steps], die))
        with pytest.raises(KeyboardInterrupt):
            run_batch(plant.tenancy, proposal.batch_id, "dead")
    plant.conserved()
    plant.clock.forward(hours=2)
    plant.run()
    assert plant.session().total_pieces == 5
    assert plant.rows("SELECT status FROM observation") == [("processed",)]
    assert plant.rows("SELECT count(*) FROM dead_letter") == [(1,)]
    assert (plant.root / "data" / page_key("default", "DEM12", DAY)).exists()


def test_a_version_that_was_overtaken_before_it_was_copied_is_no_failure(plant: Plant) -> None:
    """The file grew between the look and the run: what it has become is read at once."""
    plant.write(NAME, pieces(1, 2))
    (proposal,) = tick(plant.tenancy, watched(plant.tenancy), bounds_of(plant.tenancy.settings), set()).proposals
    plant.clock.forward(minutes=1)
    plant.write(NAME, pieces(1, 7))
    run_batch(plant.tenancy, proposal.batch_id, "run")
    assert plant.session().total_pieces == 7
    assert sorted(plant.rows("SELECT status FROM observation")) == [("processed",), ("superseded",)]
    plant.conserved()


def test_files_of_two_cases_are_one_day(plant: Plant) -> None:
    plant.write("20250512.LOG", pieces(1, 2))
    plant.write("20250512.log", pieces(3, 4))
    plant.run()
    assert plant.session().total_pieces == 4


def test_anomalies_are_kept_with_their_session(plant: Plant) -> None:
    plant.write(NAME, pieces(1, 2) + b"20250512 07:00:00|@MachineStop\r\n")
    plant.run()
    assert plant.rows("SELECT kind FROM machine_anomaly") == [("open_stop",)]
    plant.clock.forward(minutes=5)
    plant.write(NAME, pieces(1, 2) + b"20250512 07:00:00|@MachineStop\r\n20250512 07:05:00|@MachineStart\r\n")
    plant.run()
    assert plant.rows("SELECT kind FROM machine_anomaly") == []


def test_a_rate_out_of_line_with_the_centres_history_is_told(plant: Plant) -> None:
    """Ten days of 40 to 49 pieces in an hour, then one of 4."""
    plant.clock.set("2025-06-01 00:00:00")
    for day in range(1, 12):
        number = 4 if day == 11 else 39 + day
        seconds = [6 * 3600 + one * 3600 // (number - 1) for one in range(number)]
        clocks = [f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}" for second in seconds]
        lines = "".join(f"202505{day:02} {clock}|@StukUitgevoerd: {one}\n" for one, clock in enumerate(clocks))
        plant.write(f"202505{day:02}.LOG", lines.encode())
    plant.run()
    query = "SELECT date_production, detail FROM machine_anomaly JOIN session_production ON id = session_id"
    ((day, detail),) = plant.rows(f"{query} WHERE kind = 'rate_out_of_line'")
    assert day == "2025-05-11"
    assert str(detail).startswith("pieces an hour 4.0, median of 10 earlier sessions 44.5")


def test_files_out_of_bounds_are_told_and_left(plant: Plant) -> None:
    plant.write("20140101.LOG", pieces(1, 2))
    plant.write("20250513.LOG", pieces(1, 2))
    plant.write("x.LOG", pieces(1, 2))
    found = tick(plant.tenancy, watched(plant.tenancy), bounds_of(plant.tenancy.settings), set()).found
    assert dict(found.left) == {"too early": 1, "future": 1, "not ours": 1}
    assert found.new == 0


def test_every_centre_has_its_row(plant: Plant, tmp_path: Path) -> None:
    plant.write(NAME, pieces(1, 2))
    plant.write(NAME, pieces(1, 2), "SU12 (HYBRIDE)")
    plant.run()
    assert plant.rows("SELECT nom, type_cu, actif FROM centre_usinage ORDER BY nom") == [
        ("DEM12", "PVC", 1),
        ("SU12", "HYBRIDE", 1),
    ]
    assert (tmp_path / "machines" / FOLDER / NAME).exists()
