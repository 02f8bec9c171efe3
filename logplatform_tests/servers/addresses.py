"""Addresses of servers, read into what tests need: sections of settings, and logins.

What belongs here: texts of addresses and what they mean. What does not: emptying a store after a test (`isolation`).
"""

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit, urlunsplit

from pydantic import SecretStr

from logplatform.settings.stores import (
    FilesStore,
    IndexStore,
    KafkaStore,
    QueueStore,
    SparkStore,
    SqlStore,
    UploadsStore,
)


@dataclass(frozen=True, slots=True)
class PostgresAddress:
    """url names user, host, port and database."""

    url: str
    password: str

    @classmethod
    def read(cls, address: str) -> "PostgresAddress":
        url, password = _parted(address)
        return cls(url, password)

    def store(self, database: str) -> SqlStore:
        url = urlunsplit(urlsplit(self.url)._replace(path=f"/{database}"))
        return SqlStore(type="postgresql", url=url, password=SecretStr(self.password))


@dataclass(frozen=True, slots=True)
class FileServer:
    """A server of files, and a folder of its own for one test."""

    scheme: str
    """sftp, ftp or ftps"""
    host: str
    port: int
    username: str
    password: str
    folder: Path
    """What is written there is on the server; its path there is the same as here."""
    key_file: Path | None = None
    known_hosts: Path | None = None
    certificate: Path | None = None

    @classmethod
    def read(cls, address: str) -> "FileServer":
        parts = urlsplit(address)
        more = {name: Path(values[0]) for name, values in parse_qs(parts.query).items()}
        return cls(
            parts.scheme,
            parts.hostname or "localhost",
            parts.port or (22 if parts.scheme == "sftp" else 21),
            unquote(parts.username or ""),
            unquote(parts.password or ""),
            Path(unquote(parts.path)),
            more.get("key"),
            more.get("known_hosts"),
            more.get("certificate"),
        )

    @property
    def path(self) -> str:
        """The folder as the server names it."""
        return str(self.folder)


def queue_store(address: str, key: str) -> QueueStore:
    url, password = _parted(address)
    user = urlsplit(address).username
    return QueueStore(type="redis", url=url, username=user or None, password=_secret(password), key=key)


def uploads_store(address: str, database: str) -> UploadsStore:
    url, password = _parted(address)
    parts = urlsplit(url)
    user = unquote(parts.username) if parts.username else None
    without_user = parts._replace(netloc=parts.netloc.rpartition("@")[2], path=f"/{database}")
    return UploadsStore(type="mongodb", url=urlunsplit(without_user), username=user, password=_secret(password))


def index_store(address: str, prefix: str) -> IndexStore:
    """Of one node, which can hold no copies."""
    return IndexStore(type="elasticsearch", url=address, prefix=prefix, replicas=0)


def kafka_store(address: str) -> KafkaStore:
    return KafkaStore(bootstrap_servers=address)


def files_store(address: str, bucket: str) -> FilesStore:
    """With the environment's key, or one that a server for tests takes like any other."""
    return FilesStore(
        type="s3",
        url=f"s3://{bucket}",
        endpoint_url=address,
        region=os.environ.get("AWS_REGION", "us-east-1"),
        access_key=os.environ.get("AWS_ACCESS_KEY_ID", "test"),
        secret_key=SecretStr(os.environ.get("AWS_SECRET_ACCESS_KEY", "test")),
    )


def spark_store(jars: str) -> SparkStore:
    return SparkStore(master="local[2]", jars_folder=Path(jars))


def _parted(address: str) -> tuple[str, str]:
    """(the address without its password, the password)."""
    parts = urlsplit(address)
    user, _, host = parts.netloc.rpartition("@")
    name = user.partition(":")[0]
    return urlunsplit(parts._replace(netloc=f"{name}@{host}" if name else host)), unquote(parts.password or "")


def _secret(text: str) -> SecretStr | None:
    return SecretStr(text) if text else None
