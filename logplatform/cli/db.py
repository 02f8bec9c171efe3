"""`logplatform db`: the schemas of the databases, and bringing them up to date.

What belongs here: these commands. What does not: the schemas' history (`logplatform.stores.migrations`).
"""

from contextlib import closing
from dataclasses import asdict, dataclass

import click

from logplatform.cli.output import print_json, print_table
from logplatform.cli.session import Session, pass_session
from logplatform.databases import DATABASES, DatabaseName, database_of
from logplatform.settings.model import Settings
from logplatform.stores.places import SqliteFile
from logplatform.stores.sql import head, is_known


@dataclass(frozen=True, slots=True)
class State:
    """One database: the revision it has (None: nothing is there), and what is to be said of it."""

    database: DatabaseName
    place: str
    revision: str | None
    state: str


@click.group()
def db() -> None:
    """The databases of ledgers, dead letters and tables: one a domain, and one of the alerts.

    They are SQLite files under the data root, or schemas of PostgreSQL (stores.sql). Whatever opens one brings its
    schema up to date first, so nobody has to: `db upgrade` is for an administrator, where the platform's own user may
    not change tables, or before the platform starts.
    """


@db.command()
@click.option("--json", "as_json", is_flag=True, help="Print the states as JSON.")
@pass_session
@click.pass_context
def status(context: click.Context, session: Session, as_json: bool) -> None:
    """Which revision each database has; nothing is made by asking.

    Exit code 0: all that are there are up to date; 1: one is not.
    """
    states = [_state(session.settings, name) for name in DATABASES]
    if as_json:
        print_json({"newest": head(), "databases": [asdict(state) for state in states]})
    else:
        rows = [(state.database, state.revision or "", state.state, state.place) for state in states]
        print_table(f"This logplatform has revision {head()}", ("database", "revision", "state", "where"), rows)
    context.exit(0 if all(state.revision in (None, head()) for state in states) else 1)


@db.command()
@pass_session
def upgrade(session: Session) -> None:
    """Bring every database up to date; on PostgreSQL schemas that are missing are made.

    May be run again, and while the platform runs: who writes meanwhile waits for its end.
    """
    for name in DATABASES:
        place = database_of(session.settings, name)
        before = place.revision()
        if before is None and isinstance(place, SqliteFile):
            # A file is made by the first who stores something; its absence tells that nobody has.
            continue
        with closing(place.open()):
            told = "is up to date" if before == head() else f"{before or 'nothing'} -> {head()}"
            click.echo(f"{name}: {told} ({place})")


def _state(settings: Settings, name: DatabaseName) -> State:
    place = database_of(settings, name)
    revision = place.revision()
    if revision is None:
        told = "not there yet"
    elif revision == head():
        told = "up to date"
    else:
        told = "older: logplatform db upgrade" if is_known(revision) else "newer: upgrade logplatform"
    return State(name, str(place), revision, told)
