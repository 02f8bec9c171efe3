"""What a day, an arrow of the flow and a standing fault are told by, free of Dagster.

What belongs here: frozen values that domains fill and `metadata`, `checks` and the reconciler show. What does not:
how they are shown, and how they are found out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any, Literal

Cell = str | int | float | bool | None
Unit = Literal["files", "lines", "records", "events", "messages", "sessions"]

NO_DAY = date.min
"""The day that reports and commits of an asset without days stand under: there is one of them, the newest."""

FIRST_FAILURES = 5
PREVIEW_ROWS = 10


@dataclass(frozen=True, slots=True)
class FailureNote:
    """One thing that was refused: `what` (a file, a file and line) and the `reason`, both redacted already."""

    what: str
    reason: str


@dataclass(frozen=True, slots=True)
class DayReport:
    """What one asset made of one day; counts are in `unit` for what came in and `unit_out` for what came out.

    `came` = `out` + `duplicates` + `dead_letters` + `other` in the unit of `came`; where the units differ (lines in,
    sessions out), `used` says how much of what came in went into what came out, and stands in `out`'s place.
    `bytes` were read, in `seconds` of work. Only the first FIRST_FAILURES `failures` and PREVIEW_ROWS `preview` rows
    are kept. `picture` is an SVG document. `facts` are further numbers and texts, by a readable name.
    An asset without days has reports of NO_DAY: they are of all of it.
    """

    day: date
    unit: Unit
    came: int
    out: int
    duplicates: int = 0
    dead_letters: int = 0
    unit_out: Unit | None = None
    used: int | None = None
    bytes: int = 0
    seconds: float = 0.0
    failures: Sequence[FailureNote] = ()
    preview: Sequence[Mapping[str, Cell]] = ()
    picture: str | None = field(default=None, repr=False)
    facts: Mapping[str, Cell] = field(default_factory=dict)

    def counts(self) -> dict[str, Any]:
        """All but preview and picture as JSON-ready values, for the ledger's day commit."""
        kept = asdict(self)
        del kept["preview"], kept["picture"], kept["day"]
        kept["failures"] = kept["failures"][:FIRST_FAILURES]
        return kept

    @classmethod
    def restore(cls, day: date, counts: Mapping[str, Any]) -> "DayReport":
        """The report that `counts` came from, without its preview and picture.

        Counts of another shape (an older version's) are all told as facts.
        """
        if not {"unit", "came", "out"} <= counts.keys():
            return cls(day, "records", 0, 0, facts={name: _cell(value) for name, value in counts.items()})
        known = {name: value for name, value in counts.items() if name in cls.__dataclass_fields__}
        notes = tuple(FailureNote(note["what"], note["reason"]) for note in known.pop("failures", ()))
        return cls(day=day, failures=notes, **known)


def _cell(value: object) -> Cell:
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


@dataclass(frozen=True, slots=True)
class Arrow:
    """One arrow of the flow, counted over the whole store: in = out + duplicates + dead letters + waiting.

    `name` reads "landed → extracted"; `came` is counted independently of what comes after; `waiting` is what has
    come in and is not done yet (a run goes on, a retry is due): it is not lost, and told apart.
    """

    name: str
    unit: Unit
    came: int
    out: int
    duplicates: int = 0
    dead_letters: int = 0
    waiting: int = 0

    @property
    def missing(self) -> int:
        """What the right side lacks (negative: what it has too much); 0 where the arrow conserves."""
        return self.came - self.out - self.duplicates - self.dead_letters - self.waiting


@dataclass(frozen=True, slots=True)
class Fault:
    """One standing fault: what (a file, a record), why, since when (a readable time), and the command that helps."""

    what: str
    reason: str
    since: str = ""
    recover: str = ""


@dataclass(frozen=True, slots=True)
class Broken:
    """What is still broken in a domain: how many, the first ones, and in words how to recover."""

    count: int
    sample: Sequence[Fault]
    recovery: str
