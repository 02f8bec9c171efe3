"""A source whose files are at a server, whatever protocol it speaks.

What belongs here: walking folders, removing. What does not: the protocols themselves
(`sftp`, `ftp`), connections (`links`), the way of bytes (`transfer`).
"""

import uuid
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

from logplatform.failures import LogplatformError, PermanentFailure, TransientFailure, Unreachable
from logplatform.sources.base import Entry, Fetched, Sink
from logplatform.sources.links import Found, Link, NoSuchFile, NotAllowed, Pool
from logplatform.sources.names import name_text, text_name
from logplatform.sources.selection import Selection, States, fixed_folder
from logplatform.sources.shelf import Shelf
from logplatform.sources.transfer import Transfer, same, told

_SAMPLE = 5


@dataclass(frozen=True, slots=True)
class RemoteSource:
    """Files below `root` at a server (a path; empty: where a login begins) that one of `globs` takes.

    Folders that a glob names in full must be there if `named_must_exist`; the root must in any case. Links are left
    alone, hidden files (a leading dot) too.
    """

    name: str
    root: str
    globs: tuple[str, ...]
    pool: Pool = field(compare=False, repr=False)
    named_must_exist: bool = True

    def list(self) -> Iterator[Entry]:
        """Walk the folders; each is read to its end before its files are told, so that no consumer holds the server."""
        selection = Selection(self.globs)
        walk = _Walk(self, selection)
        todo: list[tuple[str, States, bool]] = [("", selection.begin(), True)]
        while todo:
            folder, states, named = todo.pop()
            step = selection.step(states)
            below = {name: (states, True) for name, states in step.named.items()}
            if step.lists:
                for found in walk.files(folder, states, named=named):
                    if found.kind == "file":
                        yield Entry(name_text(f"{folder}{found.name}"), found.size, found.mtime_ns)
                    elif after := selection.below(states, found.name):
                        known, was_named = below.get(found.name, (frozenset(), False))
                        below[found.name] = (known | after, was_named)
            todo += [(f"{folder}{name}/", after, named) for name, (after, named) in below.items()]
        walk.tell()

    def fetch(self, entries: Iterable[Entry], sink: Sink) -> Iterator[Fetched]:
        """Send each file's bytes to its sink over one link; a transfer that breaks goes on where it broke."""
        transfer = Transfer(self.name, self.pool, self.path, sink)
        with ExitStack() as stack:
            for entry in transfer.ahead(entries, stack):
                try:
                    yield Fetched(entry, landed=transfer.copy(entry))
                except LogplatformError as failure:
                    yield Fetched(entry, failure=failure)

    def remove(self, entry: Entry) -> bool:
        """Remove the file if it is unchanged."""
        path = self.path(text_name(entry.path))

        def remove(link: Link) -> bool:
            if not same(link.stat(path), entry):
                return False
            link.remove(path)
            return True

        try:
            return self.pool.ask(remove)
        except NoSuchFile:
            return False
        except NotAllowed as error:
            raise PermanentFailure(f"{self.name}: {entry.path}: may not be removed") from error
        except TransientFailure as error:
            raise told(error, f"{self.name}: {entry.path}: was not removed: {error}") from error

    def check_removal(self) -> None:
        """Make and remove a hidden folder where files are; raises PermanentFailure where that is refused."""
        first = next(iter(self.list()), None)
        folder = text_name(first.path).rpartition("/")[0] if first is not None else ""
        if first is None and self.globs:
            folder = fixed_folder(self.globs[0])
        probe = self.path(f"{folder}/.logplatform-{uuid.uuid4().hex}".lstrip("/"))
        try:
            self.pool.ask(lambda link: link.try_writing(probe))
        except Unreachable:
            raise
        except NoSuchFile:
            # A machine that has written nothing yet has no folder; where one must be, the listing has told.
            return
        except (NotAllowed, TransientFailure) as error:
            place = name_text(self.path(folder)) or "the login's own folder"
            raise PermanentFailure(
                f"source {self.name}: nothing can be removed from {place} ({error}): give the user the right to, "
                "or set `delete_source: false`"
            ) from error

    def relative(self, path: str) -> str:
        """A path as entries have it, from one that is whole."""
        root = self.root.rstrip("/")
        return path[len(root) + 1 :] if self.root and path.startswith(f"{root}/") else path

    def path(self, relative: str) -> str:
        """A path at the server."""
        return f"{self.root.rstrip('/')}/{relative}" if self.root else relative


@dataclass(slots=True)
class _Walk:
    """The listing of folders, with what could not be read of them."""

    source: RemoteSource
    selection: Selection
    refused: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def files(self, folder: str, states: States, *, named: bool) -> Iterator[Found]:
        """The visible folders of a folder, and those of its files that are taken."""

        def takes(name: str) -> bool:
            return not name.startswith(".") and self.selection.takes(states, name)

        with Shelf() as shelf:
            try:
                self.source.pool.ask(
                    lambda link: shelf.keep(
                        link.folder(self.source.path(folder).rstrip("/") or self.source.root, takes)
                    )
                )
            except NoSuchFile:
                # One that was met in a listing may be gone by now.
                self.missing += [folder] if named else []
                return
            except NotAllowed:
                self.refused.append(name_text(folder) or "/")
                return
            except LogplatformError as failure:
                raise told(failure, f"source {self.source.name}: {failure}") from failure
            for found in shelf:
                visible_folder = found.kind == "folder" and not found.name.startswith(".")
                if visible_folder or (found.kind == "file" and takes(found.name)):
                    yield found

    def tell(self) -> None:
        """Raise for what could not be read, once everything else was listed."""
        named = f"source {self.source.name}:"
        if self.refused:
            shown = ", ".join(self.refused[:_SAMPLE])
            raise PermanentFailure(f"{named} may not be read: {shown}; give {self.source.name}'s user the right to")
        if self.missing and (self.source.named_must_exist or not self._root_exists()):
            shown = ", ".join(name_text(self.source.path(folder)) or "/" for folder in self.missing[:_SAMPLE])
            raise Unreachable(f"{named} there is no folder {shown}")

    def _root_exists(self) -> bool:
        if not self.source.root:
            return True
        try:
            return self.source.pool.ask(lambda link: link.stat(self.source.root)).kind != "file"
        except NoSuchFile:
            return False
