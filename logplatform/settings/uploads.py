"""Settings of the domain uploads: which files are taken and from where, how their records are read and worked off.

What belongs here: fields of the section `uploads`. What does not: policies that all domains share (`policies`; the
largest record is `landing.max_line_bytes`).
"""

from typing import Annotated, Literal, Self

from pydantic import Field, Tag, model_validator

from logplatform.settings.base import (
    AnchoredPath,
    Conflict,
    Days,
    Name,
    Real,
    Seconds,
    Section,
    Timezone,
    Whole,
    by_type,
    refuse,
    repeated_names,
)
from logplatform.settings.policies import MIB
from logplatform.settings.servers import FtpServer, RemotePaths, SshServer

INBOX = "inbox"
"""The name of the folder under the data root that is an inbox of its own."""


class _Inbox(Section):
    """What every inbox has: its files are taken as if they had been sent over HTTP."""

    name: Name
    enabled: bool = True
    keep_files: bool = False
    """Leave files where they are; otherwise a file leaves once it is safe here, or, refused, for `error/uploads/`."""


class InboxFolder(_Inbox):
    """A folder of this machine whose files are taken as if they had been sent over HTTP."""

    type: Literal["folder"] = "folder"
    path: AnchoredPath
    """The folder."""
    patterns: Annotated[tuple[str, ...], Field(min_length=1)] = ("*",)
    """Shell patterns of the files to take, for the name or for the path under `path`; subfolders are looked into."""


class InboxSsh(SshServer, _Inbox):
    """An inbox at an SSH server."""

    type: Literal["sftp"] = "sftp"
    remote_path: RemotePaths
    """Globs of the files to take, such as /home/partner/outgoing/*.csv."""


class InboxFtp(FtpServer, _Inbox):
    """An inbox at an FTP server."""

    type: Literal["ftp"] = "ftp"
    remote_path: RemotePaths
    """Globs of the files to take, such as /outgoing/*.csv."""


Inbox = Annotated[
    Annotated[InboxFolder, Tag("folder")] | Annotated[InboxSsh, Tag("sftp")] | Annotated[InboxFtp, Tag("ftp")],
    by_type("folder"),
]
"""Every kind of inbox, told apart by `type`."""


class UploadsSettings(Section):
    """The domain uploads."""

    enabled: bool = True
    """Off: no sensor of this domain runs."""
    inbox: bool = True
    """Take files that people drop into `inbox/` under the data root."""
    inboxes: tuple[Inbox, ...] = ()
    """Further folders, here or at servers, whose files are taken."""
    settle_seconds: Seconds = 5
    """A file in an inbox that changed more recently than this may still grow and is left for later."""
    interval_seconds: Annotated[Real, Field(ge=1, le=86_400)] = 5
    """Seconds between two looks at the queue and the inboxes."""
    parallel_jobs: Annotated[Whole, Field(ge=1, le=64)] = 2
    """Jobs that one worker does at the same time."""
    max_retries: Annotated[Whole, Field(ge=0, le=1000)] = 3
    """Retries of a job that failed of something that may pass."""
    retry_seconds: Seconds = 5
    """Seconds between two of them."""
    max_file_size_mb: Annotated[float, Field(gt=0, le=1024 * 1024, allow_inf_nan=False)] = 100
    """A larger file is not taken; MiB."""
    allowed_extensions: Annotated[tuple[Literal["csv", "json"], ...], Field(min_length=1)] = ("csv", "json")
    """Kinds of files that are taken."""
    timezone: Timezone | None = None
    """Zone of timestamps that name none; the settings' `timezone` where left out."""
    geoip_database: AnchoredPath | None = None
    """An MMDB file (GeoLite2 City, DB-IP City, …) that places addresses; left out: countries, by bundled data."""
    index_days: Days | None = None
    """Documents are kept in the index for so many event days; left out: for ever."""
    fraud_threshold: Annotated[int, Field(ge=0, le=100)] = 75
    """A transaction with this fraud score or more is suspicious."""

    @property
    def max_file_bytes(self) -> int:
        """The largest file, in bytes."""
        return int(self.max_file_size_mb * MIB)

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        taken = [
            Conflict(("inboxes", index, "name"), f"{INBOX!r} is the folder under the data root; choose another name")
            for index, folder in enumerate(self.inboxes)
            if folder.name.lower() == INBOX
        ]
        refuse([*taken, *repeated_names(((i, folder.name) for i, folder in enumerate(self.inboxes)), "inboxes")])
        return self
