"""Start a program that ends with its parent: `python -m logplatform.orchestration.child PARENT_PID PROGRAM ARG...`.

What belongs here: the few lines between fork and exec. What does not: who is started and watched (`supervise`).

A parent that is killed (kill -9) cannot end its children. On Linux the kernel does it (prctl(2), PR_SET_PDEATHSIG; the
setting survives exec). Elsewhere the program just starts, and Dagster's own heartbeats end its servers.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Replace this process by the program; never returns."""
    parent, program = int(arguments[0]), arguments[1:]
    # A shell's background job ignores Ctrl-C, and its children inherit that; they must hear the signal we end them by.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)
    if os.getppid() != parent:
        sys.exit(f"the starting process {parent} is gone")
    os.execv(program[0], program)  # noqa: S606 (no shell is the point)


if __name__ == "__main__":
    main(sys.argv[1:])
