"""Settings of the domain machines: where machine logs come from, and what a session is judged by.

What belongs here: fields of the section `machines`. What does not: checks between domains (`model`), and policies
that all domains share (`policies`).
"""

import re
from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, Tag, model_validator

from logplatform.settings.base import (
    AnchoredPath,
    Conflict,
    Name,
    Real,
    Seconds,
    Section,
    Share,
    Timezone,
    Whole,
    by_type,
    refuse,
    repeated_names,
)
from logplatform.settings.policies import RetrySettings
from logplatform.settings.servers import FtpServer, RemoteFolder, SshServer


class OeeSettings(Section):
    """The factors of OEE (TRS) = availability x performance x quality; each 0 to 1, all of them shown.

    Source of the formula: ISO 22400-2:2014, overall equipment effectiveness index.
    """

    availability: Share | None = None
    """A fixed availability; left out: effective time / duration of the session."""
    ideal_seconds_per_piece: Annotated[Real, Field(gt=0)] | None = None
    """Where given, performance = ideal seconds x pieces / effective seconds, at most 1."""
    performance: Share = 1.0
    """Performance where no ideal cycle time is given."""
    quality: Share = 1.0
    """Good pieces by all pieces; the machine logs do not tell it."""


class Centre(Section):
    """A machining centre, as its row in `centre_usinage` names it."""

    nom: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f/\\]+$")]
    type_cu: Annotated[str, Field(max_length=100)] = ""
    description: Annotated[str, Field(max_length=1000)] = ""
    oee: OeeSettings | None = None
    """Factors of this centre alone; left out: `machines.oee`."""


def centres_of(folders: object) -> object:
    """Fill in what a short mapping leaves out: `"DEM12 (PVC)": DEM12` is nom DEM12, type_cu PVC.

    Takes and returns {folder: Centre | {nom, type_cu, …} | "nom" | None}; anything else is returned as it came, for
    the model to refuse. `None` takes both from the folder's name.
    """
    if not isinstance(folders, dict):
        return folders
    return {folder: _centre(str(folder), value) for folder, value in folders.items()}


def _centre(folder: str, value: object) -> object:
    named = re.fullmatch(r"\s*(.*?)\s*(?:\(([^()]*)\))?\s*", folder)
    nom, type_cu = (named[1], named[2] or "") if named else (folder, "")
    if value is None:
        return {"nom": nom, "type_cu": type_cu}
    if isinstance(value, str):
        return {"nom": value, "type_cu": type_cu}
    if isinstance(value, dict):
        return {"nom": nom, "type_cu": type_cu, **value}
    return value


KNOWN_CENTRES: dict[str, Centre] = {
    "DEM12 (PVC)": Centre(nom="DEM12", type_cu="PVC"),
    "DEMALU (ALU)": Centre(nom="DEMALU", type_cu="ALU"),
    "SU12 (HYBRIDE)": Centre(nom="SU12", type_cu="HYBRIDE"),
}


class _Machines(Section):
    """What every source of machine logs has."""

    name: Name
    folders: Annotated[dict[str, Centre], BeforeValidator(centres_of), Field(min_length=1)] = Field(
        default=KNOWN_CENTRES
    )
    """Which folder under `path` is which centre. `.` is `path` itself."""
    enabled: bool = True
    timezone: Timezone | None = None
    """The plant's zone; the settings' `timezone` where left out."""
    delete_source: bool = False
    """Remove a file there when its day is over and its session is committed."""


class MachineFolder(_Machines):
    """A folder of this machine that holds one folder a machining centre, with files `YYYYMMDD.LOG`."""

    type: Literal["folder"] = "folder"
    path: AnchoredPath


class MachineFtp(FtpServer, _Machines):
    """A folder of an FTP server that holds one folder a machining centre."""

    type: Literal["ftp"] = "ftp"
    path: RemoteFolder = ""
    """The folder there; left out: where a login begins."""


class MachineSsh(SshServer, _Machines):
    """A folder of an SSH server that holds one folder a machining centre."""

    type: Literal["sftp"] = "sftp"
    path: RemoteFolder = ""
    """The folder there; left out: where a login begins."""


MachineSource = Annotated[
    Annotated[MachineFolder, Tag("folder")] | Annotated[MachineFtp, Tag("ftp")] | Annotated[MachineSsh, Tag("sftp")],
    by_type("folder"),
]
"""Every kind of source of machine logs, told apart by `type`."""


class MachinesSettings(Section):
    """The domain machines."""

    enabled: bool = True
    """Off: no sensor of this domain runs."""
    sources: tuple[MachineSource, ...] = ()
    """Where machine logs come from; each source holds one folder a machining centre."""
    retry: RetrySettings = RetrySettings()
    interval_seconds: Annotated[Real, Field(ge=5, le=86_400)] = 300
    """Seconds between two looks at the sources."""
    settle_seconds: Seconds = 600
    """A file counts as final once its day is over and it has stood still this long."""
    gap_minutes: Annotated[Real, Field(gt=0, le=1440)] = 30
    """Longer without any event inside the window is an anomaly."""
    anomaly_threshold: Annotated[Real, Field(gt=0, le=100)] = 3.5
    """A rate is out of line past this modified z-score (Iglewicz and Hoaglin 1993: 0.6745 x |x - median| / MAD)."""
    anomaly_history_days: Annotated[Whole, Field(ge=1, le=3650)] = 60
    """A centre's latest sessions that its rates are compared with."""
    anomaly_min_sessions: Annotated[Whole, Field(ge=3, le=3650)] = 8
    """No rate is judged against fewer sessions than this."""
    oee: OeeSettings = OeeSettings()

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        sources = list(enumerate(self.sources))
        refuse([*repeated_names((i, source.name) for i, source in sources), *repeated_centres(sources)])
        return self


def repeated_centres(sources: Iterable[tuple[int, MachineSource]]) -> list[Conflict]:
    """A conflict for each folder of an enabled source (position, source) whose centre's `nom` is taken already."""
    owners: dict[str, str] = {}
    conflicts: list[Conflict] = []
    for index, source in sources:
        for folder, centre in source.folders.items() if source.enabled else ():
            place = f"{source.name}/{folder}"
            owner = owners.setdefault(centre.nom, place)
            if owner != place:
                advice = f"the centre {centre.nom!r} is already {owner!r}; give this one another `nom`, such as "
                conflicts.append(
                    Conflict(("sources", index, "folders", folder), f"{advice}{source.name + '-' + centre.nom!r}")
                )
    return conflicts
