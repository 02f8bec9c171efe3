"""Messages of one commit, taken in: tickets, duplicates and refused messages, each counted once.

What belongs here: deciding what a message is, in the order of the messages. What does not: reading them, and storing
anything. messages = tickets + duplicates + rejects, always.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from logplatform.landing.redaction import Redactor
from logplatform.stores.ticket_log import Block
from logplatform.tickets.ticket import Ticket, too_long
from logplatform.tickets.validate import Reasons, parse_ticket

NOTHING_HIDDEN = Redactor()


@dataclass(frozen=True, slots=True)
class Reject:
    """A message that is no ticket; `raw` is redacted, and cut where `size`, its true size in bytes, was too much."""

    partition: int
    offset: int
    raw: bytes
    size: int
    reasons: Reasons


@dataclass(frozen=True, slots=True)
class Later:
    """A later message with a known ticket_id: the first one stands."""

    partition: int
    offset: int
    ticket: Ticket


@dataclass(slots=True)
class Intake:
    """Takes blocks, then `settle`s with what earlier commits know. Of one ticket_id the first message wins.

    `tickets` are by key in the order they came; `places` hold (partition, offset) of each. `conflicts` are those
    duplicates whose content is not that of the first.
    """

    max_line_bytes: int
    redactor: Redactor = NOTHING_HIDDEN
    messages: int = 0
    size: int = 0
    tickets: dict[bytes, Ticket] = field(default_factory=dict)
    places: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    rejects: list[Reject] = field(default_factory=list)
    duplicates: list[Later] = field(default_factory=list)
    conflicts: list[Later] = field(default_factory=list)

    def take(self, block: Block) -> None:
        """Take the messages of a block."""
        self.messages += len(block.values)
        self.size += sum(map(len, block.values))
        tickets, places, partition = self.tickets, self.places, block.partition
        for offset, raw in zip(block.offsets, block.values, strict=True):
            parsed: Ticket | Reasons
            parsed = (too_long(self.max_line_bytes),) if offset in block.long else parse_ticket(raw)
            if isinstance(parsed, tuple):
                size = block.long.get(offset, len(raw))
                self.rejects.append(Reject(partition, offset, self.redactor.raw(raw), size, parsed))
            elif parsed.key in tickets:
                self.duplicates.append(Later(partition, offset, parsed))
            else:
                tickets[parsed.key] = parsed
                places[parsed.key] = (partition, offset)

    def digests(self) -> dict[bytes, bytes]:
        """The tickets' digests by key."""
        return {key: ticket.digest() for key, ticket in self.tickets.items()}

    def settle(self, known: Mapping[bytes, bytes]) -> None:
        """Take out the tickets that earlier commits hold (`known`: their digests by key), and find the conflicts."""
        self.duplicates += [Later(*self.places[key], self.tickets.pop(key)) for key in known]
        self.conflicts = [later for later in self.duplicates if later.ticket.digest() != self._first(later, known)]

    def _first(self, later: Later, known: Mapping[bytes, bytes]) -> bytes:
        key = later.ticket.key
        return known[key] if key in known else self.tickets[key].digest()
