"""`logplatform machines`: what people and scripts get from it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from logplatform.cli import main

LOG = (
    b"20250512 06:00:00|@JobProfiel: R:215023 L:3359.0 C:7016 G ALU\r\n"
    b"20250512 06:00:00|@StukUitgevoerd: 1\r\n"
    b"20250512 06:10:00|@MachineWait: 12.5 sec\r\n"
    b"20250512 06:20:00|@MachineStop\r\n"
    b"20250512 06:25:00|@MachineStart\r\n"
    b"20250512 06:30:00|@Onbekend: x\r\n"
    b"odd\r\n"
    b"20250512 07:00:00|@StukUitgevoerd: 2\r\n"
    b"20250512 07:00:05|@MachineStop\r\n"
)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "20250512.Log"
    path.write_bytes(LOG)
    return path


def test_session_as_json_has_exactly_the_promised_fields(log: Path) -> None:
    result = CliRunner().invoke(main, ["machines", "session", str(log), "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert set(told) == {"events", "dead_letters", "session", "jobs", "waits", "stops", "anomalies"}
    assert told["events"] == 8
    assert [letter["line"] for letter in told["dead_letters"]] == [7]
    assert told["jobs"] == [
        {"reference": "215023", "longueur": 3359.0, "couleur": "7016", "timestamp_debut": "2025-05-12T06:00:00"}
    ]
    assert told["waits"] == [
        {
            "timestamp_debut": "2025-05-12T06:10:00",
            "timestamp_fin": "2025-05-12T06:10:12.500",
            "duree_secondes": 12.5,
        }
    ]
    assert [stop["duree_secondes"] for stop in told["stops"]] == [300.0, None]
    assert [set(anomaly) for anomaly in told["anomalies"]] == [{"kind", "at", "detail"}]
    session = told["session"]
    assert (session["total_pieces"], session["duree_production_totale"]) == (2, 1.0)
    assert (session["temps_attente"], session["temps_arret_volontaire"]) == (0.0035, 0.0833)
    assert (session["taux_occupation"], session["taux_attente"], session["taux_arret_volontaire"]) == (
        91.32,
        0.35,
        8.33,
    )
    assert (session["id"], session["date_production"]) == (None, "2025-05-12")


def test_session_for_people(log: Path) -> None:
    result = CliRunner().invoke(main, ["machines", "session", str(log)])
    assert result.exit_code == 0
    assert "8 events, 1 refused lines" in result.stdout
    assert "215023" in result.stdout


@pytest.mark.parametrize("name", ["machine.log", "20250231.LOG", "20250512.txt"])
def test_a_name_that_says_no_day_is_a_clear_error(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(LOG)
    result = CliRunner().invoke(main, ["machines", "session", str(path)])
    assert result.exit_code == 2
    assert f"{name}: not a machine log's name" in result.stderr
    assert "Traceback" not in result.output


def test_a_file_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["machines", "session", str(tmp_path / "20250512.LOG")])
    assert result.exit_code == 2
    assert "No such file" in result.stderr


def test_run_and_report(tmp_path: Path) -> None:
    """The same job as in the web interface: session, page and workbook out of one folder."""
    folder = tmp_path / "machines" / "DEM12 (PVC)"
    folder.mkdir(parents=True)
    (folder / "20250512.LOG").write_bytes(LOG)
    config = tmp_path / "logplatform.yaml"
    config.write_text(
        "data_root: data\nlanding: {disk_space_threshold_gb: 0, disk_space_target_gb: 0}\n"
        "machines: {sources: [{name: plant, path: machines}]}\n"
    )
    ran = CliRunner().invoke(main, ["--config", str(config), "machines", "run", "--json"])
    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.stdout)["machines"]["conserved"] is True
    page, book = tmp_path / "page.html", tmp_path / "book.xlsx"
    told = CliRunner().invoke(
        main,
        [
            "--config",
            str(config),
            "machines",
            "report",
            "DEM12",
            "2025-05-12",
            "--output",
            str(page),
            "--workbook",
            str(book),
        ],
    )
    assert told.exit_code == 0, told.output
    assert "DEM12" in page.read_text()
    assert book.stat().st_size > 4_000
    missing = CliRunner().invoke(main, ["--config", str(config), "machines", "report", "DEM12", "2025-05-13"])
    assert missing.exit_code == 2
    assert "no session of centre 'DEM12' on 2025-05-13" in missing.stderr
