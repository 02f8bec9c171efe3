"""Where a stage's input lies and where its stores are: nowhere but in folders, or all on servers.

What belongs here: settings, and bringing the input to where they say. What does not: running anything (`stage`).
"""

import shutil
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from logplatform.demo import archives, machines, tickets
from logplatform.demo.plan import Plan
from logplatform.demo.settings import PLANT, TICKETS, demo_settings
from logplatform.settings.base import Section
from logplatform.settings.stores import IndexStore, KafkaStore, QueueStore, SparkStore, SqlStore, UploadsStore
from logplatform_tests.endtoend.stage import Stage
from logplatform_tests.servers import addresses, isolation
from logplatform_tests.servers.addresses import FileServer, PostgresAddress

_NAMES = ("elasticsearch", "kafka", "mongodb", "postgres", "redis", "sftp", "ftp", "spark-jars")
_SECRETS = {"password", "api_key", "secret_key"}


@dataclass(frozen=True, slots=True)
class Servers:
    """A part of every server, for one run alone."""

    sql: SqlStore
    uploads: UploadsStore
    queue: QueueStore
    index: IndexStore
    kafka: KafkaStore
    topics: str
    """What names of topics begin with."""
    spark: SparkStore
    sftp: FileServer
    ftp: FileServer


@contextmanager
def own_parts(address: Callable[[str], str]) -> Generator[Servers]:
    """A part of every server; `address` gives a server's address by its name. Raises NotHad."""
    with ThreadPoolExecutor(len(_NAMES)) as pool:
        # Each is asked for again below; those that take long start beside each other here.
        list(pool.map(address, _NAMES))
    with ExitStack() as opened:
        kafka = address("kafka")
        yield Servers(
            opened.enter_context(isolation.database(PostgresAddress.read(address("postgres")))),
            opened.enter_context(isolation.mongo_database(address("mongodb"))),
            opened.enter_context(isolation.queue(address("redis"))),
            opened.enter_context(isolation.indices(address("elasticsearch"))),
            addresses.kafka_store(kafka),
            opened.enter_context(isolation.topics(kafka)),
            addresses.spark_store(address("spark-jars")),
            opened.enter_context(isolation.folder(address("sftp"))),
            opened.enter_context(isolation.folder(address("ftp"))),
        )


def embedded_stage(folder: Path, made: Path, plan: Plan) -> Stage:
    """Sources and topic are folders, every store is a file; the uploads come over HTTP."""
    stage = Stage("embedded", folder, made)
    settings = _common(plan)
    settings["archives"] = {
        "sources": [
            {"name": server, "type": "folder", "path": str(made / archives.FOLDER / server)}
            for server in archives.SERVERS
        ]
    }
    settings["machines"] = {
        "sources": [{**_plant(), "type": "folder", "path": str(made / machines.FOLDER)}],
    }
    settings["tickets"] = {
        "topics": [
            {"name": TICKETS, "type": "spool", "topic": tickets.TOPIC, "path": str(folder / "spool")},
        ]
    }
    stage.write_settings(settings)
    shutil.copytree(made / tickets.FOLDER, folder / "spool")
    return stage


def server_stage(folder: Path, made: Path, plan: Plan, servers: Servers) -> Stage:
    """Archives over SFTP, machines over FTP, tickets on Kafka, uploads over HTTP; every store on its server."""
    sftp, ftp = servers.sftp, servers.ftp
    stage = Stage("server", folder, made, _secrets(servers))
    settings = _common(plan) | {"profile": "server"}
    login = {"host": sftp.host, "port": sftp.port, "user": sftp.username, "key_file": str(sftp.key_file)}
    settings["archives"] = {
        "sources": [
            {
                "name": server,
                "type": "sftp",
                **login,
                "known_hosts": str(sftp.known_hosts),
                "remote_path": f"{sftp.path}/{archives.FOLDER}/{server}/**/*",
            }
            for server in archives.SERVERS
        ]
    }
    place = {"host": ftp.host, "port": ftp.port, "user": ftp.username, "path": f"{ftp.path}/{machines.FOLDER}"}
    settings["machines"] = {"sources": [{**_plant(), "type": "ftp", **place}]}
    topic = {"name": TICKETS, "type": "kafka", "topic": f"{servers.topics}{tickets.TOPIC}"}
    settings["tickets"] = {"topics": [topic | {"partitions": tickets.PARTITIONS}]}
    settings["stores"] = {
        name: _said(getattr(servers, name)) for name in ("sql", "uploads", "queue", "index", "kafka", "spark")
    }
    stage.write_settings(settings)
    shutil.copytree(made / archives.FOLDER, sftp.folder / archives.FOLDER)
    shutil.copytree(made / machines.FOLDER, ftp.folder / machines.FOLDER)
    return stage


def _common(plan: Plan) -> dict[str, Any]:
    """What both stages say alike; the uploads have no inbox, for they come over HTTP."""
    return {"data_root": "data", "dagster": demo_settings(plan)["dagster"], "uploads": {"inbox": False}}


def _plant() -> dict[str, object]:
    return {"name": PLANT, "timezone": machines.TIMEZONE, "folders": dict.fromkeys(machines.CENTRES)}


def _said(section: Section) -> dict[str, object]:
    """What a section says, but for its secrets."""
    return section.model_dump(mode="json", exclude=_SECRETS, exclude_unset=True, exclude_none=True)


def _secrets(servers: Servers) -> dict[str, str]:
    found = {"FTP_PASS": servers.ftp.password}
    logins = {"sql": servers.sql.password, "uploads": servers.uploads.password, "queue": servers.queue.password}
    for name, password in logins.items():
        if password is not None:
            found[f"LOGPLATFORM_STORES__{name.upper()}__PASSWORD"] = password.get_secret_value()
    return found
