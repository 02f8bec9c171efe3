"""The dead-letter topic: each refused message, with its place and reasons, exactly once.

What belongs here: what is sent there, and knowing what was sent before. What does not: the dead-letter store and the
table `rejected_tickets`, which are part of the commit.

Refused messages are sent before their commit. If the process dies in between, the same messages are refused again by
the next; what was sent already is told by the topic itself: the refused messages of a partition go to the partition
of the same number, in the order of their offsets, so its last message tells how far it is.
"""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from logplatform.failures import PermanentFailure
from logplatform.settings.tickets import TicketTopic
from logplatform.stores.lines import KEPT_BYTES
from logplatform.stores.ticket_log import MessageTooLarge, TicketLog
from logplatform.stores.ticket_state import TopicKey
from logplatform.tenancy import Tenancy
from logplatform.tickets.intake import Reject
from logplatform.tickets.tables import text_of
from logplatform.tickets.topics import open_refused_log

_CUT_TO = (None, 128 << 10, KEPT_BYTES)


class RefusedMessage(msgspec.Struct, frozen=True):
    """A message of the dead-letter topic; `raw` is the text, `raw_base64` the bytes where they are no UTF-8.

    `source` is the name of the source in the settings; messages that were sent long ago have none.
    """

    topic: str
    partition: int
    offset: int
    reasons: tuple[str, ...]
    raw: str | None
    raw_base64: str | None
    size: int
    source: str | None = None


@dataclass(slots=True)
class RefusedTopic:
    """The dead-letter topic of one source, opened when something is refused; `partitions` are the source's topic's."""

    tenancy: Tenancy
    source: TicketTopic
    partitions: int
    _log: TicketLog | None = None

    def send(self, rejects: Iterable[Reject]) -> int:
        """Append those of `rejects` that it does not hold yet; return how many."""
        if self._log is None:
            self._log = open_refused_log(self.tenancy, self.source, self.partitions)
        key, limit = TopicKey(self.source.name, self.source.topic), self.tenancy.settings.landing.max_line_bytes
        return send_refused(self._log, key, self.partitions, rejects, limit)

    def close(self) -> None:
        """Let go of what is open."""
        if self._log is not None:
            self._log.close()


def send_refused(log: TicketLog, key: TopicKey, partitions: int, rejects: Iterable[Reject], max_line_bytes: int) -> int:
    """Append those of `rejects` (in the order of their offsets) that the log does not hold yet; return how many.

    Raises PermanentFailure if the log has fewer `partitions` than the topic.
    """
    if log.partitions < partitions:
        message = f"the dead-letter topic of {key.topic!r} has {log.partitions} partitions, the topic {partitions}"
        raise PermanentFailure(f"{message}: name another dead_letter_topic")
    waiting: dict[int, list[Reject]] = {}
    for reject in rejects:
        waiting.setdefault(reject.partition, []).append(reject)
    sent = 0
    # A process that died may have messages under way; what they are is known once they are in, or kept out.
    log.take_over()
    ends, starts = log.ends(), log.starts()
    for partition, refused in waiting.items():
        newest = _newest(log, partition, range(starts[partition], ends[partition]), max_line_bytes)
        # A source that has taken another name reads its topic anew, or another topic of that name.
        last = newest.offset if newest is not None and newest.source in (None, key.source) else -1
        fresh = [reject for reject in refused if reject.offset > last]
        if fresh:
            _append(log, key, partition, fresh)
        sent += len(fresh)
    return sent


def _append(log: TicketLog, key: TopicKey, partition: int, rejects: Sequence[Reject]) -> None:
    """Append all; raws that the topic is too narrow for are cut, as those over `landing.max_line_bytes` are."""
    keys = [f"{key.topic}/{it.partition}/{it.offset}".encode() for it in rejects]
    for kept in _CUT_TO:
        values = [msgspec.json.encode(_message(key, it, kept)) for it in rejects]
        try:
            log.append_to(partition, values, keys)
        except MessageTooLarge:
            if kept == _CUT_TO[-1]:
                raise
        else:
            return


def _message(key: TopicKey, reject: Reject, kept: int | None) -> RefusedMessage:
    raw = reject.raw[:kept]
    text = text_of(raw)
    encoded = base64.b64encode(raw).decode() if text is None else None
    place = (key.topic, reject.partition, reject.offset)
    return RefusedMessage(*place, reject.reasons, text, encoded, reject.size, key.source)


def _newest(log: TicketLog, partition: int, held: range, max_line_bytes: int) -> RefusedMessage | None:
    """The last message that was sent, None if there is none."""
    # A message that was refused may have been as long as any; its escaped text and its base64 are longer.
    limit, back = 8 * max_line_bytes, 1
    while held:
        # The last offsets may hold no message: a log of transactions marks their ends.
        tail = held[-back:]
        values = [value for block in log.read(partition, tail[0], held.stop, limit) for value in block.values]
        if values:
            return _decoded(values[-1], partition)
        if len(tail) == len(held):
            break
        back *= 4
    return None


def _decoded(value: bytes, partition: int) -> RefusedMessage:
    try:
        return msgspec.json.decode(value, type=RefusedMessage)
    except msgspec.DecodeError as error:
        message = f"the dead-letter topic's partition {partition} ends with a message that is none of its own"
        raise PermanentFailure(f"{message}: name a dead_letter_topic that nobody else writes to") from error
