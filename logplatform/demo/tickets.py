"""Demonstration input of the domain tickets: a topic of messages, some of them invalid, repeated or contradictory.

What belongs here: which messages there are and where they lie. What does not: what a random ticket looks like
(`logplatform.tickets.produce`).

The messages lie as the spool keeps them: JSON lines, a folder for each partition, a ticket's partition by its id.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

from logplatform.demo.packing import set_written
from logplatform.demo.plan import Made, Plan, Planted, settled
from logplatform.stores.ticket_log import partition_of
from logplatform.tickets.produce import Maker, Mix

FOLDER = "tickets"
TOPIC = "client_tickets"
PARTITIONS = 3
INVALID_SHARE = 0.03
DUPLICATE_SHARE = 0.02
_LONG_BYTES = 1_500_000
_STEP = timedelta(milliseconds=700)


def partition_file(partition: int) -> str:
    """The file of a partition, relative to the demonstration's input folder."""
    return f"{FOLDER}/{TOPIC}/{partition}/{0:020}.jsonl"


def planned(plan: Plan) -> list[int]:
    """The partitions, each of which is a file."""
    return list(range(PARTITIONS)) if plan.amounts.tickets else []


def make(folder: Path, plan: Plan, partition: int) -> Made:
    """Make one partition; equal plans make equal bytes."""
    relative = partition_file(partition)
    path = folder / relative
    path.parent.mkdir(parents=True)
    planted: list[Planted] = []
    offset = 0
    with path.open("wb") as file:
        for key, value, fault in _messages(plan):
            if partition_of(key, PARTITIONS) == partition:
                file.write(value + b"\n")
                if fault is not None:
                    planted.append(_planted(partition, offset, fault))
                offset += 1
    set_written(path, settled(plan.end))
    return Made(relative, path.stat().st_size, offset, tuple(planted))


_FAULTS = {
    "a message that is no JSON": "refused, and counted; never a ticket",
    "a message of 1.5 MB": "refused: longer than a record may be",
    "a ticket again, with another priority": "the first wins; the later one is a duplicate that is told",
}


def _planted(partition: int, offset: int, fault: str) -> Planted:
    return Planted("tickets", f"{FOLDER}/{TOPIC}/{partition}: offset {offset}", fault, _FAULTS[fault])


def _messages(plan: Plan) -> Iterator[tuple[bytes, bytes, str | None]]:
    """Every message with its key, in the order of time, and what was planted in it."""
    seed = plan.random(FOLDER).getrandbits(32)
    maker = Maker(Mix(INVALID_SHARE, DUPLICATE_SHARE, seed))
    begin = datetime.combine(plan.end, time(6), tzinfo=UTC)
    for number in range(plan.amounts.tickets):
        key, value = maker.make(begin + number * _STEP)
        yield key, value, None
    yield from _odd_ones(begin + plan.amounts.tickets * _STEP, seed)


def _odd_ones(moment: datetime, seed: int) -> Iterator[tuple[bytes, bytes, str | None]]:
    no_json, long, contradiction = _FAULTS
    valid = Maker(Mix(seed=seed + 1))
    yield b"odd", b"POST /tickets HTTP/1.1", no_json
    key, value = valid.make(moment)
    yield key, value[:-1] + b', "note": "' + b"x" * _LONG_BYTES + b'"}', long
    key, value = valid.make(moment)
    ticket = json.loads(value)
    yield key, value, None
    other = "low" if ticket["priority"] != "low" else "critical"
    yield key, json.dumps(ticket | {"priority": other}).encode(), contradiction
