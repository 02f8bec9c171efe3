"""`logplatform uploads search`: find documents in the index.

What belongs here: reading arguments and printing. What does not: searching (`stores.log_index`).
"""

from datetime import UTC, datetime, timedelta
from typing import get_args

import click

from logplatform.cli.output import print_json, print_table
from logplatform.cli.session import Session, pass_session
from logplatform.failures import PermanentFailure
from logplatform.stores.log_query import BadQuery, Filters, Search, SortField, SortOrder
from logplatform.uploads.room import open_uploads

_DAY = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])
_TERMS = ("log_type", "level", "service", "user_id")


@click.command("search")
@click.argument("text", default="")
@click.option("--log-type", help="Only this kind of event.")
@click.option("--level", help="Only this level.")
@click.option("--service", help="Only this service.")
@click.option("--user-id", help="Only this user.")
@click.option("--min-amount", type=float, help="From this amount on.")
@click.option("--max-amount", type=float, help="Up to this amount.")
@click.option("--date-from", type=_DAY, help="From this day or time on (UTC).")
@click.option("--date-to", type=_DAY, help="Up to this day, included, or this time (UTC).")
@click.option("--page", type=int, default=1, show_default=True, help="Which page.")
@click.option("--size", type=int, default=20, show_default=True, help="Documents on a page, at most 1000.")
@click.option(
    "--sort-field", type=click.Choice(get_args(SortField)), help="Left out: relevance with a TEXT, else time."
)
@click.option("--sort-order", type=click.Choice(get_args(SortOrder)), default="desc", show_default=True, help="Order.")
@click.option("--json", "as_json", is_flag=True, help="Print whole documents as JSON.")
@pass_session
def search(
    session: Session,
    text: str,
    min_amount: float | None,
    max_amount: float | None,
    date_from: datetime | None,
    date_to: datetime | None,
    page: int,
    size: int,
    sort_field: SortField | None,
    sort_order: SortOrder,
    as_json: bool,
    **terms: str | None,
) -> None:
    """Find documents by TEXT (any of its words, the best first) and by what their fields hold."""
    given = tuple(
        (name, (value.upper() if name == "level" else value,)) for name in _TERMS if (value := terms.get(name))
    )
    ranges = (("amount", min_amount, max_amount),) if min_amount is not None or max_amount is not None else ()
    try:
        filters = Filters(given, ranges, since=_utc(date_from), until=_until(date_to))
        asked = Search(text, filters, page, size, sort_field, sort_order)
    except BadQuery as error:
        raise PermanentFailure(str(error)) from error
    with open_uploads(session.settings) as room:
        found = room.index.search(asked)
    if as_json:
        hits = [{"id": hit.id, "score": hit.score, "highlights": hit.highlights, **hit.document} for hit in found.hits]
        print_json({"total": found.total, "page": found.page, "size": found.size, "hits": hits})
    else:
        columns = ("@timestamp", "log_type", "level", "service", "user_id", "amount", "message")
        rows = [[hit.document.get(column) for column in columns] for hit in found.hits]
        print_table(f"{found.total} documents", columns, rows)


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)


def _until(moment: datetime | None) -> datetime | None:
    """A day without a time is included as a whole."""
    if moment is None:
        return None
    whole_day = moment.time() == datetime.min.time()
    return moment.replace(tzinfo=UTC) + (timedelta(days=1) if whole_day else timedelta())
