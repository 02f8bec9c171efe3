"""The topics of the settings, and the logs behind them.

What belongs here: the domain's own questions to them. What does not: the choice of their implementation
(`logplatform.topic_places`).
"""

from collections.abc import Iterator

from pydantic import ValidationError

from logplatform.failures import PermanentFailure
from logplatform.settings.model import Settings
from logplatform.settings.stores import KafkaStore
from logplatform.settings.tickets import KafkaTopic, SpoolTopic, TicketTopic
from logplatform.stores.ticket_log import TicketLog
from logplatform.stores.ticket_topics import Topics
from logplatform.tenancy import Tenancy
from logplatform.topic_places import open_topics


def topics(settings: Settings) -> list[TicketTopic]:
    """The sources of tickets that are switched on."""
    return [topic for topic in settings.tickets.topics if topic.enabled]


def find_topic(settings: Settings, topic: str | None) -> TicketTopic:
    """The source that reads `topic` (None: the first); raises PermanentFailure if no enabled source does."""
    found = [source for source in topics(settings) if topic in (None, source.topic)]
    if not found:
        asked = "no topic is switched on" if topic is None else f"no source that is switched on reads {topic!r}"
        raise PermanentFailure(f"tickets.topics: {asked}")
    return found[0]


def lease_name(tenancy: Tenancy) -> str:
    """The name of the lease by which one process at a time changes a tenant's tables."""
    return f"{tenancy.domain}/{tenancy.tenant}"


def place_in(tenancy: Tenancy, source: TicketTopic, seconds: float | None = None) -> Topics:
    """Where a source's topics are, as the tenancy was given it or by the settings."""
    given = tenancy.given_topics
    return open_topics(tenancy.settings, source, seconds) if given is None else given(source, seconds)


def any_exists(settings: Settings) -> bool:
    """Whether there may be something to read: a spool that is there, or a topic that is on a server."""
    return any(
        not isinstance(source, SpoolTopic) or open_topics(settings, source).exists(source.topic)
        for source in topics(settings)
    )


def open_log(tenancy: Tenancy, source: TicketTopic) -> TicketLog:
    """The log that a source's tickets are read from."""
    return place_in(tenancy, source).open(source.topic)


def existing_logs(tenancy: Tenancy) -> Iterator[tuple[TicketTopic, TicketLog]]:
    """The logs of all sources whose topics are there."""
    for source in topics(tenancy.settings):
        place = place_in(tenancy, source)
        if place.exists(source.topic):
            yield source, place.open(source.topic)


def to_produce_to(settings: Settings, topic: str | None, brokers: str | None) -> tuple[Settings, TicketTopic]:
    """The source to send to, and the settings that lead there; with `brokers`, a topic need not be in the settings.

    Raises PermanentFailure for a topic that nobody reads, and for an address or a name that can't be one.
    """
    if brokers is None:
        return settings, find_topic(settings, topic)
    known = [source for source in topics(settings) if isinstance(source, KafkaTopic) and topic in (None, source.topic)]
    try:
        source = known[0] if known else KafkaTopic.model_validate({} if topic is None else {"topic": topic})
        section = KafkaStore.model_validate(settings.stores.kafka.model_dump() | {"bootstrap_servers": brokers})
    except ValidationError as error:
        raise PermanentFailure(f"--brokers, --topic: {error.errors()[0]['msg']}") from error
    stores = settings.stores.model_copy(update={"kafka": section})
    return settings.model_copy(update={"stores": stores}), source


def open_to_produce(settings: Settings, source: TicketTopic) -> TicketLog:
    """The same to write to, made if it is missing."""
    return open_topics(settings, source).make(source.topic, source.partitions)


def open_refused_log(tenancy: Tenancy, source: TicketTopic, partitions: int) -> TicketLog:
    """The log that a source's refused messages go to; it is made with so many partitions."""
    return place_in(tenancy, source).make_refused(source.refused, partitions)
