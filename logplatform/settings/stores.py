"""Settings of the stores: what each is, and where its server listens.

What belongs here: the section `stores`. What does not: sources of files and topics (each domain's own section), and
opening a store (`logplatform.tenancy`).

An address never holds a password: it would be shown wherever the address is. A password has a field of its own, which
is set by a variable (LOGPLATFORM_STORES__SQL__PASSWORD) or by a file that one names (…__PASSWORD_FILE).
"""

import re
from typing import Annotated, Literal
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, Field, SecretStr

from logplatform.settings.base import AnchoredPath, Name, Positive, Seconds, Section, Whole

_HOSTS = re.compile(r"[^\s,/]+:\d{1,5}(,[^\s,/]+:\d{1,5})*")


def _address(schemes: tuple[str, ...]) -> AfterValidator:
    def checked(text: str) -> str:
        try:
            parts = urlsplit(text)
            password = parts.password
        except ValueError as error:
            raise ValueError(f"is no address: {error}") from error
        if parts.scheme not in schemes:
            raise ValueError(f"an address begins with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        if password is not None or "password" in parse_qs(parts.query):
            raise ValueError("an address holds no password here; set `password` beside it by a variable or a file")
        return text

    return AfterValidator(checked)


def _host_list(text: str) -> str:
    if not _HOSTS.fullmatch(text):
        raise ValueError("write host:port, several with a comma between them")
    return text


PostgresUrl = Annotated[str, _address(("postgresql",))]
"""postgresql://user@host:5432/database"""

SchemaPrefix = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,30}$|^$")]


class SqlStore(Section):
    """Ledgers, dead letters and tables: an SQLite file a domain, or PostgreSQL with a schema a domain."""

    type: Literal["sqlite", "postgresql"] = "sqlite"
    url: PostgresUrl = "postgresql://logplatform@localhost:5432/logplatform"
    """Where PostgreSQL listens: user, host, port, database; `?sslmode=verify-full` and the like may follow."""
    password: SecretStr | None = None
    """Of PostgreSQL's user."""
    schema_prefix: SchemaPrefix = ""
    """Stands before the names of the schemas (archives, machines, uploads, tickets, alerts)."""
    connections: Annotated[Whole, Field(ge=1, le=1000)] = 5
    """Connections that one process keeps to one domain's schema."""
    timeout_seconds: Annotated[Seconds, Field(ge=1)] = 30
    """A connection that is not made, and a lock that is not had, in this time is a failure that may pass."""


class UploadsStore(Section):
    """The ledger of uploads: in the SQL store, or in MongoDB."""

    type: Literal["sql", "mongodb"] = "sql"
    url: Annotated[str, _address(("mongodb", "mongodb+srv"))] = "mongodb://localhost:27017/logplatform"
    """Where MongoDB listens, and the database; the collection is `uploads`."""
    username: str | None = None
    """A user of MongoDB; left out: none is named."""
    password: SecretStr | None = None
    """Of that user."""
    timeout_seconds: Annotated[Seconds, Field(ge=1)] = 10
    """An answer that takes longer is a failure that may pass."""


class QueueStore(Section):
    """The queue of ingest jobs: in the SQL store, or a Redis list."""

    type: Literal["sql", "redis"] = "sql"
    url: Annotated[str, _address(("redis", "rediss"))] = "redis://localhost:6379/0"
    """Where Redis listens, and the number of the database; rediss:// is TLS."""
    username: str | None = None
    """A user of Redis; left out: the default user."""
    password: SecretStr | None = None
    """Of that user."""
    key: Name = "ingest_jobs"
    """The list that producers push to; what else the queue keeps has keys that begin with it."""
    pushed: Literal["left", "right"] = "left"
    """The end of the list at which producers add jobs: `left` for LPUSH, `right` for RPUSH. The other is taken from."""
    timeout_seconds: Annotated[Seconds, Field(ge=1)] = 10
    """An answer that takes longer is a failure that may pass."""


class IndexStore(Section):
    """The index of log documents: Parquet files, or Elasticsearch 8."""

    type: Literal["parquet", "elasticsearch"] = "parquet"
    url: Annotated[str, _address(("http", "https"))] = "http://localhost:9200"
    """Where Elasticsearch listens."""
    username: str | None = None
    """A user of Elasticsearch; left out: the API key, or nobody."""
    password: SecretStr | None = None
    """Of that user."""
    api_key: SecretStr | None = None
    """An API key in place of user and password, in Elasticsearch's encoded form."""
    ca_file: AnchoredPath | None = None
    """Certificates to trust; left out: the system's."""
    prefix: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,100}$")] = "logs-ecom"
    """Indices are named `<prefix>-YYYY.MM.DD`."""
    shards: Annotated[Whole, Field(ge=1, le=1024)] = 1
    """Primary shards of a day's index."""
    replicas: Annotated[Whole, Field(ge=0, le=20)] = 1
    """Copies of each shard; a cluster of one node can hold none."""
    bulk_bytes: Positive = 8 * 1024**2
    """Bytes of one bulk request; less where the server asks for less."""
    timeout_seconds: Annotated[Seconds, Field(ge=1)] = 60
    """An answer that takes longer is a failure that may pass."""


class KafkaStore(Section):
    """Kafka, or what speaks its protocol (Redpanda): where topics of type `kafka` are."""

    bootstrap_servers: Annotated[str, AfterValidator(_host_list)] = "localhost:9092"
    """host:port of one or more brokers."""
    security_protocol: Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"] = "plaintext"
    """How brokers are spoken to."""
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    """How a user is proved, with security_protocol sasl_…."""
    username: str | None = None
    """The user of SASL."""
    password: SecretStr | None = None
    """Of that user."""
    ca_file: AnchoredPath | None = None
    """Certificates to trust; left out: the system's."""
    timeout_seconds: Annotated[Seconds, Field(ge=1)] = 30
    """An answer that takes longer is a failure that may pass."""


class SparkStore(Section):
    """Spark, where `tickets.engine` is `spark`."""

    master: Annotated[str, Field(pattern=r"^(local(\[[\d*,]+\])?|spark://\S+|yarn|k8s://\S+)$")] = "local[*]"
    """local[2], spark://host:7077, yarn, k8s://https://…"""
    memory: Annotated[str, Field(pattern=r"^\d+[mg]$")] = "1g"
    """Of the driver, and of each executor."""
    jars_folder: AnchoredPath | None = None
    """Folder with the jars of the Kafka connector; left out: `packages` are fetched by Spark."""
    packages: tuple[str, ...] | None = None
    """Maven coordinates to fetch; left out: the Kafka connector of this pyspark's version, if a topic is on Kafka."""
    conf: dict[str, str] = Field(default={})
    """Further settings of Spark itself (spark.executor.instances: 4)."""


class FilesStore(Section):
    """Landed bytes and Parquet files: a folder of this machine, or an object store that several machines share."""

    type: Literal["folder", "s3"] = "folder"
    url: Annotated[str, _address(("s3",))] = "s3://logplatform"
    """s3://bucket, or s3://bucket/folder."""
    endpoint_url: Annotated[str, _address(("http", "https"))] | None = None
    """Where the object store listens; left out: AWS."""
    region: str | None = None
    """Region of the bucket; left out: what the environment says."""
    access_key: str | None = None
    """Left out, with secret_key: what the environment or the machine's role gives."""
    secret_key: SecretStr | None = None
    """Of that access key."""
    cache_gb: Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)] = 10
    """Files that were read are kept in `cache/` under the data root, up to so many GiB."""
    timeout_seconds: Annotated[Seconds, Field(ge=1)] = 20
    """An answer that takes longer is a failure that may pass."""


class StoresSettings(Section):
    """What each store is. `profile` sets their types together; each may be set by itself."""

    sql: SqlStore = SqlStore()
    uploads: UploadsStore = UploadsStore()
    queue: QueueStore = QueueStore()
    index: IndexStore = IndexStore()
    kafka: KafkaStore = KafkaStore()
    spark: SparkStore = SparkStore()
    files: FilesStore = FilesStore()
