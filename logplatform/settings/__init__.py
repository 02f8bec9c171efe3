"""The platform's settings: `model` (what can be set), `load` (one file, then the environment), `template` and
`importer` (what `logplatform init` writes).

What belongs here: everything about reading, checking and writing settings. What does not: using them.
"""

from logplatform.settings.archives import ArchiveFolder, ArchiveFtp, ArchiveSource, ArchivesSettings, ArchiveSsh
from logplatform.settings.machines import Centre, MachineFolder, MachineFtp, MachineSource, MachinesSettings, MachineSsh
from logplatform.settings.model import DOMAINS, Domain, Settings

__all__ = [
    "DOMAINS",
    "ArchiveFolder",
    "ArchiveFtp",
    "ArchiveSource",
    "ArchiveSsh",
    "ArchivesSettings",
    "Centre",
    "Domain",
    "MachineFolder",
    "MachineFtp",
    "MachineSource",
    "MachineSsh",
    "MachinesSettings",
    "Settings",
]
