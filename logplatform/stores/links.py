"""Links that show people where a published file is.

What belongs here: what a link says, and whether it still leads to something. What does not: which links there are
(each domain's `views`).

A link to a file of this machine is relative, and opens it. To a file in an object store it says its address
(`readlink` shows it, s3://bucket/name); nothing is fetched for it.
"""

import os
from pathlib import Path

from logplatform.stores.files import Files

_SCHEME = "://"


def target(files: Files, key: str, folder: Path) -> str:
    """What a link in `folder` says to lead to the file `key`."""
    address = files.address(key)
    return address if _SCHEME in address else os.path.relpath(address, folder.absolute())


def is_lost(files: Files, link: Path) -> bool:
    """Whether nothing is there any more that a link leads to."""
    said = os.readlink(link)  # noqa: PTH115 (a Path drops a slash of s3://)
    if _SCHEME not in said:
        return not link.exists()
    root = files.address("")
    # A link into another store is none of this one's business.
    return said.startswith(root) and not files.exists(said.removeprefix(root))
