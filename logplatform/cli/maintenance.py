"""`logplatform prune` and `logplatform reset`: removing what is too old, and removing everything.

What belongs here: asking, and telling what was removed. What does not: what may go (`logplatform.pruning`,
`logplatform.erasing`).
"""

import os
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from logplatform.archives.views import sweep_views
from logplatform.cli.output import print_json, print_table
from logplatform.cli.session import Session, pass_session
from logplatform.databases import database_of
from logplatform.erasing import Erasable, erasable, erase, in_use
from logplatform.failures import TransientFailure
from logplatform.landing.retention import GIB, Pruned
from logplatform.orchestration.services import alone
from logplatform.pruning import pruned
from logplatform.settings.model import DOMAINS, Domain, Settings
from logplatform.stores.file_places import open_files
from logplatform.tenancy import open_tenancy


@click.command()
@click.option("--domain", type=click.Choice(DOMAINS), help="Only this domain.")
@click.option("--json", "as_json", is_flag=True, help="Print what was removed as JSON.")
@pass_session
@click.pass_context
def prune(context: click.Context, session: Session, domain: Domain | None, as_json: bool) -> None:
    """Remove what retention no longer keeps, and make room if the disk is too full.

    Where `logplatform up` runs, this is done every night by itself (the job `prune`).

    Days to keep are settings (landing.retention: processed_days, error_days, tmp_days). If less than
    landing.disk_space_threshold_gb is free, more is removed until landing.disk_space_target_gb is: temporary files,
    processed, extracted and delivered, then errors, oldest first. What is not delivered yet is never touched, and
    the ledger forgets nothing: what was removed is not collected again. With archives.recompress_extracted, extracted
    logs that are delivered are kept as zstd from then on; "bytes" of these is what that saved.

    Runs of Dagster that ended more than dagster.history_days ago go too, but for those that tell the newest state of
    a day or an asset.

    Exit code 0: the disk has room; 1: it still has not.
    """
    settings = session.settings
    rows: list[tuple[str, str, int, int]] = []
    has_room = True
    for name in [domain] if domain else DOMAINS:
        if not database_of(settings, name).exists():
            continue
        with open_tenancy(settings, name) as tenancy:
            rows += [(name, one.what, one.count, one.bytes) for one in pruned(tenancy)]
            has_room = tenancy.retention.has_room()
    if domain is None and _has_home(settings):
        runs = _old_runs(settings)
        rows.append(("dagster", runs.what, runs.count, runs.bytes))
    if as_json:
        keys = ("domain", "kind", "files", "bytes")
        print_json({"has_room": has_room, "removed": [dict(zip(keys, row, strict=True)) for row in rows]})
    else:
        print_table("", ("domain", "what", "removed", "bytes"), [(a, b, f"{c:,}", f"{d:,}") for a, b, c, d in rows])
        if not has_room:
            click.echo("The disk is still too full: nothing more may be removed; make room, or lower the threshold.")
    context.exit(0 if has_room else 1)


def _has_home(settings: Settings) -> bool:
    """Whether Dagster was ever started here."""
    return (Path(os.environ.get("DAGSTER_HOME") or settings.dagster_home) / "dagster.yaml").exists()


def _old_runs(settings: Settings) -> Pruned:
    # Dagster is imported here and not above: to look at a domain alone needs none of it.
    from logplatform.orchestration.history import prune_history  # noqa: PLC0415
    from logplatform.orchestration.home import opened_instance  # noqa: PLC0415

    before = datetime.now(UTC) - timedelta(days=settings.dagster.history_days)
    with opened_instance(settings) as instance:
        return prune_history(instance, before)


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Even if somebody seems to be at work in it.")
@pass_session
def reset(session: Session, yes: bool, force: bool) -> None:
    """Remove everything the platform has stored: ledgers, landed bytes, datasets, reports, Dagster's own files.

    Sources, settings and files under `incoming/` and `inbox/` stay; what still lies at its source is collected anew by
    the next run. What was removed from its source after landing (`delete_source`), and uploads, are gone for good.
    """
    settings = session.settings
    found = erasable(settings)
    if not found:
        click.echo(f"Nothing is stored in {settings.data_root}.")
        return
    if not force and (busy := in_use(settings)):
        raise TransientFailure(f"{busy}; let it end first, or use --force")
    _tell(found)
    if any(source.delete_source for source in (*settings.archives.sources, *settings.machines.sources)):
        click.echo("A source has delete_source: what was removed there exists only here.")
    if not yes:
        click.confirm(f"Remove all of this from {settings.data_root}?", abort=True)
    # Held while removing, so that `logplatform up` neither runs nor starts meanwhile.
    with nullcontext() if force else alone(settings.data_root):
        erase(found)
        sweep_views(open_files(settings.stores.files, settings.data_root), settings.data_root)
    click.echo("Removed. The next run begins anew.")


def _tell(found: list[Erasable]) -> None:
    rows = [(it.name, f"{it.files:,}", f"{it.bytes / GIB:.3f}") for it in found]
    print_table("To be removed", ("what", "files", "GiB"), rows)
