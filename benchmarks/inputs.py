"""Inputs that the benchmarks read, made once in the work folder and kept.

What belongs here: deterministic files of a given size. What does not: measuring.
"""

import gzip
import random
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from logplatform.demo.lines import AGENTS, PATHS, REFERRERS, STATUSES
from logplatform.demo.machines import CENTRES, usual, written
from logplatform.demo.packing import set_written
from logplatform.demo.plan import settled
from logplatform.demo.shifts import shift

MIB = 1 << 20
BLOCK = 16 * MIB
SEED = 20260301
OLD = 1_700_000_000
"""When files were last written (seconds since the epoch): long settled."""
PIECES = 20


def log_block(size: int = BLOCK) -> bytes:
    """About `size` bytes of access log that gzip packs about 4:1, as logs with ids of requests and sessions are; whole
    lines."""
    rng = random.Random(SEED)
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    lines: list[bytes] = []
    length = 0
    while length < size:
        moment += timedelta(milliseconds=rng.randrange(400))
        line = (
            f"203.0.{rng.randrange(8)}.{rng.randrange(256)} - - [{moment:%d/%b/%Y:%H:%M:%S} +0000] "
            f'"GET {rng.choice(PATHS)} HTTP/1.1" {rng.choice(STATUSES)} {rng.randrange(90_000)} '
            f'"{rng.choice(REFERRERS)}" "{rng.choice(AGENTS)}" {rng.randbytes(16).hex()} '
            f"session={b64encode(rng.randbytes(21)).decode()}\n"
        ).encode()
        lines.append(line)
        length += len(line)
    return b"".join(lines)


def log_archive(folder: Path, size: int) -> Path:
    """A gzip archive (one member, level 6, as the gzip tool makes it) of about `size` bytes of log.

    The text is one block repeated: gzip looks back 32 KiB, so repetition at 16 MiB helps no decompressor.
    """
    path = folder / f"access-{size // MIB}m.log.gz"
    if not path.exists():
        block = log_block(min(BLOCK, size))
        part = path.with_suffix(".part")
        with gzip.GzipFile(part, "wb", compresslevel=6, mtime=0) as file:
            for _ in range(max(1, size // len(block))):
                file.write(block)
        part.rename(path)
    return path


def machine_lines(count: int, day: date) -> Iterator[str]:
    """`count` lines of a machine's day, without ends, mixed as real ones are: of 100 lines 88 pieces, 5 waits, 3 jobs,
    2 stops and their starts.
    """
    begin = datetime(day.year, day.month, day.day, 0, 0, 5)  # noqa: DTZ001 - machine logs are plant-local
    step = 86_000 / count
    piece = 0
    for number in range(count):
        at = begin + timedelta(seconds=int(number * step))
        turn = number % 100
        if turn in {10, 40, 70}:
            event = f"JobProfiel: R:{214_000 + number % 3000} L:{800 + number % 5000}.5 C:7016 G ALU"
        elif turn % 20 == 15:
            event = f"MachineWait: {number % 90}.5 sec"
        elif turn in {30, 80}:
            event = "MachineStop"
        elif turn in {31, 81}:
            event = "MachineStart"
        else:
            piece += 1
            event = f"StukUitgevoerd: {piece}"
        yield f"{at:%Y%m%d %H:%M:%S}|@{event}"


def machine_file(folder: Path, lines: int, day: date = date(2026, 3, 2)) -> Path:
    """One machine's day of so many lines, named by its date, as the machines write it (latin-1, CRLF)."""
    path = folder / f"machine-{lines}" / f"{day:%Y%m%d}.LOG"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        with part.open("w", encoding="latin-1", newline="") as file:
            file.writelines(f"{line}\r\n" for line in machine_lines(lines, day))
        part.rename(path)
    return path


def machine_days(folder: Path, days: int, first: date = date(2015, 1, 1)) -> Path:
    """`days` days of three machining centres, one small file each, in a plant's folder."""
    plant = folder / f"plant-{days}"
    if not plant.exists():
        part = folder / f"plant-{days}.part"
        for name, centre in CENTRES.items():
            place = part / name
            place.mkdir(parents=True, exist_ok=True)
            rng = random.Random(f"{SEED}/{name}")
            for number in range(days):
                day = first + timedelta(days=number)
                path = place / f"{day:%Y%m%d}.LOG"
                path.write_bytes(usual(list(written(shift(rng, day, centre, PIECES)))))
                set_written(path, settled(day))
        part.rename(plant)
    return plant
