"""The log index of each kind, for cases that hold of all of them.

What belongs here: opening one in a folder or on a server. What does not: what is asserted.
"""

from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from logplatform.landing.leases import utc_now
from logplatform.settings.stores import IndexStore
from logplatform.stores.dataset import Dataset
from logplatform.stores.files import LocalFiles
from logplatform.stores.log_index import LogIndex
from logplatform.stores.log_places import open_log_index
from logplatform.stores.log_query import ALL, Filters, Search
from logplatform.stores.log_schema import DOCUMENTS
from logplatform.stores.parquet_index import DATASET
from logplatform.stores.sql import Database

KINDS = ("parquet", "elasticsearch")
PARQUET = IndexStore()


@contextmanager
def opened(folder: Path, store: IndexStore, now: Callable[[], datetime] = utc_now) -> Generator[LogIndex]:
    """The index whose manifest, and files if it has any, are in a folder."""
    with closing(Database.at(folder / "uploads.db")) as database:
        dataset = Dataset(DATASET, "default", DOCUMENTS, LocalFiles(folder), database, now)
        with open_log_index(store, dataset) as index:
            yield index


def total(index: LogIndex, filters: Filters = ALL) -> int:
    """How many documents meet the filters."""
    return index.search(Search(filters=filters, size=1)).total
