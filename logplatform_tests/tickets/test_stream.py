"""`tickets stream` as a process: it takes in what comes, and SIGTERM ends it with everything committed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from logplatform_tests.tickets.messages import numbered
from logplatform_tests.tickets.outcome import log_in, rows_of, settings_in
from logplatform_tests.tickets.test_ingest import fill, ingest


def _count(folder: Path) -> int:
    metrics = folder / "tickets" / "metrics"
    return int(str(rows_of(metrics)[0]["total_tickets"])) if metrics.exists() else 0


def test_a_stream_takes_in_what_comes_and_ends_cleanly(tmp_path: Path) -> None:
    log_in(tmp_path)
    command = [
        sys.executable,
        "-c",
        "from logplatform.cli import main; main()",
        "tickets",
        "stream",
        "--interval",
        "0.2",
    ]
    environment = {**os.environ, "LOGPLATFORM_DATA_ROOT": str(tmp_path)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as stream:
        try:
            for turn in range(3):
                fill(tmp_path, [numbered(turn * 100 + n) for n in range(100)])
                deadline = time.monotonic() + 120
                while _count(tmp_path) < (turn + 1) * 100:
                    assert time.monotonic() < deadline
                    assert stream.poll() is None
                    time.sleep(0.1)
        finally:
            stream.send_signal(signal.SIGTERM)
        told, _ = stream.communicate(timeout=120)
    assert stream.returncode == 0
    assert "300 messages = 300 tickets + 0 refused + 0 duplicates" in told
    assert ingest(settings_in(tmp_path)) == []
