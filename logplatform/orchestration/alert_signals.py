"""How the domains and their disk stand, as signals for the alerts.

What belongs here: standing faults, sources out of reach, a store that cannot be asked, a full disk. What does not:
measuring (the domains' `broken`), Dagster (`orchestration.alerts`), keeping and sending (`logplatform.alerts`).
"""

from collections.abc import Mapping

from logplatform.alerts.incident import Kind, Signal
from logplatform.landing.redaction import Redactor
from logplatform.landing.retention import GIB
from logplatform.orchestration.figures import Broken
from logplatform.settings.model import Domain, Settings
from logplatform.stores.files import Files
from logplatform.tenancy import Tenancy

PLATFORM = "platform"
"""The domain of what concerns them all."""
DISK: Kind = "disk_full"
STORE: Kind = "store_down"
STANDING: tuple[Kind, ...] = ("still_broken", "source_unreachable")
"""The kinds that `domain_signals` tells of."""

_SOURCE = "source "


def domain_signals(tenancy: Tenancy, broken: Broken, trouble: Mapping[str, str]) -> list[Signal]:
    """Everything that is wrong with a domain now.

    `broken` are its standing faults, `trouble` (what → why) is that with its sources, as their sensor told it last.
    """
    return [*_standing_faults(tenancy, broken, trouble), *_unreachable(tenancy, trouble)]


def disk_signals(settings: Settings, files: Files) -> list[Signal]:
    """The disk that all domains share, if it is full."""
    free, threshold = files.free_bytes(), settings.landing.disk_space_threshold_gb
    if free is None or free >= threshold * GIB:
        return []
    title = f"less than {threshold:g} GiB free, collection pauses"
    recovery = "`logplatform prune`, or make room."
    return [Signal(PLATFORM, DISK, "", "error", title, sample=[f"{free / GIB:.1f} GiB free"], recovery=recovery)]


def store_signal(domain: Domain, error: Exception, redactor: Redactor) -> Signal:
    """A domain whose store cannot be asked."""
    told = str(error).strip().splitlines() or [type(error).__name__]
    sample = [redactor.text(told[0])]
    recovery = (
        f"`logplatform status --domain {domain}` tells whether it can be read again; else put back a copy of its file."
    )
    return Signal(domain, STORE, "", "error", "its store cannot be read", sample=sample, recovery=recovery)


def _standing_faults(tenancy: Tenancy, broken: Broken, trouble: Mapping[str, str]) -> list[Signal]:
    odd = {what: why for what, why in trouble.items() if not what.startswith(_SOURCE)}
    count = broken.count + len(odd)
    if not count:
        return []
    faults = [*odd.items(), *((fault.what, fault.reason) for fault in broken.sample)]
    sample = [tenancy.redactor.text(f"{what}: {why}") for what, why in faults]
    recovery = f"`logplatform status --domain {tenancy.domain}` tells all. {broken.recovery}"
    return [Signal(tenancy.domain, "still_broken", "", "warning", f"{count:,} still broken", count, sample, recovery)]


def _unreachable(tenancy: Tenancy, trouble: Mapping[str, str]) -> list[Signal]:
    return [
        Signal(
            tenancy.domain,
            "source_unreachable",
            what.removeprefix(_SOURCE),
            "error",
            f"{what} cannot be read",
            sample=[tenancy.redactor.text(why)],
            recovery="Bring it back; it is looked at again by itself.",
        )
        for what, why in trouble.items()
        if what.startswith(_SOURCE)
    ]
