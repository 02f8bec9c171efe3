"""`logplatform uploads`: the table of its commands.

What belongs here: the table. What does not: any command; each is imported only when it is called.
"""

import click

from logplatform.cli.lazy import LazyGroup

COMMANDS = {
    "add": ("logplatform.cli.upload_jobs:add", "Take files in, as an upload over HTTP does."),
    "check": ("logplatform.cli.upload_check:check", "Tell what an upload would be answered with; store nothing."),
    "work": ("logplatform.cli.upload_work:work_command", "Ingest what was uploaded: validate, enrich, index."),
    "queue": ("logplatform.cli.upload_jobs:queue", "Show or clear the jobs that wait."),
    "list": ("logplatform.cli.upload_jobs:list_command", "The newest uploads and what became of them."),
    "retry": ("logplatform.cli.upload_jobs:retry", "Ingest a failed upload again."),
    "search": ("logplatform.cli.upload_search:search", "Find documents in the index."),
    "show": ("logplatform.cli.upload_show:show", "Suspicious transactions, and each day's figures, as derived."),
    "figures": ("logplatform.cli.upload_figures:figures", "Figures over the index, as JSON."),
    "tidy": ("logplatform.cli.upload_jobs:tidy_command", "Merge small files of the index, remove what is too old."),
}


@click.group(cls=LazyGroup, lazy=COMMANDS)
def uploads() -> None:
    """Log files made searchable.

    \b
    Examples:
      logplatform uploads check events.csv
      logplatform uploads add events.csv more.json
      logplatform uploads work --once
      logplatform uploads search "card declined" --level ERROR
    """
