"""Unpacking while others work on the same store: no row tells of what is not there."""

import gzip
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from logplatform.archives.engine import collect_step, run_batch
from logplatform.archives.job import batch_job
from logplatform.archives.unpack import unpack
from logplatform.orchestration.batches import Bounds, propose
from logplatform.stores.files import LocalFiles, LocalPart
from logplatform_tests.archives.platform import Platform, access_log


class Greedy(LocalFiles):
    """A store from which somebody removes the first file that is published below `prefix`."""

    def __init__(self, root: Path, prefix: str) -> None:
        super().__init__(root)
        self.prefix = prefix
        self.taken: str | None = None

    @contextmanager
    def part(self) -> Generator[LocalPart]:
        """A file that is gone right after it was published, the first time."""
        with super().part() as part:
            yield part
        if self.taken is None:
            (self.taken,) = self.keys(self.prefix)
            self.remove(self.taken)


def test_a_content_that_is_gone_before_its_commit_is_extracted_again(tmp_path: Path) -> None:
    """Retention may take equal content between its publishing and its commit: no row may tell of what is not there."""
    platform = Platform(tmp_path)
    platform.put("web1", "app.log.gz", gzip.compress(access_log("app")))
    platform.look()
    with platform.tenancy() as tenancy:
        (proposal,) = propose(tenancy.ledger, Bounds(), set(), 1, "test")
        with batch_job(tenancy, proposal.batch_id, "run") as job:
            list(collect_step(job))
        greedy = Greedy(platform.data, tenancy.landing.extracted_prefix)
        with batch_job(replace(tenancy, files=greedy), proposal.batch_id, "run") as job:
            list(unpack(job))
        assert greedy.taken is not None
    failed = platform.files()["web1/app.log.gz"]
    assert (failed.status, failed.error_kind, failed.error_type) == ("error", "extract", "transient")
    assert failed.error == "what it was extracted to was removed before it was committed"
    with platform.tenancy() as tenancy:
        (again,) = propose(tenancy.ledger, Bounds(), set(), 1, "test", patient=False)
        run_batch(tenancy, again.batch_id, "again")
    assert platform.statuses() == {"web1/app.log.gz": "processed"}
    assert len(platform.events()) == 3
    assert set(platform.missing().values()) == {0}
