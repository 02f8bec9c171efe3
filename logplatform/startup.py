"""Whether every store that the settings name can be used, asked before anything starts.

What belongs here: which stores are asked, and what is told when one cannot be used. What does not: the questions
themselves, which stand beside each store (`check_sql`, `check_index`, …).

Stores that need no server are not asked. All are asked at the same time, so that one that does not answer costs no more
than its own patience.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from logplatform.backup.layout import RESTORING
from logplatform.failures import LogplatformError, PermanentFailure, Unreachable
from logplatform.file_sources import ServerSource, check_source
from logplatform.settings.model import DOMAINS, Domain, Settings
from logplatform.settings.tickets import KafkaTopic
from logplatform.tickets.topics import topics

Question = Callable[[], None]
_MOST_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Fault:
    """A store that cannot be used: the settings' key of its section, and why."""

    key: str
    failure: LogplatformError

    def __str__(self) -> str:
        """All of it in one line."""
        return f"{self.key}: {str(self.failure).removeprefix(f'{self.key}: ')}"


def faults(settings: Settings, domains: Collection[Domain] = DOMAINS) -> list[Fault]:
    """Ask every store on a server that these domains need; those that cannot be used, in the settings' order."""
    return _asked(list(_questions(settings, domains)))


def source_faults(settings: Settings) -> list[Fault]:
    """Ask every source of files at a server; those that cannot be used. None of them holds up a start: the platform
    tells what is wrong with a source as long as it is.
    """
    return _asked(list(_of_sources(settings)))


def _asked(questions: Sequence[tuple[str, Question]]) -> list[Fault]:
    if not questions:
        return []
    with ThreadPoolExecutor(min(len(questions), _MOST_AT_ONCE)) as pool:
        found = pool.map(lambda one: _answered(*one), questions)
        return [fault for fault in found if fault is not None]


def _of_sources(settings: Settings) -> Iterator[tuple[str, Question]]:
    places = {
        "archives.sources": settings.archives.sources,
        "machines.sources": settings.machines.sources,
        "uploads.inboxes": settings.uploads.inboxes,
    }
    for key, sources in places.items():
        for index, source in enumerate(sources):
            if source.enabled and isinstance(source, ServerSource):
                yield f"{key}[{index}]", partial(check_source, source)


def ensure_ready(settings: Settings, domains: Collection[Domain] = DOMAINS) -> None:
    """As `ensure_stores`; PermanentFailure too where a restore was interrupted: what is there is not all of it."""
    if (settings.data_root / RESTORING).exists():
        raise PermanentFailure(
            f"a restore to {settings.data_root} has begun and not ended; do it again: `logplatform restore`"
        )
    ensure_stores(settings, domains)


def ensure_stores(settings: Settings, domains: Collection[Domain] = DOMAINS) -> None:
    """Raise one failure that tells every store that these domains need and that cannot be used.

    Unreachable if all of them only do not answer, which may pass; else PermanentFailure.
    """
    found = faults(settings, domains)
    if not found:
        return
    kind = Unreachable if all(isinstance(fault.failure, Unreachable) for fault in found) else PermanentFailure
    noun = "store" if len(found) == 1 else "stores"
    raise kind("\n".join([f"{len(found)} {noun} cannot be used", *map(str, found)]))


def _answered(key: str, question: Question) -> Fault | None:
    try:
        question()
    except LogplatformError as failure:
        return Fault(key, failure)
    except ModuleNotFoundError as error:
        return Fault(key, PermanentFailure(f"{error.name} is not installed: pip install 'logplatform[server]'"))
    return None


def _questions(settings: Settings, domains: Collection[Domain]) -> Iterator[tuple[str, Question]]:
    stores = settings.stores
    if stores.sql.type == "postgresql":
        yield "stores.sql", lambda: _sql(settings)
    if settings.dagster.storage.type == "postgresql":
        yield "dagster.storage", lambda: _dagster(settings)
    if stores.files.type == "s3":
        yield "stores.files", lambda: _files(settings)
    yield from _of_domains(settings, domains)


def _of_domains(settings: Settings, domains: Collection[Domain]) -> Iterator[tuple[str, Question]]:
    """What only domains that are switched on need."""
    stores = settings.stores
    if settings.uploads.enabled and "uploads" in domains:
        if stores.uploads.type == "mongodb":
            yield "stores.uploads", lambda: _uploads(settings)
        if stores.queue.type == "redis":
            yield "stores.queue", lambda: _queue(settings)
        if stores.index.type == "elasticsearch":
            yield "stores.index", lambda: _index(settings)
    if settings.tickets.enabled and "tickets" in domains:
        if _on_kafka(settings):
            yield "stores.kafka", lambda: _kafka(settings)
        if settings.tickets.engine == "spark":
            yield "stores.spark", lambda: _spark(settings)


# Each client is imported by its own question alone: they are extras, and slow to import.


def _sql(settings: Settings) -> None:
    from logplatform.stores.places import check_sql  # noqa: PLC0415

    check_sql(settings.stores.sql)


def _dagster(settings: Settings) -> None:
    from logplatform.orchestration.storage import check_storage  # noqa: PLC0415

    check_storage(settings)


def _files(settings: Settings) -> None:
    from logplatform.stores.file_places import check_files  # noqa: PLC0415

    check_files(settings.stores.files)


def _uploads(settings: Settings) -> None:
    from logplatform.stores.mongo_client import check_uploads  # noqa: PLC0415

    check_uploads(settings.stores.uploads)


def _queue(settings: Settings) -> None:
    from logplatform.stores.redis_queue import check_queue  # noqa: PLC0415

    check_queue(settings.stores.queue)


def _index(settings: Settings) -> None:
    from logplatform.stores.log_places import check_index  # noqa: PLC0415

    check_index(settings.stores.index)


def _kafka(settings: Settings) -> None:
    from logplatform.stores.kafka_topics import check_kafka  # noqa: PLC0415

    check_kafka(settings.stores.kafka, _on_kafka(settings))


def _spark(settings: Settings) -> None:
    from logplatform.stores.spark_session import check_spark  # noqa: PLC0415

    check_spark(settings.stores.spark, kafka=bool(_on_kafka(settings)))


def _on_kafka(settings: Settings) -> list[KafkaTopic]:
    return [source for source in topics(settings) if isinstance(source, KafkaTopic)]
