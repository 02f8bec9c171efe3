"""Bare loops: the least that any program in Python does to the same input.

What belongs here: the standard library alone.
"""

import os
from collections.abc import Callable
from pathlib import Path


def split(path: str) -> Callable[[], dict[str, float]]:
    """Read a machine file's lines and split each once, at the bar."""

    def run() -> dict[str, float]:
        count = 0
        with Path(path).open(encoding="latin-1") as file:
            for line in file:
                line.split("|")
                count += 1
        return {"lines": count}

    return run


def split_fields(path: str) -> Callable[[], dict[str, float]]:
    """Read a machine file's lines and split each into its three fields: time, event, details."""

    def run() -> dict[str, float]:
        count = 0
        with Path(path).open(encoding="latin-1") as file:
            for line in file:
                _time, _, event = line.rstrip("\n").partition("|@")
                _name, _, _details = event.partition(": ")
                count += 1
        return {"lines": count}

    return run


def walk(folder: str) -> Callable[[], dict[str, float]]:
    """Walk a folder and ask for the size and mtime of each file."""

    def run() -> dict[str, float]:
        count, folders = 0, [folder]
        while folders:
            with os.scandir(folders.pop()) as found:
                for item in found:
                    if item.is_dir(follow_symlinks=False):
                        folders.append(item.path)
                    else:
                        item.stat(follow_symlinks=False)
                        count += 1
        return {"listed": count}

    return run
