"""One input on two stages, and every count of the one beside that of the other.

What belongs here: playing a stage through, comparing, the table. What does not: where the stages are (`places`).
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from logplatform.demo import tickets
from logplatform.demo.generate import generate
from logplatform.demo.plan import DOMAINS, Plan
from logplatform_tests.endtoend.counts import Count
from logplatform_tests.endtoend.places import embedded_stage, own_parts, server_stage
from logplatform_tests.endtoend.senders import produce_tickets, send_uploads
from logplatform_tests.endtoend.stage import Stage

Key = tuple[str, str]
"""(domain, what)"""
Counts = Mapping[Key, int]


@dataclass(frozen=True, slots=True)
class Played:
    """One stage after its input went through, and after everything was looked at once more.

    `first` and `again` hold all counts; `problems` are runs that failed, by domain.
    """

    first: Counts
    again: Counts
    problems: Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class Compared:
    """The same input on both."""

    embedded: Played
    server: Played

    @property
    def differing(self) -> list[Key]:
        """What is not the same on both, or only on one."""
        return [key for key in self.rows if self.embedded.first.get(key) != self.server.first.get(key)]

    @property
    def rows(self) -> list[Key]:
        """Every count of either, domains in their order."""
        order = {domain: number for number, domain in enumerate(DOMAINS)}
        both = dict.fromkeys([*self.embedded.first, *self.server.first])
        return sorted(both, key=lambda key: order.get(key[0], len(order)))


def compare(folder: Path, plan: Plan, address: Callable[[str], str]) -> Compared:
    """Make the input of `plan`, take it through both stages; `address` gives servers by name. Raises NotHad."""
    made = folder / "input"
    generate(made, plan, lambda _done, _of: None)
    with own_parts(address) as servers:
        stage = server_stage(folder / "server", made, plan, servers)
        produce_tickets(servers.kafka.bootstrap_servers, f"{servers.topics}{tickets.TOPIC}", made)
        server = play(stage)
    return Compared(play(embedded_stage(folder / "embedded", made, plan)), server)


def play(stage: Stage) -> Played:
    """Send the uploads, run all domains, count; run again, count again."""
    sent = {("uploads", what): count for what, count in sorted(send_uploads(stage).items())}
    account = stage.run()
    first = sent | _of_account(account) | _of_stores(stage)
    again = sent | _of_account(stage.run()) | _of_stores(stage)
    return Played(first, again, {domain: told["problems"] for domain, told in account.items() if told["problems"]})


def show(console: Console, compared: Compared) -> None:
    """Print every count, embedded beside server."""
    table = Table(show_edge=False)
    for name in ("domain", "what"):
        table.add_column(name, overflow="fold")
    for name in ("embedded", "server"):
        table.add_column(name, justify="right")
    table.add_column("")
    for key in compared.rows:
        cells = [_cell(side.first.get(key)) for side in (compared.embedded, compared.server)]
        table.add_row(
            *key, *cells, "" if cells[0] == cells[1] else "DIFFERS", style=None if cells[0] == cells[1] else "red"
        )
    console.print(table)
    console.print(f"{len(compared.rows):,} counts, {len(compared.differing):,} of them differ")


def _cell(count: int | None) -> str:
    return "-" if count is None else f"{count:,}"


def _of_account(account: Mapping[str, Any]) -> dict[Key, int]:
    """What `logplatform run` tells, flat."""
    return {(domain, what): count for domain, told in account.items() for what, count in _told(told)}


def _told(account: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    unit = account["unit"]
    for name in ("listed", "new", "known"):
        yield f"{unit} {name}", int(account[name])
    yield from ((f"{unit} left alone: {kind}", int(count)) for kind, count in sorted(account["left"].items()))
    for arrow in account["flow"]:
        for name in ("came", "out", "duplicates", "dead_letters", "waiting", "missing"):
            yield f"{arrow['name']}: {arrow['unit']} {name.replace('_', ' ')}", int(arrow[name])
    now = account["now"]
    yield from ((f"{now['unit']} {status}", int(count)) for status, count in sorted(now["files"].items()))
    yield "open dead letters", int(now["open_letters"])
    yield "days that Dagster was not told of", int(now["unreported_days"])
    for row in account["results"]:
        group = " ".join(str(value) for value in row.values() if isinstance(value, str))
        yield from ((f"{group}: {name}", value) for name, value in row.items() if isinstance(value, int))


def _of_stores(stage: Stage) -> dict[Key, int]:
    """What lies in the stores, counted by a process of its own."""
    done = stage.python((sys.executable, "-m", "logplatform_tests.endtoend.counts"), str(stage.settings_file))
    if done.returncode != 0:
        raise AssertionError(f"{stage.name}: the stores could not be counted: {done.stderr[-4000:]}")
    found = msgspec.json.decode(done.stdout, type=list[Count])
    return {(domain, what): count for domain, what, count in found}
