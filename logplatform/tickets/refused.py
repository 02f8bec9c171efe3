"""The dead-letter topic: each refused message, with its place and reasons, exactly once.

What belongs here: what is sent there, and knowing what was sent before. What does not: the dead-letter store and the
table `rejected_tickets`, which are part of the commit.

Refused messages are sent before their commit. If the process dies in between, the same messages are refused again by
the next; what was sent already is told by the topic itself: the refused messages of a partition go to the partition
of the same number, in the order of their offsets, so its last message tells how far it is.
"""

import base64
from collections.abc import Iterable

import msgspec

from logplatform.failures import PermanentFailure
from logplatform.stores.ticket_log import TicketLog
from logplatform.tickets.intake import Reject
from logplatform.tickets.tables import text_of


class RefusedMessage(msgspec.Struct, frozen=True):
    """A message of the dead-letter topic; `raw` is the text, `raw_base64` the bytes where they are no UTF-8."""

    topic: str
    partition: int
    offset: int
    reasons: tuple[str, ...]
    raw: str | None
    raw_base64: str | None
    size: int


def send_refused(log: TicketLog, topic: str, partitions: int, rejects: Iterable[Reject], max_line_bytes: int) -> int:
    """Append those of `rejects` (in the order of their offsets) that the log does not hold yet; return how many.

    Raises PermanentFailure if the log has fewer `partitions` than the topic.
    """
    if log.partitions < partitions:
        message = f"the dead-letter topic of {topic!r} has {log.partitions} partitions, the topic {partitions}"
        raise PermanentFailure(f"{message}: name another dead_letter_topic")
    waiting: dict[int, list[Reject]] = {}
    for reject in rejects:
        waiting.setdefault(reject.partition, []).append(reject)
    sent = 0
    for partition, refused in waiting.items():
        last = _last_offset(log, partition, max_line_bytes)
        fresh = [msgspec.json.encode(_message(topic, reject)) for reject in refused if reject.offset > last]
        if fresh:
            log.append_to(partition, fresh)
        sent += len(fresh)
    return sent


def _message(topic: str, reject: Reject) -> RefusedMessage:
    text = text_of(reject.raw)
    encoded = base64.b64encode(reject.raw).decode() if text is None else None
    return RefusedMessage(topic, reject.partition, reject.offset, reject.reasons, text, encoded, reject.size)


def _last_offset(log: TicketLog, partition: int, max_line_bytes: int) -> int:
    end = log.ends()[partition]
    if end == 0:
        return -1
    # A message that was refused may have been as long as any; its escaped text and its base64 are longer.
    limit = 8 * max_line_bytes
    values = [value for block in log.read(partition, end - 1, end, limit) for value in block.values]
    try:
        return msgspec.json.decode(values[-1], type=RefusedMessage).offset
    except msgspec.DecodeError as error:
        message = f"the dead-letter topic's partition {partition} ends with a message that is none of its own"
        raise PermanentFailure(f"{message}: name a dead_letter_topic that nobody else writes to") from error
