"""The jars that let the installed pyspark read Kafka.

What belongs here: getting them into a folder. What does not: starting Spark (it runs inside who uses it).
"""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from logplatform_tests.servers.java import get_with_dependencies
from logplatform_tests.servers.place import NotHad, cache_folder, locked
from logplatform_tests.servers.processes import Launch
from logplatform_tests.servers.server import Server

# The whole connector of the newest patch release cannot be had everywhere; any of the same minor release works.
_VERSIONS = {"4.0": "4.0.0"}

# What pyspark carries itself: two versions of one class would meet.
_CARRIED = (
    ("org.apache.hadoop", "*"),
    ("org.scala-lang", "*"),
    ("org.scala-lang.modules", "*"),
    ("org.slf4j", "*"),
    ("com.google.code.findbugs", "*"),
    ("org.lz4", "*"),
    ("at.yawk.lz4", "*"),
    ("org.xerial.snappy", "*"),
    ("com.github.luben", "*"),
    ("org.apache.spark", "spark-tags_2.13"),
)


class SparkJars(Server):
    """No server: its address is a folder."""

    name = "spark-jars"
    variable = "LOGPLATFORM_TEST_SPARK_JARS"
    runs = False

    def get(self) -> None:
        with locked(cache_folder() / "spark-jars.lock"):
            get_with_dependencies(_folder(), _pom(_connector_version()))

    def prepare(self, folder: Path, port: int) -> Launch:
        raise NotHad("jars are nothing to start")

    def ready(self, folder: Path, port: int) -> bool:
        return _folder().is_dir()

    def address(self, folder: Path, port: int) -> str:
        return str(_folder())


def _folder() -> Path:
    return cache_folder() / f"spark-jars-{_connector_version()}"


def _connector_version() -> str:
    try:
        installed = version("pyspark")
    except PackageNotFoundError as error:
        raise NotHad("pyspark is not installed: pip install 'logplatform[spark]'") from error
    return _VERSIONS.get(".".join(installed.split(".")[:2]), installed)


def _pom(connector: str) -> str:
    exclusions = "".join(
        f"<exclusion><groupId>{group}</groupId><artifactId>{name}</artifactId></exclusion>" for group, name in _CARRIED
    )
    return f"""<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>spark-kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies><dependency>
    <groupId>org.apache.spark</groupId><artifactId>spark-sql-kafka-0-10_2.13</artifactId><version>{connector}</version>
    <exclusions>{exclusions}</exclusions>
  </dependency></dependencies></project>
"""
