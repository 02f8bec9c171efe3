"""Why Spark cannot be used, told before anything is started; and what is passed to it."""

import stat
import sys
from pathlib import Path

import pytest

from logplatform.failures import LogplatformError, PermanentFailure, TransientFailure, Unreachable
from logplatform.settings.stores import KafkaStore, SparkStore

pytest.importorskip("pyspark")

from pyspark.errors import PySparkException

from logplatform.stores import spark_session
from logplatform.stores.spark_failures import translated
from logplatform.stores.spark_session import check_spark, options, pyspark_version
from logplatform.tickets.spark_messages import kafka_options, split
from logplatform_tests.servers.ports import free_port

JARS = ("spark-sql-kafka-0-10_2.13", "spark-token-provider-kafka-0-10_2.13", "kafka-clients", "commons-pool2")
LOCAL = SparkStore(master="local[2]")


@pytest.fixture(autouse=True)
def java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Java that only tells its version."""
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "java"))
    return _java(tmp_path, "17.0.15")


def _java(folder: Path, version: str) -> Path:
    program = folder / "java" / "bin" / "java"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-04-15' >&2\n")
    program.chmod(stat.S_IRWXU)
    return program


def _jars(folder: Path, version: str, names: tuple[str, ...] = JARS) -> SparkStore:
    folder.mkdir()
    for name in names:
        (folder / f"{name}-{version}.jar").touch()
    return SparkStore(jars_folder=folder)


def test_what_is_there_passes(tmp_path: Path) -> None:
    minor = ".".join(pyspark_version().split(".")[:2])
    check_spark(LOCAL, kafka=False)
    check_spark(LOCAL)
    check_spark(_jars(tmp_path / "jars", f"{minor}.0"))


@pytest.mark.parametrize("version", ["11.0.2", "1.8.0_392"])
def test_an_old_java_is_refused(tmp_path: Path, version: str) -> None:
    _java(tmp_path, version)
    with pytest.raises(PermanentFailure, match=r"is Java (11|8): install a JDK, 17 or newer"):
        check_spark(LOCAL, kafka=False)


def test_no_java_is_told(tmp_path: Path, java: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java.unlink()
    with pytest.raises(PermanentFailure, match="Java does not run"):
        check_spark(LOCAL, kafka=False)
    monkeypatch.delenv("JAVA_HOME")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PermanentFailure, match="there is no Java"):
        check_spark(LOCAL, kafka=False)


def test_a_missing_package_is_told_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        raise spark_session.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(spark_session.metadata, "version", version)
    with pytest.raises(PermanentFailure, match=r"pip install 'logplatform\[spark\]'"):
        check_spark(LOCAL, kafka=False)


def test_a_jar_that_lacks_or_is_another_version_is_told(tmp_path: Path) -> None:
    with pytest.raises(PermanentFailure, match="has no spark-sql-kafka"):
        check_spark(SparkStore(jars_folder=tmp_path / "nowhere"))
    with pytest.raises(PermanentFailure, match=r"the Kafka connector is 3\.5\.1, and pyspark is"):
        check_spark(_jars(tmp_path / "old", "3.5.1"))
    with pytest.raises(PermanentFailure, match=r"has no commons-pool2-….jar"):
        check_spark(_jars(tmp_path / "part", pyspark_version(), JARS[:3]))
    with pytest.raises(PermanentFailure, match=r"stores\.spark\.packages: the Kafka connector is 4\.9\.0"):
        check_spark(SparkStore(packages=("org.apache.spark:spark-sql-kafka-0-10_2.13:4.9.0",)))


def test_a_master_that_does_not_answer_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    for master in (f"spark://127.0.0.1:{port}", f"k8s://https://127.0.0.1:{port}/path"):
        with pytest.raises(Unreachable, match=rf"stores\.spark\.master: nothing answers: 127\.0\.0\.1:{port}"):
            check_spark(SparkStore(master=master), kafka=False)
    for name in ("HADOOP_CONF_DIR", "YARN_CONF_DIR"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(PermanentFailure, match="HADOOP_CONF_DIR"):
        check_spark(SparkStore(master="yarn"), kafka=False)


def test_the_connector_follows_pyspark_and_the_settings_count_more(tmp_path: Path) -> None:
    found = options(LOCAL, kafka=True)
    assert found["spark.jars.packages"] == f"org.apache.spark:spark-sql-kafka-0-10_2.13:{pyspark_version()}"
    assert (found["spark.sql.session.timeZone"], found["spark.ui.enabled"]) == ("UTC", "false")
    store = _jars(tmp_path / "jars", pyspark_version()).model_copy(update={"conf": {"spark.ui.enabled": "true"}})
    found = options(store, kafka=True)
    assert found["spark.jars"].count(".jar") == 4
    assert found["spark.ui.enabled"] == "true"
    assert not {"spark.jars", "spark.jars.packages"} & options(LOCAL, kafka=False).keys()


def test_kafka_is_asked_for_whole_offsets_with_the_user_of_the_settings(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("PEM")
    store = KafkaStore.model_validate(
        {
            "bootstrap_servers": "a:1,b:2",
            "security_protocol": "sasl_ssl",
            "username": 'us"er',
            "password": "ge\\heim",
            "ca_file": tmp_path / "ca.pem",
        }
    )
    found = kafka_options(store, "t", {2: (5, 9), 0: (0, 1)})
    assert found["assign"] == '{"t": [0, 2]}'
    assert found["startingOffsets"] == '{"t": {"0": 0, "2": 5}}'
    assert found["endingOffsets"] == '{"t": {"0": 1, "2": 9}}'
    assert found["kafka.security.protocol"] == "SASL_SSL"
    assert found["kafka.sasl.jaas.config"].endswith(r'LoginModule required username="us\"er" password="ge\\heim";')
    assert found["kafka.ssl.truststore.certificates"] == "PEM"
    assert spark_session.SECRET.search("kafka.sasl.jaas.config")


def test_ranges_are_split_whole_and_into_enough_pieces() -> None:
    pieces = split({1: (7, 100_007), 0: (0, 3)}, 2)
    assert pieces[0] == (0, 0, 3)
    assert [piece[1] for piece in pieces[1:]] == [7, *(piece[2] for piece in pieces[1:-1])]
    assert pieces[-1][2] == 100_007
    assert 4 <= len(pieces) <= 6


@pytest.mark.parametrize(
    ("text", "failure", "match"),
    [
        ("…\nlogplatform.failures.PermanentFailure: /x: ends before offset 7\n", PermanentFailure, "^/x: ends before"),
        ("…\nlogplatform.failures.Unreachable: s3://x: no answer\n", Unreachable, "^s3://x: no answer$"),
        (
            "org.apache.kafka.common.errors.SaslAuthenticationException: no",
            PermanentFailure,
            r"stores\.kafka\.username",
        ),
        ("org.apache.kafka.common.errors.TimeoutException: Timeout", Unreachable, "bootstrap_servers"),
        ("Some data may have been lost because", PermanentFailure, "no longer holds"),
        ("java.lang.OutOfMemoryError: Java heap space", PermanentFailure, r"stores\.spark\.memory"),
        ("What nobody has seen", TransientFailure, "What nobody has seen"),
    ],
)
def test_what_spark_raises_is_told_as_what_it_is(text: str, failure: type[LogplatformError], match: str) -> None:
    with pytest.raises(failure, match=match) as raised, translated():
        raise PySparkException(text)
    assert type(raised.value) is failure
