"""One thin resource for each source of tickets, visible in the Dagster UI, each opening its `Topics`.

What belongs here: configuration in Dagster's form. What does not: the topics (`stores`), their choice
(`logplatform.topic_places`), and the other resources (`resources`).
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from logplatform.settings.model import Domain, Settings
from logplatform.settings.stores import KafkaStore
from logplatform.settings.tickets import SpoolTopic, TicketTopic
from logplatform.stores.ticket_topics import SpoolTopics, Topics
from logplatform.topic_places import kafka_topics, owner, spool_folder


class SpoolResource(dg.ConfigurableResource[Any]):
    """Topics in a folder of this machine; yields a `Topics`."""

    folder: str
    partitions: int

    def open(self, store: KafkaStore, seconds: float | None) -> Topics:  # noqa: ARG002 (brokers' part)
        """The topics; a folder that is missing is made when a topic is."""
        return SpoolTopics(Path(self.folder), self.partitions)


class KafkaResource(dg.ConfigurableResource[Any]):
    """Topics of Kafka. The password is not among this, for the UI shows it: the settings have it."""

    bootstrap_servers: str
    security_protocol: str
    sasl_mechanism: str
    username: str | None = None
    ca_file: str | None = None
    timeout_seconds: float
    owner: str
    replication: int

    def open(self, store: KafkaStore, seconds: float | None) -> Topics:
        """The topics, with the password of `store`; nothing is connected before it is used."""
        here = {name: getattr(self, name) for name in _SHOWN}
        here["ca_file"] = None if self.ca_file is None else Path(self.ca_file)
        return kafka_topics(store.model_copy(update=here), self.owner, self.replication, seconds)


_SHOWN = ("bootstrap_servers", "security_protocol", "sasl_mechanism", "username", "timeout_seconds")


def topic_keys(settings: Settings, domain: Domain) -> Mapping[str, TicketTopic]:
    """The resource keys of a domain's sources of messages that are switched on; only tickets have any."""
    sources = settings.tickets.topics if domain == "tickets" else ()
    return {_key(source.name): source for source in sources if source.enabled}


def topic_resources(settings: Settings, domain: Domain) -> dict[str, dg.ConfigurableResource[Any]]:
    """The resources behind `topic_keys`."""
    return {key: _resource(settings, source) for key, source in topic_keys(settings, domain).items()}


def given_topics(
    resources: object, settings: Settings, domain: Domain
) -> "Callable[[TicketTopic, float | None], Topics] | None":
    """How a tenancy opens topics by the resources that `context.resources` carries."""
    keys = {source.name: key for key, source in topic_keys(settings, domain).items()}
    if not keys:
        return None

    def opened(source: TicketTopic, seconds: float | None) -> Topics:
        resource = getattr(resources, keys[source.name])
        assert isinstance(resource, SpoolResource | KafkaResource)  # noqa: S101
        return resource.open(settings.stores.kafka, seconds)

    return opened


def _key(name: str) -> str:
    plain = "".join(sign if sign.isalnum() else f"_{ord(sign):x}_" for sign in name)
    return f"tickets_topics_{plain}"


def _resource(settings: Settings, source: TicketTopic) -> dg.ConfigurableResource[Any]:
    if isinstance(source, SpoolTopic):
        return SpoolResource(folder=str(spool_folder(settings, source)), partitions=source.partitions)
    store = settings.stores.kafka
    return KafkaResource(
        **{name: getattr(store, name) for name in _SHOWN},
        ca_file=None if store.ca_file is None else str(store.ca_file),
        owner=owner(settings, source),
        replication=source.replication,
    )
