"""`logplatform api`: the HTTP API until somebody ends it.

What belongs here: the command and what it prints. What does not: the application and the server (`logplatform.api`).
"""

import os
import signal
import sys

import click

from logplatform.cli.session import Session, pass_session

EXIT_NOT_STARTED = 1


@click.command()
@click.option("--host", help="Address to listen on; any but this machine's own needs an API key.")
@click.option("--port", type=click.IntRange(0, 65_535), help="Port to listen on; 0: any free one.")
@pass_session
def api(session: Session, host: str | None, port: int | None) -> None:
    """Serve the HTTP API: uploads, search, figures, health.

    It listens on 127.0.0.1:5001 unless api.host and api.port say otherwise. As soon as api.api_key is set
    (LOGPLATFORM_API__API_KEY), it is asked for: `X-API-Key: KEY`, or `Authorization: Bearer KEY`. SIGTERM or Ctrl-C
    ends it after the requests at hand.

    Exit codes: 0 ended by a signal; 1 it could not start (the log tells); 2 the address cannot be used.

    \b
    Examples:
      logplatform api
      curl -F file=@events.csv http://127.0.0.1:5001/api/logs/upload
    """
    # Imported here and not above: `logplatform --help` needs none of it.
    from logplatform.api.server import bound, server_of  # noqa: PLC0415
    from logplatform.orchestration.services import Address  # noqa: PLC0415
    from logplatform.orchestration.storage import hand_over  # noqa: PLC0415

    settings = session.ready_for(["uploads"])
    # Its metrics ask Dagster's storage.
    hand_over(settings, os.environ)
    with bound(settings, host, port) as listening:
        server = server_of(settings)
        click.echo(f"API  {Address(*listening.getsockname()[:2]).url}")
        sys.stdout.flush()
        for number in (signal.SIGTERM, signal.SIGINT):
            # The server hears them itself, ends in order, and then passes them on: that it ended is no failure.
            signal.signal(number, lambda *_: None)
        server.run([listening])
    if not server.started:
        sys.exit(EXIT_NOT_STARTED)
