"""Conflicts between sources, found while other parts of the settings are still wrong.

What belongs here: running the rules between sources (`base.repeated_names`, `machines.repeated_centres`) over raw
values of which some are invalid. What does not: the rules themselves, which the model applies to valid settings.
"""

from collections.abc import Iterator, Mapping

from pydantic import TypeAdapter, ValidationError

from logplatform.settings.base import Conflict, repeated_names
from logplatform.settings.machines import MachineSource, repeated_centres
from logplatform.settings.mistakes import value_at

_MACHINE_SOURCE: TypeAdapter[MachineSource] = TypeAdapter(MachineSource)


def conflicts_in(raw: Mapping[str, object]) -> Iterator[Conflict]:
    """Every conflict between the sources of `raw`, the whole settings as read, with its path from the root."""
    for domain in ("archives", "machines"):
        sources = _sources(raw, domain)
        names = [(index, source.get("name")) for index, source in sources]
        yield from _moved(repeated_names((i, name) for i, name in names if isinstance(name, str)), domain)
    machines = [(i, valid) for i, source in _sources(raw, "machines") for valid in _valid(source)]
    yield from _moved(repeated_centres(machines), "machines")


def _sources(raw: Mapping[str, object], domain: str) -> list[tuple[int, dict[str, object]]]:
    listed = value_at((domain, "sources"), raw)
    items = listed if isinstance(listed, list) else []
    return [(i, {str(k): v for k, v in item.items()}) for i, item in enumerate(items) if isinstance(item, dict)]


def _valid(source: dict[str, object]) -> list[MachineSource]:
    try:
        return [_MACHINE_SOURCE.validate_python(source)]
    except ValidationError:
        return []


def _moved(conflicts: list[Conflict], domain: str) -> Iterator[Conflict]:
    return (Conflict((domain, *conflict.path), conflict.message) for conflict in conflicts)
