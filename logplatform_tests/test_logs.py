"""The platform's log: fields, rotation shared by processes, and no secrets in it."""

import json
import logging
import multiprocessing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from logplatform.logs import FILE_NAME, configure, secrets_of
from logplatform.settings import Settings
from logplatform.settings.environment import Variable

NAMES = (
    "timestamp",
    "level",
    "logger",
    "message",
    "server",
    "file",
    "operation",
    "retry_count",
    "error_type",
    "exception",
)


@pytest.fixture(autouse=True)
def _handlers_are_put_back() -> Iterator[None]:
    logger = logging.getLogger("logplatform")
    before, level = logger.handlers[:], logger.level
    yield
    for handler in logger.handlers[:]:
        logger.removeHandler(handler)
        handler.close()
    logger.handlers[:] = before
    logger.setLevel(level)


def settings(folder: Path, **logs: Any) -> Settings:
    return Settings.model_validate({"data_root": folder, "logs": logs})


def lines(folder: Path) -> list[dict[str, Any]]:
    found = sorted((folder / "logs").glob(f"{FILE_NAME}*"), reverse=True)
    return [json.loads(line) for file in found for line in file.read_text(encoding="utf-8").splitlines()]


def test_a_line_holds_every_field(tmp_path: Path) -> None:
    """The names are an interface: users' log collectors read them."""
    configure(settings(tmp_path), quiet=True)
    try:
        (tmp_path / "disk gone").read_bytes()
    except OSError:
        told = {"server": "web1", "file": "a.gz", "operation": "copy", "retry_count": 2}
        logging.getLogger("logplatform.archives").exception("copy of %s failed", "a.gz", extra=told)
    logging.getLogger("logplatform").info("two\nlines")
    first, second = lines(tmp_path)
    assert tuple(first) == NAMES
    assert first["message"] == "copy of a.gz failed"
    assert (first["server"], first["file"], first["operation"], first["retry_count"]) == ("web1", "a.gz", "copy", 2)
    assert first["error_type"] == "FileNotFoundError"
    assert "disk gone" in first["exception"]
    assert first["timestamp"].endswith("+00:00")
    assert second["message"] == "two\nlines"
    assert second["server"] is None


def test_no_secret_reaches_the_file(tmp_path: Path) -> None:
    """Known values, and what the redaction patterns find, in messages, fields and tracebacks."""
    variables = {
        name: Variable(name, value, name)
        for name, value in {
            "SSH_PASSWORD_WEB1": "hunter22",
            "MONGODB_URI": "mongodb://user:mongo-pw@db/logs",
            "HOME": "/home/me",
        }.items()
    }
    given = Settings.model_validate({"data_root": tmp_path, "redaction": {"hash_key": "the-salt"}})
    assert set(secrets_of(given, variables)) == {"hunter22", "mongo-pw", "the-salt"}
    configure(given, variables, quiet=True)
    logger = logging.getLogger("logplatform.x")
    try:
        (tmp_path / "login with hunter22").read_bytes()
    except OSError:
        logger.exception("using the-salt and token=abc123def", extra={"file": "x-mongo-pw"})
    text = (tmp_path / "logs" / FILE_NAME).read_text(encoding="utf-8")
    assert not [secret for secret in ("hunter22", "mongo-pw", "the-salt", "abc123def") if secret in text]
    assert "********" in text


def test_text_form_is_for_people(tmp_path: Path) -> None:
    """`format: text` writes one readable line."""
    configure(settings(tmp_path, format="text"), quiet=True)
    logging.getLogger("logplatform.x").info("hello")
    assert "INFO    logplatform.x: hello" in (tmp_path / "logs" / FILE_NAME).read_text(encoding="utf-8")


def write_many(folder: Path, worker: int, count: int) -> None:
    configure(settings(folder, max_bytes=4000, backups=60), quiet=True)
    logger = logging.getLogger("logplatform.worker")
    for number in range(count):
        logger.info("%d/%d", worker, number)


def test_processes_that_rotate_at_once_lose_no_line(tmp_path: Path) -> None:
    """Web server, daemon and runs share the file; the standard handler loses lines when it rotates."""
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=write_many, args=(tmp_path, worker, 200)) for worker in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    written = sorted(line["message"] for line in lines(tmp_path))
    assert written == sorted(f"{worker}/{number}" for worker in range(3) for number in range(200))
    assert len(list((tmp_path / "logs").glob(f"{FILE_NAME}.*"))) > 3


def test_old_files_are_removed(tmp_path: Path) -> None:
    """10 MB x 5 by default: the log's size is bounded."""
    configure(settings(tmp_path, max_bytes=1000, backups=2), quiet=True)
    for number in range(100):
        logging.getLogger("logplatform.x").info("line %d", number)
    files = list((tmp_path / "logs").glob(f"{FILE_NAME}*"))
    assert len(files) == 3
    assert sum(file.stat().st_size for file in files) <= 3 * 1000


def test_a_log_that_cannot_be_written_does_not_stop_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A full disk is told once on stderr; whatever logs goes on."""
    (tmp_path / "logs").touch()
    configure(settings(tmp_path), quiet=True)
    for _ in range(3):
        logging.getLogger("logplatform.x").info("hello")
    assert capsys.readouterr().err.count("cannot be written") == 1


def test_configuring_twice_writes_each_line_once(tmp_path: Path) -> None:
    """A command that loads its settings again must not double the log."""
    configure(settings(tmp_path), quiet=True)
    configure(settings(tmp_path), quiet=True)
    logging.getLogger("logplatform.x").info("hello")
    assert len(lines(tmp_path)) == 1


def test_warnings_are_seen_on_the_screen_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Somebody at a terminal does not read the log file."""
    configure(settings(tmp_path))
    logging.getLogger("logplatform.x").warning("look")
    logging.getLogger("logplatform.x").info("quiet")
    captured = capsys.readouterr().err
    assert "look" in captured
    assert "quiet" not in captured
