"""What a ticket is: its fields, its rules, and the reasons for which a message is none.

What belongs here: the rules of one field each, and the words for breaking them. What does not: decoding whole
messages (`validate.py`).

A ticket (JSON): `ticket_id` UUID in its text form of RFC 9562 (any case); `client_id` `CLIENT_` and 4 digits;
`created_at` ISO 8601 as Python's `datetime.fromisoformat` reads it, UTC if it names no zone; `request` 1 to 500
characters; `request_type` and `priority` one of a few words. Other fields are ignored.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from logplatform.settings.tickets import Priority, RequestType

Field = Literal["ticket_id", "client_id", "created_at", "request", "request_type", "priority"]

REQUEST_TYPES: tuple[RequestType, ...] = ("billing", "technical", "account", "general")
PRIORITIES: tuple[Priority, ...] = ("low", "medium", "high", "critical")
FIELDS: tuple[Field, ...] = ("ticket_id", "client_id", "created_at", "request", "request_type", "priority")
MAX_REQUEST_CHARACTERS = 500

CLIENTS = frozenset(f"CLIENT_{number:04}" for number in range(10_000))

BROKEN: dict[Field, str] = {
    "ticket_id": "ticket_id is not a UUID",
    "client_id": "client_id is not CLIENT_ and 4 digits",
    "created_at": "created_at is not an ISO 8601 time",
    "request": f"request is not 1 to {MAX_REQUEST_CHARACTERS} characters",
    "request_type": f"request_type is none of {', '.join(REQUEST_TYPES)}",
    "priority": f"priority is none of {', '.join(PRIORITIES)}",
}
EMPTY = "the message is empty"
NOT_UTF8 = "the message is not UTF-8"
NOT_JSON = "the message is not JSON"
NOT_AN_OBJECT = "the message is not a JSON object"


def missing(field: Field) -> str:
    """The reason for a field that is not there, or null."""
    return f"{field} is missing"


def not_text(field: Field) -> str:
    """The reason for a field of another type."""
    return f"{field} is not a text"


def too_long(limit: int) -> str:
    """The reason for a message over `limit` bytes."""
    return f"the message is longer than {limit} bytes"


@dataclass(frozen=True, slots=True)
class Ticket:
    """A valid ticket. `key` is the UUID's 16 bytes: equal keys, same ticket.

    `ticket_id` is in lower case; `created_us` counts microseconds since 1970 UTC, `created_at` is the text as it came,
    and so are the others.
    """

    key: bytes
    ticket_id: str
    client_id: str
    created_us: int
    created_at: str
    request: str
    request_type: RequestType
    priority: Priority


def uuid_key(text: str) -> bytes | None:
    """The 16 bytes of a UUID in the form 8-4-4-4-12 hexadecimal digits (RFC 9562, section 4); None for another text."""
    if len(text) != 36 or text[8:24:5] != "----":
        return None
    try:
        key = bytes.fromhex(text.replace("-", ""))
    except ValueError:
        return None
    # A fifth hyphen, or a blank (which fromhex skips), leaves fewer bytes.
    return key if len(key) == 16 else None


def uuid_text(key: bytes) -> str:
    """The text form of a UUID's 16 bytes, in lower case."""
    text = key.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_US = -62_135_596_800_000_000
_LAST_US = 253_402_300_799_999_999
_DAY_US = 86_400_000_000
# `fromisoformat` takes any character between date and time; ISO 8601 a T, RFC 3339 a blank too.
_FORM = re.compile(r"[0-9W-]{7,10}(?:[T ][0-9:.,]+(?:Z|[+-][0-9:]{2,})?)?")


def instant_us(text: str) -> int | None:
    """Microseconds since 1970 UTC of an ISO 8601 time; None for another text and outside the years 1 to 9999.

    A time without a zone is UTC; a date alone is its first instant; digits past the microsecond are cut.
    """
    if text[10:11] != "T" or not text.isascii():
        text = text.upper()
        if _FORM.fullmatch(text) is None:
            return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    since: timedelta = (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)) - _EPOCH
    instant = since.days * _DAY_US + since.seconds * 1_000_000 + since.microseconds
    return instant if _FIRST_US <= instant <= _LAST_US else None
