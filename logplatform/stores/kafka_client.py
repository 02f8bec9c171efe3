"""Speaking to Kafka: how its clients are set up, answers within a time, its errors as this platform's failures.

What belongs here: what reading, writing and asking have in common. What does not: topics (`kafka_topics.py`), their
messages (`kafka_log.py`).

Nothing is used that brokers before Kafka 2.5 lack, so Redpanda answers all of it. Ids of topics, which Kafka has since
2.8, are used where a broker tells them.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from logplatform.failures import LeaseLost, LogplatformError, PermanentFailure, TransientFailure, Unreachable
from logplatform.settings.stores import KafkaStore
from logplatform.stores.ticket_log import MessageTooLarge

try:
    from confluent_kafka import KafkaError, KafkaException
    from confluent_kafka.admin import AdminClient
except ImportError as error:
    raise PermanentFailure(
        "stores.kafka: the package confluent-kafka is not installed; pip install 'logplatform[server]'"
    ) from error

Answer = TypeVar("Answer")
Made = TypeVar("Made")
Of = TypeVar("Of")
Options = dict[str, Any]

_SILENT = logging.Logger("librdkafka", logging.CRITICAL + 1)
_LOOK_SECONDS = 0.2
_PAUSE_SECONDS = 0.1


class MissingTopic(PermanentFailure):
    """There is no such topic."""


# Codes of librdkafka are below zero, those of brokers above.
_WRONG_USER = {KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED}
AWAY = {
    KafkaError._TRANSPORT,
    KafkaError._RESOLVE,
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._TIMED_OUT,
    KafkaError._TIMED_OUT_QUEUE,
    KafkaError._MSG_TIMED_OUT,
    KafkaError.BROKER_NOT_AVAILABLE,
}
_RIGHTS = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
}
_REFUSED = {
    KafkaError.INVALID_REPLICATION_FACTOR,
    KafkaError.INVALID_PARTITIONS,
    KafkaError.INVALID_CONFIG,
    KafkaError.POLICY_VIOLATION,
    KafkaError.TOPIC_EXCEPTION,
    KafkaError._INVALID_ARG,
}
LEADER_CHANGES = {
    KafkaError._NOENT,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.REPLICA_NOT_AVAILABLE,
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError.FENCED_LEADER_EPOCH,
}
"""A broker starts or stops, and who leads a partition is not known everywhere yet."""
_MISSING = {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION}
_FENCED = {KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH, KafkaError.PRODUCER_FENCED}
_OLD = {KafkaError._UNSUPPORTED_FEATURE, KafkaError.UNSUPPORTED_VERSION}
_Kind = tuple[set[int], type[LogplatformError], str]
_KINDS: tuple[_Kind, ...] = (
    (_WRONG_USER, PermanentFailure, "see stores.kafka.username, password and sasl_mechanism"),
    ({KafkaError.UNSUPPORTED_SASL_MECHANISM}, PermanentFailure, "see stores.kafka.sasl_mechanism"),
    (_RIGHTS, PermanentFailure, "give the user of stores.kafka this right on the brokers"),
    (_OLD, PermanentFailure, "the brokers are too old; Kafka 2.5 or newer is needed"),
    (_MISSING, MissingTopic, ""),
    ({KafkaError.MSG_SIZE_TOO_LARGE}, MessageTooLarge, "raise max.message.bytes of the topic"),
    (_REFUSED, PermanentFailure, ""),
    (_FENCED, LeaseLost, "another process writes there now"),
    (AWAY, Unreachable, "see stores.kafka.bootstrap_servers and security_protocol"),
)


class _Client(Protocol):
    def poll(self, timeout: float, /) -> object: ...


def error_of(raised: KafkaException) -> KafkaError:
    """What an exception of the client library carries."""
    error = raised.args[0]
    assert isinstance(error, KafkaError)  # noqa: S101 (nothing else is ever in it)
    return error


def is_certificate(error: KafkaError) -> bool:
    """Whether no certificate was agreed on; a TLS connection that was cut is no such error."""
    return error.code() == KafkaError._SSL and any(word in error.str() for word in ("certificate", "wrong version"))


@dataclass(slots=True)
class Notes:
    """What a client's threads told of its connections; they go on trying whatever the trouble is."""

    connection: KafkaError | None = None
    final: KafkaError | None = None

    def take(self, error: KafkaError) -> None:
        """Keep the newest error, and one that no further try will change."""
        if error.code() in _WRONG_USER or is_certificate(error):
            self.final = error
        elif error.code() != KafkaError._ALL_BROKERS_DOWN or self.connection is None:
            # What a single broker said is more than that all are down.
            self.connection = error


@dataclass(frozen=True, slots=True)
class KafkaServer:
    """Brokers as the settings name them; an answer that takes longer than `patience` seconds is no answer."""

    section: KafkaStore
    patience: float

    def options(self, notes: Notes) -> Options:
        """What every client is set up with."""
        section = self.section
        options: Options = {
            "bootstrap.servers": section.bootstrap_servers,
            "security.protocol": section.security_protocol,
            "client.id": "logplatform",
            "error_cb": notes.take,
            # What its threads would print comes as errors too.
            "log_level": 0,
            "logger": _SILENT,
            "reconnect.backoff.max.ms": 1_000,
        }
        if section.security_protocol.startswith("sasl"):
            password = section.password.get_secret_value() if section.password else ""
            user = {"sasl.username": section.username or "", "sasl.password": password}
            options |= {"sasl.mechanism": section.sasl_mechanism, **user}
        if section.ca_file is not None:
            options["ssl.ca.location"] = str(section.ca_file)
        return options

    def made(self, make: Callable[[Options], Made], notes: Notes, **more: object) -> Made:
        """A client; `more` options have a `_` for each dot. Raises PermanentFailure for settings it refuses."""
        options = self.options(notes) | {name.replace("_", "."): value for name, value in more.items()}
        try:
            return make(options)
        except KafkaException as error:
            raise PermanentFailure(f"stores.kafka: {error_of(error).str()}") from error

    def failure(self, error: KafkaError, what: str) -> LogplatformError:
        """An error as a failure whose type decides what happens next; `what` names what was tried."""
        said = f"{what} ({self.section.bootstrap_servers}): {error.str()}"
        if is_certificate(error):
            return PermanentFailure(f"{said}: see stores.kafka.ca_file and security_protocol")
        if "Invalid response size" in said:
            return Unreachable(f"{said}: what listens there does not speak Kafka: see stores.kafka.bootstrap_servers")
        for codes, kind, helps in _KINDS:
            if error.code() in codes:
                return kind(f"{said}: {helps}" if helps else said)
        return TransientFailure(said)

    def silence(self, notes: Notes, what: str) -> LogplatformError:
        """The failure of an answer that did not come."""
        known = notes.final or notes.connection
        if known is not None:
            return self.failure(known, what)
        return Unreachable(
            f"{what} ({self.section.bootstrap_servers}): no answer in {self.patience:g} s: "
            "see stores.kafka.bootstrap_servers and timeout_seconds"
        )


@dataclass(slots=True)
class Asking:
    """Questions to the brokers, each answered in time or a failure."""

    server: KafkaServer
    notes: Notes = field(default_factory=Notes)
    _client: AdminClient | None = None

    def ask(self, what: str, question: "Callable[[AdminClient, float], Future[Answer]]") -> Answer:
        """The answer to a question, which is given the seconds it may take; asked again where that may help."""
        return self.ask_all(what, lambda client, seconds: {None: question(client, seconds)})[None]

    def ask_all(
        self, what: str, question: "Callable[[AdminClient, float], Mapping[Of, Future[Answer]]]"
    ) -> dict[Of, Answer]:
        """The answers to a question about several things."""
        end = time.monotonic() + self.server.patience
        while True:
            try:
                client = self._client = self._client or self.server.made(AdminClient, self.notes)
                asked = question(client, max(0.1, end - time.monotonic()))
                self._wait(client, what, asked.values(), end)
                return {of: future.result() for of, future in asked.items()}
            except KafkaException as raised:
                error = error_of(raised)
                passes = error.retriable() or error.code() in LEADER_CHANGES
                if not passes or error.code() in AWAY or end - time.monotonic() <= _PAUSE_SECONDS:
                    told = self.notes.connection if error.code() in AWAY else None
                    raise self.server.failure(self.notes.final or told or error, what) from raised
                # A new client: one that is there keeps asking by what it knew of the leaders before.
                self._client = None
                time.sleep(_PAUSE_SECONDS)

    def _wait(self, client: _Client, what: str, asked: "Iterable[Future[Answer]]", end: float) -> None:
        while wait(asked, timeout=_LOOK_SECONDS).not_done:
            client.poll(0)
            if self.notes.final is not None or time.monotonic() > end + 1:
                raise self.server.silence(self.notes, what)
        client.poll(0)
