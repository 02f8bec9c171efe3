"""Uploads as documents of the collection `uploads`: the fields that its users know, and ours beside them.

What belongs here: the form of a document, both ways. What does not: the collection (`mongo_client`), and changing
documents (`mongo_ledger`).

BSON keeps milliseconds, whole numbers of 64 bits, and no `$` or `.` in names everywhere. A preview holds what its
sender wrote: a record of it that does not fit is kept as its JSON text.
"""

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

from logplatform.stores.upload_record import UploadRecord

_TIMES = ("uploaded_at", "updated_at", "completed_at", "failed_at")
_DEEPEST = 50
_LARGEST = 1 << 63


def to_milliseconds(at: datetime) -> datetime:
    """The time as the collection keeps it."""
    return at.replace(microsecond=at.microsecond // 1_000 * 1_000)


def kept_record(record: UploadRecord) -> UploadRecord:
    """The record as it is when it is read again."""
    times = {name: at if (at := getattr(record, name)) is None else to_milliseconds(at) for name in _TIMES}
    return replace(record, **times)


def document_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """A whole record's fields as a document, without those that it is found by."""
    return {
        **{name: value for name, value in fields_of(values).items() if name != "job_id"},
        "file_path": f"uploads/{values['unique_filename']}",
        "preview": [_stored(one) for one in values["preview"]],
    }


def fields_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """Some fields of a record as a document holds them; `processed` goes with the status."""
    processed = {"processed": values["status"] == "completed"} if "status" in values else {}
    return {**values, **processed}


def record_of(document: Mapping[str, Any]) -> UploadRecord:
    """The record that a document holds."""
    values: dict[str, Any] = {
        field.name: document[field.name] for field in fields(UploadRecord) if field.name in document
    }
    values |= {name: values[name].astimezone(UTC) for name in _TIMES if values.get(name) is not None}
    preview = [json.loads(one) if isinstance(one, str) else one for one in values["preview"]]
    values["preview"] = preview
    return UploadRecord(**values)


def _stored(one: Mapping[str, Any]) -> Mapping[str, Any] | str:
    return one if _fits(one, _DEEPEST) else json.dumps(one)


def _fits(value: object, deepest: int) -> bool:
    if isinstance(value, str):
        return _is_text(value)
    if isinstance(value, int):
        return -_LARGEST <= value < _LARGEST
    if not deepest:
        return False
    if isinstance(value, Mapping):
        return all(_is_name(name) and _fits(one, deepest - 1) for name, one in value.items())
    if isinstance(value, list | tuple):
        return all(_fits(one, deepest - 1) for one in value)
    return True


def _is_name(name: object) -> bool:
    return isinstance(name, str) and not name.startswith("$") and not {".", "\0"} & set(name) and _is_text(name)


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
