"""`logplatform dead-letters`: look at records that were refused, and derive their days again.

What belongs here: showing letters, asking for their replay. What does not: choosing them (`letters`), keeping them
(`landing.dead_letters`) and deriving a day (the domains' jobs).
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import date, datetime
from itertools import islice

import click

from logplatform.cli.letters import Choice, letter_id, letter_ids, stretches
from logplatform.cli.output import print_json, print_table
from logplatform.cli.session import Session, pass_session
from logplatform.failures import PermanentFailure
from logplatform.landing.dead_letters import StoredLetter
from logplatform.settings.model import DOMAINS, Domain, Settings

_SHOWN_CHARACTERS = 80


_domain = click.option("--domain", type=click.Choice(DOMAINS), help="Only this domain.")
_source = click.option("--source", help="Only this source.")
_file = click.option("--file", metavar="PATTERN", help="Only files whose path matches (`*`, `?`, or a part of it).")
_day = click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="Only this day (the partition).")


@click.group("dead-letters")
def dead_letters() -> None:
    """Records that were refused: each with its file, line, bytes and reason.

    A refused record is never lost and never holds up the rest of its file. Once the cause is gone (a setting, a
    newer version), `replay` derives its day again from the landed bytes: what can be used then is used.
    """


@dead_letters.command("list")
@_domain
@_source
@_file
@_day
@click.option("--replayed", is_flag=True, help="Those that were made good since, too.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
@pass_session
def list_command(
    session: Session,
    domain: Domain | None,
    source: str | None,
    file: str | None,
    day: datetime | None,
    replayed: bool,
    limit: int,
    as_json: bool,
) -> None:
    """List refused records, oldest first."""
    choice = Choice(domain, source, file, day.date() if day else None)
    shown = list(islice(choice.found(session.settings, replayed=replayed), limit))
    total = sum(choice.count(session.settings).values())
    if as_json:
        print_json({"open": total, "letters": [_as_json(owner, letter) for owner, letter in shown]})
        return
    rows = [
        (f"{owner}:{it.id}", it.source, it.path, it.position, "; ".join(it.reasons), _text(it.raw)[:_SHOWN_CHARACTERS])
        for owner, it in shown
    ]
    if rows:
        print_table("", ("letter", "source", "file", "line", "reason", "begins with"), rows)
    click.echo(f"{total:,} open{f', {len(shown):,} shown' if len(shown) < total else ''}.")


@dead_letters.command("show")
@click.argument("letter", callback=letter_id)
@click.option("--raw", is_flag=True, help="Print only the bytes, as they were kept.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@pass_session
def show_command(session: Session, letter: tuple[Domain, int], raw: bool, as_json: bool) -> None:
    """Show one refused record with all that is known of it. LETTER is like archives:12."""
    found = next(Choice(ids=[letter]).found(session.settings, replayed=True), None)
    if found is None:
        raise PermanentFailure(f"there is no dead letter {letter[0]}:{letter[1]}")
    owner, it = found
    if raw:
        click.echo(it.raw, nl=False)
    elif as_json:
        print_json(_as_json(owner, it))
    else:
        state = f"made good {it.replayed_at:%Y-%m-%d %H:%M:%S} UTC" if it.replayed_at else "open"
        told = {**_as_json(owner, it), "state": state, "reasons": "; ".join(it.reasons), "tags": ", ".join(it.tags)}
        for name in ("letter", "state", "source", "path", "position", "reasons", "tags", "day", "created_at", "sha256"):
            click.echo(f"{name:>10}  {told[name]}")
        click.echo(f"{'record':>10}  {told['raw']}")


@dead_letters.command("replay")
@click.argument("letters", nargs=-1, callback=letter_ids)
@_domain
@_source
@_file
@_day
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
@pass_session
@click.pass_context
def replay_command(
    context: click.Context,
    session: Session,
    letters: Sequence[tuple[Domain, int]],
    domain: Domain | None,
    source: str | None,
    file: str | None,
    day: datetime | None,
    as_json: bool,
) -> None:
    """Derive the days of refused records again from the landed bytes.

    LETTERS are like archives:12; without any, all open ones that the options choose. The whole day of each is
    derived again, by the same job that the web interface shows; its results are replaced, so nothing doubles.

    Exit code 0: none of them is open any more; 1: some still are, or a run failed.
    """
    settings = session.settings
    choice = Choice(domain, source, file, day.date() if day else None, letters)
    before = choice.count(settings)
    problems = [problem for owner in before for problem in _derive_again(settings, owner, choice.days(settings, owner))]
    after = choice.count(settings)
    outcome = {"open_before": sum(before.values()), "open_after": sum(after.values()), "problems": problems}
    if as_json:
        print_json(outcome)
    else:
        for problem in problems:
            click.echo(f"failed: {problem}", err=True)
        made_good = sum(before.values()) - sum(after.values())
        click.echo(f"{made_good:,} made good, {sum(after.values()):,} still open.")
    context.exit(1 if problems or sum(after.values()) else 0)


def _derive_again(settings: Settings, domain: Domain, days: Sequence[date]) -> Iterator[str]:
    """Run the domain's job over each stretch of days, on the Dagster instance; yield what failed."""
    if not days:
        return
    # Dagster takes seconds to import: only a replay that has something to do pays for it.
    from logplatform.definitions import build_defs  # noqa: PLC0415
    from logplatform.orchestration.home import opened_instance  # noqa: PLC0415
    from logplatform.orchestration.runs import derive_tags, run_here  # noqa: PLC0415

    definitions = build_defs(settings)
    with opened_instance(settings) as instance:
        for first, last in stretches(days):
            ran = run_here(definitions, instance, domain, derive_tags(domain, first, last))
            click.echo(f"{domain} {first} to {last}: {'derived again' if ran.success else 'failed'}", err=True)
            if not ran.success:
                yield from ran.problems or (f"{domain}: run {ran.run_id} failed",)


def _as_json(domain: Domain, letter: StoredLetter) -> dict[str, object]:
    return {"letter": f"{domain}:{letter.id}", **asdict(letter), "raw": _text(letter.raw)}


def _text(raw: bytes) -> str:
    """Bytes for people: text as it is, the rest as escapes, so that no terminal is put out of order."""
    text = raw.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
