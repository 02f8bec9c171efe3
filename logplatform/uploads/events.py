"""Events that their senders named: the same name again is the same document, in whatever upload it comes.

What belongs here: leaving out what is there already. What does not: where ids are kept (`stores.event_ids`), and how
a name becomes an id (`identity`, `enrich`).
"""

from collections.abc import Iterable, Iterator

import pyarrow as pa

from logplatform.stores.event_ids import EventClaim
from logplatform.uploads.enrich import EnrichedBlock

Documents = tuple[str, pa.RecordBatch]
"""Documents of an event day (`YYYY-MM-DD`)."""


def rows_of(documents: Iterable[Documents]) -> int:
    """How many documents there are."""
    return sum(batch.num_rows for _, batch in documents)


def unseen(enriched: EnrichedBlock, claim: EventClaim) -> Iterator[Documents]:
    """A block's documents by day, without those whose named event another upload, or this one before, has brought."""
    if not enriched.named:
        yield from enriched.documents
        return
    for day, batch in enriched.documents:
        ids = batch["id"].to_pylist()
        new = claim.take([one for one in ids if one in enriched.named])
        keep: list[bool] = []
        for one in ids:
            keep.append(one in new or one not in enriched.named)
            new.discard(one)
        yield day, batch.filter(pa.array(keep, pa.bool_()))
