"""Every case runs on SQLite and on PostgreSQL."""

from logplatform_tests.databases import database, ledger, migrated, new_place, place, sql_store

__all__ = ["database", "ledger", "migrated", "new_place", "place", "sql_store"]
