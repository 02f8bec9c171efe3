"""What the page's templates are given: texts, links and a drawing made of values.

What belongs here: pure functions. What does not: routes (`pages`), markup (`templates`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import msgspec
from markupsafe import Markup, escape

from logplatform.settings.model import Settings
from logplatform.stores.log_query import Hit
from logplatform.stores.log_schema import iso
from logplatform.uploads.figures.histogram import Bar

CHART_WIDTH, CHART_HEIGHT = 960, 120
MAX_VALUE_CHARS = 2_000
MAX_FIELDS = 100
_EVERYWHERE = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 (nothing is bound to it: it is looked for)
_MESSAGES = ("message", "error_message", "endpoint", "path", "action", "transaction_id")
_LEVELS = {"ERROR": "bad", "CRITICAL": "bad", "FATAL": "bad", "WARN": "warn", "WARNING": "warn"}


@dataclass(frozen=True, slots=True)
class DrawnBar:
    """A bar in the drawing's units; `begin` and `end` as the search takes them; `told` for people."""

    x: float
    y: float
    width: float
    height: float
    begin: str
    end: str
    told: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """A histogram as it is drawn: its bars, its highest count, and the ends of its axis."""

    bars: list[DrawnBar]
    highest: int
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class ShownDocument:
    """A hit as the list shows it. `line` is HTML: the text escaped, hits marked; `fields` are texts."""

    at: str
    kind: str
    level: str
    level_class: str
    service: str
    line: Markup
    fields: list[tuple[str, str]]


def drawn(bars: Sequence[Bar]) -> Drawn | None:
    """A histogram's drawing; None without bars."""
    if not bars:
        return None
    highest = max(bar.count for bar in bars)
    step = CHART_WIDTH / len(bars)
    shapes = [_shape(number, bar, step, highest) for number, bar in enumerate(bars)]
    return Drawn(shapes, highest, when(bars[0].begin), when(bars[-1].end))


def _shape(number: int, bar: Bar, step: float, highest: int) -> DrawnBar:
    # A single document among millions must still be seen.
    height = max(2.0, bar.count / highest * CHART_HEIGHT) if bar.count else 0.0
    return DrawnBar(
        x=round(number * step, 2),
        y=round(CHART_HEIGHT - height, 2),
        width=round(max(0.5, step - min(2.0, step / 4)), 2),
        height=round(height, 2),
        begin=iso(bar.begin),
        end=iso(bar.end),
        told=f"{when(bar.begin)}: {bar.count:,}",
    )


def shown_document(hit: Hit) -> ShownDocument:
    """A hit for the list."""
    known = hit.document
    level = str(known.get("level") or "")
    return ShownDocument(
        at=str(known.get("@timestamp", "")).replace("T", " ").removesuffix("Z"),
        kind=str(known.get("log_type") or ""),
        level=level,
        level_class=_LEVELS.get(level, "plain"),
        service=str(known.get("service") or ""),
        line=_line(hit),
        fields=[(name, _value(value)) for name, value in sorted(known.items())[:MAX_FIELDS]],
    )


def _line(hit: Hit) -> Markup:
    """What tells most of a document, hits marked in it; then the other fields that were hit."""
    # `log_text.highlighted` has escaped all of it but its own <em>.
    marked = {name: Markup(texts[0]) for name, texts in hit.highlights.items()}  # noqa: S704 (see above)
    told = next((name for name in _MESSAGES if hit.document.get(name)), None)
    text = _value(hit.document if told is None else hit.document[told])
    first = marked.pop(told or "", None) or escape(_cut(text, 300))
    return Markup(" · ").join([first, *(escape(name) + ": " + found for name, found in marked.items())])


def _value(value: object) -> str:
    return _cut(value if isinstance(value, str) else msgspec.json.encode(value).decode(), MAX_VALUE_CHARS)


def _cut(text: str, characters: int) -> str:
    return text if len(text) <= characters else f"{text[:characters]}…"


def link(given: Mapping[str, Any], **changed: object) -> str:
    """The page's address with the search `given`, some parameters changed (None: left out); the page begins anew."""
    kept = {name: value for name, value in given.items() if name != "page"}
    wanted = {**kept, **changed}
    return "?" + urlencode({name: value for name, value in wanted.items() if value is not None})


def dagster_url(settings: Settings, host: str | None) -> str:
    """Where Dagster's pages are, for a browser that reached this server as `host`."""
    if settings.dagster.url is not None:
        return settings.dagster.url.rstrip("/")
    own = settings.dagster.host
    name = (host or "127.0.0.1") if own in _EVERYWHERE else own
    return f"http://{f'[{name}]' if ':' in name else name}:{settings.dagster.port}"


def when(moment: datetime) -> str:
    """A time for people, in UTC: without seconds where there are none, without a time where it is midnight."""
    told = moment.astimezone(UTC)
    if (told.hour, told.minute, told.second) == (0, 0, 0):
        return f"{told:%Y-%m-%d}"
    return f"{told:%Y-%m-%d %H:%M}" if told.second == 0 else f"{told:%Y-%m-%d %H:%M:%S}"


def number(value: float) -> str:
    """A whole number for people."""
    return f"{value:,.0f}"


def counted(count: int, one: str) -> str:
    """So many of `one`: `1 record`, `2,000 records`."""
    return f"{number(count)} {one}" + ("" if count == 1 else "s")


def file_size(count: int) -> str:
    """Bytes for people."""
    size, unit = float(count), "B"
    for larger in ("KB", "MB", "GB", "TB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"


def asked_for(parameters: Mapping[str, Any]) -> str:
    """A search in a few words."""
    text = str(parameters.get("q") or "")
    rest = [f"{name} {value}" for name, value in parameters.items() if name not in {"q", "size", "sort_order"}]
    return ", ".join([text, *rest] if text else rest) or "everything"


FILTERS: dict[str, Callable[..., str]] = {
    "when": when, "number": number, "counted": counted, "file_size": file_size, "asked_for": asked_for
}  # fmt: skip
"""Filters of the templates."""
