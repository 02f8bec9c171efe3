"""A live log that grew: its new content begins with all of the old one, so it takes the old one's place.

What belongs here: finding the delivered content that a new one begins with. What does not: replacing it (`deliver`).

Only a plain file under its log's own name (`app.log`, no number, no date) is written to; an archive or a rotated file
is not. Such a file may be taken while it rests and grow afterwards, or be rotated after growing: delivering its new
content as a further file would count the old lines twice.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import sqlalchemy as sa

from logplatform.archives.contents import open_content
from logplatform.archives.figures import EventFigures
from logplatform.archives.parse_file import ExtractedFile
from logplatform.archives.places import origin_of
from logplatform.archives.rotation import LogName, log_name, same_log
from logplatform.landing.ledger_reader import SAME_CONTENT
from logplatform.landing.observations import Observation, observation_of
from logplatform.stores.schema import content, dead_letter, observation
from logplatform.stores.sql import chunks
from logplatform.tenancy import Tenancy

_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Outgrown:
    """A delivered file whose content is only the beginning of a new one's; `lines` and `bytes` are of that content."""

    found: Observation
    origin: str
    lines: int
    bytes: int

    def taken_back(self, tenancy: Tenancy, events: int) -> EventFigures:
        """What its day's figures lose when it is replaced; `events` rows were its."""
        letters = tenancy.letters.count(dead_letter.c.origin == self.origin)
        return EventFigures(-1, -self.lines, letters - self.lines, -events, -letters, -self.bytes)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A delivered live file, with the hash and the size of its content."""

    found: Observation
    content_sha256: str
    size: int
    lines: int


def is_live(path: str) -> bool:
    """Whether the path is a log's own name, which its writer appends to."""
    name = log_name(path)
    return name == LogName(path, None)


def live_before(tenancy: Tenancy, files: Sequence[ExtractedFile]) -> list[Candidate]:
    """Every delivered plain file that stands under the live name of one of the `files`' logs."""
    joined = observation.join(content, SAME_CONTENT)
    query = (
        sa.select(observation, content.c.content_sha256, content.c.content_size, content.c.lines.label("content_lines"))
        .select_from(joined)
        .where(
            observation.c.domain == tenancy.domain,
            observation.c.tenant == tenancy.tenant,
            observation.c.status == "processed",
            content.c.format == "plain",
            content.c.content_size > 0,
        )
    )
    found: list[Candidate] = []
    by_source = sorted(files, key=lambda file: file.found.source)
    with tenancy.database.read() as connection:
        for source, group in groupby(by_source, key=lambda file: file.found.source):
            for logs in chunks({file.log[1] for file in group}):
                rows = connection.execute(query.where(observation.c.source == source, observation.c.path.in_(logs)))
                found += [
                    Candidate(observation_of(row), row.content_sha256, row.content_size, row.content_lines or 0)
                    for row in rows
                ]
    return [one for one in found if is_live(one.found.path)]


def outgrown(tenancy: Tenancy, file: ExtractedFile, before: Sequence[Candidate]) -> list[Outgrown]:
    """Those of `before` that `file` begins with and goes beyond; raises OSError if it cannot be read."""
    mine, size = log_name(file.found.path), file.content.content_size or 0
    candidates = [
        one
        for one in before
        if one.found.source == file.found.source
        and one.found.id != file.found.id
        and one.size < size
        and same_log(mine, log_name(one.found.path))
    ]
    found: list[Outgrown] = []
    if not candidates:
        return found
    digest = hashlib.sha256()
    done = 0
    with open_content(tenancy.files, file.content_key) as reader:
        for one in sorted(candidates, key=lambda one: one.size):
            while done < one.size and (chunk := reader.read(min(_READ_BYTES, one.size - done))):
                digest.update(chunk)
                done += len(chunk)
            if digest.hexdigest() == one.content_sha256:
                origin = origin_of(one.found, one.content_sha256)
                found.append(Outgrown(one.found, origin, one.lines, one.size))
    return found
