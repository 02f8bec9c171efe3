"""Random tickets, and a steady rate to send them at.

What belongs here: making messages (valid, invalid, repeated) and the clock of the producer. What does not: the log
they go to (`stores/ticket_log.py`).
"""

import json
import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from logplatform.stores.ticket_log import TicketLog
from logplatform.tickets.ticket import PRIORITIES, REQUEST_TYPES, uuid_text

REQUESTS = (
    "Unable to reset password",
    "Invoice discrepancy",
    "Service not working",
    "Update account information",
    "Payment method issue",
    "Feature request",
    "Bug report",
    "Account locked",
)
REMEMBERED = 10_000
TICK_SECONDS = 0.02
MOST_AT_ONCE = 20_000

Made = tuple[bytes, bytes]
"""A message's key (its ticket_id, where it has one) and its value."""


@dataclass(frozen=True, slots=True)
class Mix:
    """What is produced: shares from 0 to 1 of messages that are invalid, and that repeat an earlier ticket."""

    invalid_share: float = 0.0
    duplicate_share: float = 0.0
    seed: int | None = None


@dataclass(slots=True)
class Maker:
    """An endless stream of messages; with a seed, the same one but for `created_at`, which is now."""

    mix: Mix
    invalid: int = 0
    duplicates: int = 0
    _random: random.Random = field(init=False)
    _earlier: deque[Made] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def __post_init__(self) -> None:
        self._random = random.Random(self.mix.seed)  # noqa: S311 (test data, no secrets)

    def make(self, created: datetime) -> Made:
        """The next message."""
        draw = self._random.random()
        if draw < self.mix.invalid_share:
            self.invalid += 1
            return self._spoiled(created)
        if draw < self.mix.invalid_share + self.mix.duplicate_share and self._earlier:
            self.duplicates += 1
            return self._random.choice(self._earlier)
        made = self._valid(created)
        if self.mix.duplicate_share:
            self._earlier.append(made)
        return made

    def _valid(self, created: datetime) -> Made:
        # Two draws for all: eight requests, four types and four priorities are 7 bits, the rest chooses the client.
        bits = self._random.getrandbits(64)
        key = uuid_text(self._random.getrandbits(128).to_bytes(16, "big"))
        # Version 4, variant 1 (RFC 9562, section 5.4).
        key = f"{key[:14]}4{key[15:19]}{'89ab'[bits >> 62]}{key[20:]}"
        # None of the values needs escaping, and this takes a third of json.dumps' time: 20,000 a second are asked for.
        text = (
            f'{{"ticket_id": "{key}", "client_id": "CLIENT_{(bits >> 7) % 10_000:04}", '
            f'"created_at": "{created.isoformat()}", "request": "{REQUESTS[bits & 7]}", '
            f'"request_type": "{REQUEST_TYPES[bits >> 3 & 3]}", "priority": "{PRIORITIES[bits >> 5 & 3]}"}}'
        )
        return key.encode(), text.encode()

    def _spoiled(self, created: datetime) -> Made:
        """A message that breaks a rule, each of the ways equally often."""
        key, value = self._valid(created)
        return key, self._random.choice(_SPOILS)(json.loads(value))


def _torn(ticket: dict[str, str]) -> bytes:
    return json.dumps(ticket).encode()[:-9]


def _lacking(ticket: dict[str, str]) -> bytes:
    return json.dumps({name: value for name, value in ticket.items() if name != "client_id"}).encode()


def _changed(**changes: object) -> Callable[[dict[str, str]], bytes]:
    return lambda ticket: json.dumps(ticket | changes).encode()


_SPOILS: tuple[Callable[[dict[str, str]], bytes], ...] = (
    _torn,
    _lacking,
    _changed(ticket_id="TICKET-17"),
    _changed(client_id="CLIENT_7"),
    _changed(created_at="yesterday"),
    _changed(request=""),
    _changed(request="x" * 501),
    _changed(request_type="sales"),
    _changed(priority=None),
    lambda ticket: json.dumps(ticket | {"request": "?"}).encode().replace(b"?", b"\xe9"),
)


@dataclass(frozen=True, slots=True)
class Produced:
    """What was sent; `rate` is messages a second."""

    messages: int
    invalid: int
    duplicates: int
    seconds: float

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.messages / self.seconds if self.seconds else 0.0


def produce(log: TicketLog, mix: Mix, rate: float, count: int | None, wait: Callable[[float], bool]) -> Produced:
    """Append `count` messages (None: until stopped) at `rate` a second; tells what was sent.

    Message n is due n / rate seconds after the start, so a late one does not make the rate lower. `wait(seconds)`
    sleeps, not at all for 0, and tells whether to stop.
    """
    maker, sent, start = Maker(mix), 0, time.monotonic()
    while count is None or sent < count:
        elapsed = time.monotonic() - start
        due = min(int(elapsed * rate) - sent, MOST_AT_ONCE)
        if wait(0 if due > 0 else _pause(sent, rate, count, elapsed)):
            break
        if due > 0:
            due = due if count is None else min(due, count - sent)
            now = datetime.now(UTC)
            log.append([maker.make(now) for _ in range(due)])
            sent += due
    return Produced(sent, maker.invalid, maker.duplicates, time.monotonic() - start)


def _pause(sent: int, rate: float, count: int | None, elapsed: float) -> float:
    """Seconds until the next message is due, but at least a tick: each append is made durable, which takes a while."""
    pause = max((sent + 1) / rate - elapsed, TICK_SECONDS)
    left = pause if count is None else max(count / rate - elapsed, 0)
    return min(pause, left)
