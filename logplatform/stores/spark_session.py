"""Spark: its session as the settings have it, and the check at start.

What belongs here: starting Spark, ending it, and telling why it cannot be. What does not: what is computed with it
(`tickets/spark_engine.py`), and how its failures in the middle of work are told (`spark_failures.py`).

Spark's driver is a JVM beside this process. It ends with this process, and a session that is ended leaves it to the
next one, which then starts in a second, unless that one needs other jars or memory.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from logplatform.failures import PermanentFailure
from logplatform.settings.stores import SparkStore
from logplatform.stores.spark_failures import PY4J_ERRORS, translated
from logplatform.stores.tcp import reachable

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LEAST_JAVA = 17
CONNECT_SECONDS = 5.0
APP = "logplatform tickets"
_LOG4J = Path(__file__).with_name("spark_log4j2.properties")
_SCALA = "2.13"
_CONNECTOR = f"spark-sql-kafka-0-10_{_SCALA}"
_JARS = (_CONNECTOR, f"spark-token-provider-kafka-0-10_{_SCALA}", "kafka-clients", "commons-pool2")
# Spark hides what this matches in its page and its logs; a user's password is in an option of this name.
_SECRETS = "(?i)secret|password|token|access[.]?key|credential|jaas"
SECRET = re.compile(_SECRETS)
_AT_START = ("spark.jars", "spark.driver.")
_END_SECONDS = 30
_LOCAL = re.compile(r"local(?:\[(\d+|\*).*\])?")


def options(section: SparkStore, *, kafka: bool) -> dict[str, str]:
    """Spark's configuration; `kafka`: messages are read from there. What `section.conf` says counts more."""
    found = {
        "spark.master": section.master,
        "spark.app.name": APP,
        "spark.driver.memory": section.memory,
        "spark.executor.memory": section.memory,
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={_LOG4J.as_uri()}",
        "spark.redaction.regex": _SECRETS,
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "10000",
        "spark.sql.execution.arrow.maxBytesPerBatch": str(16 << 20),
        "spark.ui.showConsoleProgress": "false",
    }
    if (local := _LOCAL.fullmatch(section.master)) is not None:
        cores = os.cpu_count() if local[1] in (None, "*") else int(local[1])
        found |= {
            "spark.ui.enabled": "false",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.sql.shuffle.partitions": str(cores or 1),
        }
    if kafka:
        found |= _connector(section)
    return found | section.conf


def _connector(section: SparkStore) -> dict[str, str]:
    if section.jars_folder is not None:
        return {"spark.jars": ",".join(str(path) for path in sorted(section.jars_folder.glob("*.jar")))}
    default = (f"org.apache.spark:{_CONNECTOR}:{pyspark_version()}",)
    return {"spark.jars.packages": ",".join(section.packages if section.packages is not None else default)}


@contextmanager
def open_session(section: SparkStore, *, kafka: bool) -> Generator["SparkSession"]:
    """Spark, started; ended with the context. Raises what `check_spark` does."""
    prepare(section, kafka=kafka)
    with translated():
        session = start(options(section, kafka=kafka))
    try:
        yield session
    finally:
        end(session)


def prepare(section: SparkStore, *, kafka: bool) -> None:
    """Make sure that Spark can be started, and set what it takes from the environment; see `check_spark`."""
    pyspark_version()
    _check_java()
    _check_master(section.master)
    if kafka:
        _check_jars(section)
    # Workers on other machines use this path too, unless the environment names theirs.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    _end_other_jvm(options(section, kafka=kafka))
    _forget_dead_jvm()


def start(configuration: dict[str, str]) -> "SparkSession":
    """A session with this configuration, or the one that is there."""
    from pyspark import SparkConf  # noqa: PLC0415 (the extra `spark`)
    from pyspark.sql import SparkSession  # noqa: PLC0415

    return SparkSession.builder.config(conf=SparkConf().setAll(list(configuration.items()))).getOrCreate()


def end(session: "SparkSession") -> None:
    """End a session; one whose JVM died has ended already."""
    try:
        session.stop()
    except PY4J_ERRORS:
        _forget_dead_jvm()


def is_alive(session: "SparkSession") -> bool:
    """Whether a session can still be used: its JVM lives, and its master has not given it up."""
    try:
        context: Any = session
        return not context.sparkContext._jsc.sc().isStopped()
    except (*PY4J_ERRORS, AttributeError):
        return False


def check_spark(section: SparkStore, *, kafka: bool = True) -> None:
    """Check at start that Spark can be used as `section` says; `kafka`: with its Kafka connector.

    Raises PermanentFailure if pyspark, pandas, Java 17 or the connector's jars are missing or of another version, and
    Unreachable for a master that does not answer within CONNECT_SECONDS. On a cluster the workers are asked too
    whether they have this logplatform. With a local master nothing is started.
    """
    prepare(section, kafka=kafka)
    if _LOCAL.fullmatch(section.master) is None:
        with open_session(section, kafka=kafka) as session, translated():
            _check_workers(session)


def pyspark_version() -> str:
    """The version of pyspark; raises PermanentFailure if it, or what it needs, is not installed."""
    for package in ("pyspark", "pandas"):
        try:
            found = metadata.version(package)
        except metadata.PackageNotFoundError as error:
            raise PermanentFailure(
                f"tickets.engine is spark, and the package {package} is not installed: pip install 'logplatform[spark]'"
            ) from error
        if package == "pandas" and int(found.split(".")[0]) >= 3:
            raise PermanentFailure(f"tickets.engine is spark, and pyspark cannot use pandas {found}: install pandas<3")
    return metadata.version("pyspark")


def _check_java() -> None:
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    helps = f"install a JDK, {LEAST_JAVA} or newer, and set JAVA_HOME"
    if java is None:
        raise PermanentFailure(f"tickets.engine is spark, and there is no Java: {helps}")
    try:
        told = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60, check=True).stderr  # noqa: S603 (the user's Java)
    except (OSError, subprocess.SubprocessError) as error:
        raise PermanentFailure(f"tickets.engine is spark, and Java does not run ({java}): {helps}") from error
    version = re.search(r'version "(?:1\.)?(\d+)', told)
    if version is None or int(version[1]) < LEAST_JAVA:
        found = version[1] if version else told.splitlines()[0] if told else "nothing"
        raise PermanentFailure(f"tickets.engine is spark, and {java} is Java {found}: {helps}")


def _check_master(master: str) -> None:
    if master == "yarn" and not {"HADOOP_CONF_DIR", "YARN_CONF_DIR"} & os.environ.keys():
        raise PermanentFailure("stores.spark.master is yarn: set HADOOP_CONF_DIR to the folder of its configuration")
    if master.startswith("spark://"):
        reachable(master.removeprefix("spark://").split(","), CONNECT_SECONDS, "stores.spark.master", 7077)
    if master.startswith("k8s://"):
        address = re.sub(r"^(https?://)?([^/]*).*", r"\2", master.removeprefix("k8s://"))
        reachable([address], CONNECT_SECONDS, "stores.spark.master", 443)


def _check_jars(section: SparkStore) -> None:
    folder = section.jars_folder
    if folder is None:
        _check_coordinates(section.packages or ())
        return
    names = [path.name for path in folder.glob("*.jar")] if folder.is_dir() else []
    for jar in _JARS:
        found = [match[1] for name in names if (match := re.fullmatch(rf"{re.escape(jar)}-(\d.*)\.jar", name))]
        if not found:
            raise PermanentFailure(
                f"stores.spark.jars_folder: {folder} has no {jar}-….jar; put Spark's Kafka connector there with "
                f"what it needs ({', '.join(_JARS)}), or leave jars_folder out and Spark fetches it"
            )
        if jar == _CONNECTOR:
            _check_version(found, f"stores.spark.jars_folder: {folder}")


def _check_coordinates(packages: Iterable[str]) -> None:
    found = [package.split(":") for package in packages]
    _check_version([parts[2] for parts in found if len(parts) > 2 and parts[1] == _CONNECTOR], "stores.spark.packages")


def _check_version(connectors: Iterable[str], place: str) -> None:
    """The connector follows pyspark's version up to the second number; patches of one go with each other."""
    wanted = pyspark_version()
    for version in connectors:
        if version.split(".")[:2] != wanted.split(".")[:2]:
            raise PermanentFailure(f"{place}: the Kafka connector is {version}, and pyspark is {wanted}; take the same")


def _check_workers(session: "SparkSession") -> None:
    # A function inside a function travels as a whole: the worker may have no module to import it from.
    def told(batches: Iterable[object]) -> Generator[object]:
        import pyarrow as pa  # noqa: PLC0415

        for _ in batches:
            try:
                yield pa.RecordBatch.from_pydict({"version": [metadata.version("logplatform")]})
            except metadata.PackageNotFoundError:
                yield pa.RecordBatch.from_pydict({"version": [""]})

    here, found = metadata.version("logplatform"), session.range(1).mapInArrow(told, "version string").collect()
    if found[0].version != here:
        have = f"logplatform {found[0].version}" if found[0].version else "no logplatform"
        raise PermanentFailure(f"stores.spark.master: its workers have {have}, and here is {here}: install the same")


def _end_other_jvm(wanted: dict[str, str]) -> None:
    """End a JVM that nobody uses and that was started without what it takes at its start alone."""
    from pyspark.core.context import SparkContext  # noqa: PLC0415 (the extra `spark`)

    process = getattr(SparkContext._gateway, "proc", None)
    if process is None or process.poll() is not None or SparkContext._active_spark_context is not None:
        return
    if all(f"{name}={text}" in process.args for name, text in wanted.items() if name.startswith(_AT_START)):
        return
    # It ends with the pipe to it.
    process.stdin.close()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _forget_dead_jvm() -> None:
    """Let a JVM that died be followed by another: pyspark keeps the connection to the first for ever."""
    from pyspark.core.context import SparkContext  # noqa: PLC0415 (the extra `spark`)
    from pyspark.sql import SparkSession  # noqa: PLC0415

    gateway = SparkContext._gateway
    process = getattr(gateway, "proc", None)
    if process is not None and process.poll() is not None:
        SparkContext._gateway = SparkContext._jvm = SparkContext._active_spark_context = None
        SparkSession._instantiatedSession = None
