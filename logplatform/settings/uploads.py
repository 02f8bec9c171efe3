"""Settings of the domain uploads: which files are taken, and how their records are read.

What belongs here: fields of the section `uploads`. What does not: policies that all domains share (`policies`; the
largest record is `landing.max_line_bytes`).
"""

from typing import Annotated, Literal

from pydantic import Field

from logplatform.settings.base import AnchoredPath, Days, Section, Timezone
from logplatform.settings.policies import MIB


class UploadsSettings(Section):
    """The domain uploads."""

    max_file_size_mb: Annotated[float, Field(gt=0, le=1024 * 1024, allow_inf_nan=False)] = 100
    """A larger file is not taken; MiB."""
    allowed_extensions: Annotated[tuple[Literal["csv", "json"], ...], Field(min_length=1)] = ("csv", "json")
    """Kinds of files that are taken."""
    timezone: Timezone | None = None
    """Zone of timestamps that name none; the settings' `timezone` where left out."""
    geoip_database: AnchoredPath | None = None
    """An MMDB file (GeoLite2 City, DB-IP City, …) that places addresses; left out: countries, by bundled data."""
    index_days: Days | None = None
    """Documents are kept in the index for so many event days; left out: for ever."""
    fraud_threshold: Annotated[int, Field(ge=0, le=100)] = 75
    """A transaction with this fraud score or more is suspicious."""

    @property
    def max_file_bytes(self) -> int:
        """The largest file, in bytes."""
        return int(self.max_file_size_mb * MIB)
