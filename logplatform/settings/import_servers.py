"""Servers of a `sources.conf` as sources of archives.

What belongs here: names of their fields, and which of them can be used. What does not: reading the file (`legacy`),
where passwords go (`importer`).
"""

import re
from collections.abc import Iterable

from pydantic import ValidationError

from logplatform.settings.archives import ArchiveSsh
from logplatform.settings.legacy import Server

_FIELDS = {
    "host": "host", "hostname": "host", "address": "host", "ip": "host", "port": "port", "ssh_port": "port",
    "user": "user", "username": "user", "ssh_user": "user",
    "remote_path": "remote_path", "remote_paths": "remote_path", "path": "remote_path", "paths": "remote_path",
    "enabled": "enabled", "timezone": "timezone", "delete_source": "delete_source",
    "key_file": "key_file", "ssh_key": "key_file", "key_path": "key_file", "private_key_file": "key_file",
    "identity_file": "key_file", "known_hosts": "known_hosts",
}  # fmt: skip


def source_name(server: str, taken: Iterable[str]) -> str:
    """The name of a server as that of a source: letters, digits, `.`, `_`, `-`; another where it is taken."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", server).strip("-._")[:60] or "server"
    names = {name.lower() for name in taken}
    numbered = (plain, *(f"{plain}-{number}" for number in range(2, len(names) + 3)))
    return next(name for name in numbered if name.lower() not in names)


def source_of(name: str, server: Server) -> tuple[dict[str, object], dict[str, object]]:
    """The server as a source, and those of its fields that have no place there."""
    entry: dict[str, object] = {"name": name, "type": "sftp"}
    rest: dict[str, object] = {}
    for field, value in server.fields.items():
        key = _FIELDS.get(field.lower())
        if key is not None and key not in entry and value is not None:
            entry[key] = int(value) if key == "port" and isinstance(value, str) and value.isdecimal() else value
        elif field != "name" and value is not None:
            rest[field] = value
    return entry, rest


def why_not(entry: dict[str, object]) -> str:
    """Why a source cannot be used as it is; empty where it can."""
    try:
        ArchiveSsh.model_validate(entry)
    except ValidationError as error:
        return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_input=False))
    return ""
