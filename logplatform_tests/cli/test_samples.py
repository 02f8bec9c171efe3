"""Real input end to end by one command: its known figures, and that a second run changes none of them."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from logplatform.cli import main

SAMPLES = Path(os.environ.get("LOGPLATFORM_SAMPLES", Path(__file__).parents[3] / "shared" / "samples"))
pytestmark = [
    pytest.mark.samples,
    pytest.mark.slow,
    pytest.mark.skipif(not (SAMPLES / "archives").is_dir(), reason="the sample folder is not there"),
]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A settings file as `init` writes it for the sample folders."""
    file = tmp_path / "logplatform.yaml"
    folders = ["--archives", str(SAMPLES / "archives"), "--machines", str(SAMPLES / "machines")]
    made = CliRunner().invoke(main, ["--config", str(file), "init", *folders])
    assert made.exit_code == 0, made.output
    # How full the disk of a test machine is must not change the outcome.
    monkeypatch.setenv("LOGPLATFORM_LANDING__DISK_SPACE_THRESHOLD_GB", "0")
    return file


def run(file: Path) -> dict[str, Any]:
    result = CliRunner().invoke(main, ["--config", str(file), "run", "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def flow(account: dict[str, Any]) -> dict[str, tuple[int, int, int, int]]:
    """Arrow -> (in, out, dead letters, missing)."""
    return {a["name"]: (a["came"], a["out"], a["dead_letters"], a["missing"]) for a in account["flow"]}


def test_the_samples_come_to_their_known_figures_and_stay_there(file: Path) -> None:
    """The figures were counted by hand from the files; a second run must change no count."""
    first = run(file)
    archives, machines = first["archives"], first["machines"]
    assert flow(archives) == {
        "seen → landed": (39, 39, 0, 0),
        "landed → extracted": (39, 39, 0, 0),
        "extracted → events": (19_915, 19_915, 0, 0),
    }
    by_server = {row["server"]: (row["format"], row["lines"], row["events"]) for row in archives["results"]}
    assert by_server.pop("web1") == ("access", 10_000, 10_000)
    assert {kind for kind, _, _ in by_server.values()} == {"log4j"}
    assert sum(lines for _, lines, _ in by_server.values()) == 9_915
    assert sum(events for _, _, events in by_server.values()) == 9_059

    assert all(arrow["missing"] == 0 for arrow in machines["flow"])
    assert [row["centre"] for row in machines["results"]] == ["DEM12", "DEMALU", "SU12"]
    totals = [sum(row[name] for row in machines["results"]) for name in ("sessions", "events", "pieces")]
    assert totals == [36, 15_219, 13_406]
    assert machines["now"]["files"] == {"processed": 36}
    assert machines["now"]["open_letters"] == 3

    again = run(file)
    for domain in ("archives", "machines"):
        assert (again[domain]["new"], again[domain]["runs"]) == (0, 0)
        assert (again[domain]["flow"], again[domain]["results"]) == (first[domain]["flow"], first[domain]["results"])
        for kept in ("files", "rows", "open_letters"):
            assert again[domain]["now"][kept] == first[domain]["now"][kept]
