"""`logplatform alerts`: what is not good, and a message to try the receiver with.

What belongs here: these commands. What does not: incidents and sending (`logplatform.alerts`).
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from uuid import uuid4

import click

from logplatform.alerts.book import AlertBook
from logplatform.alerts.incident import Incident
from logplatform.alerts.message import compose, headers
from logplatform.alerts.post import post
from logplatform.cli.output import print_json, print_table
from logplatform.cli.session import Session, pass_session
from logplatform.databases import database_of
from logplatform.failures import LogplatformError, PermanentFailure
from logplatform.landing.leases import utc_now
from logplatform.settings.model import Settings

_COLUMNS = ("since (UTC)", "severity", "domain", "kind", "count", "what", "told (UTC)")


@click.group()
def alerts() -> None:
    """What is not good and told to the webhook of the settings, and a message to try it with.

    Alerts are found and sent by `logplatform up`. The address and the key are set by LOGPLATFORM_ALERTS__WEBHOOK_URL
    and LOGPLATFORM_ALERTS__SECRET.
    """


@alerts.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_session
@click.pass_context
def list_command(context: click.Context, session: Session, as_json: bool) -> None:
    """List the incidents that are not good yet, oldest first.

    Exit code 0: there is none; 1: there are some.
    """
    with _opened(session.settings) as book:
        found = book.firing() if book is not None else []
    if as_json:
        print_json([asdict(incident) for incident in found])
    elif found:
        print_table("", _COLUMNS, [_row(incident) for incident in found])
    else:
        click.echo("Nothing needs you.")
    context.exit(1 if found else 0)


@alerts.command("test")
@pass_session
def test_command(session: Session) -> None:
    """Send one message of the kind `test` now, signed like any other.

    Exit code 0: the receiver has taken it; 1: it has not, and the reason is told.
    """
    alerts = session.settings.alerts
    if alerts.webhook_url is None or alerts.secret is None:
        raise PermanentFailure("no receiver is set: LOGPLATFORM_ALERTS__WEBHOOK_URL and LOGPLATFORM_ALERTS__SECRET")
    now, message_id = utc_now(), f"msg_{uuid4().hex}"
    body = compose(_trial(now), "firing", message_id, session.settings.tenant)
    signed = headers(message_id, body, alerts.secret.get_secret_value(), now)
    try:
        post(alerts.webhook_url.get_secret_value(), body, signed, alerts.timeout_seconds)
    except LogplatformError as failure:
        raise click.ClickException(str(failure)) from failure
    click.echo(f"The receiver has taken {message_id}.")


@contextmanager
def _opened(settings: Settings) -> Generator[AlertBook | None]:
    """The book of incidents; None if there is none yet, and none is made."""
    place = database_of(settings, "alerts")
    if not place.exists():
        yield None
        return
    database = place.open()
    try:
        yield AlertBook(database, settings.tenant, utc_now)
    finally:
        database.close()


def _trial(now: datetime) -> Incident:
    return Incident(
        id=0,
        domain="platform",
        kind="test",
        reason="",
        severity="warning",
        title="this is a test: alerts arrive here",
        sample=(),
        recovery="Nothing has to be done.",
        events=1,
        first_at=now,
        last_at=now,
        resolved_at=None,
        told_at=None,
    )


def _row(incident: Incident) -> tuple[object, ...]:
    told = f"{incident.told_at:%Y-%m-%d %H:%M:%S}" if incident.told_at else "not yet"
    since = f"{incident.first_at:%Y-%m-%d %H:%M:%S}"
    return (since, incident.severity, incident.domain, incident.kind, f"{incident.events:,}", incident.title, told)
