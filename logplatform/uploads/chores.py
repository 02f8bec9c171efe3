"""What a worker does beside its jobs: it looks into inboxes, derives what has changed, keeps the index quick.

What belongs here: these chores and how often. What does not: the loop that does them (`worker`).
"""

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from logplatform.failures import LeaseHeld, LogplatformError, TransientFailure
from logplatform.landing.leases import holder_name
from logplatform.orchestration.discovery import look
from logplatform.uploads.derive import derive_alerts, derive_metrics
from logplatform.uploads.inbox import inbox_sources, take, watched
from logplatform.uploads.ingest import Doing
from logplatform.uploads.put_away import settle_refused
from logplatform.uploads.room import UploadRoom
from logplatform.uploads.upkeep import tidy
from logplatform.uploads.worker import Chore

DERIVE_SECONDS = 30.0
TIDY_SECONDS = 600.0
_MOST_FILES = 100
_MOST_BYTES = 256 << 20
_LOOK_SECONDS = 5.0
_logger = logging.getLogger("logplatform.uploads")


@dataclass(frozen=True, slots=True)
class Chores:
    """The chores of a worker by the name `run_id`; what fails is tried again the next time, and told in the log."""

    room: UploadRoom
    run_id: str

    def all(self) -> Sequence[Chore]:
        """The chores with their intervals."""
        return [
            Chore(self.room.tenancy.settings.uploads.interval_seconds, self.inboxes),
            Chore(DERIVE_SECONDS, self.derive),
            Chore(TIDY_SECONDS, self.tidy),
        ]

    def inboxes(self) -> None:
        """Take what lies in the inboxes, some files at a time; somebody else may be at it."""
        tenancy = self.room.tenancy
        found = look(tenancy.ledger, watched(tenancy), _LOOK_SECONDS)
        for name, reason in found.failures.items():
            _logger.warning("inbox %s: %s", name, reason)
        if found.new or found.known:
            try:
                take(self.room, Doing(self.run_id), _MOST_FILES, _MOST_BYTES)
            except LeaseHeld:
                return
            except TransientFailure as failure:
                _logger.warning("%s", failure)

    def derive(self) -> None:
        """Derive what has changed; while jobs wait they go first, for the days would change again."""
        if len(self.room.queue):
            return
        for derive in (derive_alerts, derive_metrics):
            # Somebody else is at it, or has changed the index meanwhile: the days stay marked.
            with suppress(TransientFailure):
                derive(self.room, holder_name(self.run_id), self.run_id)

    def tidy(self) -> None:
        """Merge event days of many files, remove those that are too old, forget refused files that are dealt with."""
        for source in inbox_sources(self.room.tenancy):
            with suppress(LogplatformError):
                settle_refused(self.room.tenancy, source)
        tidy(self.room, self.room.tenancy.settings.uploads.index_days)
