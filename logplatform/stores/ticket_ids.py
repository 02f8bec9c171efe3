"""The ids of all tickets that were ever accepted: 20 million of them beside a batch must cost what none cost.

What belongs here: looking ids up and adding them. What does not: what happens to a ticket whose id is known.

The statements are each database's own. A commit's ids are given to it as one sorted blob of records (id, digest), which
it takes apart itself: binding each id as a parameter of its own costs twice the work of storing it.
"""

from dataclasses import dataclass

import sqlalchemy as sa

ID_BYTES = 16
RECORD_BYTES = ID_BYTES + 8

# The records of the blob :ids, by the position of their first byte.
_RECORDS = f"""WITH RECURSIVE record(at) AS (
  SELECT 1 WHERE length(:ids) > 0
  UNION ALL SELECT at + {RECORD_BYTES} FROM record WHERE at + {RECORD_BYTES} < length(:ids)
)"""  # noqa: S608 (constants only)
_ADD = f"""INSERT OR IGNORE INTO ticket_seen (tenant, id, digest, commit_id)
{_RECORDS} SELECT :tenant, substr(:ids, at, 16), substr(:ids, at + 16, 8), :commit_id FROM record"""  # noqa: S608 (constants only)
_BROUGHT_BEFORE = f"""{_RECORDS} SELECT at / {RECORD_BYTES}, seen.digest FROM record CROSS JOIN ticket_seen AS seen
ON seen.tenant = :tenant AND seen.id = substr(:ids, at, 16) WHERE seen.commit_id <> :commit_id"""  # noqa: S608 (constants only)

_POSTGRES_RECORDS = f"""(SELECT CAST(%(ids)s AS bytea) AS ids) AS given
CROSS JOIN generate_series(1, length(given.ids), {RECORD_BYTES}) AS record(at)"""
_POSTGRES_ADD = f"""INSERT INTO ticket_seen (tenant, id, digest, commit_id)
SELECT %(tenant)s, substr(ids, at, 16), substr(ids, at + 16, 8), %(commit_id)s FROM {_POSTGRES_RECORDS}
ON CONFLICT DO NOTHING"""  # noqa: S608 (constants only)
# OFFSET 0 keeps the planner from reading the whole table instead of looking each id up.
_POSTGRES_BROUGHT_BEFORE = f"""SELECT (at - 1) / {RECORD_BYTES}, seen.digest FROM {_POSTGRES_RECORDS}
CROSS JOIN LATERAL (
  SELECT digest FROM ticket_seen
  WHERE tenant = %(tenant)s AND id = substr(ids, at, 16) AND commit_id <> %(commit_id)s OFFSET 0
) AS seen"""  # noqa: S608 (constants only)


@dataclass(frozen=True, slots=True)
class SeenIds:
    """The ids of one tenant's tickets; an id has 16 bytes, a digest of the ticket's content 8."""

    tenant: str

    def add(self, connection: sa.Connection, records: bytes, commit_id: int) -> dict[int, bytes]:
        """Remember records of RECORD_BYTES (id, digest), sorted, each id once, as brought by `commit_id`, a new one.

        Returns, by the record's number from 0, the digests that were remembered before with ids that earlier commits
        brought; they stay as they were.
        """
        # Sorted, so that each page of the table is looked at once.
        values = {"ids": records, "tenant": self.tenant, "commit_id": commit_id}
        postgres = connection.dialect.name == "postgresql"
        add, brought_before = (_POSTGRES_ADD, _POSTGRES_BROUGHT_BEFORE) if postgres else (_ADD, _BROUGHT_BEFORE)
        if connection.exec_driver_sql(add, values).rowcount == len(records) // RECORD_BYTES:
            return {}
        return dict(connection.exec_driver_sql(brought_before, values).tuples().all())
