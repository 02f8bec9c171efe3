"""The sensor that watches a domain's sources and proposes bounded batches.

What belongs here: one tick, from listing to run requests, and what it tells. What does not: the rules of a domain
(its `watched`), finding (`discovery`) and cutting (`batches`).

The sensor proposes, the run claims. A tick is bounded in time, in the number of batches and in memory; its cursor is a
place in the listings and a digest of what was told, never a list of files.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg
import msgspec

from logplatform.failures import LeaseHeld
from logplatform.landing.leases import holder_name
from logplatform.orchestration.batches import Bounds, Proposal, propose
from logplatform.orchestration.days import DayGroup
from logplatform.orchestration.discovery import BEGINNING, LeftKind, Look, Place, Watched, look
from logplatform.orchestration.resources import domain_keys, opened_tenancy
from logplatform.orchestration.runs import open_batches, run_request
from logplatform.settings.model import Settings
from logplatform.tenancy import Tenancy

Watch = Callable[[Tenancy], Sequence[Watched]]

MAX_OPEN = 8
"""Batches of a domain that may be queued or running at once; the rest waits in the ledger, where it costs nothing."""

FOUND_TROUBLE = "sources with trouble"
TOLD_KINDS: tuple[LeftKind, ...] = ("too early", "future", "not ours")
"""What is left alone for good until somebody acts; a growing file comes in by itself."""


class Cursor(msgspec.Struct, frozen=True):
    """Where the next tick goes on (`source`, `offset`), and what was told last (`told`, a digest)."""

    source: int = 0
    offset: int = 0
    told: str = ""


@dataclass(frozen=True, slots=True)
class Tick:
    """What one tick did; `busy` tells why nothing could be proposed."""

    found: Look
    proposals: Sequence[Proposal]
    busy: str = ""


def watching_sensor(group: DayGroup, raw: str, watch: Watch, interval_seconds: float) -> dg.SensorDefinition:
    """The sensor of a domain: lists what `watch` gives, records what is new, asks for runs of the domain's job.

    What cannot come in (a date out of bounds, a source out of reach) is told as an observation of the asset `raw`,
    once whenever it changes.
    """

    @dg.sensor(
        name=f"{group.domain}_sources",
        job_name=group.domain,
        minimum_interval_seconds=max(1, round(interval_seconds)),
        default_status=dg.DefaultSensorStatus.RUNNING,
        required_resource_keys=domain_keys(group.settings, group.domain),
        description=f"Lists the sources of {group.domain} and proposes what is new as bounded batches.",
        tags={"domain": group.domain},
    )
    def sources(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        cursor = read_cursor(context.cursor)
        with opened_tenancy(context.resources, group.settings, group.domain) as tenancy:
            in_hand = open_batches(context.instance, group.domain)
            done = tick(
                tenancy, watch(tenancy), bounds_of(group.settings), in_hand, Place(cursor.source, cursor.offset)
            )
        text = tell(done)
        context.log.info(text)
        trouble = trouble_of(done.found)
        told = trouble_digest(trouble) if done.found.whole else cursor.told
        events = [trouble_observation(group.key(raw), trouble)] if told != cursor.told else []
        return dg.SensorResult(
            run_requests=[run_request(group.domain, proposal) for proposal in done.proposals] or None,
            skip_reason=None if done.proposals else text,
            cursor=msgspec.json.encode(Cursor(done.found.next.source, done.found.next.offset, told)).decode(),
            asset_events=events,
        )

    return sources


def bounds_of(settings: Settings) -> Bounds:
    """The settings' bounds of a batch."""
    return Bounds(settings.batch.max_files, settings.batch.max_bytes)


def tick(
    tenancy: Tenancy, watched: Sequence[Watched], bounds: Bounds, in_hand: set[str], start: Place = BEGINNING
) -> Tick:
    """Look at the sources within the settings' time budget, then propose what waits."""
    found = look(tenancy.ledger, watched, tenancy.settings.batch.tick_seconds, start)
    most = MAX_OPEN - len(in_hand)
    if most <= 0:
        return Tick(found, (), f"{len(in_hand)} batches are open already")
    try:
        return Tick(found, propose(tenancy.ledger, bounds, in_hand, most, holder_name("propose")))
    except LeaseHeld as failure:
        return Tick(found, (), str(failure))


def tell(done: Tick) -> str:
    """One tick in a sentence: what was seen, and why nothing is asked for if nothing is."""
    found = done.found
    parts = [f"{_many(found.listed, 'file')} listed", f"{found.new:,} new", f"{found.known:,} known"]
    parts += [f"{count:,} {_LEFT_TEXT[kind]}" for kind, count in found.left.items()]
    parts += [f"trouble: {reason}" for reason in found.failures.values()]
    if not found.whole:
        parts.append("the listing goes on in the next tick")
    if done.busy:
        parts.append(done.busy)
    asked = [f"{_many(one.items, 'file')} of {one.first_day} to {one.last_day}" for one in done.proposals]
    head = f"Asked for {_many(len(asked), 'run')} ({'; '.join(asked)})" if asked else "Nothing to ask for"
    return f"{head}: {', '.join(parts)}."


_LEFT_TEXT: Mapping[LeftKind, str] = {
    "growing": "still growing",
    "too early": "dated before the first partition",
    "future": "dated in the future",
    "not ours": "with a name that is not understood",
}


def _many(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def read_cursor(text: str | None) -> Cursor:
    """The cursor of the tick before; one that cannot be read (an older version's) starts anew."""
    try:
        return msgspec.json.decode(text or "{}", type=Cursor)
    except msgspec.MsgspecError:
        return Cursor()


def trouble_of(found: Look) -> dict[str, str]:
    """What needs somebody: sources that cannot be listed, and files that cannot come in, as lines of text."""
    told = {f"source {name}": reason for name, reason in sorted(found.failures.items())}
    for kind in TOLD_KINDS:
        if found.left[kind]:
            told[f"{found.left[kind]:,} {_LEFT_TEXT[kind]}"] = "; ".join(sorted(found.samples[kind]))
    return told


def trouble_observation(key: dg.AssetKey, trouble: Mapping[str, str]) -> dg.AssetObservation:
    """The trouble, or its end, as an observation that the asset's page and its checks show."""
    metadata: dict[str, dg.MetadataValue] = {FOUND_TROUBLE: dg.MetadataValue.json(dict(trouble))}
    text = "\n".join(f"- {what}: {reason}" for what, reason in trouble.items()) or "all sources can be read"
    return dg.AssetObservation(asset_key=key, description=text, metadata=metadata)


def trouble_digest(trouble: Mapping[str, str]) -> str:
    """Equal for equal trouble; empty if there is none."""
    if not trouble:
        return ""
    return hashlib.sha256(msgspec.json.encode(trouble, order="sorted")).hexdigest()[:16]
