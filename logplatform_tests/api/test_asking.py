"""Questions to the index: so many at a time, so long each, and everybody else is told."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from logplatform.api import asking
from logplatform.api.asking import Questions
from logplatform.api.errors import Refused
from logplatform.stores.log_index import LogIndex
from logplatform.stores.log_query import Aggregation, Search
from logplatform.stores.parquet_index import ParquetLogIndex
from logplatform_tests.uploads.indexed import ndjson, open_index, put, some_events


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ParquetLogIndex]:
    with open_index(tmp_path_factory.mktemp("asking")) as found:
        put(found, "one", ndjson(some_events(100)))
        yield found


def total(index: LogIndex) -> int:
    return index.search(Search(size=1)).total


def test_a_question_that_takes_too_long_is_given_up_and_the_next_is_answered(index: ParquetLogIndex) -> None:
    def endless(index: LogIndex) -> None:
        while True:
            index.aggregate(Aggregation(("hour", "user_id")))

    begun = time.monotonic()
    with pytest.raises(Refused) as refused:
        anyio.run(Questions.of(index, 1, 0.5).ask, endless)
    assert time.monotonic() - begun < 30
    assert (refused.value.status_code, "takes too long" in refused.value.detail) == (503, True)
    assert anyio.run(Questions.of(index, 1, 60).ask, total) == 100


def test_what_cannot_be_asked_is_refused_with_its_reason(index: ParquetLogIndex) -> None:
    with pytest.raises(Refused) as refused:
        anyio.run(Questions.of(index, 1, 60).ask, lambda index: index.search(Search(size=0)))
    assert (refused.value.status_code, refused.value.detail) == (400, "size: from 1 to 1000")


def test_so_many_are_at_work_and_so_many_wait(index: ParquetLogIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    """The third of three finds two at work and one that waits, and is told to come again."""
    monkeypatch.setattr(asking, "MAX_WAITING", 1)
    go = threading.Event()
    busy: list[int] = []
    answers: list[int] = []

    def question(index: LogIndex) -> int:
        busy.append(threading.get_ident())
        assert go.wait(30)
        return total(index)

    async def crowd() -> None:
        questions = Questions.of(index, 2, 60)

        async def one() -> None:
            answers.append(await questions.ask(question))

        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(one)
            while len(busy) < 2 or questions.asked.statistics().tasks_waiting < 1:
                await anyio.sleep(0.01)
            with pytest.raises(Refused) as refused:
                await questions.ask(question)
            assert refused.value.status_code == 503
            assert (refused.value.headers or {})["Retry-After"] == "5"
            assert len(busy) == 2
            go.set()

    anyio.run(crowd)
    assert answers == [100, 100, 100]


def test_a_deadline_begins_with_its_turn(index: ParquetLogIndex) -> None:
    """Waiting for others is not the question's own time."""

    def slow(index: LogIndex) -> int:
        time.sleep(0.8)
        return 1

    async def crowd() -> None:
        questions = Questions.of(index, 1, 0.6)
        async with anyio.create_task_group() as group:
            group.start_soon(questions.ask, slow)
            await anyio.sleep(0.1)
            assert await questions.ask(total) == 100

    anyio.run(crowd)


def test_the_scratch_folder_goes_with_the_index(tmp_path: Path) -> None:
    """What a question spilled to the disk is nobody's afterwards."""
    with open_index(tmp_path) as index:
        put(index, "one", ndjson(some_events(10)))
        assert total(index) == 10
        (scratch,) = (tmp_path / "tmp").glob("*.spill")
        # Whoever sweeps what nobody has used for days takes nothing from a service that was idle for so long.
        scratch.rmdir()
        assert total(index) == 10
        assert scratch.is_dir()
    assert not scratch.exists()
