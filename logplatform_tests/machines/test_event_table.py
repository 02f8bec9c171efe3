"""`machine_events`: rows hold what the log said, in both times, and make the same day again."""

from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from logplatform.machines.clock import PlantClock
from logplatform.machines.event_table import RowOrigin, to_batch, to_day
from logplatform.machines.reading import ReadingLimits, read_events
from logplatform.machines.session import compute_session
from logplatform_tests.machines.reading import DAY, read_bytes
from logplatform_tests.machines.test_properties import FILES, encoded, same

ORIGIN = RowOrigin("default", "DEM12", DAY, 1)


def batches(data: bytes, zone: str = "UTC") -> list[pa.RecordBatch]:
    clock, found = PlantClock(zone), []
    for block, _ in read_events([data], ReadingLimits(), final=True):
        rows = np.arange(len(block))
        found.append(to_batch(block, rows, *clock.read(block.time), ORIGIN))
    return found


def test_rows_hold_what_the_log_said() -> None:
    (batch,) = batches("20250512 06:00:00|@JobProfiel: R:1 C:Grisé\n20250512 06:00:01|@Wissel\n".encode("latin-1"))
    first, second = batch.to_pylist()
    assert first == {
        "tenant": "default",
        "centre": "DEM12",
        "production_day": date(2025, 5, 12),
        "timestamp": datetime(2025, 5, 12, 6, tzinfo=UTC),
        "local_time": datetime(2025, 5, 12, 6, tzinfo=UTC).replace(tzinfo=None),
        "fold": False,
        "event": "JobProfiel",
        "numero_piece": None,
        "wait_ms": None,
        "details": "R:1 C:Grisé",
        "version": 1,
        "line": 1,
    }
    assert (second["event"], second["details"], second["line"]) == ("Wissel", None, 2)


@given(FILES, st.sampled_from(["latin-1", "utf-16", "utf-8-sig"]))
def test_a_day_read_back_has_the_same_session(lines: list[str], codec: str) -> None:
    data = encoded(lines).decode("latin-1").encode(codec)
    assert same(compute_session(DAY, to_day(batches(data))), read_bytes([data]).session)


def test_the_hour_that_comes_twice_sorts_right_in_utc() -> None:
    """26 October 2025 in Brussels: 02:30 comes at 00:30 UTC, and once more at 01:30 UTC."""
    clocks = ["01:59:00", "02:30:00", "02:59:00", "02:10:00", "02:30:00", "03:00:00"]
    data = "".join(f"20251026 {clock}|@StukUitgevoerd: {n}\n" for n, clock in enumerate(clocks)).encode()
    (batch,) = batches(data, "Europe/Brussels")
    assert [f"{moment:%H:%M}" for moment in batch["timestamp"].to_pylist()] == [
        "23:59", "00:30", "00:59", "01:10", "01:30", "02:00",
    ]  # fmt: skip
    assert batch["fold"].to_pylist() == [False, False, False, True, True, False]
    assert to_day([batch]).steps_back.tolist() == []


def test_summer_and_winter_time() -> None:
    (batch,) = batches(b"20250115 12:00:00|@A\n20250715 12:00:00|@A\n", "Europe/Brussels")
    assert [moment.hour for moment in batch["timestamp"].to_pylist()] == [11, 10]


def test_years_at_the_edge_are_kept() -> None:
    """No zone may push a time out of what a calendar holds."""
    (batch,) = batches(b"00010101 00:00:00|@A\n99991231 23:59:59|@A\n", "America/New_York")
    assert batch.num_rows == 2
    assert [moment.year for moment in batch["local_time"].to_pylist()] == [1, 9999]
