"""Every metric: its name, its kind, what it means, and what it is told apart by.

What belongs here: the list. What does not: measuring. Names and units follow
https://prometheus.io/docs/practices/naming/: base units, and `_total` on what only ever grows.

Much here is a gauge that others would call a counter: a day that is made again replaces what it had counted, and a log
that grew takes the place of its shorter version, so what a store holds may become less.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """One number; `labels` are the values of the metric's labels, in their order. `name` stands in `CATALOGUE`."""

    name: str
    labels: Labels
    value: float


@dataclass(frozen=True, slots=True)
class Metric:
    """What is known of a metric; `help` is told with it."""

    kind: Literal["gauge", "counter"]
    help: str
    labels: Labels = ()


_PLATFORM: dict[str, Metric] = {
    "logplatform_info": Metric("gauge", "1, with the version and the tenant.", ("version", "tenant")),
    "logplatform_up": Metric("gauge", "Whether a store could be asked: 1 or 0.", ("store",)),
    "logplatform_measure_seconds": Metric("gauge", "How long measuring a store took.", ("store",)),
    "logplatform_disk_free_bytes": Metric("gauge", "Free bytes on the disk of the data root."),
    "logplatform_disk_threshold_bytes": Metric("gauge", "Below so many free bytes collection pauses; 0: never."),
    "logplatform_disk_room": Metric("gauge", "Whether collection may go on: 1, or 0 when the disk is full."),
}
_STORED: dict[str, Metric] = {
    "logplatform_flow_items": Metric(
        "gauge",
        "What came to an asset (part=in) and what became of it (out, duplicate, dead_letter), over all its days.",
        ("domain", "asset", "unit", "part"),
    ),
    "logplatform_flow_bytes": Metric("gauge", "Bytes that an asset's days were made from.", ("domain", "asset")),
    "logplatform_flow_seconds": Metric(
        "gauge", "Seconds of work that making an asset's days took last.", ("domain", "asset")
    ),
    "logplatform_last_commit_timestamp_seconds": Metric(
        "gauge", "When an asset's data last changed, in seconds since 1970.", ("domain", "asset")
    ),
    "logplatform_unreported_days": Metric("gauge", "Committed days that Dagster was not told of yet.", ("domain",)),
    "logplatform_dead_letters_open": Metric("gauge", "Refused records that nobody made good yet.", ("domain",)),
    "logplatform_dead_letters_total": Metric("counter", "Records that were ever refused.", ("domain",)),
    "logplatform_dataset_rows": Metric("gauge", "Rows that readers of a dataset see.", ("domain", "dataset")),
    "logplatform_dataset_bytes": Metric("gauge", "Bytes of the files behind them.", ("domain", "dataset")),
    "logplatform_dataset_files": Metric("gauge", "Files behind them.", ("domain", "dataset")),
}
_LAG: dict[str, Metric] = {
    "logplatform_waiting_items": Metric(
        "gauge", "What has come and is not done yet: files, uploads, messages.", ("domain", "source")
    ),
    "logplatform_oldest_waiting_seconds": Metric(
        "gauge", "For how long the oldest of them has waited; 0 if nothing waits.", ("domain", "source")
    ),
    "logplatform_last_success_timestamp_seconds": Metric(
        "gauge", "When something of a source last came through, in seconds since 1970.", ("domain", "source")
    ),
}
_FILES: dict[str, Metric] = {
    "logplatform_files": Metric("gauge", "Files that were seen, by where they stand.", ("domain", "source", "status")),
    "logplatform_failed_files": Metric(
        "gauge",
        "Files in error: kind copy, extract or corruption; type transient (tried again) or permanent.",
        ("domain", "source", "kind", "type"),
    ),
}
_UPLOADS: dict[str, Metric] = {
    "logplatform_uploads": Metric("gauge", "Uploads by status.", ("status",)),
    "logplatform_upload_bytes": Metric("gauge", "Bytes of uploads by status.", ("status",)),
    "logplatform_upload_records": Metric(
        "gauge", "Records of completed uploads: document, dead_letter, duplicate or expired.", ("outcome",)
    ),
    "logplatform_upload_attempts": Metric("gauge", "Attempts that were made at the uploads in a status.", ("status",)),
    "logplatform_upload_work_seconds": Metric("gauge", "Seconds of work at the uploads in a status.", ("status",)),
    "logplatform_queue_jobs": Metric("gauge", "Jobs in the queue of uploads, those in work among them."),
}
_TICKETS: dict[str, Metric] = {
    "logplatform_ticket_messages_total": Metric(
        "counter", "Messages taken in: accepted, rejected or duplicate.", ("source", "topic", "outcome")
    ),
    "logplatform_ticket_conflicts_total": Metric(
        "counter", "Duplicates that contradict the first ticket of their id.", ("source", "topic")
    ),
    "logplatform_ticket_bytes_total": Metric("counter", "Bytes of the messages taken in.", ("source", "topic")),
    "logplatform_ticket_commits_total": Metric("counter", "Commits of tickets.", ("source", "topic")),
    "logplatform_topic_end_offset": Metric(
        "gauge", "Offset that a partition's next message will get.", ("source", "topic", "partition")
    ),
    "logplatform_topic_lag_messages": Metric(
        "gauge", "Messages of a partition that are not taken in yet.", ("source", "topic", "partition")
    ),
}
_DAGSTER: dict[str, Metric] = {
    "logplatform_dagster_heartbeat_age_seconds": Metric(
        "gauge", "Since when a daemon of Dagster was not heard of; they tell every 30 seconds.", ("daemon",)
    ),
    "logplatform_dagster_runs": Metric("gauge", "Runs on the Dagster instance, by status.", ("status",)),
}
_ALERTS: dict[str, Metric] = {
    "logplatform_alerts_firing": Metric("gauge", "Incidents that are not good yet.", ("domain", "kind", "severity")),
    "logplatform_alerts_unsent": Metric("gauge", "Messages that no receiver has taken yet."),
    "logplatform_alerts_unsent_attempts": Metric("gauge", "Attempts that were made to send them."),
    "logplatform_alerts_oldest_unsent_seconds": Metric(
        "gauge", "For how long the oldest of them waits; 0 if there is none."
    ),
}

CATALOGUE: Mapping[str, Metric] = {
    **_PLATFORM,
    **_STORED,
    **_LAG,
    **_FILES,
    **_UPLOADS,
    **_TICKETS,
    **_DAGSTER,
    **_ALERTS,
}
"""Every metric by its name, as it stands on the page."""
