"""A run and a stream, and what they tell.

What belongs here: opening the stores for one command, going on until stopped, adding up. What does not: commits
(`ingest.py`), and printing.
"""

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from logplatform.failures import TransientFailure
from logplatform.settings.model import Settings
from logplatform.stores.ticket_state import CommitRow
from logplatform.tenancy import Tenancy, open_tenancy
from logplatform.tickets.engine import open_engine
from logplatform.tickets.ingest import Ingest

Tell = Callable[[str], object]


@dataclass(slots=True)
class Report:
    """What was committed; messages = accepted + rejected + duplicates, and conflicts are among the duplicates."""

    commits: int = 0
    messages: int = 0
    accepted: int = 0
    rejected: int = 0
    duplicates: int = 0
    conflicts: int = 0
    bytes: int = 0
    seconds: float = 0.0

    def add(self, commit: CommitRow) -> None:
        """Count one more commit."""
        self.commits += 1
        for name in ("messages", "accepted", "rejected", "duplicates", "conflicts", "bytes"):
            setattr(self, name, getattr(self, name) + getattr(commit, name))

    def text(self) -> str:
        """One line for people."""
        return f"{self.commits} commits in {self.seconds:.1f} s: {_counts(self)}"


def _counts(counted: Report | CommitRow) -> str:
    text = (
        f"{counted.messages} messages = {counted.accepted} tickets + {counted.rejected} refused "
        f"+ {counted.duplicates} duplicates"
    )
    return f"{text} ({counted.conflicts} of them contradict the first)" if counted.conflicts else text


@dataclass(frozen=True, slots=True)
class Progress:
    """The ingest as a command runs it; `days_told` is called after commits, to tell Dagster of their days."""

    settings: Settings
    days_told: Callable[[Tenancy], object] = lambda _: None

    def run(self, stopped: Callable[[], bool], tell: Tell) -> Report:
        """Commit all that is new; raises LeaseHeld if another process is at it."""
        report, start = Report(), time.monotonic()
        with open_tenancy(self.settings, "tickets") as tenancy:
            for commit in Ingest(tenancy, uuid.uuid4().hex).run(stopped):
                report.add(commit)
                tell(f"commit {commit.id}: {_counts(commit)}")
            report.seconds = time.monotonic() - start
            self.days_told(tenancy)
        return report

    def stream(self, stopped: threading.Event, interval_seconds: float, tell: Tell) -> Report:
        """Commit what is new every `interval_seconds`, from start to start, until stopped."""
        report, start = Report(), time.monotonic()
        with open_tenancy(self.settings, "tickets") as tenancy, open_engine(tenancy) as engine:
            ingest = Ingest(tenancy, uuid.uuid4().hex, engine)
            while not stopped.is_set():
                begun = time.monotonic()
                try:
                    for commit in ingest.run(stopped.is_set):
                        report.add(commit)
                        tell(f"commit {commit.id}: {_counts(commit)}")
                except TransientFailure as failure:
                    # Another is at it, or brokers are away for a while.
                    tell(f"left for the next time: {failure}")
                self.days_told(tenancy)
                stopped.wait(max(0.0, interval_seconds - (time.monotonic() - begun)))
        report.seconds = time.monotonic() - start
        return report
