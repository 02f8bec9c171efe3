"""Messages of one commit, taken in: tickets, duplicates and refused messages, each counted once.

What belongs here: deciding what a message is, in the order of the messages. What does not: reading them, and storing
anything. messages = tickets + duplicates + rejects, always.
"""

from dataclasses import dataclass, field

from logplatform.landing.redaction import Redactor
from logplatform.stores.ticket_log import Block
from logplatform.tickets.duplicates import Grouped, grouped
from logplatform.tickets.judge import Judged, judge
from logplatform.tickets.validate import Reasons

NOTHING_HIDDEN = Redactor()
MOST_REFUSED = 20_000
MOST_REFUSED_BYTES = 8 << 20


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
    """Takes blocks; `grouped` then tells the tickets in them, and duplicates from new ones. `size` is in bytes."""

    max_line_bytes: int
    redactor: Redactor = NOTHING_HIDDEN
    messages: int = 0
    size: int = 0
    rejects: list[Reject] = field(default_factory=list)
    _judged: list[Judged] = field(default_factory=list)
    _refused_size: int = 0

    def take(self, block: Block) -> None:
        """Take the messages of a block."""
        self.messages += len(block.values)
        self.size += sum(map(len, block.values))
        judged = judge(block, self.max_line_bytes)
        self._judged.append(judged)
        for at, reasons in judged.refused.items():
            offset, raw = block.offsets[at], block.values[at]
            size = block.long.get(offset, len(raw))
            self.rejects.append(Reject(block.partition, offset, self.redactor.raw(raw), size, reasons))
            self._refused_size += len(raw)

    @property
    def crowded(self) -> bool:
        """Whether so much was refused that the commit had better end: in its course each is held in many forms."""
        return len(self.rejects) >= MOST_REFUSED or self._refused_size >= MOST_REFUSED_BYTES

    def grouped(self) -> Grouped:
        """The valid tickets by id."""
        return grouped(self._judged)
