"""The sample logs of three real-looking centres: the figures that everything must add up to."""

import os
from collections import Counter
from pathlib import Path

import pytest

from logplatform.machines.dry_run import session_report
from logplatform.machines.engine import run_batch
from logplatform.machines.measures import arrows
from logplatform.machines.sensors import watched
from logplatform.orchestration.sensors import bounds_of, tick
from logplatform.settings.model import Settings
from logplatform.stores.sessions import SqlSessions
from logplatform.tenancy import open_tenancy

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = Path(os.environ.get("LOGPLATFORM_SAMPLES", ROOT.parent / "shared" / "samples")) / "machines"

pytestmark = [pytest.mark.samples, pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"{SAMPLES} is not there")]


def test_dry_runs_of_all_samples_add_up() -> None:
    totals: Counter[str] = Counter()
    for path in sorted(SAMPLES.glob("*/*.LOG")):
        report = session_report(path)
        pieces = report["session"]["total_pieces"]
        assert isinstance(pieces, int)
        totals.update(sessions=1, events=report["events"], pieces=pieces, dead=len(report["dead_letters"]))
    assert totals == {"sessions": 36, "events": 15_219, "pieces": 13_406, "dead": 3}


def test_one_run_takes_all_samples_and_the_next_changes_nothing(tmp_path: Path) -> None:
    settings = Settings.model_validate(
        {
            "data_root": tmp_path,
            "landing": {"disk_space_threshold_gb": 0, "disk_space_target_gb": 0},
            "machines": {"sources": [{"name": "plant", "path": SAMPLES}]},
        }
    )
    with open_tenancy(settings, "machines") as tenancy:
        sessions = SqlSessions(tenancy.database, "default", tenancy.now)
        proposals = tick(tenancy, watched(tenancy), bounds_of(settings), set()).proposals
        for proposal in proposals:
            run_batch(tenancy, proposal.batch_id, "first")
        found = list(sessions.every())
        assert (len(found), sum(session.total_pieces for session in found)) == (36, 13_406)
        assert [(arrow.came, arrow.out, arrow.dead_letters, arrow.missing) for arrow in arrows(tenancy)] == [
            (36, 36, 0, 0),
            (15_222, 15_219, 3, 0),
            (13_406, 13_406, 0, 0),
        ]
        assert tick(tenancy, watched(tenancy), bounds_of(settings), set()).proposals == []
        assert list(sessions.every()) == found
