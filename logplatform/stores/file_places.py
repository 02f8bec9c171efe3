"""Where files are: a folder of this machine or an object store, opened or only checked.

What belongs here: the choice between the two by the settings' section. What does not: what is done with files
(`files`, `object_files`).
"""

from pathlib import Path

from logplatform.failures import PermanentFailure
from logplatform.settings.stores import FilesStore
from logplatform.stores.files import Files, LocalFiles


def open_files(store: FilesStore, folder: Path) -> Files:
    """The files that `store` names; those of this machine are in `folder`, as are parts and copies of others."""
    if store.type == "folder":
        return LocalFiles(folder)
    try:
        from logplatform.stores.object_files import ObjectFiles  # noqa: PLC0415 (botocore is in the extra `server`)
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    return ObjectFiles(store, folder)


def check_files(store: FilesStore) -> None:
    """Check at start that files can be put, got, listed and deleted as `store` says; a folder needs nothing.

    Raises Unreachable, or PermanentFailure for a bucket that is not there, wrong credentials or missing rights.
    """
    if store.type == "folder":
        return
    try:
        from logplatform.stores.object_client import probe  # noqa: PLC0415 (botocore is in the extra `server`)
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    probe(store)


def _missing(error: ModuleNotFoundError) -> PermanentFailure:
    return PermanentFailure(
        f"stores.files.type is s3, and {error.name} is not installed: pip install 'logplatform[server]'"
    )
