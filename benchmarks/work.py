"""One piece of work in a process of its own: `python -m benchmarks.work MODULE.PIECE ARGUMENTS…`.

What belongs here: getting a piece of `benchmarks.pieces` ready, timing it, telling its cost as one line of JSON.
"""

import sys
from importlib import import_module

import msgspec

from benchmarks.measure import here


def main(piece: str, *arguments: str) -> None:
    """Imports and getting ready are done before the clock starts."""
    module, _, name = piece.partition(".")
    run = getattr(import_module(f"benchmarks.pieces.{module}"), name)(*arguments)
    print(msgspec.json.encode(here(run)).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
