"""Work that dies at a step that it tells of.

What belongs here: dying. What does not: what is looked at afterwards.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable

_REMOVALS = {"os.rename", "os.remove", "os.rmdir"}
SPAWN = multiprocessing.get_context("spawn")


def die_at(step: int) -> Callable[[str, int], None]:
    """Tells nobody, and kills its process at the step of this number."""
    steps = iter(range(step, -1, -1))

    def progress(_what: str, _done: int) -> None:
        if next(steps) == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return progress


def die_removing(count: int) -> None:
    """From now on this process may rename and remove so many files and folders; it dies before the next."""
    left = iter(range(count, -1, -1))

    def audit(name: str, _arguments: tuple[object, ...]) -> None:
        if name in _REMOVALS and next(left) == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(audit)


def killed(work: Callable[..., None], *arguments: object) -> bool:
    """Whether the work died, which it does in a process of its own."""
    child = SPAWN.Process(target=work, args=arguments)
    child.start()
    child.join()
    assert child.exitcode in {0, -signal.SIGKILL}
    return child.exitcode != 0
