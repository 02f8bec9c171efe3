"""One test for each sentence of the rules of a session, with figures worked out by hand."""

from decimal import Decimal

from logplatform.machines.anomalies import AnomalyRules
from logplatform.machines.columns import session_columns
from logplatform.machines.session import OPEN, Totals, compute_session
from logplatform_tests.machines.reading import DAY, at, read_bytes, read_day

NO_GAPS = AnomalyRules(gap_ms=86_400_000)


def test_window_is_first_to_last_piece() -> None:
    session = read_day("05:00:00 MachineStart", "06:00:00 StukUitgevoerd: 1", "08:30:00 StukUitgevoerd: 2").session
    assert (session.first_piece, session.last_piece) == (at("06:00:00"), at("08:30:00"))
    assert session.totals == Totals(duration=9_000_000, wait=0, stop=0)


def test_events_are_sorted_by_time_first() -> None:
    """A file written out of order has the same window and periods."""
    session = read_day(
        "08:00:00 StukUitgevoerd: 2", "07:00:00 MachineStart", "06:30:00 MachineStop", "06:00:00 StukUitgevoerd: 1"
    ).session
    assert session.totals == Totals(duration=7_200_000, wait=0, stop=1_800_000)
    assert session.numbers.tolist() == [1, 2]


def test_within_one_second_the_files_own_order_stands() -> None:
    """Start then stop in one second leaves the stop open; stop then start closes it at once."""
    opened = read_day("06:00:00 StukUitgevoerd: 1", "07:00:00 MachineStart", "07:00:00 MachineStop").session
    closed = read_day("06:00:00 StukUitgevoerd: 1", "07:00:00 MachineStop", "07:00:00 MachineStart").session
    assert opened.stops.end.tolist() == [OPEN]
    assert closed.stops.end.tolist() == [at("07:00:00")]


def test_events_of_another_date_stay_in_the_files_session() -> None:
    """A night shift goes on past midnight: 23:00 to 01:00 of the next day are two hours."""
    read = read_bytes([b"20250512 23:00:00|@StukUitgevoerd: 1\n20250513 01:00:00|@StukUitgevoerd: 2\n"])
    assert read.session.totals == Totals(duration=7_200_000, wait=0, stop=0)
    assert read.session.day == DAY


def test_no_window_with_fewer_than_two_distinct_piece_times() -> None:
    """None, one, and two pieces in the same second: every part of the window is undefined."""
    for lines in (
        [],
        ["06:00:00 StukUitgevoerd: 1"],
        ["06:00:00 StukUitgevoerd: 1", "06:00:00 StukUitgevoerd: 2", "06:00:00 MachineWait: 5"],
    ):
        columns = session_columns(read_day(*lines).session, "20250512.LOG")
        assert columns["duree_production_totale"] is None
        assert columns["temps_production_effectif"] is None
        assert columns["taux_occupation"] is None
        assert columns["total_pieces"] == sum("Stuk" in line for line in lines)


def test_a_wait_starts_at_its_event_and_lasts_its_length() -> None:
    session = read_day(
        "06:00:00 StukUitgevoerd: 1", "06:10:00 MachineWait: 12.5 sec", "07:00:00 StukUitgevoerd: 2"
    ).session
    assert (session.waits.start.tolist(), session.waits.end.tolist()) == ([at("06:10:00")], [at("06:10:00") + 12_500])
    assert session.totals == Totals(duration=3_600_000, wait=12_500, stop=0)


def test_a_stop_runs_to_the_next_start() -> None:
    session = read_day(
        "06:00:00 StukUitgevoerd: 1", "06:10:00 MachineStop", "06:25:00 MachineStart", "07:00:00 StukUitgevoerd: 2"
    ).session
    assert session.totals == Totals(duration=3_600_000, wait=0, stop=900_000)


def test_a_repeated_stop_does_not_move_its_beginning() -> None:
    session = read_day(
        "06:00:00 StukUitgevoerd: 1",
        "06:10:00 MachineStop",
        "06:20:00 MachineStop",
        "06:25:00 MachineStart",
        "07:00:00 StukUitgevoerd: 2",
    ).session
    assert session.stops.start.tolist() == [at("06:10:00")]
    assert session.totals == Totals(duration=3_600_000, wait=0, stop=900_000)


def test_pieces_in_between_do_not_end_a_stop() -> None:
    session = read_day(
        "06:00:00 StukUitgevoerd: 1",
        "06:10:00 MachineStop",
        "06:15:00 StukUitgevoerd: 2",
        "06:25:00 MachineStart",
        "07:00:00 StukUitgevoerd: 3",
    ).session
    assert session.totals == Totals(duration=3_600_000, wait=0, stop=900_000)


def test_a_stop_that_no_start_follows_ends_at_the_next_piece() -> None:
    read = read_day(
        "06:00:00 StukUitgevoerd: 1", "06:10:00 MachineStop", "06:15:00 StukUitgevoerd: 2", "07:00:00 StukUitgevoerd: 3"
    )
    assert read.session.totals == Totals(duration=3_600_000, wait=0, stop=300_000)
    assert [(found.kind, found.at) for found in read.anomalies(NO_GAPS)] == [("open_stop", at("06:10:00"))]


def test_each_stop_after_the_last_start_ends_at_its_own_next_piece() -> None:
    session = read_day(
        "06:00:00 StukUitgevoerd: 1",
        "06:10:00 MachineStop",
        "06:15:00 StukUitgevoerd: 2",
        "06:20:00 MachineStop",
        "06:21:00 MachineStop",
        "07:00:00 StukUitgevoerd: 3",
    ).session
    assert session.stops.start.tolist() == [at("06:10:00"), at("06:20:00")]
    assert session.totals == Totals(duration=3_600_000, wait=0, stop=300_000 + 2_400_000)


def test_a_stop_that_nothing_follows_stays_open_and_counts_nothing() -> None:
    read = read_day("06:00:00 StukUitgevoerd: 1", "07:00:00 StukUitgevoerd: 2", "07:10:00 MachineStop")
    assert read.session.totals == Totals(duration=3_600_000, wait=0, stop=0)
    assert read.session.stops.end.tolist() == [OPEN]
    assert "stays open" in read.anomalies(NO_GAPS)[0].detail


def test_waits_and_stops_are_clipped_to_the_window() -> None:
    """A wait from 05:59 over 2 min and a stop from 06:55 to 07:30 count 1 and 5 min of the window 06:00-07:00."""
    session = read_day(
        "05:59:00 MachineWait: 120",
        "06:00:00 StukUitgevoerd: 1",
        "06:55:00 MachineStop",
        "07:00:00 StukUitgevoerd: 2",
        "07:30:00 MachineStart",
    ).session
    assert session.totals == Totals(duration=3_600_000, wait=60_000, stop=300_000)


def test_common_seconds_of_a_wait_and_a_stop_count_once_as_stop() -> None:
    """Wait 06:10-06:20, stop 06:15-06:30: 5 min wait, 15 min stop."""
    session = read_day(
        "06:00:00 StukUitgevoerd: 1",
        "06:10:00 MachineWait: 600 sec",
        "06:15:00 MachineStop",
        "06:30:00 MachineStart",
        "07:00:00 StukUitgevoerd: 2",
    ).session
    assert session.totals == Totals(duration=3_600_000, wait=300_000, stop=900_000)


def test_overlapping_waits_count_once() -> None:
    """06:10-06:20, 06:15-06:25 and 06:11-06:12 are 15 minutes."""
    session = read_day(
        "06:00:00 StukUitgevoerd: 1",
        "06:10:00 MachineWait: 600",
        "06:11:00 MachineWait: 60",
        "06:15:00 MachineWait: 600",
        "07:00:00 StukUitgevoerd: 2",
    ).session
    assert session.totals == Totals(duration=3_600_000, wait=900_000, stop=0)


def test_columns_are_rounded_and_sums_are_not() -> None:
    """Three waits of a third of a second: 1 s of 10 s, though each alone would round to 0.0001 h."""
    columns = session_columns(
        read_day(
            "06:00:00 StukUitgevoerd: 1",
            "06:00:01 MachineWait: 0.333",
            "06:00:02 MachineWait: 0.333",
            "06:00:03 MachineWait: 0.334",
            "06:00:10 StukUitgevoerd: 2",
        ).session,
        "20250512.LOG",
    )
    assert columns["duree_production_totale"] == Decimal("0.0028")
    assert columns["temps_attente"] == Decimal("0.0003")
    assert columns["temps_production_effectif"] == Decimal("0.0025")
    assert (columns["taux_occupation"], columns["taux_attente"]) == (Decimal("90.00"), Decimal("10.00"))


def test_first_start_and_last_stop_are_of_the_whole_day() -> None:
    session = read_day(
        "05:00:00 MachineStart",
        "06:00:00 StukUitgevoerd: 1",
        "07:00:00 MachineStop",
        "07:05:00 MachineStart",
        "09:00:00 MachineStop",
    ).session
    assert (session.first_start, session.last_stop) == (at("05:00:00"), at("09:00:00"))


def test_a_day_without_events_is_a_session_of_no_pieces() -> None:
    """An empty file must be done with like any other, not stay for ever."""
    read = read_bytes([])
    assert len(read.session.pieces) == 0
    assert compute_session(DAY, read.events).totals is None


def test_jobs_come_with_their_time() -> None:
    session = read_day("06:00:00 JobProfiel: R:215023 L:3359.0 C:7016 G ALU", "06:00:00 JobProfiel: L:12").session
    assert [(job.text.reference, job.at) for job in session.jobs] == [
        ("215023", at("06:00:00")),
        (None, at("06:00:00")),
    ]
