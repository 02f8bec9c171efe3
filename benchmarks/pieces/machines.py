"""Work of the domain machines.

What belongs here: one machine file. What does not: many days (`days`).
"""

from collections.abc import Callable
from pathlib import Path

from logplatform.machines.dry_run import session_report

Piece = Callable[[], dict[str, float]]


def session(path: str) -> Piece:
    """The dry run: a file's session, nothing written."""

    def run() -> dict[str, float]:
        report = session_report(Path(path))
        return {"events": report["events"], "dead_letters": len(report["dead_letters"]), "jobs": len(report["jobs"])}

    return run
