"""The folders that people know, made again from the ledgers: links to bytes, tables of tickets.

What belongs here: having each domain show what it has. What does not: how it shows it.
"""

from datetime import UTC, datetime

from logplatform.archives.views import show as show_archives
from logplatform.databases import database_of
from logplatform.settings.model import Settings
from logplatform.stores.ticket_state import TicketState
from logplatform.tenancy import open_tenancy
from logplatform.tickets.tables import Tables
from logplatform.tickets.views import Views, tables_root
from logplatform.uploads.chosen import ledger_of
from logplatform.uploads.views import show as show_upload


def show_again(settings: Settings) -> None:
    """Make every view; what is there already stays."""
    if database_of(settings, "archives").exists():
        with open_tenancy(settings, "archives") as tenancy:
            show_archives(tenancy, tenancy.ledger.find())
    if database_of(settings, "uploads").exists():
        with open_tenancy(settings, "uploads") as tenancy:
            for record in ledger_of(tenancy).received(datetime.min.replace(tzinfo=UTC), tenancy.now()):
                if record.object_key and tenancy.files.exists(record.object_key):
                    show_upload(tenancy, record)
    if database_of(settings, "tickets").exists():
        with open_tenancy(settings, "tickets") as tenancy:
            state = TicketState(tenancy.database, tenancy.tenant)
            views = Views(tables_root(tenancy), Tables(tenancy, settings.tickets.output_format), state)
            if state.totals().version:
                views.publish()
