"""The picture, the page and the workbook: right, bounded, and safe with whatever a log holds."""

import datetime as dt
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from openpyxl import load_workbook

from logplatform.machines.anomalies import Anomaly
from logplatform.machines.oee import Factor, OeeFactors, compute_oee
from logplatform.machines.report import ReportInput, render_report
from logplatform.machines.suggestions import NO_CAUSE, Share, suggest
from logplatform.machines.timeline import BLUE, GREEN, RED, YELLOW, timeline
from logplatform.machines.workbook import HEADINGS, write_workbook
from logplatform.stores.sessions import StoredSession
from logplatform_tests.machines.reading import Read, read_bytes, read_day

SVG = "{http://www.w3.org/2000/svg}"
DAY = [
    "06:00:00 StukUitgevoerd: 1",
    "06:10:00 MachineWait: 300",
    "06:30:00 MachineStop: onderhoud",
    "06:45:00 MachineStart",
    "07:00:00 StukUitgevoerd: 2",
]


def page(read: Read, centre: str = "DEM12") -> str:
    return render_report(
        ReportInput(
            centre=centre,
            centre_type="PVC",
            source="DEM12 (PVC)/20250512.LOG",
            partial=False,
            session=read.session,
            anomalies=[Anomaly("open_stop", None, "<script>alert(1)</script>")],
            suggestions=suggest(read.session, read.events.texts),
            oee=compute_oee(read.session, OeeFactors()),
            picture=timeline(read.session, centre),
        )
    )


def test_the_timeline_shows_production_waits_stops_and_pieces() -> None:
    """Of 1,600 columns for the hour the wait takes 267 to 400 and the stop 800 to 1,200; both pieces are dots."""
    drawing = ElementTree.fromstring(timeline(read_day(*DAY).session, "DEM12"))
    paths = {path.get("fill") or path.get("stroke"): path.get("d") for path in drawing.iter(f"{SVG}path")}
    assert paths[YELLOW] == "M286 26h134v44h-134z"
    assert paths[RED] == "M820 26h400v44h-400z"
    assert paths[BLUE] == "M20 84h0M1620 84h0"
    assert GREEN in {box.get("fill") for box in drawing.iter(f"{SVG}rect")}


def test_the_timeline_of_a_million_pieces_is_small() -> None:
    seconds = np.arange(1_000_000) % 86_400
    lines = [f"20250512 {s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}|@StukUitgevoerd: 1\n" for s in seconds.tolist()]
    drawing = timeline(read_bytes(["".join(lines).encode()]).session, "x")
    assert len(drawing) < 40_000
    assert "1,000,000 pieces" in drawing


@pytest.mark.parametrize("lines", [[], ["06:00:00 StukUitgevoerd: 1"]])
def test_a_day_without_window_has_a_picture_and_a_page_too(lines: list[str]) -> None:
    read = read_day(*lines)
    assert "no production window" in timeline(read.session, "x")
    assert "no production window" in page(read)


def test_the_page_is_whole_and_escapes_what_a_log_holds() -> None:
    text = page(read_day(*DAY, "06:50:00 JobProfiel: R:<b>x</b> L:1 C:2", "06:51:00 MachineWait: 60"), "A<i>&B")
    assert "<script>" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "&lt;b&gt;x&lt;/b&gt;" in text
    assert "A&lt;i&gt;&amp;B" in text
    assert "http://" not in text.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert "66.67" not in text
    assert "onderhoud" in text


def test_suggestions_add_up_by_cause() -> None:
    """Two stops of a named cause, one without; a wait in each job; one changeover of 8 minutes between pieces."""
    read = read_day(
        "06:00:00 JobProfiel: R:A L:1 C:1",
        "06:01:00 StukUitgevoerd: 1",
        "06:02:00 MachineStop: mes",
        "06:03:00 MachineStart",
        "06:04:00 MachineWait: 30",
        "06:05:00 JobProfiel: R:B L:1 C:1",
        "06:06:00 MachineStop: mes",
        "06:07:00 MachineStart",
        "06:09:00 StukUitgevoerd: 2",
        "06:10:00 MachineStop",
        "06:10:30 MachineStart",
        "06:11:00 MachineWait: 45",
    )
    found = suggest(read.session, read.events.texts)
    assert found.stop_causes == (Share("mes", 2, 120_000), Share(NO_CAUSE, 1, 30_000))
    assert found.waits_by_job == (Share("B", 1, 45_000), Share("A", 1, 30_000))
    assert (found.changeovers, found.changeover_ms) == (1, 480_000)


def test_oee_is_the_product_of_shown_factors() -> None:
    """An hour with 15 min stop and 5 min wait: 40 of 60 min available; 2 pieces of ideally 600 s: performance 50 %."""
    session = read_day(*DAY).session
    plain = compute_oee(session, OeeFactors())
    assert plain.availability == Factor(2_400_000 / 3_600_000, "computed: effective time / duration")
    assert plain.trs == pytest.approx(2 / 3)
    given = compute_oee(session, OeeFactors(ideal_seconds_per_piece=600, quality=0.9))
    assert (given.performance.value, given.trs) == (pytest.approx(0.5), pytest.approx(2 / 3 * 0.5 * 0.9))
    assert compute_oee(session, OeeFactors(availability=0.8, performance=0.5)).trs == pytest.approx(0.4)
    assert compute_oee(read_day().session, OeeFactors()).trs is None


def stored(number: int, nom: str, type_cu: str, **columns: object) -> StoredSession:
    moment = dt.datetime(2025, 5, number, 6, tzinfo=dt.UTC).replace(tzinfo=None)
    values: dict[str, object] = {
        "id": number,
        "nom": nom,
        "type_cu": type_cu,
        "date_production": dt.date(2025, 5, number),
        "heure_premiere_piece": moment,
        "heure_derniere_piece": moment + dt.timedelta(hours=8),
        "heure_premier_machine_start": moment,
        "heure_dernier_machine_stop": None,
        "total_pieces": 100 * number,
        "duree_production_totale": 8.0,
        "temps_attente": 1.0,
        "temps_arret_volontaire": 2.0,
        "temps_production_effectif": 5.0,
        "taux_occupation": 62.5,
        "taux_attente": 12.5,
        "taux_arret_volontaire": 25.0,
        "fichier_log_source": "x",
        "partielle": False,
        "version_id": 1,
        "empreinte": "",
        **columns,
    }
    return StoredSession(**values)


def test_the_workbook_has_a_sheet_a_type_and_a_filled_last_row(tmp_path: Path) -> None:
    rows = [
        stored(1, "DEMALU", "ALU/x:y"),
        stored(2, "DEM12", "PVC"),
        stored(3, "DEM13", "PVC", duree_production_totale=None, temps_attente=None, taux_attente=None),
    ]
    assert write_workbook(tmp_path / "x.xlsx", iter(rows)) == 3
    book = load_workbook(tmp_path / "x.xlsx")
    assert book.sheetnames == ["ALU-x-y", "PVC"]
    sheet = list(book["PVC"].iter_rows(values_only=True))
    assert sheet[0] == HEADINGS
    assert [row[1] for row in sheet[1:]] == ["DEM12", "DEM13", "2 centres"]
    assert sheet[1][:4] == (dt.datetime(2025, 5, 2), "DEM12", 200, 8)  # noqa: DTZ001 (as Excel keeps it)
    last = sheet[3]
    assert (last[0], last[2], last[3]) == ("2 sessions", 500, 8)
    assert last[5] == rows[1].heure_premiere_piece
    assert last[8:] == (1, 4, 10, 125, 12.5, 50)


def test_a_workbook_without_sessions_opens(tmp_path: Path) -> None:
    assert write_workbook(tmp_path / "x.xlsx", iter(())) == 0
    assert load_workbook(tmp_path / "x.xlsx")["sessions"].cell(1, 1).value == "Date"


def test_a_date_before_excels_time_is_told_as_text(tmp_path: Path) -> None:
    old = dt.datetime(1850, 1, 1, 6, tzinfo=dt.UTC).replace(tzinfo=None)
    row = stored(1, "A", "B", date_production=old.date(), heure_premiere_piece=old)
    write_workbook(tmp_path / "x.xlsx", iter([row]))
    assert load_workbook(tmp_path / "x.xlsx")["B"].cell(2, 6).value == "1850-01-01 06:00:00"
