"""What FTP servers answer about files, as values.

What belongs here: the forms of listings and times, pure. What does not: asking for them (`ftp`).

MLSD and MLST: RFC 3659, facts before the first space, times in UTC. LIST has no standard: the form of `ls -l` (vsftpd,
ProFTPD, Pure-FTPd, FileZilla Server) and that of IIS are read.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo

from logplatform.sources.base import held_mtime
from logplatform.sources.links import Found, Kind

_SECOND = 1_000_000_000
_STAMP = re.compile(r"(\d{14})(?:\.\d*)?")
_UNIX = re.compile(
    r"(?P<kind>[-dlbcpsD])[-rwxsStTlL]{9}[.+@]?\s+\d+\s+.*?\s+(?P<size>\d+)\s+"
    r"(?P<month>[A-Z][a-z]{2})\s+(?P<day>\d{1,2})\s+(?P<year>\d{4}|\d{1,2}:\d{2})\s(?P<name>.+)"
)
_DOS = re.compile(
    r"(?P<date>\d{2}-\d{2}-(?:\d{4}|\d{2}))\s+(?P<time>\d{1,2}:\d{2}(?:[AP]M)?)\s+(?P<size><[A-Z]+>\s*|[\d,]+)\s(?P<name>.+)"
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_UNIX_KINDS: Mapping[str, Kind] = {"-": "file", "d": "folder"}
_FACT_KINDS: Mapping[str, Kind] = {"file": "file", "dir": "folder"}


def stamp_ns(text: str) -> int:
    """The time of a fact `modify` or of an answer to MDTM (UTC), in whole seconds as nanoseconds; 0 for any other text.

    Parts of a second are left out: servers tell them in one answer and not in the next.
    """
    found = _STAMP.match(text.strip())
    if found is None:
        return 0
    try:
        moment = datetime.strptime(found[1], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return 0
    return held_mtime(int(moment.timestamp()) * _SECOND)


def fact_line(line: str) -> Found | None:
    """One line of MLSD, or that of MLST; None if it is none."""
    facts_text, space, name = line.partition(" ")
    if not space or not name:
        return None
    facts = {key.lower(): value for key, _, value in (fact.partition("=") for fact in facts_text.split(";"))}
    kind = _FACT_KINDS.get(facts.get("type", "").lower(), "other")
    size = facts.get("size", "")
    return Found(name, kind, int(size) if size.isdecimal() else 0, stamp_ns(facts.get("modify", "")))


def list_line(line: str, zone: tzinfo, now: datetime) -> Found | None:
    """One line of LIST; None if its form is not known. `now` is the present moment, `zone` that of the line's times.

    Its time is the day alone, at midnight in `zone`: the same file shows hour and minute at first, and months later a
    year in their place.
    """
    found = _UNIX.fullmatch(line)
    if found is not None:
        name, kind = found["name"], _UNIX_KINDS.get(found["kind"], "other")
        if found["month"] not in _MONTHS:
            return None
        day = _unix_day(found, zone, now)
        return Found(name.partition(" -> ")[0] if found["kind"] == "l" else name, kind, int(found["size"]), day)
    found = _DOS.fullmatch(line)
    if found is None:
        return None
    kind = "file" if found["size"][0] != "<" else "folder" if found["size"].strip() == "<DIR>" else "other"
    size = int(found["size"].replace(",", "")) if kind == "file" else 0
    return Found(found["name"], kind, size, _dos_day(found["date"], zone))


def list_lines(lines: Iterable[str], zone: tzinfo, now: datetime) -> list[Found] | None:
    """A whole LIST; None if a line of it is not understood."""
    found: list[Found] = []
    for line in lines:
        if not line.strip() or re.fullmatch(r"total \d+", line):
            continue
        one = list_line(line, zone, now)
        if one is None:
            return None
        found.append(one)
    return found


def _unix_day(found: "re.Match[str]", zone: tzinfo, now: datetime) -> int:
    local = now.astimezone(zone)
    month, day = _MONTHS.index(found["month"]) + 1, int(found["day"])
    # Without a year it is the last such day; tomorrow is taken for a clock that goes before ours.
    years = [int(found["year"])] if ":" not in found["year"] else [local.year + 1, local.year, local.year - 1]
    for year in [*years, years[-1] - 3]:
        try:
            moment = datetime(year, month, day, tzinfo=zone)
        except ValueError:
            continue
        if ":" not in found["year"] or moment <= local + timedelta(days=1):
            return _ns(moment)
    return 0


def _dos_day(text: str, zone: tzinfo) -> int:
    month, day, year = (int(part) for part in text.split("-"))
    # IIS shows two digits of the year: 70 to 99 are those of 19xx, as POSIX reads them.
    year += 0 if year > 99 else 2000 if year < 70 else 1900
    try:
        return _ns(datetime(year, month, day, tzinfo=zone))
    except ValueError:
        return 0


def _ns(moment: datetime) -> int:
    return held_mtime(int(moment.timestamp()) * _SECOND)
