"""One piece of work in a process of its own: `python -m benchmarks.work MODULE.PIECE ARGUMENTS…`.

What belongs here: getting a piece of `benchmarks.pieces` ready, timing it, telling its cost as one line of JSON.
"""

import sys
from importlib import import_module
from importlib.abc import MetaPathFinder

import msgspec

from benchmarks.measure import here

# pyspark does not run without it.
_WITH_PANDAS = {"spark"}


class _NoPandas(MetaPathFinder):
    """Answers that pandas is not installed."""

    def find_spec(self, fullname: str, *_: object) -> None:
        """Refuse pandas, and leave everything else to the other finders."""
        if fullname == "pandas":
            raise ModuleNotFoundError("pandas is left out of what is measured", name=fullname)


def main(piece: str, *arguments: str) -> None:
    """Imports and getting ready are done before the clock starts.

    The platform is installed without pandas, which pyarrow loads (36 MB) wherever tests or benchmarks brought it.
    """
    module, _, name = piece.partition(".")
    if module not in _WITH_PANDAS:
        sys.meta_path.insert(0, _NoPandas())
    run = getattr(import_module(f"benchmarks.pieces.{module}"), name)(*arguments)
    print(msgspec.json.encode(here(run)).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
