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


@dataclass(slots=True)
class Intake:
    """Takes blocks, then `settle`s with what earlier commits know. Of one ticket_id the first message wins.

    `tickets` are by key in the order they came. `duplicates` came later than another ticket of their key, and
    `conflicts` are those of them whose content is not that of the first.
    """

    max_line_bytes: int
    redactor: Redactor = NOTHING_HIDDEN
    messages: int = 0
    size: int = 0
    tickets: dict[bytes, Ticket] = field(default_factory=dict)
    rejects: list[Reject] = field(default_factory=list)
    duplicates: list[Ticket] = field(default_factory=list)
    conflicts: list[Ticket] = field(default_factory=list)

    def take(self, block: Block) -> None:
        """Take the messages of a block."""
        self.messages += len(block.values)
        self.size += sum(map(len, block.values))
        tickets, partition, long = self.tickets, block.partition, block.long
        for offset, raw in zip(block.offsets, block.values, strict=True):
            parsed: Ticket | Reasons
            parsed = (too_long(self.max_line_bytes),) if offset in long else parse_ticket(raw, partition, offset)
            if isinstance(parsed, tuple):
                size = long.get(offset, len(raw))
                self.rejects.append(Reject(partition, offset, self.redactor.raw(raw), size, parsed))
            elif tickets.setdefault(parsed.key, parsed) is not parsed:
                self.duplicates.append(parsed)

    def digests(self) -> dict[bytes, bytes]:
        """The tickets' digests by key."""
        return {key: ticket.digest() for key, ticket in self.tickets.items()}

    def settle(self, known: Mapping[bytes, bytes]) -> None:
        """Take out the tickets that earlier commits hold (`known`: their digests by key), and find the conflicts."""
        self.duplicates += [self.tickets.pop(key) for key in known]
        self.conflicts = [later for later in self.duplicates if later.digest() != self._first(later.key, known)]

    def _first(self, key: bytes, known: Mapping[bytes, bytes]) -> bytes:
        return known[key] if key in known else self.tickets[key].digest()
