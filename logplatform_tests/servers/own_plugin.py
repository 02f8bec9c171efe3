"""Servers of a test's own as pytest fixtures.

What belongs here: what pytest calls. What does not: the handle itself (`own`), the shared servers (`plugin`).
"""

from collections.abc import Generator
from contextlib import contextmanager

import pytest

from logplatform.settings.stores import IndexStore, KafkaStore, QueueStore, SqlStore, UploadsStore
from logplatform_tests.servers import addresses
from logplatform_tests.servers.addresses import FileServer, PostgresAddress
from logplatform_tests.servers.kafka import Kafka
from logplatform_tests.servers.own import OwnServer, own_instance
from logplatform_tests.servers.place import NotHad
from logplatform_tests.servers.plugin import session, unavailable
from logplatform_tests.servers.ports import LOOPBACK, free_port
from logplatform_tests.servers.proxy import TcpProxy
from logplatform_tests.servers.registry import SERVERS
from logplatform_tests.servers.server import Instance, Server


@contextmanager
def _own(server: Server, port: int = 0) -> Generator[Instance]:
    try:
        with own_instance(server, session(), port) as instance:
            yield instance
    except NotHad as error:
        unavailable(error, server.name)


@pytest.fixture
def postgres_server_of_its_own() -> Generator[OwnServer[SqlStore]]:
    with _own(SERVERS["postgres"]) as instance:
        yield OwnServer(instance, PostgresAddress.read(instance.address).store("postgres"))


@pytest.fixture
def redis_server_of_its_own() -> Generator[OwnServer[QueueStore]]:
    with _own(SERVERS["redis"]) as instance:
        yield OwnServer(instance, addresses.queue_store(instance.address, "ingest_jobs"))


@pytest.fixture
def mongo_server_of_its_own() -> Generator[OwnServer[UploadsStore]]:
    with _own(SERVERS["mongodb"]) as instance:
        yield OwnServer(instance, addresses.uploads_store(instance.address, "logplatform"))


@pytest.fixture
def elasticsearch_server_of_its_own() -> Generator[OwnServer[IndexStore]]:
    """It takes half a minute to start."""
    with _own(SERVERS["elasticsearch"]) as instance:
        yield OwnServer(instance, addresses.index_store(instance.address, "logs-ecom"))


@pytest.fixture
def kafka_server_of_its_own() -> Generator[OwnServer[KafkaStore]]:
    """It takes ten seconds to start."""
    with _own(SERVERS["kafka"]) as instance:
        yield OwnServer(instance, addresses.kafka_store(instance.address))


@pytest.fixture
def kafka_behind_proxy() -> Generator[tuple[OwnServer[KafkaStore], TcpProxy]]:
    """A broker that is reached through the proxy alone; a broker tells its clients where they must go."""
    port = free_port()
    with TcpProxy(LOOPBACK, port) as proxy, _own(Kafka(proxy.port), port) as instance:
        yield OwnServer(instance, addresses.kafka_store(f"{LOOPBACK}:{proxy.port}")), proxy


@pytest.fixture
def sftp_server_of_its_own(_open_folders: None) -> Generator[OwnServer[FileServer]]:
    with _own(SERVERS["sftp"]) as instance:
        yield OwnServer(instance, FileServer.read(instance.address))


@pytest.fixture
def ftp_server_of_its_own(_open_folders: None) -> Generator[OwnServer[FileServer]]:
    with _own(SERVERS["ftp"]) as instance:
        yield OwnServer(instance, FileServer.read(instance.address))
