"""Places where topics are: the Protocol `Topics`, and a folder of spools.

What belongs here: whether a topic is there, opening and making it. What does not: its messages (`ticket_log.py`), and
which place a source has (`logplatform.tickets.topics`).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from logplatform.stores.ticket_log import Spool, TicketLog


class Topics(Protocol):
    """Topics by their names."""

    def exists(self, topic: str) -> bool:
        """Whether a topic is there; nothing is made by asking. Raises Unreachable if it cannot be told."""
        ...

    def open(self, topic: str) -> TicketLog:
        """A topic to read from; PermanentFailure where it is missing and cannot be read as an empty one."""
        ...

    def make(self, topic: str, partitions: int) -> TicketLog:
        """A topic to write to, made if it is missing; one that is there keeps its partitions."""
        ...

    def make_refused(self, topic: str, partitions: int) -> TicketLog:
        """The topic of refused messages, made or widened to so many partitions; its `append_to` is all or nothing."""
        ...


@dataclass(frozen=True, slots=True)
class SpoolTopics:
    """Topics in `folder`; a new one gets `partitions`."""

    folder: Path
    partitions: int

    def exists(self, topic: str) -> bool:
        """Whether there is a folder of that name."""
        return (self.folder / topic).is_dir()

    def open(self, topic: str) -> Spool:
        """A spool that is missing is begun: it is read as an empty one."""
        return self.make(topic, self.partitions)

    def make(self, topic: str, partitions: int) -> Spool:
        """Open the folder, or make it."""
        return Spool.open(self.folder / topic, partitions)

    def make_refused(self, topic: str, partitions: int) -> Spool:
        """As any other; a spool cannot be widened."""
        return self.make(topic, partitions)
