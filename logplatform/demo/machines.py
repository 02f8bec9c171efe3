"""Demonstration input of the domain machines: the log folders of three machining centres, with their faults.

What belongs here: which centre works on which days, and what is broken in which file. What does not: the events of a
working day (`shifts`).
"""

import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from logplatform.demo.packing import set_written
from logplatform.demo.plan import Made, Plan, Planted, settled
from logplatform.demo.shifts import Centre, Event, shift

FOLDER = "machines"
TIMEZONE = "Europe/Paris"
"""The plant's time zone."""

CENTRES: dict[str, Centre] = {
    "DEM12 (PVC)": Centre(pace=1.0, colours=("8019 Chêne doré", "9010", "7016 Grisé")),
    "DEMALU (ALU)": Centre(pace=0.7, colours=("7016 G ALU", "9005", "1015")),
    "SU12 (HYBRIDE)": Centre(pace=1.3, colours=("9016", "8019 Chêne doré", "")),
}

Change = Callable[[list[str]], list[str]]
"""A fault in a file's lines (without their ends)."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something broken in one machine file: in its lines, in its bytes, or both."""

    what: str
    expected: str
    lines: Change = list
    data: Callable[[list[str]], bytes] | None = None
    """Makes the file's bytes in place of the usual latin-1 with CRLF."""


@dataclass(frozen=True, slots=True)
class MachineFile:
    """One machine file to make."""

    centre: str
    name: str
    day: date
    fault: Fault | None = None

    @property
    def path(self) -> str:
        """Relative to the demonstration's input folder."""
        return f"{FOLDER}/{self.centre}/{self.name}"


def usual(lines: list[str]) -> bytes:
    """Bytes as the machines write them: latin-1, CRLF."""
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1")


def cut_last(lines: list[str]) -> bytes:
    """The file ends inside the line of its last piece, in the middle of the time: no event can be read from it."""
    last = _pieces(lines)[-1]
    return usual(lines[:last]) + lines[last][:12].encode("latin-1")


def with_nuls(lines: list[str]) -> bytes:
    """A block of NULs between two lines, as a controller leaves when its power fails."""
    half = len(lines) // 2
    return usual(lines[:half]) + bytes(512) + usual(lines[half:])


def utf16(lines: list[str]) -> bytes:
    """UTF-16 with its byte order mark."""
    return codecs.BOM_UTF16_LE + "".join(f"{line}\r\n" for line in lines).encode("utf-16-le")


def utf8(lines: list[str]) -> bytes:
    """UTF-8 with its byte order mark, and bare line feeds."""
    return codecs.BOM_UTF8 + "".join(f"{line}\n" for line in lines).encode()


def cr_only(lines: list[str]) -> bytes:
    """Lines that end in a carriage return alone."""
    return "".join(f"{line}\r" for line in lines).encode("latin-1")


def nothing(_lines: list[str]) -> bytes:
    """A file without a byte."""
    return b""


def open_stop(lines: list[str]) -> list[str]:
    """The last event is a stop that nothing follows."""
    last = _pieces(lines)[-1]
    return [*lines[: last + 1], f"{lines[last][:17]}|@MachineStop"]


def lost_start(lines: list[str]) -> list[str]:
    """The last stop's start was never written, though pieces follow it."""
    third_last = _pieces(lines)[-3]
    rest = [line for line in lines[third_last + 1 :] if "@MachineSt" not in line]
    return [*lines[: third_last + 1], f"{lines[third_last][:17]}|@MachineStop", *rest]


def long_stop(lines: list[str]) -> list[str]:
    """The middle third of the day is one stop."""
    begin, end = len(lines) // 3, 2 * len(lines) // 3
    stop = [f"{lines[begin][:17]}|@MachineStop", f"{lines[end][:17]}|@MachineStart"]
    return [*lines[:begin], *stop, *lines[end:]]


def _pieces(lines: list[str]) -> list[int]:
    return [index for index, line in enumerate(lines) if "@StukUitgevoerd" in line]


def odd_wait(lines: list[str]) -> list[str]:
    """A wait that does not say how long it was."""
    return _replace_first(lines, r"@MachineWait.*", "@MachineWait: long")


def nameless_job(lines: list[str]) -> list[str]:
    """A job without its reference."""
    return _replace_first(lines, r"@JobProfiel: R:\S+ ", "@JobProfiel: ")


def no_colon(lines: list[str]) -> list[str]:
    """Pieces written without the colon."""
    return [line.replace("@StukUitgevoerd: ", "@StukUitgevoerd ") for line in lines]


def garbage(lines: list[str]) -> list[str]:
    """A line of noise in the middle."""
    half = len(lines) // 2
    return [*lines[:half], "#### ERR 0x4F disk ####", *lines[half:]]


def same_piece_twice(lines: list[str]) -> list[str]:
    """One piece's line written twice."""
    pieces = _pieces(lines)
    half = pieces[len(pieces) // 2]
    return [*lines[: half + 1], *lines[half:]]


def clock_back(lines: list[str]) -> list[str]:
    """A line that was written after younger ones."""
    half = len(lines) // 2
    return [*lines[:half], *lines[half + 1 : half + 6], lines[half], *lines[half + 6 :]]


def long_gap(lines: list[str]) -> list[str]:
    """Two hours in which nothing was written at all."""
    return [line for line in lines if not "11:00:00" <= line[9:17] < "13:00:00"]


def _replace_first(lines: list[str], pattern: str, text: str) -> list[str]:
    found = next((index for index, line in enumerate(lines) if re.search(pattern, line)), None)
    return [re.sub(pattern, text, line) if index == found else line for index, line in enumerate(lines)]


LETTER = "one dead letter naming file and line; the rest of the day counts"
ANOMALY = "a session with an anomaly"
SAME = "read like any other"

FAULTS: dict[tuple[str, int], Fault] = {
    ("DEM12 (PVC)", 1): Fault("a file cut inside its last line", LETTER, data=cut_last),
    ("DEM12 (PVC)", 2): Fault("an unreadable wait", f"{ANOMALY}; no time is counted for it", lines=odd_wait),
    ("DEM12 (PVC)", 3): Fault("UTF-16", SAME, data=utf16),
    ("DEM12 (PVC)", 5): Fault("a line written late (clock going back)", f"{ANOMALY}; sorted", lines=clock_back),
    ("DEM12 (PVC)", 10): Fault("a day that stood still for hours", f"{ANOMALY}: out of line", lines=long_stop),
    ("DEMALU (ALU)", 1): Fault("a stop that never ends", f"{ANOMALY}; the open stop counts nothing", lines=open_stop),
    ("DEMALU (ALU)", 2): Fault("carriage returns alone", SAME, data=cr_only),
    ("DEMALU (ALU)", 3): Fault("UTF-8 with a byte order mark", SAME, data=utf8),
    ("DEMALU (ALU)", 4): Fault("two hours without an event", ANOMALY, lines=long_gap),
    ("DEMALU (ALU)", 6): Fault("a file of 0 bytes", "landed; a day without pieces", data=nothing),
    ("SU12 (HYBRIDE)", 1): Fault(
        "a stop whose start is missing", f"{ANOMALY}; ends at the next piece", lines=lost_start
    ),
    ("SU12 (HYBRIDE)", 2): Fault("512 NUL bytes inside", SAME, data=with_nuls),
    ("SU12 (HYBRIDE)", 3): Fault("a piece written twice", ANOMALY, lines=same_piece_twice),
    ("SU12 (HYBRIDE)", 4): Fault("a line of noise", LETTER, lines=garbage),
    ("SU12 (HYBRIDE)", 5): Fault("a job without a reference", ANOMALY, lines=nameless_job),
    ("SU12 (HYBRIDE)", 6): Fault("pieces without the colon", SAME, lines=no_colon),
}
"""(centre, index of the working day) -> what is broken that day."""

STRAYS: dict[str, Fault] = {
    "20991231.LOG": Fault("a date far in the future", "reported and left alone"),
    "NOTES.TXT": Fault("a file that is no machine log", "left alone"),
}
"""Files in a centre's folder that are not the log of one of its days."""


def planned(plan: Plan) -> list[MachineFile]:
    """Every machine file of a demonstration, faults included."""
    files = [
        MachineFile(centre, f"{day:%Y%m%d}.{'LOG' if index % 5 else 'log'}", day, FAULTS.get((centre, index)))
        for centre in CENTRES
        for index, day in enumerate(plan.working_days())
    ]
    return [*files, *(MachineFile("SU12 (HYBRIDE)", name, plan.end, fault) for name, fault in STRAYS.items())]


def make(folder: Path, plan: Plan, file: MachineFile) -> Made:
    """Write one machine file under `folder`; repeated, it writes the same bytes and mtime."""
    path = folder / file.path
    path.parent.mkdir(parents=True, exist_ok=True)
    events = shift(plan.random(file.path), file.day, CENTRES[file.centre], plan.amounts.pieces)
    fault = file.fault or Fault("", "")
    lines = fault.lines(list(written(events)))
    data = (fault.data or usual)(lines)
    path.write_bytes(data)
    set_written(path, settled(file.day))
    planted = (Planted("machines", file.path, fault.what, fault.expected),) if file.fault else ()
    return Made(file.path, len(data), len(lines) if data else 0, planted)


def written(events: Iterator[Event]) -> Iterator[str]:
    """Events as the lines of a machine log, without their ends."""
    for event in events:
        details = f": {event.details}" if event.details else ""
        yield f"{event.at:%Y%m%d %H:%M:%S}|@{event.name}{details}"
