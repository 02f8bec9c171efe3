"""A part of a shared server for one test alone, gone afterwards.

What belongs here: making and removing databases, keys, indices, topics, buckets. What does not: starting servers.
"""

import uuid
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from shutil import rmtree
from urllib.parse import urlsplit

from logplatform.settings.stores import FilesStore, IndexStore, QueueStore, SqlStore, UploadsStore
from logplatform_tests.servers import addresses
from logplatform_tests.servers.addresses import FileServer, PostgresAddress


@contextmanager
def database(postgres: PostgresAddress) -> Generator[SqlStore]:
    import psycopg  # noqa: PLC0415 (an extra: only tests of PostgreSQL need it)

    name = _name()
    with psycopg.connect(postgres.url, password=postgres.password, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
    try:
        yield postgres.store(name)
    finally:
        with psycopg.connect(postgres.url, password=postgres.password, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())


@contextmanager
def queue(address: str) -> Generator[QueueStore]:
    from redis import Redis  # noqa: PLC0415 (an extra)

    store = addresses.queue_store(address, _name())
    try:
        yield store
    finally:
        with Redis.from_url(address) as client:
            for key in client.scan_iter(f"*{store.key}*"):
                client.delete(key)


@contextmanager
def mongo_database(address: str) -> Generator[UploadsStore]:
    from pymongo import MongoClient  # noqa: PLC0415 (an extra)

    name = _name()
    try:
        yield addresses.uploads_store(address, name)
    finally:
        with MongoClient(address) as client:
            client.drop_database(name)


@contextmanager
def indices(address: str) -> Generator[IndexStore]:
    from elasticsearch import Elasticsearch  # noqa: PLC0415 (an extra)

    store = addresses.index_store(address, _name())
    try:
        yield store
    finally:
        with Elasticsearch(address) as client:
            # By name: a server may refuse to delete by pattern.
            for index in client.indices.get(index=f"{store.prefix}*", expand_wildcards="all"):
                client.indices.delete(index=index, ignore_unavailable=True)
            for template in client.indices.get_index_template()["index_templates"]:
                if store.prefix in template["name"]:
                    client.indices.delete_index_template(name=template["name"])


@contextmanager
def topics(address: str) -> Generator[str]:
    """A prefix for names of topics."""
    from confluent_kafka.admin import AdminClient  # noqa: PLC0415 (an extra)

    prefix = f"{_name()}."
    try:
        yield prefix
    finally:
        admin = AdminClient({"bootstrap.servers": address})
        made = [name for name in admin.list_topics(timeout=10).topics if name.startswith(prefix)]
        if made:
            for deleted in admin.delete_topics(made).values():
                deleted.result()


@contextmanager
def bucket(address: str) -> Generator[FilesStore]:
    import boto3  # noqa: PLC0415 (slow to load, and only this needs it)

    store = addresses.files_store(address, f"t{uuid.uuid4().hex[:16]}")
    secret = store.secret_key.get_secret_value() if store.secret_key else None
    objects = boto3.resource(
        "s3",
        endpoint_url=address,
        region_name=store.region,
        aws_access_key_id=store.access_key,
        aws_secret_access_key=secret,
    )
    own = objects.Bucket(urlsplit(store.url).netloc)
    own.create()
    try:
        yield store
    finally:
        own.objects.all().delete()
        own.delete()


@contextmanager
def folder(address: str) -> Generator[FileServer]:
    server = FileServer.read(address)
    own = replace(server, folder=server.folder / _name())
    own.folder.mkdir()
    # The server's user is another than the test's, where that is root.
    own.folder.chmod(0o777)
    try:
        yield own
    finally:
        rmtree(own.folder, ignore_errors=True)


def _name() -> str:
    return f"t{uuid.uuid4().hex[:16]}"
