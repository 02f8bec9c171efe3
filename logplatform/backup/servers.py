"""What the domain of uploads keeps on servers beside its database: MongoDB's ledger, Elasticsearch's documents.

What belongs here: fixing one moment of them and the database, and which of them there are. What does not: each
server's own form (`mongo_uploads`, `elasticsearch_events`).

Nobody commits while that moment is taken: it is one, though the stores know nothing of each other. It lasts as long as
the ledger of uploads takes to be read; documents are read afterwards, as of that moment.
"""

from collections.abc import Callable, Generator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from logplatform.databases import DatabaseName
from logplatform.settings.model import Settings
from logplatform.stores.places import Place

MONGODB, ELASTICSEARCH = "mongodb.bson.zst", "elasticsearch.ndjson.zst"


def _nothing() -> None:
    """There are no such servers."""


@dataclass(slots=True)
class Frozen:
    """`moment` is called while a domain's rows are fixed, `save` when there is time."""

    moment: Callable[[], object] = _nothing
    save: Callable[[], object] = _nothing


@dataclass(slots=True)
class _Freezer:
    settings: Settings
    place: Place
    folder: Path
    lock: ExitStack
    kept: ExitStack
    saves: list[Callable[[], object]] = field(default_factory=list)

    def moment(self) -> None:
        """Read the ledger, fix the documents, and let others go on."""
        stores = self.settings.stores
        self.folder.mkdir(exist_ok=True)
        if stores.uploads.type == "mongodb":
            from logplatform.backup.mongo_uploads import save_uploads  # noqa: PLC0415 (an extra)

            save_uploads(stores.uploads, self.settings.tenant, self.folder / MONGODB)
        if stores.index.type == "elasticsearch":
            from logplatform.backup.elasticsearch_events import fixed_events  # noqa: PLC0415 (an extra)

            write = self.kept.enter_context(fixed_events(stores.index, self.settings.tenant, self.place))
            self.saves.append(lambda: write(self.folder / ELASTICSEARCH))
        self.lock.close()

    def save(self) -> None:
        """Read the documents."""
        for save in self.saves:
            save()


@contextmanager
def freezing(settings: Settings, name: DatabaseName, place: Place, folder: Path) -> Generator[Frozen]:
    """Hold a domain's writers until `moment` was called, where more than its database is to be saved."""
    stores = settings.stores
    if name != "uploads" or (stores.uploads.type, stores.index.type) == ("sql", "parquet"):
        yield Frozen()
        return
    with closing(place.connect()) as database, ExitStack() as lock, ExitStack() as kept:
        lock.enter_context(database.write())
        freezer = _Freezer(settings, place, folder, lock, kept)
        yield Frozen(freezer.moment, freezer.save)


def bring_servers_back(settings: Settings, folder: Path) -> None:
    """Put the documents of both servers back; done again it is the same."""
    stores = settings.stores
    if stores.index.type == "elasticsearch" and (folder / ELASTICSEARCH).exists():
        from logplatform.backup.elasticsearch_events import bring_events_back  # noqa: PLC0415 (an extra)

        bring_events_back(stores.index, settings.tenant, folder / ELASTICSEARCH)
    if stores.uploads.type == "mongodb" and (folder / MONGODB).exists():
        from logplatform.backup.mongo_uploads import bring_uploads_back  # noqa: PLC0415 (an extra)

        bring_uploads_back(stores.uploads, folder / MONGODB)
