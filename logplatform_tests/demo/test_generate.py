"""The demonstration's input: the same every time, settled, complete, and whole where it says that it is whole."""

import bz2
import gzip
import hashlib
import lzma
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import zstandard

from logplatform.demo import archives, machines
from logplatform.demo.generate import generate
from logplatform.demo.plan import DOMAINS, RECORD, SIZES, Plan, SizeName, read_record, write_record
from logplatform.failures import PermanentFailure

PLAN = Plan("small", 7, date(2026, 3, 29))


def tree(folder: Path) -> dict[str, tuple[str, float]]:
    """Every file's sha256 and mtime by its path; the record has no mtime of its own."""
    return {
        str(path.relative_to(folder)): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            0 if path.name == RECORD else path.stat().st_mtime,
        )
        for path in folder.rglob("*")
        if path.is_file()
    }


def ignore(_done: int, _of: int) -> None:
    """Nobody watches."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("demo") / "input"
    generate(made, PLAN, ignore)
    return made


def test_equal_plans_make_equal_files(folder: Path, tmp_path: Path) -> None:
    """A demonstration can be repeated anywhere: bytes and mtimes depend on the plan alone."""
    generate(tmp_path / "again", PLAN, ignore)
    assert tree(tmp_path / "again") == tree(folder)


def test_another_seed_makes_other_text(folder: Path, tmp_path: Path) -> None:
    """The seed is not decoration."""
    generate(tmp_path / "other", Plan("small", 8, PLAN.end), ignore)
    same = set(tree(tmp_path / "other").items()) & set(tree(folder).items())
    assert {path for path, _ in same} <= {
        "archives/db1/cron.log.gz",
        "archives/db1/mail.log.gz",
        "archives/api1/events-download.jsonl.gz",
        "machines/DEMALU (ALU)/" + f"{PLAN.working_days()[6]:%Y%m%d}.LOG",
        f"uploads/clicks-{PLAN.log_days()[-3]}.csv",
        f"uploads/errors-{PLAN.log_days()[-2]}.csv",
    }


def test_an_interrupted_generation_is_made_again(folder: Path, tmp_path: Path) -> None:
    """Whatever a killed generation left, the next one ends with the same files and no others."""
    torn = tmp_path / "torn"
    torn.mkdir()
    (torn / "left-over.gz").write_bytes(b"half")
    generate(torn, PLAN, ignore)
    assert tree(torn) == tree(folder)


def test_a_finished_generation_is_kept(tmp_path: Path) -> None:
    """Repeating the demonstration must not rewrite its input: a new mtime would be a new file."""
    record = generate(tmp_path / "input", PLAN, ignore)
    marked = tmp_path / "input" / "archives" / "web1" / "mark"
    marked.write_bytes(b"")
    assert generate(tmp_path / "input", PLAN, ignore) == record
    assert marked.exists()


def test_progress_ends_with_all_files(tmp_path: Path) -> None:
    """A progress bar that stops short of its end tells a lie."""
    seen: list[tuple[int, int]] = []
    record = generate(tmp_path / "input", PLAN, lambda done, of: seen.append((done, of)))
    files = sum(record.files.values())
    assert seen == [(number, files) for number in range(1, files + 1)]


def test_totals_are_those_of_the_files(folder: Path) -> None:
    """The summary compares the platform's figures with these, so they must be true."""
    record = read_record(folder)
    assert record is not None
    for domain in DOMAINS:
        files = [path for path in (folder / domain).rglob("*") if path.is_file()]
        assert record.files[domain] == len(files)
        assert record.bytes[domain] == sum(path.stat().st_size for path in files)


def test_files_are_settled_and_in_the_past_of_the_day_after(folder: Path) -> None:
    """A file written a moment ago counts as growing and would be left for later."""
    newest = datetime(2026, 3, 30, 0, 5, tzinfo=UTC).timestamp()
    assert {path.stat().st_mtime <= newest for path in folder.rglob("*.*") if path.name != RECORD} == {True}


def unpacked(path: Path) -> bytes:
    data = path.read_bytes()
    if path.suffix == ".gz":
        return gzip.decompress(data)
    if path.suffix == ".bz2":
        return bz2.decompress(data)
    if path.suffix == ".xz":
        return lzma.decompress(data)
    if path.suffix == ".zst":
        return zstandard.ZstdDecompressor().decompressobj().decompress(data)
    return data


def test_whole_archives_are_whole_and_damaged_ones_are_not(folder: Path) -> None:
    """Independent readers (the standard library's) must agree with the plan on what is broken."""
    lines = 0
    for file in archives.planned(PLAN):
        path = folder / file.path
        if file.damage is None:
            text = unpacked(path)
            assert text.count(b"\n") == file.lines + (file.odd is not None), file.path
            lines += text.count(b"\n")
        elif file.damage == "nothing":
            assert path.stat().st_size == 0
        else:
            with pytest.raises((gzip.BadGzipFile, EOFError, OSError, ValueError)):
                unpacked(path)
    assert lines > 18_000


def test_a_rotated_log_has_the_same_text_in_other_bytes(folder: Path) -> None:
    """Only the extracted text can tell that a rotated archive is the same log."""
    first, second = (folder / "archives/shop1" / f"audit.log.{n}.gz" for n in (1, 2))
    assert first.read_bytes() != second.read_bytes()
    assert gzip.decompress(first.read_bytes()) == gzip.decompress(second.read_bytes())


@pytest.mark.parametrize("size", SIZES)
def test_every_planted_fault_has_its_day(size: SizeName) -> None:
    """A size too small for a fault would silently leave it out."""
    plan = Plan(size, 1, PLAN.end)
    found = {file.fault for file in machines.planned(plan) if file.fault is not None}
    assert found == {*machines.FAULTS.values(), *machines.STRAYS.values()}
    damaged = {file.damage for file in archives.planned(plan)}
    assert damaged == {None, "flipped", "cut", "trailing", "no archive", "nothing"}


def machine_text(folder: Path, centre: str, index: int) -> bytes:
    (file,) = [f for f in machines.planned(PLAN) if f.fault is machines.FAULTS[centre, index]]
    return (folder / file.path).read_bytes()


def test_machine_faults_are_in_the_bytes(folder: Path) -> None:
    """Each fault is there as its words say."""
    assert not machine_text(folder, "DEM12 (PVC)", 1).endswith(b"\n")
    assert machine_text(folder, "DEM12 (PVC)", 3).startswith(b"\xff\xfe")
    assert b"\n" not in machine_text(folder, "DEMALU (ALU)", 2)
    assert machine_text(folder, "DEMALU (ALU)", 6) == b""
    assert machine_text(folder, "DEMALU (ALU)", 1).endswith(b"|@MachineStop\r\n")
    assert bytes(512) in machine_text(folder, "SU12 (HYBRIDE)", 2)
    assert b"MachineWait: long" in machine_text(folder, "DEM12 (PVC)", 2)
    lost = machine_text(folder, "SU12 (HYBRIDE)", 1).split(b"@MachineStop")[-1]
    assert lost.count(b"@StukUitgevoerd") >= 1
    assert b"@MachineStart" not in lost


def test_usual_machine_days_hold_every_event(folder: Path) -> None:
    """A day without faults shows every event and stays within its date, in order."""
    whole = [f for f in machines.planned(PLAN) if f.fault is None]
    for file in whole:
        text = (folder / file.path).read_bytes().decode("latin-1")
        stamps = [line[:17] for line in text.split("\r\n")[:-1]]
        assert stamps == sorted(stamps)
        assert {stamp[:8] for stamp in stamps} == {f"{file.day:%Y%m%d}"}
        for event in ("StukUitgevoerd", "MachineWait", "MachineStop", "MachineStart", "JobProfiel"):
            assert f"@{event}" in text


def test_a_broken_record_is_told(tmp_path: Path) -> None:
    """A record that cannot be read is a clear error that names the way out, not a traceback."""
    (tmp_path / RECORD).write_text("{")
    with pytest.raises(PermanentFailure, match="--fresh"):
        read_record(tmp_path)


def test_a_record_reads_as_it_was_written(folder: Path, tmp_path: Path) -> None:
    """The plan must survive the round trip, or a repeated demonstration would be made anew."""
    record = read_record(folder)
    assert record is not None
    assert record.plan == PLAN
    write_record(tmp_path, record)
    assert read_record(tmp_path) == record
