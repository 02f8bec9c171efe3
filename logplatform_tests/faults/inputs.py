"""Small inputs that hold every kind of file, good and bad, for runs that are killed.

What belongs here: making them, always the same. What does not: large or realistic input (`logplatform.demo`).
"""

import bz2
import gzip
import lzma
import os
from datetime import UTC, datetime
from pathlib import Path

from logplatform_tests.archives.writers import zstd
from logplatform_tests.faults.stage import Stage

SESSION_TABLES = (
    "centre_usinage",
    "session_production",
    "job_profil",
    "periode_attente",
    "periode_arret",
    "piece_production",
    "machine_anomaly",
)
OLD = int(datetime(2025, 12, 1, tzinfo=UTC).timestamp())


def put(stage: Stage, path: str, data: bytes, age: int = 0) -> None:
    """Put a file into a source of the stage; it was changed `age` seconds after the first of December."""
    file = stage.folder / "sources" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    os.utime(file, (OLD + age, OLD + age))


def access(name: str, lines: int, day: int = 17) -> bytes:
    """Access lines of May 2025 that no other name's log equals."""
    line = '10.0.0.{n} - - [{day}/May/2025:10:00:{n:02} +0000] "GET /{name} HTTP/1.1" 200 5 "-" "agent"\n'
    return "".join(line.format(n=number % 60, name=name, day=day) for number in range(lines)).encode()


def broker(lines: int) -> bytes:
    """A log4j log with continuation lines over two days, odd lines first and last."""
    text = ["no event yet\n"]
    for number in range(lines):
        text.append(f"[2016-12-{19 + number % 2} 16:31:{number % 60:02},437] ERROR it failed {number} (kafka.Log)\n")
        text.append(f"java.io.IOException: {number}\n\tat kafka.Log.append(Log.scala:{number})\n")
    return "".join(text).encode()


def shift(day: str, pieces: int, name: str, ending: str = "\r\n") -> str:
    """A machine's day: jobs, waits, stops and pieces, with a line that is none of these."""
    lines = [f"{day} 06:00:00|@MachineStart:", f"{day} 06:00:01|@JobProfiel: R:{name} L:3359.0 C:7016 G ALU"]
    for number in range(pieces):
        minute = f"{day} {6 + number // 50:02}:{number % 50 + 5:02}"
        lines.append(f"{minute}:00|@StukUitgevoerd: {number + 1}")
        if number % 5 == 2:
            lines.append(f"{minute}:10|@MachineWait: 12.5 sec")
        if number % 9 == 4:
            lines += [f"{minute}:20|@MachineStop:", f"{minute}:40|@MachineStart:"]
    lines.insert(len(lines) // 2, "this is no event of a machine")
    return ending.join(lines) + ending


def machines(folder: Path) -> Stage:
    """Two plants with three centres, one of which wants its files removed; every kind of bytes; odd names and lines."""
    centres = {"DEM12 (PVC)": None, "SU12 (HYBRIDE)": None}
    sources: list[dict[str, object]] = [
        {"name": "plant1", "path": "plant1", "folders": centres},
        {"name": "plant2", "path": "plant2", "folders": {"DEMALU (ALU)": None}, "delete_source": True},
    ]
    stage = Stage(folder, "machines", {"sources": sources, "retry": {"retry_delay_base": 0}})
    for number, day in enumerate(("20251110", "20251111", "20251114")):
        put(stage, f"plant1/DEM12 (PVC)/{day}.LOG", shift(day, 20 + number, "2150").encode("latin-1"), number)
        put(stage, f"plant2/DEMALU (ALU)/{day}.log", shift(day, 11, "é-77/b").encode("latin-1"), number)
    put(stage, "plant1/SU12 (HYBRIDE)/20251110.LOG", shift("20251110", 9, "x").encode("utf-16"))
    put(stage, "plant1/SU12 (HYBRIDE)/20251111.LOG", shift("20251111", 9, "x", "\r").encode())
    put(stage, "plant1/SU12 (HYBRIDE)/20251112.LOG", b"")
    put(stage, "plant1/SU12 (HYBRIDE)/20251113.LOG", shift("20251113", 5, "x").encode()[:-9])
    put(stage, "plant1/SU12 (HYBRIDE)/20251199.LOG", b"a name without a day")
    put(stage, "plant1/SU12 (HYBRIDE)/20990101.LOG", b"a day to come")
    put(stage, "plant1/SU12 (HYBRIDE)/20260105.LOG", shift("20260105", 3, "today").encode())
    return stage


def archives(folder: Path) -> Stage:
    """Two servers, one of which wants its files removed; every format; corrupt, cut, empty, rotated, odd, by hand."""
    sources = [{"name": "web1", "path": "web1"}, {"name": "web2", "path": "web2", "delete_source": True}]
    stage = Stage(folder, "archives", {"sources": sources, "retry": {"retry_delay_base": 0}})
    whole = gzip.compress(access("whole", 40), mtime=0)
    put(stage, "web1/app/whole.log.gz", whole)
    put(stage, "web1/app/members.log.gz", gzip.compress(access("m", 9), mtime=0) + gzip.compress(b"", mtime=0))
    put(stage, "web1/app/b.log.bz2", bz2.compress(access("bz", 5)), 1)
    put(stage, "web1/app/x.log.xz", lzma.compress(access("xz", 5, day=18)), 2)
    put(stage, "web1/app/z.log.zst", zstd(access("zst", 5, day=19)), 3)
    put(stage, "web1/app/plain.log", access("plain", 7) + b"an odd line\n" + access("plain", 2, day=20), 4)
    put(stage, "web1/app/crc.log.gz", whole[:-6] + b"\0\0" + whole[-4:], 5)
    put(stage, "web1/app/cut.log.gz", whole[:-20], 6)
    put(stage, "web1/app/behind.log.gz", whole + b"behind", 7)
    put(stage, "web1/app/empty.log.gz", gzip.compress(b"", mtime=0), 8)
    put(stage, "web1/app/nothing.log.gz", b"", 9)
    put(stage, "web2/server.log", broker(12), 10)
    put(stage, "web2/same.log.gz", whole, 11)
    for turn in (1, 2):
        put(stage, f"web2/turn.log.{turn}.gz", gzip.compress(access("turn", 6), mtime=0), 12)
    put(stage, "web2/cut.log.bz2", bz2.compress(access("bad", 30))[:-9], 14)
    by_hand = folder / "data" / "incoming" / "web1" / "by-hand.log.gz"
    by_hand.parent.mkdir(parents=True)
    by_hand.write_bytes(gzip.compress(access("by hand", 4), mtime=0))
    os.utime(by_hand, (OLD, OLD))
    return stage
