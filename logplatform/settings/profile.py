"""Profiles: the types of all stores, chosen with one word.

What belongs here: what a profile stands for. What does not: the stores' own fields (`stores`).
"""

from collections.abc import Mapping
from typing import Any, Literal

Profile = Literal["embedded", "server"]

_SERVER: Mapping[tuple[str, ...], object] = {
    ("stores", "sql", "type"): "postgresql",
    ("stores", "uploads", "type"): "mongodb",
    ("stores", "queue", "type"): "redis",
    ("stores", "index", "type"): "elasticsearch",
    ("tickets", "engine"): "spark",
    ("tickets", "topics"): [{"type": "kafka", "name": "kafka"}],
    ("dagster", "storage", "type"): "postgresql",
}
"""What the profile `server` sets where the settings say nothing. Files stay in a folder: one machine needs no more."""


def with_profile(raw: object) -> object:
    """The raw settings with what their profile sets put in; what they say themselves stays as it is."""
    if not isinstance(raw, Mapping) or raw.get("profile") != "server":
        return raw
    filled = dict(raw)
    for path, value in _SERVER.items():
        _fill(filled, path, value)
    return filled


def _fill(holder: dict[Any, Any], path: tuple[str, ...], value: object) -> None:
    """Set `path` where nothing stands; a section that is no mapping is left for the model to refuse."""
    key, *rest = path
    if not rest:
        holder.setdefault(key, value)
        return
    below = holder.get(key)
    if below is None or isinstance(below, Mapping):
        holder[key] = dict(below or {})
        _fill(holder[key], tuple(rest), value)
