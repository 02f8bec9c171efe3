"""Which names are turns of one log: `app.log`, `app.log.1.gz` and `app.log.2.gz` are, other logs are not.

What belongs here: what a rotation puts into a file's name. What does not: the decision that two files hold the same
content; their content's hash makes that.

Rotations known (logrotate with and without `dateext` and `extension`, log4j, cronolog): a number after the name
(`app.log.3`), `.old` or `.bak`, a date to the day, hour, minute or second joined by `.`, `-` or `_`
(`app.log-20250517`, `server.log.2016-12-19-16`, `access-2015-05-17.log`, `app-2025-05-17-2.log`), seconds since 1970
(`app.log-1747440000`), each with or without a compression's ending.

A date is told apart from a number, because rotations that count rename a file and those that date do it once: a
file dated the 17th never becomes one dated the 18th. Two files that both are dated, differently, are therefore
different logs' turns even if their content is the same (two days of the same three lines); nothing may drop one.
"""

import re
from dataclasses import dataclass

from logplatform.archives.formats import without_ending

_DATE = r"""
    (?:19|20)\d\d (?P<sep>[-_.]?) (?:0[1-9]|1[0-2]) (?P=sep) (?:0[1-9]|[12]\d|3[01])
    (?: [-_.T]? (?:[01]\d|2[0-3]) (?: [-_.:]? [0-5]\d (?: [-_.:]? [0-5]\d )? )? Z? )?
"""
_DATED = re.compile(
    rf"(?P<before>.+?) [-_.@] (?P<date>{_DATE} | 1\d{{9}}) (?P<after>(?: [-_.]\D.* | [-_.]\d{{1,6}}\b.* )?)", re.VERBOSE
)
_NUMBERED = re.compile(r"(?P<before>.+?)\.(?:\d{1,6}|old|bak)", re.IGNORECASE)
_NUMBER_AFTER_DATE = re.compile(r"[-_.]\d{1,6}(?=\.|$)")


@dataclass(frozen=True, slots=True)
class LogName:
    """A path taken apart: `log` is what all turns of one log share (folder included), `date` as its name writes it.

    `date` is None where the name has none.
    """

    log: str
    date: str | None


def log_name(path: str) -> LogName:
    """Take the rotation out of `path` (with `/`, relative to its source)."""
    folder, slash, name = path.rpartition("/")
    base = without_ending(name)
    date = None
    if (dated := _DATED.fullmatch(base)) is not None:
        date = dated["date"]
        base = dated["before"] + _NUMBER_AFTER_DATE.sub("", dated["after"], count=1)
    if (numbered := _NUMBERED.fullmatch(base)) is not None:
        base = numbered["before"]
    return LogName(f"{folder}{slash}{without_ending(base)}", date)


def same_log(one: LogName, other: LogName) -> bool:
    """Whether the two may be one file before and after a rotation; equal content then means the same file."""
    return one.log == other.log and (one.date is None or other.date is None or one.date == other.date)
