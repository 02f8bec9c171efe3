"""The name of a machine log and what it says: `YYYYMMDD.LOG`, extension in any case, is one production day.

What belongs here: reading a day out of a file name. What does not: listing folders, or which centre a folder is.
"""

import datetime as dt
import re

from logplatform.failures import PermanentFailure

_NAME = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})\.log", re.IGNORECASE)


def production_day(name: str) -> dt.date | None:
    """The production day that a bare file name stands for, or None where it is no `YYYYMMDD.LOG` of a real day."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    year, month, day = (int(part) for part in found.groups())
    if not (year >= 1 and 1 <= month <= 12 and 1 <= day <= _days_in(year, month)):
        return None
    return dt.date(year, month, day)


def required_day(name: str) -> dt.date:
    """As `production_day`, for callers that cannot go on without one.

    Raises `PermanentFailure` naming the file and the form a name must have.
    """
    day = production_day(name)
    if day is None:
        raise PermanentFailure(f"{name}: not a machine log's name (YYYYMMDD.LOG with a real date)")
    return day


def _days_in(year: int, month: int) -> int:
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]
