"""Indices of Elasticsearch: their names, their template, the alias over all of them.

What belongs here: which field of the index holds which column of a document, and how it is looked for. What does not:
documents themselves (`elasticsearch_documents`).

Fields that people look for a text in are copied to `lower.…`, in lower case and each value as one term: only so a
text is found wherever it stands, across words and signs, as in the embedded index. Lucene takes no term above 32,766
bytes. So values above LONGEST characters are given to `lower.…` in overlapping pieces, which finds a text in them as
in others; but they are in no group of their own, and no filter finds them as a whole.
"""

import uuid
from collections.abc import Iterable
from contextlib import closing, suppress
from typing import Any
from urllib.parse import quote

from logplatform.failures import PermanentFailure
from logplatform.settings.stores import IndexStore
from logplatform.stores.elasticsearch_client import MAJOR, ElasticsearchServer, Gone
from logplatform.stores.log_query import MAX_TEXT_CHARS, TEXT_BOOSTS
from logplatform.stores.log_schema import FLAGS, FLOATS, GEO_FLOATS, GEO_TEXTS, INTEGERS, PROVENANCE_TEXTS, TEXTS

LONGEST = 8_191
"""Characters of a value that is one term; four bytes each are less than Lucene's bound."""
OVERLAP = MAX_TEXT_CHARS
"""Characters that two neighbouring pieces of a long value share: no text that is looked for is longer."""
LOWER = "lower"
WHEN = "timestamp_us"
"""Microseconds since 1970 (UTC): what `@timestamp` holds for people, exact for figures."""
PROSE = ("message", "error_message", "stack_trace")
"""Fields that are text to Kibana; their values as a whole are in a field below."""
COMPLETED = ("service", "endpoint", "action", "product_id", "log_type", "level", "user_id")
"""Fields whose values are completed by a beginning in any case."""

_LOWERED = frozenset((*TEXT_BOOSTS, *COMPLETED))
_GEO = {name: f"geoip.{name.removeprefix('geo_')}" for name in (*GEO_TEXTS, *GEO_FLOATS)}
_PRIORITY = 500


def field_of(name: str) -> str:
    """The field that holds a column's values as they are: for groups, order and filters."""
    if name == "timestamp":
        return WHEN
    if name in PROSE:
        return f"{name}.whole"
    return _GEO.get(name, name)


def lowered(name: str) -> str | None:
    """The field that holds a column's texts in lower case; None if there is none."""
    return f"{LOWER}.{name}" if name in _LOWERED else None


def words_of(name: str) -> str:
    """The field that holds the single words of a column which people look for a text in."""
    return name if name in PROSE else f"{name}.words"


def prefix_of(prefix: str, tenant: str) -> str:
    """What a tenant's indices begin with. The first tenant's are called as everybody expects."""
    return prefix if tenant == "default" else f"{tenant.lower()}-{prefix}"


def index_of(prefix: str, day: str) -> str:
    """The name of the index of an event day (`YYYY-MM-DD`)."""
    return f"{prefix}-{day.replace('-', '.')}"


def day_of(prefix: str, index: str) -> str | None:
    """The event day that an index of this prefix holds; None if it is none of ours."""
    rest = index.removeprefix(f"{prefix}-")
    day = rest.replace(".", "-")
    return day if rest != index and len(day) == 10 and day.replace("-", "").isdigit() else None


def template(server: ElasticsearchServer, prefix: str) -> dict[str, Any]:
    """The template of the indices of a prefix."""
    section = server.section
    return {
        "index_patterns": [f"{prefix}-*.*.*"],
        "priority": _PRIORITY,
        "_meta": {"description": "Documents of logplatform's log index, one index an event day (UTC)"},
        "template": {
            "settings": {
                "number_of_shards": section.shards,
                "number_of_replicas": section.replicas,
                # Whoever completes an upload asks for a refresh; others need not wait for more than this.
                "refresh_interval": "30s",
                # A text that is looked for may be long, and each of its signs may need another before it.
                "max_regex_length": 4 * MAX_TEXT_CHARS,
            },
            "aliases": {prefix: {}},
            "mappings": {"dynamic": False, "properties": properties()},
        },
    }


def properties() -> dict[str, Any]:
    """The mapping of each field; what is not named here is kept in the document, and not indexed."""
    whole = {"type": "keyword", "ignore_above": LONGEST}
    below = {"type": "keyword", "ignore_above": LONGEST, "doc_values": False, "normalizer": "lowercase"}
    prose = {name: {"type": "text", "norms": False, "fields": {"whole": {**whole, "index": False}}} for name in PROSE}
    words = {name: dict(whole) for name in (*TEXTS, *PROVENANCE_TEXTS, "tags", "id", "origin") if name not in PROSE}
    fields: dict[str, Any] = {**words, **prose}
    for name in _LOWERED:
        fields[name] = {**fields[name], "copy_to": f"{LOWER}.{name}"}
    for name in TEXT_BOOSTS:
        if name not in PROSE:
            fields[name]["fields"] = {"words": {"type": "text", "norms": False, "index_options": "docs"}}
    places = {name.removeprefix("geo_"): whole for name in GEO_TEXTS}
    return {
        "@timestamp": {"type": "date_nanos"},
        WHEN: {"type": "long"},
        **fields,
        **_all(FLOATS, "double"),
        **_all(INTEGERS, "long"),
        **_all(FLAGS, "boolean"),
        "geoip": {
            "properties": {
                **places,
                **_all(GEO_FLOATS, "double"),
                "location": {"type": "geo_point"},
            }
        },
        "processed_at": {"type": "date_nanos"},
        "ordinal": {"type": "long"},
        "generation": {"type": "long"},
        "bytes": {"type": "long"},
        # The record as it came is kept, and looked into by nobody.
        "source": {"type": "object", "enabled": False},
        LOWER: {"properties": dict.fromkeys(sorted(_LOWERED), below)},
    }


def _all(names: Iterable[str], kind: str) -> dict[str, Any]:
    return {name: {"type": kind} for name in names}


def install(server: ElasticsearchServer, prefix: str) -> None:
    """Put the template there; it holds for indices that are made from now on."""
    server.ask("PUT", f"/_index_template/{quote(prefix)}", template(server, prefix))


def create(server: ElasticsearchServer, index: str) -> None:
    """Make an index if it is missing: a server may be told to make none by itself."""
    try:
        # Whoever writes into it waits for its shards anyway.
        server.ask("PUT", f"/{quote(index)}", params={"wait_for_active_shards": "0"})
    except PermanentFailure as failure:
        if "already exists" not in str(failure):
            raise


def held(section: IndexStore, tenant: str) -> tuple[int, int]:
    """How many documents a tenant's indices hold, those among them that nobody sees any more, and their bytes."""
    with closing(ElasticsearchServer(section)) as server:
        try:
            told = server.ask("GET", f"/{quote(prefix_of(section.prefix, tenant))}/_stats/docs,store")
        except Gone:
            return 0, 0
    total = told["_all"]["primaries"]
    return int(total["docs"]["count"]), int(total["store"]["size_in_bytes"])


def forget(section: IndexStore, tenant: str) -> None:
    """Remove a tenant's indices, and nothing of others whose names begin alike."""
    prefix = prefix_of(section.prefix, tenant)
    with closing(ElasticsearchServer(section)) as server:
        try:
            indices = server.ask("GET", f"/{quote(prefix)}/_alias")
        except Gone:
            return
        for index in sorted(indices):
            with suppress(Gone):
                server.ask("DELETE", f"/{quote(index)}")


def check(section: IndexStore) -> None:
    """Check at start that the server can be used: it is there, of the right version, and gives the rights needed.

    Raises Unreachable, or PermanentFailure that says what is wrong.
    """
    with closing(ElasticsearchServer(section)) as server:
        version = str(server.ask("GET", "/").get("version", {}).get("number", ""))
        if version.partition(".")[0] != str(MAJOR):
            raise PermanentFailure(
                f"{server.where} is version {version or 'unknown'}; version {MAJOR} is needed, "
                "for its client speaks to no other"
            )
        _probe(server)


def _probe(server: ElasticsearchServer) -> None:
    """Find out whether templates, indices and documents may be made: an index of one document comes and goes."""
    prefix = server.section.prefix
    # The template must hold for it too: a server has templates of its own for `logs-…`, which make no index.
    index = f"{prefix}-check.{uuid.uuid4().hex[:8]}.0"
    steps = (
        ("manage_index_templates on the cluster", "PUT", f"/_index_template/{quote(prefix)}", template(server, prefix)),
        ("create_index", "PUT", f"/{quote(index)}", {"settings": {"number_of_replicas": 0}}),
        ("write", "PUT", f"/{quote(index)}/_doc/1", {}),
        ("read", "POST", f"/{quote(index)}/_search", {"size": 0}),
        ("delete_index", "DELETE", f"/{quote(index)}", None),
    )
    for right, method, path, body in steps:
        try:
            server.ask(method, path, body)
        except PermanentFailure as failure:
            raise PermanentFailure(f"{failure} (needed: {right} for {prefix}*)") from failure
