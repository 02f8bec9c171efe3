"""Which files below a root are taken: shell globs over whole paths, walked folder by folder.

What belongs here: matching, pure. What does not: listing a folder (`remote`).

`*`, `?` and `[…]` stand for signs within one name, `**` for any number of folders. A folder that a glob names in full
is entered without its parent being listed: the parent may not be readable.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import translate
from itertools import takewhile

_MAGIC = re.compile(r"[*?\[]")
_ANY_DEPTH = "**"

State = tuple[int, int]
"""A glob, and how many of its parts lie behind: what of it is left to match below a folder."""
States = frozenset[State]


@dataclass(frozen=True, slots=True)
class Step:
    """What to do in one folder.

    `named`: folders to enter without looking, with their states. `lists`: whether the folder is to be listed.
    """

    named: dict[str, States]
    lists: bool


def fixed_folder(glob: str) -> str:
    """The folder that a glob names in full, as far as it does."""
    parts = [part for part in glob.split("/") if part not in {"", "."}][:-1]
    return "/".join(takewhile(lambda part: not _MAGIC.search(part), parts))


class Selection:
    """Globs such as `DEM12 (PVC)/*` or `var/log/**/*.gz`, relative to a root, without `.` or `..` in them."""

    def __init__(self, globs: Sequence[str]) -> None:
        self._parts = tuple(tuple(part for part in glob.split("/") if part not in {"", "."}) for glob in globs)
        matchers = {part: re.compile(translate(part)).match for parts in self._parts for part in parts}
        self._match = matchers

    def begin(self) -> States:
        """The states of the root."""
        return self._closed({(glob, 0) for glob in range(len(self._parts))})

    def step(self, states: States) -> Step:
        """What to do in a folder with `states`."""
        named: dict[str, set[State]] = {}
        lists = False
        for glob, done in states:
            left = self._parts[glob][done:]
            if len(left) > 1 and not _MAGIC.search(left[0]):
                named.setdefault(left[0], set()).add((glob, done + 1))
            else:
                lists = True
        return Step({name: self._closed(after) for name, after in named.items()}, lists)

    def takes(self, states: States, name: str) -> bool:
        """Whether a file of this name is taken in a folder with `states`."""
        return any(self._is_last(left) and self._matches(left, name) for left in self._left(states))

    def below(self, states: States, name: str) -> States:
        """The states of the folder `name` that was met in a listing; empty where nothing below it is taken."""
        after: set[State] = set()
        for glob, done in states:
            left = self._parts[glob][done:]
            if left and left[0] == _ANY_DEPTH:
                after.add((glob, done))
            elif len(left) == 1 and left[0] == name:
                # A glob that ends in a folder's name means what is in the folder.
                after.add((glob, done + 1))
            elif len(left) > 1 and _MAGIC.search(left[0]) and self._matches(left, name):
                after.add((glob, done + 1))
        return self._closed(after)

    def _left(self, states: States) -> Iterator[tuple[str, ...]]:
        return (self._parts[glob][done:] for glob, done in states)

    def _is_last(self, left: tuple[str, ...]) -> bool:
        return len(left) <= 1

    def _matches(self, left: tuple[str, ...], name: str) -> bool:
        return not left or left[0] == _ANY_DEPTH or self._match[left[0]](name) is not None

    def _closed(self, states: set[State]) -> States:
        """With what follows a `**` that stands for no folder at all."""
        found = set(states)
        for glob, done in states:
            parts, behind = self._parts[glob], done
            while behind + 1 < len(parts) and parts[behind] == _ANY_DEPTH:
                behind += 1
                found.add((glob, behind))
        return frozenset(found)
