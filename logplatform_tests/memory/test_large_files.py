"""Large files in little memory: each is read in a process of its own, whose peak is measured from outside the work.

The bound is the promise of the platform (300 MB), not what happens to be used today.
"""

import os
from pathlib import Path

import pytest
from isal import igzip

from benchmarks.inputs import OLD, machine_file
from benchmarks.measure import work
from benchmarks.pieces.machines import CENTRE
from logplatform.archives.lines.columns import SCHEMA
from logplatform.archives.reports import EVENTS
from logplatform.settings import Settings
from logplatform.stores.sessions import SqlSessions
from logplatform.tenancy import open_tenancy

LIMIT = 300_000_000
GIB = 1 << 30

pytestmark = pytest.mark.slow


def event(number: int) -> bytes:
    """A JSON line of about 2 KiB, as services with large payloads write them."""
    body = f"item {number} of the order, " * 90
    second = number % 60
    return (
        f'{{"timestamp":"2026-03-01T10:{number // 60 % 60:02d}:{second:02d}Z","level":"info","n":{number},'
        f'"message":"{body}"}}\n'
    ).encode()


@pytest.fixture
def archive(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """An archive of a little over 2 GiB of log, with the number of its lines."""
    block = b"".join(event(number) for number in range(8_000))
    times = 2 * GIB // len(block) + 1
    path = tmp_path_factory.mktemp("source") / "events.jsonl.gz"
    with igzip.IGzipFile(path, "wb", compresslevel=1, mtime=0) as file:
        for _ in range(times):
            file.write(block)
    os.utime(path, (OLD, OLD))
    return path, times * block.count(b"\n")


def test_two_gigabytes_go_the_whole_way(archive: tuple[Path, int], tmp_path: Path) -> None:
    """Memory must not grow with an archive in the command that users type: landed, extracted, every line an event."""
    path, lines = archive
    cost = work("command.run", "archives", path.parent, tmp_path)
    assert cost.facts == {"exit": 0}
    with open_tenancy(Settings(data_root=tmp_path / "data"), "archives") as tenancy:
        assert sum(file.rows for file in tenancy.dataset(EVENTS, SCHEMA).visible()) == lines
        assert tenancy.letters.count() == 0
    assert cost.peak_bytes is not None
    assert cost.peak_bytes < LIMIT


def test_a_million_machine_lines_go_the_whole_way(tmp_path: Path) -> None:
    """A machine that writes a million lines a day: every event in Parquet, its session in the tables."""
    path = machine_file(tmp_path, 1_000_000)
    folder = tmp_path / "source" / CENTRE
    folder.mkdir(parents=True)
    path = path.rename(folder / path.name)
    os.utime(path, (OLD, OLD))
    cost = work("command.run", "machines", folder.parent, tmp_path)
    assert cost.facts == {"exit": 0}
    with open_tenancy(Settings(data_root=tmp_path / "data"), "machines") as tenancy:
        (session,) = SqlSessions(tenancy.database, tenancy.tenant, tenancy.now).every()
        assert session.total_pieces == 880_000
        assert tenancy.letters.count() == 0
    assert cost.peak_bytes is not None
    assert cost.peak_bytes < LIMIT
