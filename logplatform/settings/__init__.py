"""The platform's settings: `model` (what can be set), `load` (one file, then the environment), `template` and
`importer` (what `logplatform init` writes).

What belongs here: everything about reading, checking and writing settings. What does not: using them.
"""

from logplatform.settings.archives import ArchiveFolder, ArchiveSource, ArchivesSettings
from logplatform.settings.machines import Centre, MachineFolder, MachineSource, MachinesSettings
from logplatform.settings.model import DOMAINS, Domain, Settings

__all__ = [
    "DOMAINS",
    "ArchiveFolder",
    "ArchiveSource",
    "ArchivesSettings",
    "Centre",
    "Domain",
    "MachineFolder",
    "MachineSource",
    "MachinesSettings",
    "Settings",
]
