"""How far each topic is read, and what of it waits.

What belongs here: comparing the committed offsets with the log. What does not: reading messages in bulk (`ingest.py`),
and what is told of a lag (`measures.py`, `sensors.py`).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from logplatform.failures import LogplatformError, Unreachable
from logplatform.settings.tickets import SpoolTopic, TicketTopic
from logplatform.stores.ticket_log import TicketLog
from logplatform.stores.ticket_state import TicketState, TopicKey
from logplatform.tenancy import Tenancy
from logplatform.tickets.ticket import Ticket
from logplatform.tickets.topics import place_in, topics
from logplatform.tickets.validate import parse_ticket

LOOK_SECONDS = 5.0
MADE_AGAIN = (
    "the topic was deleted and made again since the last commit: to read what it holds now, give its source another "
    "`name` in tickets.topics; tickets that came before still count once"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class TopicLag:
    """One topic: for each partition the offset to go on from (`taken`), and what the log holds, `starts` to `ends`.

    Not `known`: what was taken came from another topic of that name.
    """

    source: TicketTopic
    log: TicketLog
    taken: Mapping[int, int]
    starts: Mapping[int, int]
    ends: Mapping[int, int]
    known: bool = True

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
        if not self.known:
            yield f"{self.source.topic}: {MADE_AGAIN}"
            return
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
        times: list[int] = []
        for partition, end in self.ends.items():
            first = self.first(partition)
            if self.starts[partition] <= first < end:
                # A log may skip offsets, so there may be no message among those that wait.
                values = (block.values for block in self.log.read(partition, first, end, max_line_bytes))
                value = next((found[0] for found in values if found), None)
                parsed = None if value is None else parse_ticket(value)
                times += [parsed.created_us] if isinstance(parsed, Ticket) else []
        return _EPOCH + timedelta(microseconds=min(times)) if times else None


@dataclass(frozen=True, slots=True)
class Look:
    """The topics that are switched on: those that could be looked at, and why the others could not, by source.

    A spool that nobody wrote to yet is not among them; a topic that is missing on its server is.
    """

    lags: Sequence[TopicLag]
    failures: Mapping[str, LogplatformError]


def look(tenancy: Tenancy, kinds: Collection[str] = ("spool", "kafka")) -> Look:
    """Look at every topic of some `kinds`, each for LOOK_SECONDS at most; brokers that do not answer are asked once."""
    state = TicketState(tenancy.database, tenancy.tenant)
    sources = [source for source in topics(tenancy.settings) if source.type in kinds]
    found: list[TopicLag] = []
    failures: dict[str, LogplatformError] = {}
    away: dict[str, Unreachable] = {}
    for source in sources:
        try:
            if source.type in away:
                raise away[source.type]
            lag = _lag(tenancy, state, source)
        except Unreachable as failure:
            failures[source.name] = away[source.type] = failure
        except LogplatformError as failure:
            failures[source.name] = failure
        else:
            found += [lag] if lag is not None else []
    return Look(found, failures)


def lags(tenancy: Tenancy) -> Sequence[TopicLag]:
    """Every topic that could be looked at; raises the first failure if one could not."""
    found = look(tenancy)
    for failure in found.failures.values():
        raise failure
    return found.lags


def _lag(tenancy: Tenancy, state: TicketState, source: TicketTopic) -> TopicLag | None:
    place = place_in(tenancy, source, LOOK_SECONDS)
    if isinstance(source, SpoolTopic) and not place.exists(source.topic):
        return None
    log, key = place.open(source.topic), TopicKey(source.name, source.topic)
    with tenancy.database.read() as connection:
        taken, known = state.offsets(connection, key), state.is_known(connection, key, log.identity)
    # The ends last: what was taken in by then cannot lie past them.
    return TopicLag(source, log, taken, log.starts(), log.ends(), known)
