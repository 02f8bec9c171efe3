"""Bulk rows into PostgreSQL, against what a driver's plain executemany does.

What belongs here: that comparison, and the server for it. What does not: the rows (`benchmarks.pieces.sql`).
"""

from collections.abc import Iterator

from benchmarks.measure import best, work
from benchmarks.table import Comparison
from logplatform_tests.servers.addresses import PostgresAddress
from logplatform_tests.servers.isolation import database
from logplatform_tests.servers.sessions import Session, address_of

ROUNDS = 3


def compare(rows: int) -> Iterator[Comparison]:
    """`rows` pieces of a machine into an empty table; raises NotHad where no PostgreSQL can be had."""
    session = Session.of_this_process()
    try:
        server = PostgresAddress.read(address_of("postgres", session))
        with database(server) as store:
            arguments = (store.url, server.password, rows)
            copies, inserts = [], []
            for _ in range(ROUNDS):
                inserts.append(work("sql.executemany", *arguments))
                copies.append(work("sql.copy", *arguments))
    finally:
        session.end()
    for cost in (*copies, *inserts):
        if cost.facts != {"rows": rows}:
            raise ValueError(f"not every row is there: {cost.facts}")
    name = f"{rows:,} rows into PostgreSQL (COPY)"
    yield Comparison(name, "psycopg executemany", best(copies), best(inserts), aim=10)
    yield Comparison(
        "the same: CPU of the client", "psycopg executemany", best(copies), best(inserts), by="cpu", aim=10
    )
