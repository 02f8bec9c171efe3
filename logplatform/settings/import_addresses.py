"""Addresses of servers out of the existing systems' names: POSTGRES_HOST, POSTGRES_PORT, MONGODB_URI and the like.

What belongs here: which part of which address a name is, and putting an address together. What does not: names that
are a setting by themselves (`homes`), servers of archives (`import_servers`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, unquote, urlsplit, urlunsplit

Part = Literal["host", "port", "database", "user", "password", "api_key", "url", "path"]


@dataclass(frozen=True, slots=True)
class Server:
    """A kind of server: what its names begin with, the section of its settings, and the form of its address."""

    names: str
    section: str
    scheme: str
    port: int
    database: str = ""


SERVERS = (
    Server(r"POSTGRES(?:QL)?|PG|DB|DATABASE", "stores.sql", "postgresql", 5432, "logplatform"),
    Server(r"MONGO(?:DB)?", "stores.uploads", "mongodb", 27017, "logplatform"),
    Server(r"REDIS", "stores.queue", "redis", 6379, "0"),
    Server(r"ELASTIC(?:SEARCH)?|ES", "stores.index", "http", 9200),
    Server(r"FTPS?", "machines.sources", "ftp", 21),
)
_PARTS: Mapping[str, Part] = {
    "HOST": "host", "HOSTS": "host", "HOSTNAME": "host", "SERVER": "host", "PORT": "port",
    "DB": "database", "DATABASE": "database", "DBNAME": "database", "NAME": "database",
    "USER": "user", "USERNAME": "user", "PASSWORD": "password", "PASS": "password", "API_KEY": "api_key",
    "URL": "url", "URI": "url", "DSN": "url",
    "DIR": "path", "PATH": "path", "FOLDER": "path", "REMOTE_DIR": "path", "REMOTE_PATH": "path",
}  # fmt: skip
_ENDINGS = "|".join(sorted(_PARTS, key=len, reverse=True))
_PATTERNS = tuple((re.compile(rf"(?:{server.names})_?(?P<part>{_ENDINGS})"), server) for server in SERVERS)
_HOST = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]")


def part_of(name: str) -> tuple[Server, Part] | None:
    """Whose address the name (in capitals) is a part of, and which; None if it is of none."""
    for pattern, server in _PATTERNS:
        found = pattern.fullmatch(name)
        if found is not None:
            return server, _PARTS[found["part"]]
    return None


def split_url(server: Server, url: str) -> dict[Part, str] | None:
    """An address' parts: `url` is what is left without user and password; None where it is no such address."""
    try:
        parts = urlsplit(url)
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
    except ValueError:
        return None
    scheme = "postgresql" if parts.scheme == "postgres" else parts.scheme
    if not parts.netloc or (scheme != server.scheme and not scheme.startswith(server.scheme)):
        return None
    found: dict[Part, str] = {"user": user, "password": password}
    bare = urlunsplit(parts._replace(scheme=scheme, netloc=parts.netloc.rpartition("@")[2]))
    return {part: text for part, text in found.items() if text} | {"url": bare}


def settings_of(server: Server, parts: Mapping[Part, str]) -> dict[str, object]:
    """The fields of the server's section that the parts say; none where they name no host."""
    host, port = parts.get("host", ""), parts.get("port") or str(server.port)
    if host.startswith((f"{server.scheme}://", "https://")):
        url = host
    elif _HOST.fullmatch(host):
        url = f"{server.scheme}://{host}:{port}"
        database = parts.get("database") or server.database
        url += f"/{quote(database, safe='')}" if database else ""
    else:
        url = parts.get("url", "")
    user = parts.get("user")
    if server.scheme == "ftp":
        return _ftp(parts)
    if not url:
        return {}
    if server.scheme == "postgresql":
        return {"url": url.replace("://", f"://{quote(user, safe='')}@", 1) if user else url}
    return {"url": url} | ({"username": user} if user else {})


def _ftp(parts: Mapping[Part, str]) -> dict[str, object]:
    if "host" not in parts or "user" not in parts:
        return {}
    source: dict[str, object] = {"name": "ftp", "type": "ftp", "host": parts["host"], "user": parts["user"]}
    if re.fullmatch(r"\d{1,5}", parts.get("port", "")):
        source["port"] = int(parts["port"])
    if "path" in parts:
        source["path"] = parts["path"]
    return {"sources": [source]}
