"""Rotation names: what is one log's next turn, and what only looks like it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logplatform.archives.rotation import log_name, same_log


@pytest.mark.parametrize(
    ("path", "log", "date"),
    [
        ("app.log", "app.log", None),
        ("app.log.1", "app.log", None),
        ("app.log.2.gz", "app.log", None),
        ("app.log.12.zst", "app.log", None),
        ("app.log.old", "app.log", None),
        ("app.gz.1", "app", None),
        ("app.log-20250517", "app.log", "20250517"),
        ("app.log-20250517.gz", "app.log", "20250517"),
        ("app.log.20250517.1.gz", "app.log", "20250517"),
        ("app.log-1747440000.bz2", "app.log", "1747440000"),
        ("app-2025-05-17-2.log.gz", "app.log", "2025-05-17"),
        ("access-2015-05-17.log.gz", "access.log", "2015-05-17"),
        ("server.log.2016-12-19-16.gz", "server.log", "2016-12-19-16"),
        ("messages-20250517T1200.xz", "messages", "20250517T1200"),
        ("a/b/app.log.1.gz", "a/b/app.log", None),
        ("node-1.log", "node-1.log", None),
        ("db-20159999.log", "db-20159999.log", None),
        ("20250517.log", "20250517.log", None),
        (".gz", ".gz", None),
    ],
)
def test_names_are_taken_apart(path: str, log: str, date: str | None) -> None:
    """Each rotation style that the module names, and the names that must not be taken for one."""
    found = log_name(path)
    assert (found.log, found.date) == (log, date)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("app.log", "app.log.1.gz", True),
        ("app.log.1.gz", "app.log.2.gz", True),
        ("app.log", "app.log-20250517.gz", True),
        ("app.log-20250517", "app.log-20250517.gz", True),
        ("app.log-20250517.gz", "app.log-20250518.gz", False),
        ("server.log.2016-12-19-16.gz", "controller.log.2016-12-19-16.gz", False),
        ("a/app.log", "b/app.log.1", False),
        ("node-1.log", "node-2.log", False),
    ],
)
def test_turns_of_one_log(one: str, other: str, same: bool) -> None:
    """Only turns that renaming can reach are one file; two days of the same text are two files."""
    assert same_log(log_name(one), log_name(other)) is same
    assert same_log(log_name(other), log_name(one)) is same


@given(st.text(max_size=60))
def test_any_name_is_taken_apart_and_keeps_something(path: str) -> None:
    """A hostile name never raises and never shrinks to nothing (which would make all such names one log)."""
    found = log_name(path)
    assert bool(found.log) == bool(path)
    assert same_log(found, found)
