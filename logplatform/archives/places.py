"""Where archives come from and what their places are called: sources, servers, keys, origins.

What belongs here: names, and the sources behind them. What does not: reading a source or a ledger.

A server's files come from its source in the settings; files that people drop into `incoming/<server>/` under the data
root come from a source of its own, named `incoming/<server>`. Both are of the same server.
"""

from collections.abc import Iterator
from datetime import tzinfo
from pathlib import Path, PurePosixPath

from logplatform.landing.observations import Observation
from logplatform.settings.archives import ArchiveSource
from logplatform.settings.base import zone
from logplatform.sources.base import Source
from logplatform.sources.folder import FolderSource
from logplatform.sources.names import name_text
from logplatform.tenancy import Tenancy

INCOMING = "incoming"
ZSTD_ENDING = ".zst"
_PREFIX = f"{INCOMING}/"
_RECOMPRESSED = "zst"


def server_of(source: str) -> str:
    """The server that a source's files are of."""
    return source.removeprefix(_PREFIX)


def both_sources(server: str) -> tuple[str, str]:
    """The two sources that a server may have."""
    return server, _PREFIX + server


def is_incoming(source: str) -> bool:
    """Whether the source is a folder that people drop files into."""
    return source.startswith(_PREFIX)


def label(found: Observation) -> str:
    """How a file is called where people read of it: `server/path`."""
    return f"{found.source}/{found.path}"


def incoming_sources(tenancy: Tenancy) -> Iterator[Source]:
    """The folders below `incoming/`, one a server; hidden ones and links are none."""
    root = tenancy.settings.data_root / INCOMING
    if root.is_dir():
        for folder in sorted(root.iterdir()):
            if folder.is_dir() and not folder.is_symlink() and not folder.name.startswith("."):
                yield incoming_source(folder)


def incoming_source(folder: Path) -> FolderSource:
    """The source of one folder below `incoming/`."""
    return FolderSource(_PREFIX + name_text(folder.name), folder)


def sources_by_name(tenancy: Tenancy) -> dict[str, Source]:
    """Every source that files can be fetched from now."""
    return {source.name: source for source in (*tenancy.sources(), *incoming_sources(tenancy))}


def removes_at_source(tenancy: Tenancy, source: str) -> bool:
    """Whether a file leaves its source once it is safe here: where the settings say so, and always `incoming`."""
    if is_incoming(source):
        return True
    settings = _settings_of(tenancy, source)
    return settings is not None and settings.delete_source


def zone_of(tenancy: Tenancy, source: str) -> tzinfo:
    """The zone of texts that name none, in the files of a source."""
    settings = _settings_of(tenancy, server_of(source))
    return zone(tenancy.settings.timezone) if settings is None else tenancy.settings.zone(settings)


def extracted_key(tenancy: Tenancy, sha256: str) -> str:
    """The key of what the landed bytes `sha256` extract to.

    It tells the compressed bytes, not the content: equal contents of two archives are removed apart.
    """
    return f"{tenancy.landing.extracted_prefix}/{sha256[:2]}/{sha256}"


def recompressed_prefix(tenancy: Tenancy) -> str:
    """The folder of what is recompressed, below that of everything extracted: the key alone tells the form."""
    return f"{tenancy.landing.extracted_prefix}/{_RECOMPRESSED}/"


def recompressed_key(tenancy: Tenancy, sha256: str) -> str:
    """The key of what the landed bytes `sha256` extract to, once that is recompressed."""
    return f"{recompressed_prefix(tenancy)}{sha256[:2]}/{sha256}"


def is_recompressed(key: str) -> bool:
    """Whether the content under `key` is zstd; otherwise the bytes there are the content."""
    return PurePosixPath(key).parent.parent.name == _RECOMPRESSED


def origin_of(found: Observation, content_sha256: str) -> str:
    """The identity of a delivered file, by which its rows and dead letters are replaced: server, path, content."""
    return f"{found.source}:{found.path}:{content_sha256}"


def scratch(tenancy: Tenancy) -> Path:
    """A folder for temporary files, on the data root's disk."""
    folder = tenancy.settings.data_root / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _settings_of(tenancy: Tenancy, name: str) -> ArchiveSource | None:
    return next((source for source in tenancy.settings.archives.sources if source.name == name), None)
