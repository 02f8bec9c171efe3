"""The settings as a whole: one frozen `Settings` that every part of logplatform is given.

What belongs here: the root, and the sections that concern the platform itself (Dagster, logs). What does not: a
domain's own fields (`archives`, `machines`), shared policies (`policies`), reading files (`load`). A new domain adds
its module and one field here.
"""

from datetime import date, tzinfo
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, model_validator

from logplatform.settings.alerts import AlertsSettings
from logplatform.settings.api import ApiSettings
from logplatform.settings.archives import ArchiveSource, ArchivesSettings
from logplatform.settings.base import AnchoredPath, Days, Name, Positive, Section, Timezone, Whole, zone
from logplatform.settings.machines import Centre, MachineSource, MachinesSettings, OeeSettings
from logplatform.settings.policies import BatchSettings, LandingSettings, RedactionSettings
from logplatform.settings.profile import Profile, with_profile
from logplatform.settings.stores import PostgresUrl, StoresSettings
from logplatform.settings.tickets import TicketsSettings
from logplatform.settings.uploads import UploadsSettings

Domain = Literal["archives", "machines", "uploads", "tickets"]
DOMAINS: tuple[Domain, ...] = ("archives", "machines", "uploads", "tickets")


class DagsterStorage(Section):
    """Where Dagster keeps its runs, events and schedules."""

    type: Literal["sqlite", "postgresql"] = "sqlite"
    url: PostgresUrl | None = None
    """Left out: the address, the user and the password of `stores.sql`."""
    password: SecretStr | None = None
    """Of the user in `url`."""


class DagsterSettings(Section):
    """How the platform lives in Dagster."""

    home: AnchoredPath | None = None
    """Dagster's own files; left out: `dagster` under the data root."""
    start_date: date = date(2015, 1, 1)
    """First daily partition; a file dated before it is reported and left alone."""
    host: str = "127.0.0.1"
    """Address the web server binds to. It has no login of its own: keep it local, or put a proxy before it."""
    port: Annotated[Whole, Field(ge=1, le=65_535)] = 3000
    """Port of the web server."""
    history_days: Days = 30
    """Ended runs and their events are kept for so many days; those that tell the newest state of a day stay."""
    max_concurrent_runs: Annotated[Whole, Field(ge=1, le=256)] = 2
    """Runs at the same time."""
    url: Annotated[str, Field(pattern=r"^https?://\S+$")] | None = None
    """Where people reach the web interface, for links to it; left out: at host and port."""
    run_launcher: dict[str, Any] = Field(default={})
    """What starts runs, as dagster.yaml has it: `module`, `class`, `config`; left out: a process on this machine."""
    storage: DagsterStorage = DagsterStorage()


class LogSettings(Section):
    """The platform's own log."""

    format: Literal["json", "text"] = "json"
    """json: one object a line; text: one line for people."""
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """DEBUG, INFO, WARNING or ERROR."""
    directory: AnchoredPath | None = None
    """Folder of the log files; left out: `logs` under the data root."""
    max_bytes: Positive = 10 * 1024**2
    """A log file is rotated at this size; bytes."""
    backups: Annotated[Whole, Field(ge=0, le=1000)] = 5
    """Rotated files kept."""


class Settings(Section):
    """Everything that can be set, with defaults that run on one machine without any server."""

    tenant: Name = "default"
    """In every key, row and path, so that several customers can live side by side."""
    profile: Profile = "embedded"
    """embedded: no server is needed; server: every store on its server, but for those that `stores` sets otherwise."""
    data_root: AnchoredPath = Path("data")
    """Where everything is stored; under this file's folder where it is relative."""
    timezone: Timezone = "UTC"
    """Zone of every source that names none."""
    archives: ArchivesSettings = ArchivesSettings()
    machines: MachinesSettings = MachinesSettings()
    uploads: UploadsSettings = UploadsSettings()
    tickets: TicketsSettings = TicketsSettings()
    api: ApiSettings = ApiSettings()
    alerts: AlertsSettings = AlertsSettings()
    stores: StoresSettings = StoresSettings()
    landing: LandingSettings = LandingSettings()
    batch: BatchSettings = BatchSettings()
    redaction: RedactionSettings = RedactionSettings()
    dagster: DagsterSettings = DagsterSettings()
    logs: LogSettings = LogSettings()

    @model_validator(mode="before")
    @classmethod
    def _profile_is_filled_in(cls, raw: object) -> object:
        return with_profile(raw)

    @property
    def dagster_home(self) -> Path:
        """The folder that DAGSTER_HOME is set to where the user sets none."""
        return self.dagster.home or self.data_root / "dagster"

    @property
    def log_directory(self) -> Path:
        """The folder of the platform's own log files."""
        return self.logs.directory or self.data_root / "logs"

    def zone(self, source: ArchiveSource | MachineSource) -> tzinfo:
        """The time zone for a source's texts that name none."""
        return zone(source.timezone or self.timezone)

    def oee(self, centre: Centre) -> OeeSettings:
        """The OEE factors of a centre: its own, else the domain's."""
        return centre.oee or self.machines.oee
