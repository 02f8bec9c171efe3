"""Dagster's home: where its own files are, and the instance behind them.

What belongs here: putting the folder and its `dagster.yaml` in place. What does not: what Dagster loads (`assembly`).
"""

import fcntl
import os
from collections.abc import Generator, MutableMapping
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import yaml

from logplatform.failures import PermanentFailure
from logplatform.orchestration.storage import URL_VARIABLE, hand_over
from logplatform.settings.model import Settings

PACKAGED = Path(__file__).parent
INSTANCE_FILE = "dagster.yaml"
WORKSPACE = PACKAGED / "workspace.yaml"
HOME_VARIABLE = "DAGSTER_HOME"
PLANNED_VARIABLE = "DAGSTER_EMIT_PARTITION_SUBSET_IN_PLANNED_EVENTS"

_MARK = "logplatform writes this file anew"
_CONCURRENCY = "max_concurrent_runs: 2"
_MADE_FILE = ".storage"


def prepare_home(settings: Settings, env: MutableMapping[str, str]) -> Path:
    """Make Dagster's home usable and name it in `env`; return it.

    DAGSTER_HOME where the user set one, else the settings' `dagster.home`, else `dagster` under the data root. The
    packaged `dagster.yaml` is put in, with the settings' concurrency, unless somebody's own is there. Where Dagster is
    to keep files of its own, it has made them. Raises PermanentFailure if the folder cannot be made.
    """
    named = env.get(HOME_VARIABLE)
    home = (Path(named) if named else settings.dagster_home).absolute()
    file = home / INSTANCE_FILE
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not file.exists() or _MARK in file.read_text():
            _replace(file, instance_yaml(settings))
        if settings.dagster.storage.type == "sqlite":
            _make_storage(home)
    except OSError as error:
        raise PermanentFailure(f"Dagster's home {home} cannot be used: {error.strerror}") from error
    env[HOME_VARIABLE] = str(home)
    # One planned event an asset and run instead of one a day: 3,000 days would cost 3,000 events an asset, and a run
    # that fails would mark days without input as failed.
    env.setdefault(PLANNED_VARIABLE, "true")
    hand_over(settings, env)
    return home


def instance_yaml(settings: Settings) -> str:
    """The packaged `dagster.yaml` with the settings' concurrency, storage and launcher."""
    packaged = (PACKAGED / INSTANCE_FILE).read_text()
    text = packaged.replace(_CONCURRENCY, f"max_concurrent_runs: {settings.dagster.max_concurrent_runs}")
    more: dict[str, object] = {}
    if settings.dagster.storage.type == "postgresql":
        more["storage"] = {"postgres": {"postgres_url": {"env": URL_VARIABLE}}}
    if settings.dagster.run_launcher:
        more["run_launcher"] = dict(settings.dagster.run_launcher)
    return f"{text}\n{yaml.safe_dump(more, sort_keys=False)}" if more else text


@contextmanager
def opened_instance(settings: Settings) -> Generator[dg.DagsterInstance]:
    """The Dagster instance of this platform, for commands that run a job or report to it."""
    prepare_home(settings, os.environ)
    with dg.DagsterInstance.get() as instance:
        yield instance


def _make_storage(home: Path) -> None:
    # Dagster's programs and our commands may start at once on a new home. Two that make its SQLite files at the same
    # moment would each write a version into them, after which none of them opens any more.
    with (home / _MADE_FILE).open("a+") as made:
        fcntl.flock(made, fcntl.LOCK_EX)
        if not os.fstat(made.fileno()).st_size:
            dg.DagsterInstance.from_config(str(home)).dispose()
            made.write("Dagster's files are made\n")


def _replace(file: Path, text: str) -> None:
    # Two commands may start at once: each reader must find a whole file.
    part = file.with_name(f".{file.name}.{os.getpid()}")
    part.write_text(text)
    part.replace(file)
