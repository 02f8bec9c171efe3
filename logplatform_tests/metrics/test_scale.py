"""A platform that is old: what a collection costs with a million files and many refused records."""

import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from logplatform.metrics.files import measure_files
from logplatform.metrics.stored import measure_stored
from logplatform.settings.model import Settings
from logplatform.tenancy import Tenancy, open_tenancy

FILES = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
INSERT INTO observation (fingerprint, domain, tenant, source, path, size, mtime_ns, day, status, error_kind, error_type,
  sha256, first_seen, updated)
SELECT randomblob(16), 'archives', 'default', 'web' || (i % 40), 'app/app.log.' || i || '.gz', i, i, '2025-06-01',
  CASE WHEN i % 100 = 1 THEN 'pending' WHEN i % 100 = 2 THEN 'error' ELSE 'processed' END,
  CASE WHEN i % 100 = 2 THEN 'corruption' END, CASE WHEN i % 100 = 2 THEN 'permanent' END,
  hex(randomblob(32)), '2025-06-01 00:00:00.000000', '2025-06-01 00:00:00.000000'
FROM n"""
LETTERS = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
INSERT INTO dead_letter (domain, tenant, origin, position, source, path, sha256, day, raw, reasons, tags, created_at)
SELECT 'archives', 'default', 'o' || (i / 1000), i % 1000, 'web1', 'p', '', '2025-06-01', zeroblob(400), '[]', '[]',
  '2025-06-01 00:00:00.000000'
FROM n"""


def cost(tenancy: Tenancy) -> float:
    """The CPU-seconds of one measuring, the best of three."""
    costs = []
    for _ in range(3):
        begun = time.process_time()
        samples = {(one.name, one.labels): one.value for one in (*measure_files(tenancy), *measure_stored(tenancy))}
        costs.append(time.process_time() - begun)
    assert sum(value for (name, _), value in samples.items() if name == "logplatform_files") > 0
    return min(costs)


@pytest.mark.faults
@pytest.mark.timeout(900)
def test_a_million_files_are_measured_in_less_than_a_second(tmp_path: Path) -> None:
    with open_tenancy(Settings(data_root=tmp_path), "archives") as tenancy:
        with tenancy.database.write() as connection:
            connection.execute(sa.text(FILES), {"count": 1_000_000})
            connection.execute(sa.text(LETTERS), {"count": 300_000})
        assert cost(tenancy) < 1
