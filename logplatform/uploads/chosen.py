"""The ledger of uploads and the queue of jobs that the settings choose.

What belongs here: choosing the implementation, and not leaving uploads behind when the choice changes. What does not:
the implementations (`stores`), and what else the domain works with (`room`).
"""

from logplatform.failures import PermanentFailure
from logplatform.stores.job_queue import JobQueue, SqlJobQueue
from logplatform.stores.sql_upload_ledger import SqlUploadLedger
from logplatform.stores.upload_facts import UploadFacts
from logplatform.stores.upload_ledger import UploadLedger
from logplatform.tenancy import Tenancy


def ledger_of(tenancy: Tenancy) -> UploadLedger:
    """The ledger of a tenancy's uploads; nothing is connected before it is asked.

    Uploads of an SQL ledger go along to MongoDB. PermanentFailure where the way back is asked for: previews and
    reasons are in MongoDB alone.
    """
    section = tenancy.settings.stores.uploads
    facts = UploadFacts(tenancy.tenant)
    sql = SqlUploadLedger(tenancy.database, tenancy.tenant, tenancy.now)
    if section.type == "sql":
        with tenancy.database.read() as connection:
            if facts.any(connection):
                raise PermanentFailure(
                    "stores.uploads.type is sql, but the uploads of this database are recorded in MongoDB: set it to "
                    "mongodb again, or begin anew with `logplatform reset`"
                )
        return sql
    from logplatform.stores.mongo_ledger import MongoUploadLedger  # noqa: PLC0415 (an extra)

    sql.hand_over(facts)
    return MongoUploadLedger(section, tenancy.database, tenancy.tenant, tenancy.now)


def queue_of(tenancy: Tenancy) -> JobQueue:
    """The queue of a tenancy's jobs; nothing is connected before it is asked."""
    section = tenancy.settings.stores.queue
    if section.type == "sql":
        return SqlJobQueue(tenancy.database, tenancy.tenant, tenancy.now)
    from logplatform.stores.redis_queue import RedisJobQueue  # noqa: PLC0415 (an extra)

    return RedisJobQueue(section, tenancy.tenant, tenancy.now)
