"""A process that has spoken SSH ends without a word."""

import subprocess
import sys

SPOKEN = """
import asyncio, duckdb
from logplatform.sources.ssh import submit

async def answer():
    return duckdb.sql("SELECT 1").fetchall()

assert submit(answer()).result() == [(1,)]
"""


def test_the_thread_of_connections_ends_with_its_process() -> None:
    done = subprocess.run([sys.executable, "-c", SPOKEN], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
