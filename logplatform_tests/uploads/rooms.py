"""A room of a test's own, with a clock that the test sets.

What belongs here: opening it and working its queue off. What does not: what is asserted.
"""

import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from logplatform.settings.model import Settings
from logplatform.settings.stores import QueueStore, UploadsStore
from logplatform.uploads.room import UploadRoom, open_uploads
from logplatform.uploads.worker import work

_STORES = "stores.json"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass
class Clock:
    """A clock that stands until it is moved."""

    at: datetime = NOON

    def __call__(self) -> datetime:
        return self.at

    def pass_by(self, **span: float) -> None:
        """Move on, by what `timedelta` takes."""
        self.at += timedelta(**span)


def settings_in(folder: Path, **uploads: Any) -> Settings:
    """Settings of a data root in `folder`, with no guard of the disk and nothing that waits."""
    landing = {"disk_space_threshold_gb": 0, "disk_space_target_gb": 0}
    section = {"settle_seconds": 0, "retry_seconds": 0, **uploads}
    stores = stores_in(folder)
    return Settings.model_validate(
        {"data_root": folder / "data", "landing": landing, "uploads": section, "stores": stores}
    )


def put_stores(folder: Path, uploads: UploadsStore, queue: QueueStore) -> None:
    """Let everybody who opens a room in this folder, in whatever process, find its ledger and queue on servers."""
    folder.mkdir(parents=True, exist_ok=True)
    told = {"uploads": _told(uploads), "queue": _told(queue)}
    (folder / _STORES).write_text(json.dumps(told), encoding="utf-8")


def stores_in(folder: Path) -> dict[str, Any]:
    """The section `stores` of this folder; empty if all is embedded."""
    place = folder / _STORES
    return json.loads(place.read_text(encoding="utf-8")) if place.exists() else {}


def _told(section: UploadsStore | QueueStore) -> dict[str, Any]:
    password = section.password
    told = section.model_dump(mode="json", exclude={"password"}, exclude_none=True)
    return told if password is None else {**told, "password": password.get_secret_value()}


@contextmanager
def opened(folder: Path, clock: Clock, **uploads: Any) -> Generator[UploadRoom]:
    """The room at this moment of the clock."""
    with open_uploads(settings_in(folder, **uploads), clock) as room:
        yield room


def work_off(room: UploadRoom) -> list[str]:
    """Do all jobs; what became of each."""
    return [outcome for _, outcome in work(room, "test", lambda: False, once=True)]
