"""Spark as a Dagster resource: one session for the steps of a run that need one, ended with the run.

What belongs here: Spark's configuration in Dagster's form. What does not: starting Spark (`stores/spark_session.py`),
and the other resources (`resources`). This module is imported where `tickets.engine` is `spark`.
"""

from typing import TYPE_CHECKING, Any

import dagster as dg

from logplatform.failures import PermanentFailure
from logplatform.settings.model import Settings
from logplatform.settings.stores import SparkStore
from logplatform.settings.tickets import KafkaTopic
from logplatform.stores.spark_failures import translated
from logplatform.stores.spark_session import SECRET, end, is_alive, options, prepare

try:
    from dagster_pyspark import LazyPySparkResource
    from dagster_pyspark.resources import spark_session_from_config
except ImportError as error:
    raise PermanentFailure(
        "tickets.engine is spark, and the package dagster-pyspark is not installed: pip install 'logplatform[spark]'"
    ) from error

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class SparkResource(LazyPySparkResource):
    """Spark's session, started by the first step that has messages; `kafka`: it reads them from there.

    What of `stores.spark.conf` is secret is not among this, for the UI shows it: the settings have it.
    """

    kafka: bool

    @classmethod
    def of(cls, settings: Settings) -> "SparkResource":
        """The resource that starts Spark as `settings` say."""
        kafka = any(isinstance(topic, KafkaTopic) for topic in settings.tickets.topics if topic.enabled)
        shown = {name: text for name, text in options(settings.stores.spark, kafka=kafka).items() if _is_shown(name)}
        return cls(spark_config=shown, kafka=kafka)

    def open(self, store: SparkStore) -> "SparkSession":
        """The session, with what `store` keeps secret; raises what `check_spark` does."""
        session: Any = self._spark_session
        if session is None or not is_alive(session):
            prepare(store, kafka=self.kafka)
            hidden = {name: text for name, text in store.conf.items() if not _is_shown(name)}
            with translated():
                session = self._spark_session = spark_session_from_config({**self.spark_config, **hidden})
        return session

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:  # noqa: ARG002 (Dagster's)
        """End the session."""
        if self._spark_session is not None:
            end(self._spark_session)
            self._spark_session = None


def _is_shown(name: str) -> bool:
    # Spark's own pattern for secrets is none.
    return name == "spark.redaction.regex" or SECRET.search(name) is None
