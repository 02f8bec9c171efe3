"""Which files a domain's rows speak of: without them the rows would be a lie.

What belongs here: these queries. What does not: reading or copying the files.
"""

from collections.abc import Iterator

import sqlalchemy as sa

from logplatform.landing.settled import has_extracted
from logplatform.stores.log_places import is_manifest_only
from logplatform.stores.schema import content, dataset_file


def referenced(connection: sa.Connection) -> Iterator[str]:
    """The keys of all files that the rows promise, streamed; some may come twice."""
    queries = (
        sa.select(content.c.object_key).where(content.c.removed_at.is_(None)),
        sa.select(content.c.content_key).where(has_extracted()),
    )
    for query in queries:
        yield from _streamed(connection, query)
    visible = sa.select(dataset_file.c.dataset, dataset_file.c.key).where(dataset_file.c.removed_at.is_(None))
    for name, key in connection.execution_options(stream_results=True).execute(visible):
        if not is_manifest_only(name):
            yield str(key)


def _streamed(connection: sa.Connection, query: sa.Select[tuple[str]]) -> Iterator[str]:
    yield from connection.execution_options(stream_results=True).execute(query).scalars()


def still_promised(connection: sa.Connection, keys: list[str]) -> set[str]:
    """Those of a bounded number of keys that the rows promise now."""
    landed = sa.select(content.c.object_key).where(content.c.object_key.in_(keys), content.c.removed_at.is_(None))
    extracted = sa.select(content.c.content_key).where(content.c.content_key.in_(keys), has_extracted())
    visible = sa.select(dataset_file.c.key).where(dataset_file.c.key.in_(keys), dataset_file.c.removed_at.is_(None))
    found: set[str] = set()
    for query in (landed, extracted, visible):
        found.update(connection.execute(query).scalars())
    return found
