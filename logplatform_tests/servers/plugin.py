"""The servers as pytest fixtures, which every test may ask for.

What belongs here: what pytest calls. What does not: starting (`sessions`) and emptying (`isolation`).

A server is started by the first test that asks for it, once for all workers, and ended with the run. An address in the
environment (LOGPLATFORM_TEST_…) is used instead, and so are servers that `make servers` started.
"""

import os
import signal
from collections.abc import Generator
from contextlib import AbstractContextManager
from pathlib import Path
from types import FrameType

import pytest

from logplatform.settings.stores import (
    FilesStore,
    IndexStore,
    KafkaStore,
    QueueStore,
    SparkStore,
    SqlStore,
    UploadsStore,
)
from logplatform_tests.needed import cannot_be_had
from logplatform_tests.servers import addresses, isolation
from logplatform_tests.servers.addresses import FileServer, PostgresAddress
from logplatform_tests.servers.place import NotHad
from logplatform_tests.servers.sessions import Session, address_of, end_orphans

_FOLDER_VARIABLE = "LOGPLATFORM_TEST_SERVERS_SESSION"


def is_worker(config: pytest.Config) -> bool:
    """Whether another process (pytest-xdist's controller) leads this run."""
    return hasattr(config, "workerinput")


def session() -> Session:
    """The session of this test run; workers have it from their controller."""
    return Session(Path(os.environ[_FOLDER_VARIABLE]))


def pytest_configure(config: pytest.Config) -> None:
    if is_worker(config):
        return
    end_orphans()
    os.environ[_FOLDER_VARIABLE] = str(Session.of_this_process().folder)
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        # Ended like this, pytest still says what it found, and the servers end with it.
        signal.signal(signal.SIGTERM, _interrupt)


def pytest_unconfigure(config: pytest.Config) -> None:
    if not is_worker(config):
        session().end()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def unavailable(error: NotHad, name: str) -> None:
    """Skip the test that needs it; fail it where CI says that everything must be there."""
    cannot_be_had(f"the server {name} cannot be had here: {error}")


def address(name: str) -> str:
    try:
        return address_of(name, session())
    except NotHad as error:
        unavailable(error, name)
        raise


@pytest.fixture(scope="session")
def postgres() -> PostgresAddress:
    """Its database is `postgres`; make others beside it."""
    return PostgresAddress.read(address("postgres"))


@pytest.fixture
def postgres_store(postgres: PostgresAddress) -> Generator[SqlStore]:
    """A fresh, empty database."""
    with isolation.database(postgres) as store:
        yield store


@pytest.fixture
def redis_store() -> Generator[QueueStore]:
    """A key of its own; what is kept beside it must have names that hold that key."""
    with isolation.queue(address("redis")) as store:
        yield store


@pytest.fixture
def mongo_store() -> Generator[UploadsStore]:
    """A database of its own."""
    with isolation.mongo_database(address("mongodb")) as store:
        yield store


@pytest.fixture
def elasticsearch_store() -> Generator[IndexStore]:
    """A prefix of its own."""
    with isolation.indices(address("elasticsearch")) as store:
        yield store


@pytest.fixture
def kafka_store() -> KafkaStore:
    return addresses.kafka_store(address("kafka"))


@pytest.fixture
def kafka_prefix() -> Generator[str]:
    """What names of topics begin with; they are deleted afterwards."""
    with isolation.topics(address("kafka")) as prefix:
        yield prefix


@pytest.fixture
def s3_store() -> Generator[FilesStore]:
    """A bucket of its own."""
    with isolation.bucket(address("s3")) as store:
        yield store


@pytest.fixture
def spark_store() -> SparkStore:
    """Spark inside this machine, with the jars that read Kafka."""
    return addresses.spark_store(address("spark-jars"))


def _own_folder(name: str) -> AbstractContextManager[FileServer]:
    return isolation.folder(address(name))


@pytest.fixture
def _open_folders() -> Generator[None]:
    """What the test makes on the server, the server's user may change and remove: root makes it for `nobody`."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def sftp_server(_open_folders: None) -> Generator[FileServer]:
    """OpenSSH, by key or password."""
    with _own_folder("sftp") as server:
        yield server


@pytest.fixture
def ftp_server(_open_folders: None) -> Generator[FileServer]:
    """ProFTPD, which lists by MLSD."""
    with _own_folder("ftp") as server:
        yield server


@pytest.fixture
def ftps_server(_open_folders: None) -> Generator[FileServer]:
    """ProFTPD that demands TLS, and the control connection's TLS session for data."""
    with _own_folder("ftps") as server:
        yield server


@pytest.fixture
def ftp_list_server(_open_folders: None) -> Generator[FileServer]:
    """vsftpd, which knows LIST only."""
    with _own_folder("ftp-list") as server:
        yield server
