"""Settings of the domain tickets: which topics are read, and what becomes of their messages.

What belongs here: fields of the section `tickets`. What does not: policies that all domains share (`policies`).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from pydantic import Field, Tag, model_validator

from logplatform.settings.base import AnchoredPath, Conflict, Name, Positive, Section, by_type, refuse

RequestType = Literal["billing", "technical", "account", "general"]
Priority = Literal["low", "medium", "high", "critical"]
TopicName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,249}$")]
"""What Kafka takes for a topic's name."""
Team = Annotated[str, Field(min_length=1, max_length=200)]
MIB = 1024**2

_TEAMS: dict[RequestType, Team] = {
    "billing": "Billing Team",
    "technical": "Technical Support",
    "account": "Account Management",
    "general": "General Support",
}


class SpoolTopic(Section):
    """A topic kept in a folder of this machine: JSON lines with offsets, in partitions."""

    name: Name = "spool"
    """The source's name."""
    type: Literal["spool"] = "spool"
    topic: Name = "client_tickets"
    """The topic that tickets are read from."""
    dead_letter_topic: Name | None = None
    """Where refused messages go, with their reasons; left out: the topic's name and `.dead_letters`."""
    path: AnchoredPath | None = None
    """Folder of the topics; left out: `spool/<tenant>` under the data root."""
    partitions: Annotated[int, Field(ge=1, le=1000)] = 3
    """Partitions of a topic; a topic that has messages keeps the number it was begun with."""
    enabled: bool = True

    @property
    def refused(self) -> str:
        """The dead-letter topic."""
        return self.dead_letter_topic or f"{self.topic}.dead_letters"


class KafkaTopic(Section):
    """A topic of Kafka; `stores.kafka` tells where."""

    name: Name = "kafka"
    """The source's name."""
    type: Literal["kafka"] = "kafka"
    topic: TopicName = "client_tickets"
    """The topic that tickets are read from."""
    dead_letter_topic: TopicName | None = None
    """Where refused messages go, with their reasons; left out: the topic's name and `.dead_letters`."""
    partitions: Annotated[int, Field(ge=1, le=1000)] = 3
    """Partitions of a topic that is made here; one that is there keeps the number it has."""
    replication: Annotated[int, Field(ge=1, le=100)] = 1
    """Copies of each partition of a topic that is made here."""
    enabled: bool = True

    @property
    def refused(self) -> str:
        """The dead-letter topic."""
        return self.dead_letter_topic or f"{self.topic}.dead_letters"


TicketTopic = Annotated[Annotated[SpoolTopic, Tag("spool")] | Annotated[KafkaTopic, Tag("kafka")], by_type("spool")]
"""Every kind of topic, told apart by `type`."""


class TicketsSettings(Section):
    """The domain tickets."""

    enabled: bool = True
    """Off: no sensor of this domain runs."""
    topics: tuple[TicketTopic, ...] = (SpoolTopic(),)
    """Where tickets come from."""
    teams: dict[RequestType, Team] = Field(default=_TEAMS)
    """The team that each type of request is assigned to."""
    engine: Literal["duckdb", "spark"] = "duckdb"
    """What transforms tickets: DuckDB in the process, or Spark (`stores.spark`)."""
    high_priorities: Annotated[tuple[Priority, ...], Field(min_length=1)] = ("high", "critical")
    """Priorities that `high_priority_tickets` holds."""
    output_format: Literal["parquet", "json"] = "parquet"
    """Format of the tables; json: one object a line. After a change the next commit writes all tables again."""
    interval_seconds: Annotated[float, Field(ge=0.1, le=86_400)] = 30
    """Seconds between two micro-batches of `tickets stream`."""
    batch_messages: Annotated[int, Field(ge=1, le=1_000_000)] = 250_000
    """Messages in one commit; a large one takes less time a message, and about half a kilobyte of memory for each."""
    batch_bytes: Positive = 64 * MIB
    """Bytes in one commit; a single longer message makes one of its own."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        lacking = [kind for kind in get_args(RequestType) if kind not in self.teams]
        conflicts = [Conflict(("teams",), f"no team is given for {', '.join(lacking)}")] if lacking else []
        refuse([*conflicts, *_repeated(self.topics)])
        return self


def _repeated(topics: Sequence[SpoolTopic | KafkaTopic]) -> Iterator[Conflict]:
    """A conflict for each topic that shares its source's name, or its place, with another or with itself."""
    names: set[str] = set()
    places: set[tuple[str, Path | None, str]] = set()
    for index, topic in enumerate(topics):
        if topic.name.lower() in names:
            yield Conflict(("topics", index, "name"), f"the name {topic.name!r} is taken already")
        names.add(topic.name.lower())
        for field, name in (("topic", topic.topic), ("dead_letter_topic", topic.refused)):
            place = (topic.type, topic.path if isinstance(topic, SpoolTopic) else None, name)
            if place in places:
                yield Conflict(("topics", index, field), f"the topic {name!r} is used already; give this one its own")
            places.add(place)
