"""The progress bar of long work on archives, read from the ledger while a job runs.

What belongs here: the bar. What does not: the work, which knows nothing of it.
"""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime

import sqlalchemy as sa
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from logplatform.cli.output import console
from logplatform.stores.schema import observation as table
from logplatform.tenancy import Tenancy

_SECONDS = 1.0
_OPEN = ("pending", "copied", "extracted")


@contextmanager
def files_bar(tenancy: Tenancy, began: datetime) -> Generator[None]:
    """A bar of the files that are done since `began` and those that are open; nothing where no terminal looks on."""
    screen = console(stderr=True)
    if not screen.is_terminal:
        yield
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    stop = threading.Event()
    with Progress(*columns, console=screen, transient=True) as progress:
        thread = threading.Thread(target=_follow, args=(tenancy, began, progress, stop), name="progress", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def _follow(tenancy: Tenancy, began: datetime, progress: Progress, stop: threading.Event) -> None:
    task = progress.add_task("files", total=None)
    while not stop.wait(_SECONDS):
        counts = tenancy.ledger.count(sa.or_(table.c.updated >= began, table.c.status.in_(_OPEN)))
        waiting = sum(count for status, count in counts.items() if status in _OPEN)
        whole = sum(counts.values())
        progress.update(task, completed=whole - waiting, total=whole or None)
