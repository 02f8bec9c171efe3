"""Which contents are delivered already, and under which names: what a further turn of a log is compared with.

What belongs here: that comparison. What does not: names (`rotation`), and what is done with a known content (`unpack`).
"""

from collections import defaultdict
from collections.abc import Iterable

import sqlalchemy as sa

from logplatform.archives.places import server_of
from logplatform.archives.rotation import log_name, same_log
from logplatform.landing.ledger_reader import SAME_CONTENT
from logplatform.landing.observations import Observation
from logplatform.stores.schema import content, observation
from logplatform.stores.sql import chunks
from logplatform.tenancy import Tenancy

_Name = tuple[int, str, str]


class Delivered:
    """The delivered files of some contents: observation, source and path of each, by the content's hash."""

    def __init__(self) -> None:
        self._names: defaultdict[str, list[_Name]] = defaultdict(list)

    @classmethod
    def read(cls, connection: sa.Connection, tenancy: Tenancy, content_sha256s: Iterable[str]) -> "Delivered":
        """What the ledger knows of these contents, as `connection` sees it."""
        delivered = cls()
        query = (
            sa.select(content.c.content_sha256, observation.c.id, observation.c.source, observation.c.path)
            .join(observation, SAME_CONTENT)
            .where(
                content.c.domain == tenancy.domain,
                content.c.tenant == tenancy.tenant,
                observation.c.status.in_(["extracted", "processed"]),
            )
        )
        for chunk in chunks(content_sha256s):
            for digest, number, source, path in connection.execute(query.where(content.c.content_sha256.in_(chunk))):
                delivered._names[digest].append((number, source, path))
        return delivered

    def add(self, found: Observation, content_sha256: str) -> None:
        """One more, in the same transaction."""
        self._names[content_sha256].append((found.id, found.source, found.path))

    def holds(self, found: Observation, content_sha256: str) -> bool:
        """Whether the content came from the same server under a name that is a turn of the same log."""
        mine = log_name(found.path)
        for number, source, path in self._names.get(content_sha256, ()):
            if number == found.id or server_of(source) != server_of(found.source):
                continue
            if source == found.source:
                known = same_log(mine, log_name(path))
            else:
                # A file that was dropped by hand has lost the folder it came from.
                known = same_log(log_name(found.name), log_name(path.rpartition("/")[2]))
            if known:
                return True
        return False
