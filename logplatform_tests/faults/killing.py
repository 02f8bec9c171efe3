"""Killing a process at a chosen point: before or after its n-th step, in the n-th passing of a line, or by the clock.

What belongs here: what is patched and traced inside the child that is to die. What does not: which points are chosen,
and what must hold afterwards (the tests).

A *step* is a call that changes what another process can see: fsync, rename, link, unlink, mkdir, a write to a part, an
SQL statement, a commit. Each is a point before and a point after it. A *line* is a line of the product's own code.
"""

import json
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine.default import DefaultDialect

import logplatform
from logplatform.stores.files import LocalPart

PACKAGE = str(Path(logplatform.__file__).parent)
WATCHED = tuple(f"{PACKAGE}/{part}/" for part in ("archives", "machines", "uploads", "landing", "stores", "sources"))
CALLS = ("fsync", "rename", "replace", "unlink", "symlink", "link", "mkdir")


@dataclass(frozen=True, slots=True)
class Kill:
    """Where a child dies. step: at its `nth` point. line: when `place` (file:line) is passed for the `nth` time.

    clock: the parent kills it `nth` milliseconds after its start. `sends` is SIGKILL, or SIGSTOP for a child that
    falls asleep there.
    """

    kind: Literal["step", "line", "clock"]
    nth: int
    place: str = ""
    sends: int = signal.SIGKILL


@dataclass(frozen=True, slots=True)
class Course:
    """What an undisturbed child passed: the names of its points in order, and how often each line."""

    steps: list[str]
    lines: dict[str, int]
    milliseconds: int


@dataclass
class Watcher:
    """Counts points and lines in this process, and ends it at the chosen one."""

    kill: Kill | None
    steps: list[str] = field(default_factory=list)
    lines: Counter[str] = field(default_factory=Counter)

    def point(self, name: str) -> None:
        """Pass a point."""
        self.steps.append(name)
        if self.kill is not None and self.kill.kind == "step" and len(self.steps) == self.kill.nth:
            self._end(self.kill)

    def watch_steps(self) -> None:
        """Patch what makes steps."""
        for name in CALLS:
            setattr(os, name, self._around(name, getattr(os, name)))
        for owner, name in ((LocalPart, "write"), (DefaultDialect, "do_commit")):
            setattr(owner, name, self._around(name.removeprefix("do_"), getattr(owner, name)))
        event.listen(sa.Engine, "before_cursor_execute", lambda *_: self.point("before statement"))

    def watch_lines(self, *, only: str | None = None) -> None:
        """Trace the product's lines, in every thread; `only` one place where given, which is much faster."""
        wanted = only.rpartition(":")[0] if only else None

        def of_frame(frame: FrameType, _event: str, _arg: object) -> Callable[..., Any] | None:
            name = frame.f_code.co_filename
            if not name.startswith(WATCHED) or (wanted is not None and name != f"{PACKAGE}/{wanted}"):
                return None
            return of_line

        def of_line(frame: FrameType, what: str, _arg: object) -> Callable[..., Any]:
            if what == "line":
                self._pass(f"{frame.f_code.co_filename[len(PACKAGE) + 1 :]}:{frame.f_lineno}")
            return of_line

        threading.settrace(of_frame)
        sys.settrace(of_frame)

    def _pass(self, place: str) -> None:
        self.lines[place] += 1
        if self.kill is not None and self.kill.place == place and self.lines[place] == self.kill.nth:
            self._end(self.kill)

    def _around(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: object, **kwargs: object) -> object:
            self.point(f"before {name}")
            result = function(*args, **kwargs)
            self.point(f"after {name}")
            return result

        return watched

    def _end(self, kill: Kill) -> None:
        os.kill(os.getpid(), kill.sends)
        if kill.sends == signal.SIGKILL:
            raise AssertionError(f"still alive after {kill}")


def watcher(kill: Kill | None, *, record: bool = False) -> Watcher:
    """The watcher of a child that is to die at `kill`, or (`record`) to note its course."""
    watching = Watcher(kill)
    if record or (kill is not None and kill.kind == "step"):
        watching.watch_steps()
    if record or (kill is not None and kill.kind == "line"):
        watching.watch_lines(only=kill.place if kill is not None else None)
    return watching


def write_course(path: Path, watching: Watcher, milliseconds: int) -> None:
    """Note an undisturbed child's course."""
    path.write_text(json.dumps([watching.steps, watching.lines, milliseconds]), encoding="utf-8")


def read_course(path: Path) -> Course:
    """The course that a child noted."""
    return Course(*json.loads(path.read_text(encoding="utf-8")))
