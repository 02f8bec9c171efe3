"""`logplatform reset` and the tickets: nothing stays that speaks of files which are gone."""

from pathlib import Path

from click.testing import CliRunner

from logplatform.cli import main
from logplatform_tests.tickets.messages import numbered
from logplatform_tests.tickets.outcome import outcome, settings_in
from logplatform_tests.tickets.test_ingest import fill, ingest


def test_after_a_reset_the_topics_are_read_anew(tmp_path: Path) -> None:
    """A database that stayed would name files of the tables that were removed."""
    settings = settings_in(tmp_path)
    fill(tmp_path, [*(numbered(n) for n in range(20)), b"{}"])
    ingest(settings)
    before = outcome(settings)
    done = CliRunner().invoke(main, ["reset", "--yes"], env={"LOGPLATFORM_DATA_ROOT": str(tmp_path)})
    assert done.exit_code == 0, done.output
    assert not (tmp_path / "tickets.db").exists()
    assert not (tmp_path / "tickets").exists()
    ingest(settings)
    assert outcome(settings) == before
