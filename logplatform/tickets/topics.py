"""The topics of the settings, and the logs behind them.

What belongs here: choosing a source's implementation. What does not: the logs themselves (`stores/ticket_log.py`).
"""

from pathlib import Path

from logplatform.failures import PermanentFailure
from logplatform.settings.model import Settings
from logplatform.settings.tickets import SpoolTopic, TicketTopic
from logplatform.stores.ticket_log import Spool, TicketLog
from logplatform.tenancy import Tenancy


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


def exists(settings: Settings, source: TicketTopic) -> bool:
    """Whether a source's topic is there; nothing is made by asking."""
    return _folder(settings, source, source.topic).is_dir()


def refused_exists(settings: Settings, source: TicketTopic) -> bool:
    """Whether a source's dead-letter topic is there; nothing is made by asking."""
    return _folder(settings, source, source.refused).is_dir()


def any_exists(settings: Settings) -> bool:
    """Whether any topic that is switched on was ever written to."""
    return any(exists(settings, source) for source in topics(settings))


def open_log(settings: Settings, source: TicketTopic) -> TicketLog:
    """The log that a source's tickets are read from."""
    return _spool(settings, source, source.topic, source.partitions)


def open_refused_log(settings: Settings, source: TicketTopic, partitions: int) -> TicketLog:
    """The log that a source's refused messages go to; it is made with so many partitions."""
    return _spool(settings, source, source.refused, partitions)


def _spool(settings: Settings, source: TicketTopic, topic: str, partitions: int) -> Spool:
    return Spool.open(_folder(settings, source, topic), partitions)


def _folder(settings: Settings, source: TicketTopic, topic: str) -> Path:
    if not isinstance(source, SpoolTopic):
        raise PermanentFailure(f"tickets.topics: {source.name}: topics of type {source.type} cannot be opened")
    return (source.path or settings.data_root / "spool" / settings.tenant) / topic
