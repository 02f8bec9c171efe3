"""The ground every section of the settings stands on: one strict, frozen model and the field types they share.

What belongs here: types that more than one section uses (names, time zones, paths, durations). What does not:
any one section's fields (a module each), reading files or the environment (`load`).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import Annotated, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    ValidationInfo,
    model_validator,
)
from pydantic_core import PydanticCustomError


class Section(BaseModel):
    """A part of the settings: immutable, and an unknown key in it is a mistake, never ignored."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, hide_input_in_errors=True, use_attribute_docstrings=True
    )

    @model_validator(mode="before")
    @classmethod
    def _empty_is_default(cls, data: object) -> object:
        """A section whose lines are all commented out is read as None by YAML: nothing is set in it."""
        return {} if data is None else data


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        message = f"{name!r} is not an IANA time zone (examples: UTC, Europe/Paris, Africa/Tunis)"
        raise ValueError(message) from error
    return name


def _anchored(path: Path, info: ValidationInfo) -> Path:
    base = info.context.get("base") if info.context else None
    full = path.expanduser()
    return base / full if isinstance(base, Path) else full


def _number(value: object) -> object:
    # YAML 1.1 reads `yes`, `no`, `on` and `off` as true and false, which Python takes for 1 and 0.
    if isinstance(value, bool):
        message = "must be a number, not true or false"
        raise ValueError(message)  # noqa: TRY004 (pydantic collects ValueErrors only)
    return value


Whole = Annotated[int, BeforeValidator(_number)]
"""A whole number."""

Real = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]
"""A finite number."""

Timezone = Annotated[str, AfterValidator(_known_zone)]
"""An IANA time zone name that this machine knows."""

AnchoredPath = Annotated[Path, AfterValidator(_anchored)]
"""A path; `~` is expanded, and a relative one stands under the settings file's folder (where one was read)."""

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""A source's or tenant's name: it becomes part of paths and keys, so letters, digits, `.`, `_` and `-` only."""

Seconds = Annotated[Real, Field(ge=0, le=366 * 86400)]
"""A duration in seconds, at most a year."""

Days = Annotated[Whole, Field(ge=0, le=36_500)]
"""A number of whole days."""

Positive = Annotated[Whole, Field(ge=1, le=2**63 - 1)]
"""A whole number from 1 on that any store can hold."""

Share = Annotated[Real, Field(ge=0, le=1)]
"""A part of a whole, 0 to 1."""


def by_type(default: str) -> Discriminator:
    """Tells the sections of a union apart by their `type`, each tagged with it; without one it is `default`."""

    def kind(value: object) -> str:
        found = value.get("type", default) if isinstance(value, Mapping) else getattr(value, "type", default)
        return str(found)

    return Discriminator(kind)


def zone(name: str) -> tzinfo:
    """The time zone of a validated name."""
    return ZoneInfo(name)


class Conflict(NamedTuple):
    """Two values that are right by themselves but not together: where the second stands, and what to do."""

    path: tuple[str | int, ...]
    message: str


def refuse(conflicts: Sequence[Conflict]) -> None:
    """Raise one validation error that carries all `conflicts` (its context key `conflicts`); none: nothing happens.

    A pydantic validator can raise once only; `load` takes the conflicts apart again and shows each at its place.
    """
    if conflicts:
        text = "; ".join(conflict.message for conflict in conflicts)
        raise PydanticCustomError("conflicts", "{text}", {"text": text, "conflicts": tuple(conflicts)})


def repeated_names(names: Iterable[tuple[int, str]], key: str = "sources") -> list[Conflict]:
    """A conflict for each source (position, name) whose name came before; names become folders, so case is ignored.

    `key` is the list's name in its section.
    """
    first: dict[str, int] = {}
    return [
        Conflict((key, index, "name"), f"the name {name!r} is taken by source {first[name.lower()] + 1} already")
        for index, name in names
        if first.setdefault(name.lower(), index) != index
    ]
