"""`logplatform uploads figures`: what the routes of analytics, dashboard, performance and fraud tell.

What belongs here: choosing a figure and its period. What does not: counting (`uploads.figures`).
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import click

from logplatform.cli.output import print_json
from logplatform.cli.session import Session, pass_session
from logplatform.failures import PermanentFailure
from logplatform.stores.log_index import LogIndex
from logplatform.stores.log_query import BadQuery, Filters
from logplatform.uploads.figures import analytics, dashboard, fraud, performance
from logplatform.uploads.figures.groups import Row
from logplatform.uploads.fraud import FraudRules
from logplatform.uploads.room import open_uploads

Figure = Callable[[LogIndex, Filters, FraudRules], Row]

FIGURES: dict[str, Figure] = {
    "transactions": lambda index, filters, _: analytics.transactions(index, filters),
    "errors": lambda index, filters, _: analytics.errors(index, filters),
    "user-behavior": lambda index, filters, _: analytics.user_behavior(index, filters),
    "trends": lambda index, filters, _: analytics.trends(index, filters),
    "overview": lambda index, filters, _: dashboard.overview(index, filters),
    "metrics": lambda index, filters, _: dashboard.metrics(index, filters),
    "charts": lambda index, filters, _: dashboard.charts(index, filters),
    "kpis": lambda index, filters, rules: dashboard.kpis(index, filters, rules.threshold),
    "performance": lambda index, filters, _: performance.metrics(index, filters),
    "api-response-times": lambda index, filters, _: performance.api_response_times(index, filters),
    "database-latency": lambda index, filters, _: performance.database_latency(index, filters),
    "fraud": fraud.detect,
    "suspicious-activities": fraud.suspicious_activities,
    "fraud-stats": fraud.stats,
}
_DAY = click.DateTime(["%Y-%m-%d"])


@click.command("figures")
@click.argument("name", type=click.Choice(list(FIGURES)))
@click.option("--date-from", type=_DAY, help="From this day on (UTC).")
@click.option("--date-to", type=_DAY, help="Up to this day, included (UTC).")
@pass_session
def figures(session: Session, name: str, date_from: datetime | None, date_to: datetime | None) -> None:
    """Print the figure NAME over the documents of a period, as JSON."""
    since = None if date_from is None else date_from.replace(tzinfo=UTC)
    until = None if date_to is None else date_to.replace(tzinfo=UTC) + timedelta(days=1)
    try:
        filters = Filters(since=since, until=until)
    except BadQuery as error:
        raise PermanentFailure(str(error)) from error
    rules = FraudRules(threshold=session.settings.uploads.fraud_threshold)
    with open_uploads(session.settings) as room:
        print_json(FIGURES[name](room.index, filters, rules))
