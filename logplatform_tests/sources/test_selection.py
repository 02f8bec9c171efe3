"""Globs over whole paths: what is taken, and which folders are looked into."""

import pytest

from logplatform.sources.selection import Selection, fixed_folder

TREE = {
    "": ["var", "srv", "a.gz"],
    "var": ["log"],
    "var/log": ["apps", "syslog.gz", "app.log"],
    "var/log/apps": ["a.gz", "b.txt", "2026"],
    "var/log/apps/2026": ["c.gz", "[x].gz"],
    "srv": ["a.gz"],
}


def walked(*globs: str) -> tuple[set[str], set[str]]:
    """What is taken, and what was listed."""
    selection = Selection(globs)
    todo = [("", selection.begin())]
    taken, listed = set[str](), set[str]()
    while todo:
        folder, states = todo.pop()
        step = selection.step(states)
        below = dict(step.named)
        if step.lists and folder in TREE:
            listed.add(folder)
            for name in TREE[folder]:
                path = f"{folder}/{name}".lstrip("/")
                if path not in TREE:
                    taken |= {path} if selection.takes(states, name) else set()
                elif after := selection.below(states, name):
                    below[name] = below.get(name, frozenset()) | after
        todo += [(f"{folder}/{name}".lstrip("/"), after) for name, after in below.items()]
    return taken, listed


@pytest.mark.parametrize(
    ("globs", "taken", "listed"),
    [
        (["var/log/apps/*.gz"], {"var/log/apps/a.gz"}, {"var/log/apps"}),
        (
            ["var/log/**/*.gz"],
            {"var/log/syslog.gz", "var/log/apps/a.gz", "var/log/apps/2026/c.gz", "var/log/apps/2026/[x].gz"},
            {"var/log", "var/log/apps", "var/log/apps/2026"},
        ),
        (["var/*/apps/*"], {"var/log/apps/a.gz", "var/log/apps/b.txt"}, {"var", "var/log/apps"}),
        (["var/log/apps"], {"var/log/apps/a.gz", "var/log/apps/b.txt"}, {"var/log", "var/log/apps"}),
        (["*.gz", "srv/*.gz"], {"a.gz", "srv/a.gz"}, {"", "srv"}),
        (
            ["**"],
            {
                "a.gz",
                "srv/a.gz",
                "var/log/syslog.gz",
                "var/log/app.log",
                "var/log/apps/a.gz",
                "var/log/apps/b.txt",
                "var/log/apps/2026/c.gz",
                "var/log/apps/2026/[x].gz",
            },
            set(TREE),
        ),
        (["var/log/apps/2026/[[]x].gz"], {"var/log/apps/2026/[x].gz"}, {"var/log/apps/2026"}),
        (["none/*.gz"], set(), set()),
    ],
)
def test_a_glob_takes_what_it_says_and_looks_nowhere_else(globs: list[str], taken: set[str], listed: set[str]) -> None:
    """Listing `/var` to read `/var/log/apps` asks for rights that nobody gives a collector."""
    assert walked(*globs) == (taken, listed)


@pytest.mark.parametrize(
    ("glob", "folder"), [("var/log/*.gz", "var/log"), ("**/*.gz", ""), ("a/b*/c/*.gz", "a"), ("x.gz", "")]
)
def test_the_folder_that_a_glob_names(glob: str, folder: str) -> None:
    assert fixed_folder(glob) == folder
