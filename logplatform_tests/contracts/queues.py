"""The queues that the cases of `JobQueue` run on, opened in this process or, for they are picklable, in another.

What belongs here: opening. What does not: the cases (`test_job_queue`).
"""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass

import pytest

from logplatform.landing.leases import utc_now
from logplatform.settings.stores import QueueStore
from logplatform.stores.job_queue import JobQueue, SqlJobQueue
from logplatform.stores.places import Place, PostgresSchema, SqliteFile
from logplatform_tests.databases import SCHEMA

KINDS = ("sqlite", "postgresql", "redis", "redis_right")
"""redis_right: producers push to the other end."""

OpenQueue = Callable[[str], AbstractContextManager[JobQueue]]
"""Opens the queue of a tenant."""


@dataclass(frozen=True)
class InSql:
    place: Place

    @contextmanager
    def __call__(self, tenant: str = "default") -> Generator[JobQueue]:
        with closing(self.place.open()) as database:
            yield SqlJobQueue(database, tenant, utc_now)


@dataclass(frozen=True)
class InRedis:
    section: QueueStore

    def __call__(self, tenant: str = "default") -> AbstractContextManager[JobQueue]:
        from logplatform.stores.redis_queue import RedisJobQueue  # noqa: PLC0415 (an extra)

        return nullcontext(RedisJobQueue(self.section, tenant, utc_now))


def opener(request: pytest.FixtureRequest, kind: str) -> OpenQueue:
    """An empty queue of that kind."""
    if kind == "sqlite":
        return InSql(SqliteFile(request.getfixturevalue("tmp_path") / "queue.db"))
    if kind == "postgresql":
        return InSql(PostgresSchema(request.getfixturevalue("sql_store"), SCHEMA))
    section = request.getfixturevalue("redis_store")
    return InRedis(section.model_copy(update={"pushed": "right" if kind == "redis_right" else "left"}))
