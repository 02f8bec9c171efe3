"""Names of uploads: every name is safe or refused, none is a failure of ours."""

from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from logplatform.uploads.naming import file_type, name_fault, secure_name, stored_name

NOW = datetime(2026, 3, 2, 9, 5, 7, tzinfo=UTC)


@given(st.text(max_size=400))
@example("../../etc/passwd.csv")
@example("..\\..\\boot.json")
@example(".csv")
@example("日本.json")
@example("a" * 300 + ".csv")
@example("CON.csv")
def test_any_name_becomes_safe(name: str) -> None:
    """It stays in its folder, fits any file system, and keeps the extension by which it is read."""
    stored = stored_name(name, "0123456789abcdef", NOW)
    assert stored.startswith("20260302_090507_01234567_")
    assert len(stored.encode()) <= 255
    assert not set(stored) & set("/\\\0")
    safe = secure_name(name)
    assert safe
    assert not safe.startswith(".")
    if name_fault(name) is None:
        assert file_type(stored) == file_type(name)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        (None, "No file provided"),
        ("", "No file selected"),
        ("folder/", None if file_type("folder") else "File must have an extension"),
        ("logs", "File must have an extension"),
        ("logs.", "File must have an extension"),
        (".csv", "File must have an extension"),
        ("logs.txt", "File extension '.txt' not allowed. Allowed: .csv, .json"),
        ("logs.CSV", None),
        ("logs.tar.json", None),
    ],
)
def test_names_are_refused_in_the_words_that_clients_know(name: str | None, fault: str | None) -> None:
    """Clients of the existing system compare these texts."""
    assert name_fault(name) == fault
