"""Where a source of tickets has its topics, as the settings say.

What belongs here: choosing the implementation. What does not: the implementations (`stores/ticket_topics.py`,
`stores/kafka_topics.py`), and what is done with topics (`logplatform.tickets`).
"""

from pathlib import Path

from logplatform.settings.model import Settings
from logplatform.settings.stores import KafkaStore
from logplatform.settings.tickets import KafkaTopic, SpoolTopic, TicketTopic
from logplatform.stores.ticket_topics import SpoolTopics, Topics


def open_topics(settings: Settings, source: TicketTopic, seconds: float | None = None) -> Topics:
    """A source's topics; nothing is connected before it is used. `seconds`: the most that an answer is waited for."""
    if isinstance(source, SpoolTopic):
        return SpoolTopics(spool_folder(settings, source), source.partitions)
    return kafka_topics(settings.stores.kafka, owner(settings, source), source.replication, seconds)


def kafka_topics(section: KafkaStore, name: str, replication: int, seconds: float | None) -> Topics:
    """Topics of brokers, for the owner of that name."""
    # The client library need not be there where no topic is on Kafka.
    from logplatform.stores.kafka_topics import KafkaTopics  # noqa: PLC0415

    return KafkaTopics.of(section, name, replication, seconds)


def spool_folder(settings: Settings, source: SpoolTopic) -> Path:
    """The folder of a source's spools."""
    return source.path or settings.data_root / "spool" / settings.tenant


def owner(settings: Settings, source: KafkaTopic) -> str:
    """Who reads and writes, as brokers are told: the consumer group, and the beginning of transactions' names."""
    return f"logplatform.{settings.tenant}.{source.name}"
