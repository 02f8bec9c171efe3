"""What Spark raises in the middle of work, as this platform's failures.

What belongs here: telling failures of the JVM, of workers and of Kafka apart, by type and text. What does not: why
Spark cannot be started (`spark_session.py`).

A worker's exception comes as text: a trace, with the exception's class in it.
"""

import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager

from logplatform.failures import LogplatformError, PermanentFailure, TransientFailure, Unreachable

try:
    from py4j.protocol import Py4JError, Py4JNetworkError
    from pyspark.errors import PySparkException
except ImportError as error:
    raise PermanentFailure(
        "tickets.engine is spark, and the package pyspark is not installed: pip install 'logplatform[spark]'"
    ) from error

PY4J_ERRORS = (Py4JError, ConnectionError)
_ERRORS = (PySparkException, *PY4J_ERRORS)
_MOST_TEXT = 500
_OWN = re.compile(r"logplatform\.failures\.(\w+): (.*)")
_CLASSES: Mapping[str, type[LogplatformError]] = {
    "PermanentFailure": PermanentFailure,
    "TransientFailure": TransientFailure,
    "Unreachable": Unreachable,
}

_KNOWN: tuple[tuple[str, type[LogplatformError], str], ...] = (
    (
        r"Failed to find data source: kafka|NoClassDefFoundError|ClassNotFoundException|NoSuchMethodError",
        PermanentFailure,
        "Spark's Kafka connector is missing or of another version; see stores.spark.jars_folder and packages",
    ),
    (
        r"unresolved dependency|download failed|JAVA_GATEWAY_EXITED",
        PermanentFailure,
        "Spark could not start, or not fetch a package; see stores.spark.packages, and jars_folder, which needs no net",
    ),
    (
        r"SaslAuthenticationException|SslAuthenticationException|Authentication failed",
        PermanentFailure,
        "Kafka refuses the user; see stores.kafka.username, password, sasl_mechanism and ca_file",
    ),
    (
        r"AuthorizationException",
        PermanentFailure,
        "Kafka does not let this user read the topic; give it the right",
    ),
    (
        r"UnknownTopicOrPartition",
        PermanentFailure,
        "Kafka has no such topic, or fewer partitions than before; see tickets.topics",
    ),
    (
        r"OffsetOutOfRange|data may have been lost|Cannot fetch offset|KAFKA_DATA_LOSS",
        PermanentFailure,
        "Kafka no longer holds messages that are to be read (retention, or the topic was made again); name a new topic",
    ),
    (
        r"org\.apache\.kafka\S*TimeoutException|No resolvable bootstrap urls|Timeout of \d+ms expired",
        Unreachable,
        "Kafka does not answer; see stores.kafka.bootstrap_servers",
    ),
    (
        r"OutOfMemoryError|exit code(?: is)?:? 137|maxResultSize",
        PermanentFailure,
        "Spark's memory is too small; raise stores.spark.memory, or lower tickets.batch_messages",
    ),
    (
        r"All masters are unresponsive|Master removed our application|SparkContext was shut down|stopped SparkContext",
        TransientFailure,
        "Spark's master gave the work up or went away; see stores.spark.master",
    ),
)


@contextmanager
def translated() -> Generator[None]:
    """Raise what Spark raises inside as one of our failures; a worker's own failure comes out as it was."""
    try:
        yield
    except _ERRORS as error:
        raise _failure(error) from error


def _failure(error: Exception) -> LogplatformError:
    text = str(error)
    if (own := _OWN.search(text)) is not None:
        return _CLASSES.get(own[1], TransientFailure)(own[2].strip())
    for pattern, failure, helps in _KNOWN:
        if re.search(pattern, text):
            return failure(f"{helps} ({_first(text, pattern)})")
    if isinstance(error, (Py4JNetworkError, ConnectionError)):
        return TransientFailure("Spark's JVM has died; the next try starts another")
    return TransientFailure(f"Spark failed: {_first(text, '.')}")


def _first(text: str, pattern: str) -> str:
    """The line that tells most: the first that matches, cut."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return next((line for line in lines if re.search(pattern, line)), type(text).__name__)[:_MOST_TEXT]
