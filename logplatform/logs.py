"""The platform's own log: JSON lines or text, rotated, shared by every process, without secrets.

What belongs here: handlers, formats, and what is hidden in a log line. What does not: what is worth logging.

A JSON line always holds `timestamp` (ISO 8601, UTC), `level`, `logger`, `message`, `server`, `file`, `operation`,
`retry_count`, `error_type` and `exception`; those that a record does not tell are null. A caller tells them by
`logger.warning("…", extra={"server": "web1", "operation": "copy"})`.
"""

import fcntl
import json
import logging
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

from pydantic import SecretStr

from logplatform.landing.redaction import MASK, Redactor
from logplatform.settings.environment import Variable
from logplatform.settings.load import values
from logplatform.settings.model import Settings
from logplatform.settings.secrecy import secret_part

FIELDS = ("server", "file", "operation", "retry_count", "error_type")
FILE_NAME = "logplatform.log"


def secrets_of(settings: Settings, variables: Mapping[str, Variable]) -> tuple[str, ...]:
    """Every value that must not be printed, longest first: secret settings, and what `secrecy` finds in variables."""
    found = {value.get_secret_value() for _, value in values(settings) if isinstance(value, SecretStr)}
    found |= {secret_part(variable.name, variable.value) for variable in variables.values()}
    return tuple(sorted(found - {""}, key=len, reverse=True))


class Hiding(logging.Formatter):
    """A formatter whose output holds no secret: known values and what the redaction patterns match are masked."""

    def __init__(self, redactor: Redactor, secrets: tuple[str, ...]) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
        self._redactor = redactor
        self._secrets = secrets

    def hidden(self, text: str) -> str:
        """`text` without secrets."""
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return self._redactor.text(text)

    def format(self, record: logging.LogRecord) -> str:
        """The record as text; a traceback follows on lines of its own."""
        return self.hidden(super().format(record))


class JsonLines(Hiding):
    """One JSON object a record, in one line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a JSON object with the fields that the module's docstring names."""
        line: dict[str, object] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": self.hidden(record.getMessage()),
        }
        for name in FIELDS:
            value = getattr(record, name, None)
            line[name] = value if value is None or isinstance(value, int) else self.hidden(str(value))
        raised = record.exc_info[1] if record.exc_info else None
        if raised is not None and line["error_type"] is None:
            line["error_type"] = type(raised).__name__
        line["exception"] = self.hidden(self.formatException(record.exc_info)) if record.exc_info else None
        return json.dumps(line, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()


class SharedRotatingFile(RotatingFileHandler):
    """A rotating log file that several processes write at once: each line and each rotation under a file lock.

    The plain handler of the standard library loses lines here: a process goes on writing to the file that another
    one has just rotated away.
    """

    def __init__(self, path: Path, max_bytes: int, backups: int) -> None:
        text = ("utf-8", True, "backslashreplace")
        super().__init__(path, "a", max_bytes, backups, *text)
        self._failed = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record, after rotation where the file is full. The folder is made with the first record."""
        path = Path(self.baseFilename)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.with_name(f".{path.name}.lock").open("a") as held:
                fcntl.flock(held, fcntl.LOCK_EX)
                self._follow(path)
                super().emit(record)
        except OSError:
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 (the standard library's signature)
        """Say once, in one line, that the log cannot be written: a full disk must not end the work itself."""
        if not self._failed:
            self._failed = True
            sys.stderr.write(f"logplatform: the log file {self.baseFilename} cannot be written: {sys.exc_info()[1]}\n")

    def _follow(self, path: Path) -> None:
        """Open the file anew if another process has rotated it."""
        if self.stream is None:
            return
        if not path.exists() or not os.path.samestat(os.fstat(self.stream.fileno()), path.stat()):
            self.stream.close()
            self.stream = self._open()


def configure(settings: Settings, variables: Mapping[str, Variable] | None = None, *, quiet: bool = False) -> Path:
    """Send the loggers below `logplatform` to the log file, and warnings to stderr too unless `quiet`.

    Returns the log file's path; nothing is made on the disk before the first record. May be called again: the
    handlers are replaced.
    """
    redactor, secrets = settings.redaction.redactor(), secrets_of(settings, variables or {})
    path = settings.log_directory / FILE_NAME
    file = SharedRotatingFile(path, settings.logs.max_bytes, settings.logs.backups)
    file.setFormatter((JsonLines if settings.logs.format == "json" else Hiding)(redactor, secrets))
    logger = logging.getLogger("logplatform")
    for handler in logger.handlers[:]:
        logger.removeHandler(handler)
        handler.close()
    logger.addHandler(file)
    if not quiet:
        screen = logging.StreamHandler(sys.stderr)
        screen.setLevel(logging.WARNING)
        screen.setFormatter(Hiding(redactor, secrets))
        logger.addHandler(screen)
    logger.setLevel(settings.logs.level)
    return path
