"""A working day of a machining centre, event by event.

What belongs here: when pieces, waits, stops and jobs happen. What does not: how they are written and broken
(`machines`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Literal

EventName = Literal["StukUitgevoerd", "MachineWait", "MachineStop", "MachineStart", "JobProfiel", "ToolChange"]

START = time(5, 50)
HOURS = 15.0
"""Length of a working day."""


@dataclass(frozen=True, slots=True)
class Centre:
    """How a machining centre works."""

    pace: float
    """Pieces against the average centre: 2.0 makes twice as many in a day."""
    colours: tuple[str, ...]
    """What jobs write as their colour; an empty one is left out."""


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a machine log: plant-local time, the event's name, what follows the colon."""

    at: datetime
    name: EventName
    details: str = ""


def shift(rng: Random, day: date, centre: Centre, pieces: int) -> Iterator[Event]:
    """The events of one day in order of time: about `pieces` x pace pieces within fifteen hours.

    Nothing happens beyond midnight, so a day's events all carry its date.
    """
    clock = datetime.combine(day, START)
    wanted = max(8, round(pieces * centre.pace))
    cycle = HOURS * 3600 / wanted
    yield Event(clock, "MachineStart")
    yield _job(rng, clock, centre)
    for number in range(1, wanted + 1):
        clock += timedelta(seconds=round(cycle * rng.uniform(0.4, 1.1)))
        yield Event(clock, "StukUitgevoerd", str(number))
        chance = rng.random()
        if number == 6 or chance < 0.03:
            length = min(cycle, 240.0) * rng.uniform(0.3, 2.0)
            yield Event(clock, "MachineWait", _wait(rng, length))
            clock += timedelta(seconds=round(length))
        elif number == 9 or chance < 0.05:
            yield Event(clock, "MachineStop")
            clock += timedelta(seconds=round(min(cycle, 240.0) * rng.uniform(0.5, 3.0)))
            yield Event(clock, "MachineStart")
        elif number == 12 or chance < 0.12:
            yield _job(rng, clock, centre)
        elif chance > 0.995:
            yield Event(clock, "ToolChange", f"T{rng.randrange(1, 40)}")
    yield Event(clock + timedelta(seconds=30), "MachineStop")
    yield Event(clock + timedelta(seconds=90), "MachineStart")


def _wait(rng: Random, seconds: float) -> str:
    form = rng.randrange(3)
    if form == 0:
        return f"{seconds:.1f} sec"
    return f"{seconds:.0f} sec" if form == 1 else f"{seconds:.1f}"


def _job(rng: Random, at: datetime, centre: Centre) -> Event:
    reference = f"{rng.randrange(214_000, 217_000)}"
    if rng.random() < 0.1:
        reference += rng.choice(("-B", "/2"))
    length = rng.uniform(800, 6200)
    measure = f"{length:.0f}" if rng.random() < 0.2 else f"{length:.1f}"
    colour = rng.choice(centre.colours)
    return Event(at, "JobProfiel", f"R:{reference} L:{measure}" + (f" C:{colour}" if colour else ""))
