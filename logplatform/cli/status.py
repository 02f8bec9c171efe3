"""`logplatform status`: what is in, what failed, and what to do about it.

What belongs here: how a standing is printed. What does not: the figures (`logplatform.standing`).
"""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime

import click

from logplatform.cli.output import print_json, print_table
from logplatform.cli.session import Session, pass_session
from logplatform.domains import standing
from logplatform.landing.retention import GIB
from logplatform.settings.check import check
from logplatform.settings.mistakes import Mistake
from logplatform.settings.model import DOMAINS, Domain
from logplatform.standing import Standing


@click.command()
@click.option("--domain", type=click.Choice(DOMAINS), help="Only this domain.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("--check", "fail", is_flag=True, help="Exit with 1 if somebody has to do something.")
@pass_session
@click.pass_context
def status(context: click.Context, session: Session, domain: Domain | None, as_json: bool, fail: bool) -> None:
    """Show where every domain stands: files by status, sources, refused records, and how to recover what is broken.

    \b
    Statuses of files:
      pending     seen at the source, not here yet
      copied      landed, byte for byte
      extracted   verified and unpacked
      processed   everything made of it is committed
      seen        known content under another name; not delivered twice
      superseded  a newer version of the file took its place
      error       see "broken" below the table

    Only reads. With --check the exit code is 1 if files were given up, records were refused, a source folder is
    missing, or the disk is full.
    """
    domains = [domain] if domain else list(DOMAINS)
    found = {name: standing(session.settings, name) for name in domains}
    mistakes = check(session.loaded)
    if as_json:
        print_json(
            {
                "domains": {name: asdict(it) | {"broken": it.broken} if it else None for name, it in found.items()},
                "settings": [asdict(mistake) for mistake in mistakes],
            }
        )
    else:
        _print(found, mistakes)
    broken = any(it.broken for it in found.values() if it) or any(m.level == "error" for m in mistakes)
    context.exit(1 if fail and broken else 0)


def _print(found: dict[Domain, Standing | None], mistakes: list[Mistake]) -> None:
    for name, it in found.items():
        begin = "uploads add FILE" if name == "uploads" else f"{name} run"
        click.echo(f"\n{name}: {summary(it) if it else f'nothing collected yet; `logplatform {begin}` begins'}")
        if it is None:
            continue
        rows = [
            (s.name if s.enabled else f"{s.name} (off)", s.files, s.waiting, s.errors, _time(s.last_success))
            for s in it.sources
        ]
        print_table("", ("source", it.unit, "waiting", "errors", "last success (UTC)"), rows)
        for line in what_is_broken(it):
            click.echo(line)
    for mistake in mistakes:
        click.echo(f"\nsettings, {mistake.level}: {mistake}")


def summary(it: Standing) -> str:
    """One line: files by status, rows, the newest commit."""
    files = ", ".join(f"{count:,} {status}" for status, count in sorted(it.files.items())) or f"no {it.unit}"
    rows = "".join(f"; {count:,} {name}" for name, count in it.rows.items())
    return f"{files}{rows}; last commit {_time(it.last_commit)}"


def what_is_broken(it: Standing) -> Iterator[str]:
    """What needs somebody, each with how to recover; one line says so if there is nothing."""
    for trouble in it.troubles:
        noun = it.unit.removesuffix("s") if trouble.files == 1 else it.unit
        yield f"  broken: {trouble.files:,} {noun} ({trouble.kind}, {trouble.type}): {trouble.recovery}"
        yield from (f"    {line}" for line in trouble.sample)
        if trouble.files > len(trouble.sample):
            yield f"    and {trouble.files - len(trouble.sample):,} more"
    if it.open_letters:
        noun = "record" if it.open_letters == 1 else "records"
        yield f"  broken: {it.open_letters:,} refused {noun}: `logplatform dead-letters list --domain {it.domain}`"
    if not it.has_room:
        free = (it.free_bytes or 0) / GIB
        yield f"  broken: {free:.1f} GiB free on the disk, collection pauses: `logplatform prune`, or make room"
    if it.unreported_days:
        yield f"  {it.unreported_days:,} committed days are not in the web interface yet: told by `logplatform up`"
    if not it.broken and not it.troubles:
        yield "  nothing is broken"


def _time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment else "never"
