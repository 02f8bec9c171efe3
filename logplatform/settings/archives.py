"""Settings of the domain archives: where compressed logs come from and how they are taken.

What belongs here: fields of the section `archives`. What does not: checks between domains (`model`), and policies
that all domains share (`policies`).
"""

from typing import Annotated, Literal, Self

from pydantic import Field, Tag, model_validator

from logplatform.settings.base import (
    AnchoredPath,
    Name,
    Positive,
    Real,
    Seconds,
    Section,
    Share,
    Timezone,
    Whole,
    by_type,
    refuse,
    repeated_names,
)
from logplatform.settings.policies import GIB, RetrySettings
from logplatform.settings.servers import FtpServer, RemotePaths, SshServer


class _Archives(Section):
    """What every source of archives has; its name is the server's."""

    name: Name
    enabled: bool = True
    timezone: Timezone | None = None
    """Zone of timestamps that name none; the settings' `timezone` where left out."""
    delete_source: bool = False
    """Remove a file there after its durable commit, if its size and mtime are unchanged."""


class ArchiveFolder(_Archives):
    """One server's logs in a folder of this machine (a mount, a copy, a backup)."""

    type: Literal["folder"] = "folder"
    path: AnchoredPath
    """The folder."""
    patterns: Annotated[tuple[str, ...], Field(min_length=1)] = ("*",)
    """Shell patterns of the files to take, for the name or for the path under `path`; subfolders are looked into."""


class ArchiveSsh(SshServer, _Archives):
    """One server's logs, fetched from it over SSH."""

    type: Literal["sftp"] = "sftp"
    remote_path: RemotePaths
    """Globs of the files to take, such as /var/log/apps/*.gz."""


class ArchiveFtp(FtpServer, _Archives):
    """One server's logs, fetched from it over FTP."""

    type: Literal["ftp"] = "ftp"
    remote_path: RemotePaths
    """Globs of the files to take, such as /logs/*.gz."""


ArchiveSource = Annotated[
    Annotated[ArchiveFolder, Tag("folder")] | Annotated[ArchiveSsh, Tag("sftp")] | Annotated[ArchiveFtp, Tag("ftp")],
    by_type("folder"),
]
"""Every kind of source of archives, told apart by `type`."""


class ArchiveLimits(Section):
    """Past these an archive is taken for a decompression bomb and goes to quarantine."""

    max_extracted_bytes: Positive = 64 * GIB
    """Bytes one archive may extract to."""
    max_ratio: Annotated[Real, Field(ge=1)] = 1100
    """Extracted by compressed bytes (DEFLATE itself cannot pass 1032:1)."""
    ratio_from_bytes: Annotated[Whole, Field(ge=0)] = 16 * 1024**2
    """The ratio is not judged before this many bytes were extracted."""


class ArchivesSettings(Section):
    """The domain archives."""

    enabled: bool = True
    """Off: no sensor of this domain runs."""
    sources: tuple[ArchiveSource, ...] = ()
    """Where archives come from, one source a server; the name is the server's."""
    retry: RetrySettings = RetrySettings()
    limits: ArchiveLimits = ArchiveLimits()
    events: bool = True
    """Parse extracted logs into `archive_events`; off: extraction is the delivery."""
    recompress_extracted: bool = False
    """Let `prune` keep extracted logs as zstd once they are delivered (`extracted/<server>/NAME.zst`)."""
    incoming: bool = True
    """Also take files that people drop into `incoming/<server>/` under the data root."""
    settle_seconds: Seconds = 60
    """A file changed more recently than this may still grow and is left for later."""
    interval_seconds: Annotated[Real, Field(ge=5, le=86_400)] = 60
    """Seconds between two looks at the sources."""
    parallel_servers: Annotated[Whole, Field(ge=1, le=64)] = 4
    """Servers read at the same time."""
    parallel_files: Annotated[Whole, Field(ge=1, le=64)] = 2
    """Files read at the same time from one server."""
    sample_lines: Annotated[Whole, Field(ge=1, le=10_000)] = 200
    """Lines looked at to find a log's format."""
    sample_share: Share = 0.5
    """Share of the sampled lines that must fit a format for it to be taken."""

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        refuse(repeated_names((i, source.name) for i, source in enumerate(self.sources)))
        return self
