"""Bytes of uploads in the SQL store, whatever holds the ledger: that they are known, and whose they are.

What belongs here: statements on a connection of the transaction that records an upload. What does not: the ledgers
(`sql_upload_ledger`, `mongo_ledger`).
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from logplatform.stores.schema import content
from logplatform.stores.upload_record import OPEN, UploadRecord

DOMAIN = "uploads"


def know_content(connection: sa.Connection, tenant: str, record: UploadRecord) -> None:
    """Make the record's bytes a known content: from then on they are nobody's leavings.

    Bytes that come back after retention took them are there again.
    """
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    values = {
        "domain": DOMAIN,
        "tenant": tenant,
        "sha256": record.sha256,
        "size": record.file_size,
        "object_key": record.object_key,
        "landed_at": record.uploaded_at,
        "lines": record.total_lines,
        "format": record.file_type,
    }
    known = {"removed_at": None, "object_key": record.object_key}
    insert = dialect.insert(content).values(**values)
    connection.execute(insert.on_conflict_do_update(index_elements=["domain", "tenant", "sha256"], set_=known))


def first_with(connection: sa.Connection, table: sa.Table, tenant: str, sha256: str) -> str | None:
    """The job of the first upload of these bytes in `table` that has not failed."""
    same = (table.c.tenant == tenant, table.c.sha256 == sha256, table.c.status.in_((*OPEN, "completed")))
    query = sa.select(table.c.job_id).where(*same).order_by(table.c.uploaded_at).limit(1)
    return connection.execute(query).scalar_one_or_none()
