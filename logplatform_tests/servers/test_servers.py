"""Every server that tests may ask for answers as itself, apart for each test."""

import ftplib
import ssl
from urllib.parse import urlsplit

import boto3
import paramiko
import psycopg
import pytest
from confluent_kafka.admin import AdminClient, NewTopic
from elasticsearch import Elasticsearch
from pymongo import MongoClient
from redis import Redis

from logplatform.settings.stores import (
    FilesStore,
    IndexStore,
    KafkaStore,
    QueueStore,
    SparkStore,
    SqlStore,
    UploadsStore,
)
from logplatform_tests.servers.addresses import FileServer
from logplatform_tests.servers.own import OwnServer


def _password(store: SqlStore | QueueStore) -> str:
    assert store.password is not None
    return store.password.get_secret_value()


@pytest.mark.parametrize("_time", ["first", "second"])
def test_postgres_gives_an_empty_database(postgres_store: SqlStore, _time: str) -> None:
    with psycopg.connect(postgres_store.url, password=_password(postgres_store)) as connection:
        found = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
        connection.execute("CREATE TABLE left_behind (x int)")
    assert found == (0,)


def test_redis_asks_for_its_password(redis_store: QueueStore) -> None:
    with Redis.from_url(redis_store.url, password=_password(redis_store)) as client:
        assert client.lpush(redis_store.key, "a") == 1


def test_mongodb_gives_a_database(mongo_store: UploadsStore) -> None:
    with MongoClient(mongo_store.url) as client:
        held = client[urlsplit(mongo_store.url).path[1:]]["uploads"]
        held.insert_one({"_id": 1, "name": "日本"})
        assert held.find_one() == {"_id": 1, "name": "日本"}


def test_elasticsearch_is_version_8(elasticsearch_store: IndexStore) -> None:
    with Elasticsearch(elasticsearch_store.url) as client:
        assert client.info()["version"]["number"].startswith("8.")
        index = f"{elasticsearch_store.prefix}-2026.01.01"
        client.index(index=index, id="a", document={"x": 1}, refresh=True)
        assert client.count(index=index)["count"] == 1


def test_kafka_makes_topics(kafka_store: KafkaStore, kafka_prefix: str) -> None:
    admin = AdminClient({"bootstrap.servers": kafka_store.bootstrap_servers})
    name = f"{kafka_prefix}tickets"
    admin.create_topics([NewTopic(name, num_partitions=2)])[name].result(timeout=30)
    assert len(admin.list_topics(topic=name, timeout=10).topics[name].partitions) == 2


def test_s3_holds_objects(s3_store: FilesStore) -> None:
    assert s3_store.secret_key is not None
    client = boto3.client(
        "s3",
        endpoint_url=s3_store.endpoint_url,
        region_name=s3_store.region,
        aws_access_key_id=s3_store.access_key,
        aws_secret_access_key=s3_store.secret_key.get_secret_value(),
    )
    bucket = urlsplit(s3_store.url).netloc
    client.put_object(Bucket=bucket, Key="a", Body=b"held")
    assert client.get_object(Bucket=bucket, Key="a")["Body"].read() == b"held"


def test_spark_finds_the_connector(spark_store: SparkStore) -> None:
    assert spark_store.jars_folder is not None
    assert [jar for jar in spark_store.jars_folder.glob("*.jar") if jar.name.startswith("spark-sql-kafka")]


@pytest.mark.parametrize("proof", ["password", "key"])
def test_sftp_lets_in_by_password_and_by_key(sftp_server: FileServer, proof: str) -> None:
    (sftp_server.folder / "a (1).log").write_text("x")
    with paramiko.SSHClient() as client:
        client.load_host_keys(str(sftp_server.known_hosts))
        client.connect(
            sftp_server.host,
            sftp_server.port,
            sftp_server.username,
            password=sftp_server.password if proof == "password" else None,
            key_filename=str(sftp_server.key_file) if proof == "key" else None,
            look_for_keys=False,
            allow_agent=False,
        )
        files = client.open_sftp()
        assert files.listdir(sftp_server.path) == ["a (1).log"]
        files.remove(f"{sftp_server.path}/a (1).log")
    assert list(sftp_server.folder.iterdir()) == []


def test_sftp_refuses_another_password(sftp_server: FileServer) -> None:
    with paramiko.SSHClient() as client:
        client.load_host_keys(str(sftp_server.known_hosts))
        login = {"password": "wrong", "look_for_keys": False, "allow_agent": False}
        with pytest.raises(paramiko.AuthenticationException):
            client.connect(sftp_server.host, sftp_server.port, sftp_server.username, **login)


def _ftp(server: FileServer) -> ftplib.FTP:
    client = ftplib.FTP(timeout=10)
    client.connect(server.host, server.port)
    client.login(server.username, server.password)
    client.cwd(server.path)
    return client


def test_ftp_lists_by_mlsd_and_removes(ftp_server: FileServer) -> None:
    (ftp_server.folder / "a.log").write_text("x")
    with _ftp(ftp_server) as client:
        assert [name for name, facts in client.mlsd() if facts["type"] == "file"] == ["a.log"]
        client.delete("a.log")
    assert list(ftp_server.folder.iterdir()) == []


def test_the_other_ftp_knows_only_list(ftp_list_server: FileServer) -> None:
    (ftp_list_server.folder / "a.log").write_text("x")
    lines: list[str] = []
    with _ftp(ftp_list_server) as client:
        with pytest.raises(ftplib.error_perm, match="500"):
            list(client.mlsd())
        client.retrlines("LIST", lines.append)
        client.delete("a.log")
    assert [line.split()[-1] for line in lines] == ["a.log"]


def test_ftps_demands_that_data_continues_the_tls_session(ftps_server: FileServer) -> None:
    context = ssl.create_default_context(cafile=str(ftps_server.certificate))
    with ftplib.FTP(timeout=10) as plain:
        plain.connect(ftps_server.host, ftps_server.port)
        with pytest.raises(ftplib.error_perm, match="550 SSL/TLS required"):
            plain.login(ftps_server.username, ftps_server.password)
    with ftplib.FTP_TLS(context=context, timeout=10) as client:
        client.connect(ftps_server.host, ftps_server.port)
        client.login(ftps_server.username, ftps_server.password)
        client.prot_p()
        with pytest.raises(ftplib.error_temp, match="425"):
            client.nlst()


def test_a_server_of_its_own_has_its_data_after_a_kill(redis_server_of_its_own: OwnServer[QueueStore]) -> None:
    store = redis_server_of_its_own.store
    with Redis.from_url(store.url, password=_password(store)) as client:
        client.set("a", "1")
    port = redis_server_of_its_own.port
    redis_server_of_its_own.kill()
    assert not redis_server_of_its_own.instance.running
    redis_server_of_its_own.start()
    assert redis_server_of_its_own.port == port
    with Redis.from_url(store.url, password=_password(store)) as client:
        assert client.get("a") == b"1"


def test_postgres_of_its_own_stops_and_starts(postgres_server_of_its_own: OwnServer[SqlStore]) -> None:
    store = postgres_server_of_its_own.store
    with psycopg.connect(store.url, password=_password(store)) as connection:
        connection.execute("CREATE TABLE kept (x int)")
    postgres_server_of_its_own.stop()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(store.url, password=_password(store))
    postgres_server_of_its_own.start()
    with psycopg.connect(store.url, password=_password(store)) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
