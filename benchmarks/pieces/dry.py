"""Dry runs: what a command that stores nothing does, with no more imported than it needs.

What belongs here: reading one file. What does not: storing what it says.
"""

from collections.abc import Callable
from pathlib import Path

from logplatform.machines.dry_run import session_report


def session(path: str) -> Callable[[], dict[str, float]]:
    """A machine file's session."""

    def work() -> dict[str, float]:
        report = session_report(Path(path))
        return {"events": report["events"], "dead_letters": len(report["dead_letters"]), "jobs": len(report["jobs"])}

    return work
