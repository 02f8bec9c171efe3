"""What the command line asks of every domain alike: what it watches, and the account of its flow.

What belongs here: naming each domain's own functions once. What does not: what they do.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from logplatform.orchestration.discovery import Watched
from logplatform.orchestration.figures import Arrow
from logplatform.settings.model import Domain
from logplatform.tenancy import Tenancy


@dataclass(frozen=True, slots=True)
class Parts:
    """`watched` gives the sources with the rule that dates their files, `arrows` the flow over the whole store."""

    watched: Callable[[Tenancy], Sequence[Watched]]
    arrows: Callable[[Tenancy], Sequence[Arrow]]


def parts_of(domain: Domain) -> Parts:
    """A domain's parts, imported now: a command about one domain need not wait for the others'."""
    if domain == "archives":
        from logplatform.archives import measures, sensors  # noqa: PLC0415

        return Parts(sensors.watched, measures.arrows)
    from logplatform.machines import measures, sensors  # noqa: PLC0415

    return Parts(sensors.watched, measures.arrows)
