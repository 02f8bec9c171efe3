"""Which kind each store is, as far as a backup of one cannot be brought back to another.

What belongs here: comparing. What does not: the stores.
"""

from logplatform.backup.layout import Manifest
from logplatform.failures import PermanentFailure
from logplatform.settings.model import Settings

_HINT = "set the same kind of store for a restore"


def kinds_of(settings: Settings) -> dict[str, str]:
    """The kind of each store, by its section of the settings.

    Files are not among them: their keys are the same in a folder and in an object store. Nor are queues, which are made
    again from the ledger of uploads.
    """
    index = settings.stores.index
    return {
        # Rows name the documents by it.
        **({"stores.index.prefix": index.prefix} if index.type == "elasticsearch" else {}),
        "stores.sql.type": settings.stores.sql.type,
        "stores.uploads.type": settings.stores.uploads.type,
        "stores.index.type": index.type,
        "dagster.storage.type": settings.dagster.storage.type,
    }


def require_same(manifest: Manifest, settings: Settings) -> None:
    """Raise PermanentFailure if the backup is of other stores, or of another tenant."""
    here = kinds_of(settings)
    other = [
        f"{key} is {here.get(key)} here, and was {was}" for key, was in manifest.stores.items() if here.get(key) != was
    ]
    if manifest.tenant != settings.tenant:
        other.append(f"tenant is {settings.tenant} here, and was {manifest.tenant}")
    if other:
        raise PermanentFailure(f"the backup is of other stores: {'; '.join(other)}; {_HINT}")
