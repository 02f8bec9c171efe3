"""The file that `init` writes: valid as it is, and valid when its comments are taken up."""

import re
from pathlib import Path

from logplatform.settings import Settings
from logplatform.settings.load import DEFAULT_ORIGIN, load
from logplatform.settings.template import render
from logplatform.settings.uploads import InboxFolder


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "logplatform.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_file_as_written_changes_nothing(tmp_path: Path) -> None:
    """A fresh file must pass the check and mean the defaults."""
    loaded = load(written(tmp_path, render()), {})
    set_there = {key for key, origin in loaded.origins.items() if origin != DEFAULT_ORIGIN}
    assert set_there == {"archives.sources", "machines.sources"}
    assert loaded.settings.model_copy(update={"data_root": Path("data")}) == Settings()


def test_every_setting_is_in_it_and_taking_the_hash_away_works(tmp_path: Path) -> None:
    """Uncommenting by removing one character keeps the indentation right, and every key is there to be found.

    Prose is what has one space after its `#`; the lines of a setting have none, or its indentation.
    """
    lines = render().splitlines()
    # The examples stand in place of `sources: []`, which is left out here.
    lines = [line for line in lines if not line.strip().startswith("sources:")]
    taken_up = "\n".join(re.sub(r"^(\s*)#(?! \S)", r"\1", line) for line in lines)
    loaded = load(written(tmp_path, taken_up), {})
    assert [source.name for source in loaded.settings.archives.sources] == ["web1", "kafka1", "db1"]
    assert [centre.nom for centre in loaded.settings.machines.sources[0].folders.values()] == [
        "DEM12",
        "DEMALU",
        "SU12",
    ]
    own = {key for key, origin in loaded.origins.items() if origin == DEFAULT_ORIGIN}
    unset = [key for key in own if "sources" not in key and "inboxes" not in key]
    assert unset == []
    (inbox,) = loaded.settings.uploads.inboxes
    assert isinstance(inbox, InboxFolder)
    assert (inbox.name, inbox.patterns) == ("partner", ("*.csv", "*.json"))
    same = {name: getattr(Settings(), name) for name in ("archives", "machines", "uploads")} | {
        "data_root": Path("data")
    }
    assert loaded.settings.model_copy(update=same) == Settings()


def test_lines_are_short_enough_to_read() -> None:
    """A file for people; only values may be longer."""
    assert all(len(line) <= 112 for line in render().splitlines() if "(?i)" not in line)
