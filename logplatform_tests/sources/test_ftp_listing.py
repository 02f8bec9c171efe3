"""The forms in which FTP servers tell of files."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from logplatform.sources.ftp_listing import fact_line, list_line, list_lines, stamp_ns
from logplatform.sources.links import Found

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = 10**9


def _day(year: int, month: int, day: int, zone: str = "UTC") -> int:
    return int(datetime(year, month, day, tzinfo=ZoneInfo(zone)).timestamp()) * SECOND


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (
            "-rw-r--r--    1 1000     1000           12 Feb 28 09:15 a (1) b.log",
            Found("a (1) b.log", "file", 12, _day(2026, 2, 28)),
        ),
        ("-rw-r--r--   1 ftp ftp 7 Dec 31 23:59 x", Found("x", "file", 7, _day(2025, 12, 31))),
        ("-rw-r--r--   1 ftp ftp 7 Mar  2 00:30 ahead", Found("ahead", "file", 7, _day(2026, 3, 2))),
        (
            "-rw-r--r--   1 ftp domain users 7 Mar  2  2019  led by a blank",
            Found(" led by a blank", "file", 7, _day(2019, 3, 2)),
        ),
        ("-rw-r--r--   1 ftp ftp 7 Feb 29 2024 leap", Found("leap", "file", 7, _day(2024, 2, 29))),
        (
            "drwxr-xr-x+  2 ftp ftp 4096 Jan  1 00:00 DEM12 (PVC)",
            Found("DEM12 (PVC)", "folder", 4096, _day(2026, 1, 1)),
        ),
        ("lrwxrwxrwx   1 ftp ftp 5 Jan  1 00:00 l -> a -> b", Found("l", "other", 5, _day(2026, 1, 1))),
        ("prw-r--r--   1 ftp ftp 0 Jan  1 00:00 pipe", Found("pipe", "other", 0, _day(2026, 1, 1))),
        (
            "02-29-24  04:05PM              1234567 20240229.LOG",
            Found("20240229.LOG", "file", 1234567, _day(2024, 2, 29)),
        ),
        (
            "01-23-2026  04:05PM       <DIR>          SU12 (HYBRIDE)",
            Found("SU12 (HYBRIDE)", "folder", 0, _day(2026, 1, 23)),
        ),
        ("01-23-99  16:05       <JUNCTION>     away", Found("away", "other", 0, _day(1999, 1, 23))),
        ("something else", None),
        ("-rw-r--r--   1 ftp ftp 7 Foo  2 00:30 x", None),
    ],
)
def test_lines_of_list(line: str, found: Found | None) -> None:
    """A time is told as its day: the same file shows another form of it half a year later."""
    assert list_line(line, UTC, NOW) == found


def test_times_are_read_in_the_servers_zone() -> None:
    found = list_line("-rw-r--r-- 1 f f 7 Feb 28 23:59 x", ZoneInfo("Europe/Paris"), NOW)
    assert found is not None
    assert found.mtime_ns == _day(2026, 2, 28, "Europe/Paris")


def test_a_line_that_is_not_understood_spoils_the_listing() -> None:
    """The names alone are asked for then, so that no file is passed over."""
    good = "-rw-r--r-- 1 f f 7 Feb 28 23:59 x"
    assert list_lines(["total 8", good, ""], UTC, NOW) == [list_line(good, UTC, NOW)]
    assert list_lines([good, "garbled"], UTC, NOW) is None


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("Type=file;Size=5;Modify=20260301100000; a;b=c d", Found("a;b=c d", "file", 5, stamp_ns("20260301100000"))),
        ("type=dir;modify=20260301100000.5;  x", Found(" x", "folder", 0, stamp_ns("20260301100000"))),
        ("type=cdir; .", Found(".", "other", 0, 0)),
        ("type=OS.unix=symlink;size=3; l", Found("l", "other", 3, 0)),
        ("nothing", None),
    ],
)
def test_lines_of_facts(line: str, found: Found | None) -> None:
    assert fact_line(line) == found


@pytest.mark.parametrize("text", ["", "x", "2026", "20261399000000", "99999999999999"])
def test_a_time_that_is_none_is_not_told(text: str) -> None:
    assert stamp_ns(text) == 0
