"""Where the log index is: Parquet files, or Elasticsearch.

What belongs here: the choice between the two by the settings' section. What does not: what each does (`parquet_index`,
`elasticsearch_index`).
"""

from collections.abc import Generator
from contextlib import contextmanager

from logplatform.settings.stores import IndexStore
from logplatform.stores.dataset import Dataset
from logplatform.stores.log_index import LogIndex
from logplatform.stores.parquet_index import open_parquet_index

ELASTICSEARCH_DATASET = "log_events_elasticsearch"
"""The manifest's name for documents of Elasticsearch: its rows are no files."""


@contextmanager
def open_log_index(section: IndexStore, dataset: Dataset) -> Generator[LogIndex]:
    """The index that `section` names; it is closed with the context.

    `dataset` has the schema DOCUMENTS: the embedded index lies in its files, and any index keeps its manifest in its
    database. Raises PermanentFailure if the client of the server is not installed.
    """
    if section.type == "parquet":
        with open_parquet_index(dataset) as parquet:
            yield parquet
        return
    from logplatform.stores.elasticsearch_index import open_elasticsearch  # noqa: PLC0415 (its client is in an extra)

    with open_elasticsearch(section, dataset.tenant, dataset.database, dataset.now) as index:
        yield index


def is_manifest_only(name: str) -> bool:
    """Whether a dataset of this name in the manifest has no files of its own, which nobody else may sweep."""
    return name.partition("/")[0] == ELASTICSEARCH_DATASET


def check_index(section: IndexStore) -> None:
    """Check at start that the index can be used as `section` says; Parquet files need nothing.

    Raises Unreachable, or PermanentFailure for wrong credentials, another version or product, or missing rights.
    """
    if section.type == "elasticsearch":
        from logplatform.stores.elasticsearch_template import check  # noqa: PLC0415 (its client is in an extra)

        check(section)
