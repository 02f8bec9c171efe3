"""A filled platform for each test."""

from pathlib import Path

import pytest

from logplatform_tests.backup.house import House


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(tmp_path / "house", tmp_path / "sources")
    made.fill()
    return made
