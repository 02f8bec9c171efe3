"""Jobs as they stand in Redis: the JSON that producers push, and what the scripts keep beside it.

What belongs here: reading these forms, and writing a job. What does not: keys and commands (`redis_queue`).

The fields are those that producers and consumers of the list know: job_id, file_id, file_path, file_type, total_lines,
created_at. Nothing of them is trusted.
"""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec

from logplatform.stores.job_queue import Foreign, QueuedJob, UnreadableJob

_MOST_ID = 200
_BEGIN = datetime.min.replace(tzinfo=UTC)


def payload_of(job_id: str, foreign: Foreign, created_at: datetime) -> str:
    """A job as it is pushed."""
    told = {
        "job_id": job_id,
        "file_id": foreign.file_id,
        "file_path": foreign.file_path,
        "file_type": foreign.file_type,
        "total_lines": foreign.total_lines,
        "created_at": created_at.astimezone(UTC).isoformat(),
    }
    return json.dumps(told)


def mark_of(text: bytes | None) -> tuple[int, str, str]:
    """Claims, token and holder of a job's mark."""
    if text is None:
        return 0, "", ""
    claims, token, holder = text.decode("utf-8", "replace").split("\n", 2)
    return int(claims), token, holder


def identity_of(raw: bytes) -> bytes:
    """The job that a payload speaks of; empty if it cannot be read."""
    try:
        return str(msgspec.json.decode(raw)["job_id"]).encode()
    except (msgspec.DecodeError, KeyError, TypeError, UnicodeDecodeError):
        return b""


def job_of(job_id: bytes | None, raw: bytes, claims: int, until: float | None, token: str) -> QueuedJob | str:
    """A job as it was pushed; why it is none, if it is none. `until`: milliseconds of the server's clock."""
    try:
        told = json.loads(raw)
    except (ValueError, RecursionError):
        return "not JSON"
    if not isinstance(told, dict):
        return "no object"
    name = told.get("job_id")
    if not isinstance(name, str) or not name or len(name) > _MOST_ID or not name.isprintable():
        return f"job_id is no printable text of at most {_MOST_ID} characters"
    if job_id is not None and name.encode() != job_id:
        return "job_id is there twice"
    created = _moment(told.get("created_at"))
    available = created if until is None else datetime.fromtimestamp(until / 1_000, UTC)
    return QueuedJob(name, created, available, claims, _foreign(told), token)


def _foreign(told: dict[str, Any]) -> Foreign:
    """What a producer tells of its file, as far as it can be understood."""

    def text(name: str) -> str | None:
        value = told.get(name)
        return value if isinstance(value, str) else None

    lines = told.get("total_lines")
    counted = lines if isinstance(lines, int) and not isinstance(lines, bool) and 0 <= lines < 1 << 62 else None
    return Foreign(text("file_id"), text("file_path"), text("file_type"), counted)


def _moment(told: object) -> datetime:
    """A time as a producer tells it; UTC if it names no zone, and the beginning of all time if it is none."""
    try:
        found = datetime.fromisoformat(told) if isinstance(told, str) else _BEGIN
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return _BEGIN


def unreadable_of(text: bytes) -> UnreadableJob:
    """What the scripts have set aside."""
    at, reason, raw = text.split(b"\n", 2)
    return UnreadableJob(datetime.fromtimestamp(int(at) / 1_000, UTC), reason.decode(), raw)
