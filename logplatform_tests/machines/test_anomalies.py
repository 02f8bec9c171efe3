"""Each kind of anomaly: when it is told, and when it must not be."""

from logplatform.machines.anomalies import AnomalyRules, rate_anomalies, rates_of
from logplatform_tests.machines.reading import at, read_bytes, read_day

RULES = AnomalyRules(gap_ms=1_800_000, min_sessions=5)


def kinds(*lines: str) -> list[str]:
    return [found.kind for found in read_day(*lines).anomalies(RULES)]


def test_a_gap_is_told_unless_a_stop_or_a_wait_explains_it() -> None:
    """An hour of silence is a gap; with a stop of 45 min or a wait of 40 min in it, it is not."""
    first, last = "06:00:00 StukUitgevoerd: 1", "07:00:00 StukUitgevoerd: 2"
    assert kinds(first, last) == ["gap_without_event"]
    assert kinds(first, "06:00:00 MachineStop", "06:45:00 MachineStart", last) == []
    assert kinds(first, "06:00:00 MachineWait: 2400", last) == []


def test_silence_outside_the_window_is_no_gap() -> None:
    assert (
        kinds(
            "01:00:00 MachineStart", "06:00:00 StukUitgevoerd: 1", "06:10:00 StukUitgevoerd: 2", "09:00:00 MachineStart"
        )
        == []
    )


def test_an_unreadable_wait_is_told_and_counts_no_time() -> None:
    read = read_day("06:00:00 StukUitgevoerd: 1", "06:05:00 MachineWait: lang", "06:10:00 StukUitgevoerd: 2")
    assert [(found.kind, found.at) for found in read.anomalies(RULES)] == [("unreadable_wait", at("06:05:00"))]
    assert read.session.totals is not None
    assert read.session.totals.wait == 0


def test_a_wait_that_would_end_after_the_year_9999_is_unreadable() -> None:
    """No store could hold its end."""
    read = read_bytes([b"99991231 23:59:59|@MachineWait: 5\n"])
    assert [found.kind for found in read.anomalies(RULES)] == ["unreadable_wait"]


def test_a_clock_going_back_is_told_where_it_happens() -> None:
    found = read_day("06:00:00 StukUitgevoerd: 1", "06:10:00 MachineStart", "06:05:00 StukUitgevoerd: 2").anomalies(
        RULES
    )
    assert [(anomaly.kind, anomaly.at) for anomaly in found] == [("clock_going_back", at("06:05:00"))]


def test_duplicate_piece_numbers_are_told_once_a_number() -> None:
    found = read_day(
        *(f"06:00:0{second} StukUitgevoerd: {number}" for second, number in enumerate((1, 2, 1, 2, 1)))
    ).anomalies(RULES)
    assert [(anomaly.kind, anomaly.at, anomaly.detail) for anomaly in found] == [
        ("duplicate_piece_numbers", at("06:00:02"), "piece number 1 comes 3 times"),
        ("duplicate_piece_numbers", at("06:00:03"), "piece number 2 comes 2 times"),
    ]


def test_a_job_without_reference_is_told() -> None:
    assert kinds("06:00:00 JobProfiel: L:5 C:rood") == ["job_without_reference"]


def test_a_kind_never_floods_the_list() -> None:
    read = read_day(*("06:00:00 MachineWait: lang" for _ in range(250)))
    found = read.anomalies(AnomalyRules(most_per_kind=100))
    assert len(found) == 101
    assert found[-1].detail == "150 more of this kind"


def test_a_rate_out_of_line_is_told_against_the_median() -> None:
    """Nine earlier sessions around 100 pieces an hour (median 100, MAD 2): 107.6 scores 2.6, 60 scores -13.5."""
    history = [{"pieces an hour": float(rate)} for rate in (96, 97, 98, 99, 100, 101, 102, 103, 104)]
    assert rate_anomalies({"pieces an hour": 107.6}, history, 0, RULES) == []
    (found,) = rate_anomalies({"pieces an hour": 60.0}, history, 7, RULES)
    assert (found.kind, found.at) == ("rate_out_of_line", 7)
    assert "score -13.5" in found.detail


def test_no_rate_is_judged_against_too_few_sessions_or_without_spread() -> None:
    assert rate_anomalies({"pieces an hour": 1.0}, [{"pieces an hour": 100.0}] * 4, 0, RULES) == []
    assert rate_anomalies({"pieces an hour": 1.0}, [{"pieces an hour": 100.0}] * 9, 0, RULES) == []


def test_rates_of_a_session() -> None:
    """3 pieces in half an hour of which 6 minutes are stop: 6 an hour, 80 % effective, 20 % stop."""
    session = read_day(
        "06:00:00 StukUitgevoerd: 1",
        "06:10:00 MachineStop",
        "06:16:00 MachineStart",
        "06:20:00 StukUitgevoerd: 2",
        "06:30:00 StukUitgevoerd: 3",
    ).session
    assert rates_of(session) == {
        "pieces an hour": 6.0,
        "taux_occupation": 80.0,
        "taux_attente": 0.0,
        "taux_arret_volontaire": 20.0,
    }
