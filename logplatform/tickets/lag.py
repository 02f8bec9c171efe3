"""How far each topic is read, and what of it waits.

What belongs here: comparing the committed offsets with the log. What does not: reading messages in bulk (`ingest.py`),
and what is told of a lag (`measures.py`, `sensors.py`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from logplatform.settings.tickets import TicketTopic
from logplatform.stores.ticket_log import TicketLog
from logplatform.stores.ticket_state import TicketState, TopicKey
from logplatform.tenancy import Tenancy
from logplatform.tickets.ticket import Ticket
from logplatform.tickets.topics import exists, open_log, topics
from logplatform.tickets.validate import parse_ticket

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class TopicLag:
    """One topic: for each partition the offset to go on from (`taken`), and what the log holds, `starts` to `ends`."""

    source: TicketTopic
    log: TicketLog
    taken: Mapping[int, int]
    starts: Mapping[int, int]
    ends: Mapping[int, int]

    @property
    def key(self) -> TopicKey:
        """The topic's name in the store."""
        return TopicKey(self.source.name, self.source.topic)

    @property
    def waiting(self) -> int:
        """Messages that are not taken in yet."""
        return sum(max(0, end - self.first(partition)) for partition, end in self.ends.items())

    def first(self, partition: int) -> int:
        """The offset that is taken next."""
        return self.taken.get(partition, self.starts[partition])

    def gaps(self) -> Iterator[str]:
        """What the log lacks, a sentence a partition: messages that were never taken, or all after those taken."""
        for partition, start in sorted(self.starts.items()):
            first, end = self.first(partition), self.ends[partition]
            place = f"{self.source.topic}/{partition}"
            if first < start:
                yield f"{place}: the messages {first:,} to {start - 1:,} are gone from the log, and were not taken in"
            elif first > end:
                yield f"{place}: the log ends at {end:,}, but {first:,} messages were taken in: it was replaced"

    def waits_since(self, max_line_bytes: int) -> datetime | None:
        """When the first waiting message was made, as it tells itself (UTC); None if nothing waits, or it tells none.

        Of each partition the first message is looked at, and the oldest of them counts.
        """
        found: list[int] = []
        for partition, end in self.ends.items():
            first = self.first(partition)
            if self.starts[partition] <= first < end:
                block = next(self.log.read(partition, first, first + 1, max_line_bytes))
                parsed = parse_ticket(block.values[0])
                found += [parsed.created_us] if isinstance(parsed, Ticket) else []
        return _EPOCH + timedelta(microseconds=min(found)) if found else None


def lags(tenancy: Tenancy) -> list[TopicLag]:
    """Every topic that is switched on and was ever written to."""
    state = TicketState(tenancy.database, tenancy.tenant)
    sources = [source for source in topics(tenancy.settings) if exists(tenancy.settings, source)]
    with tenancy.database.read() as connection:
        taken = [state.offsets(connection, TopicKey(source.name, source.topic)) for source in sources]
    found = []
    for source, offsets in zip(sources, taken, strict=True):
        log = open_log(tenancy.settings, source)
        # The ends last: what was taken in by then cannot lie past them.
        found.append(TopicLag(source, log, offsets, log.starts(), log.ends()))
    return found
