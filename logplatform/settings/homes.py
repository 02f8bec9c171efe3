"""Where each name of the existing systems' configuration belongs here.

What belongs here: the table of names. What does not: reading their files (`legacy`), filling the settings in
(`importer`).
"""

import re
from dataclasses import dataclass
from typing import Literal

from logplatform.settings.import_addresses import part_of
from logplatform.settings.mistakes import KeyPath
from logplatform.settings.secrecy import is_secret

HomeKind = Literal["setting", "part", "later", "secret", "unknown"]
"""setting: a key of the settings; part: of an address that several names tell together; later: its place, where it must
be set by hand; secret: kept in `.env`."""


@dataclass(frozen=True, slots=True)
class Home:
    """The place of a name: `target` is a key path as text, `why` says why it is not simply set."""

    kind: HomeKind
    target: str
    why: str = ""

    @property
    def path(self) -> KeyPath:
        """The key path of a setting."""
        return tuple(self.target.split("."))


_SETTINGS = {
    "MAX_RETRY_COPY": "archives.retry.max_retry_copy",
    "MAX_RETRY_EXTRACT": "archives.retry.max_retry_extract",
    "RETRY_DELAY_BASE": "archives.retry.retry_delay_base",
    "RETRY_DELAY_MULTIPLIER": "archives.retry.retry_delay_multiplier",
    "RETRY_MULTIPLIER": "archives.retry.retry_delay_multiplier",
    "RETRY_BACKOFF_MULTIPLIER": "archives.retry.retry_delay_multiplier",
    "RETRY_DELAY_MAX": "archives.retry.retry_delay_max",
    "RETRY_MAX_DELAY": "archives.retry.retry_delay_max",
    "MAX_RETRY_DELAY": "archives.retry.retry_delay_max",
    "DISK_SPACE_THRESHOLD_GB": "landing.disk_space_threshold_gb",
    "DISK_SPACE_TARGET_GB": "landing.disk_space_target_gb",
    "MAX_FILE_SIZE_MB": "uploads.max_file_size_mb",
    "OUTPUT_FORMAT": "tickets.output_format",
    "API_PORT": "api.port",
    "FLASK_PORT": "api.port",
    "FLASK_RUN_PORT": "api.port",
    "LOG_LEVEL": "logs.level",
    "LOG_FORMAT": "logs.format",
    "LOG_MAX_BYTES": "logs.max_bytes",
    "LOG_BACKUP_COUNT": "logs.backups",
    "TIMEZONE": "timezone",
    "TZ": "timezone",
    "TENANT": "tenant",
    "BOOTSTRAP_SERVERS": "stores.kafka.bootstrap_servers",
    "KAFKA_BOOTSTRAP_SERVERS": "stores.kafka.bootstrap_servers",
    "KAFKA_BOOTSTRAP": "stores.kafka.bootstrap_servers",
    "KAFKA_BROKERS": "stores.kafka.bootstrap_servers",
    "KAFKA_BROKER": "stores.kafka.bootstrap_servers",
    "SPARK_MASTER": "stores.spark.master",
    "SPARK_MEMORY": "stores.spark.memory",
    "SPARK_DRIVER_MEMORY": "stores.spark.memory",
    "QUEUE_NAME": "stores.queue.key",
    "REDIS_QUEUE": "stores.queue.key",
    "ES_INDEX_PREFIX": "stores.index.prefix",
    "ELASTICSEARCH_INDEX_PREFIX": "stores.index.prefix",
}
_RETENTION = re.compile(r"(?=.*(?:RETENTION|DAYS|KEEP|AGE))(?:.*_)?(PROCESSED|ERROR|TMP|TEMP)S?(?:_.*)?")
_RETENTION_KEYS = {"PROCESSED": "processed_days", "ERROR": "error_days", "TMP": "tmp_days", "TEMP": "tmp_days"}

_LATER: tuple[tuple[str, str, str], ...] = (
    (r"FTPS?_.*", "machines.sources", "a field of an entry of type ftp"),
    (r"SSH_.*|SFTP_.*", "archives.sources", "a field of an entry of type sftp"),
    (r"(POSTGRES(QL)?|PG|DB)_?.*|DATABASE_URL", "stores.sql", "a field of that section"),
    (r"MONGO(DB)?_.*", "stores.uploads", "a field of that section"),
    (r"REDIS_.*|QUEUE_.*", "stores.queue", "a field of that section"),
    (r"(ELASTIC(SEARCH)?|ES|INDEX)_.*", "stores.index", "a field of that section"),
    (r"MAX_FILE_SIZE|MAX_CONTENT_LENGTH", "uploads.max_file_size_mb", "its unit is not told; set it in MiB"),
    (r"ALLOWED_EXTENSIONS", "uploads.allowed_extensions", "csv and json are what can be read; set a list of them"),
    (r"UPLOAD_.*", "uploads", "uploads lie under the data root"),
    (r"(API|FLASK|JWT|CORS|SESSION|RATE_LIMIT)_.*", "api", "the HTTP API listens here and asks for one key, `api_key`"),
    (r"GEOIP_.*", "uploads.geoip_database", "the path of an MMDB file"),
    (r"FRAUD_.*", "uploads.fraud_threshold", "a score from 0 to 100"),
    (r"(WORKER|LOGSTASH|KIBANA)_.*", "uploads", "uploads are worked off by `logplatform uploads work` or Dagster"),
    (r"(KAFKA|BOOTSTRAP|BROKERS?|CONSUMER|REDPANDA)_?.*", "stores.kafka", "a field of that section"),
    (r"TOPIC(_NAME)?", "tickets.topics", "set it as `topic` of an entry"),
    (r"PRODUCER_.*", "tickets", "an option of `logplatform tickets produce`"),
    (r"(OUTPUT|CHECKPOINT|TRIGGER|BATCH|STREAM(ING)?)_.*", "tickets", "tables are placed and paced here"),
    (r"(SPARK|PYSPARK)_.*", "stores.spark", "a field of that section, or of its `conf`"),
    (r"(DATA|BASE|WORK|ROOT|INCOMING|EXTRACTED|PROCESSED|ERROR|TMP|LOG|STATE)_(DIR|ROOT|PATH|FOLDER)", "data_root",
     "the existing system's own folder: not taken over, so that both can run side by side"),
    (r"DAGSTER_.*", "dagster", "Dagster's own setting: not taken over"),
)  # fmt: skip
_LATER_PATTERNS = tuple((re.compile(pattern), target, why) for pattern, target, why in _LATER)


def home_of(name: str, value: str) -> Home:
    """Where a name of an existing configuration belongs. Never fails: what nobody knows has the kind `unknown`."""
    upper = name.upper().replace("-", "_").replace(".", "_")
    later = next(((target, why) for pattern, target, why in _LATER_PATTERNS if pattern.fullmatch(upper)), None)
    part = part_of(upper)
    if part is not None and part[1] in {"password", "api_key"}:
        # FTP_PASS and its like are read under their own names.
        own = part[0].section == "machines.sources"
        return Home("secret", "machines.sources" if own else f"{part[0].section}.{part[1]}")
    if part is not None:
        return Home("part", part[0].section)
    if is_secret(upper, value):
        return Home("secret", later[0] if later else "", later[1] if later else "")
    if upper in _SETTINGS:
        return Home("setting", _SETTINGS[upper])
    kept_days = _RETENTION.fullmatch(upper)
    if kept_days and re.fullmatch(r"\d+", value):
        return Home("setting", f"landing.retention.{_RETENTION_KEYS[kept_days[1]]}")
    return Home("later", *later) if later else Home("unknown", "", "no setting of this name is known")
