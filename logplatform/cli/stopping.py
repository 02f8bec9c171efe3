"""Ending a long command well: what has begun is finished, then it ends.

What belongs here: the signals. What does not: what a command does when it is told to end.
"""

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def until_stopped() -> Generator[threading.Event]:
    """An event that SIGTERM and Ctrl-C set; the handlers before are put back at the end."""
    stopped = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    for number in before:
        signal.signal(number, lambda *_: stopped.set())
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
