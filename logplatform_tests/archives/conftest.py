"""A platform of archives in a folder of its own."""

from pathlib import Path

import pytest

from logplatform_tests.archives.platform import Platform


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    return Platform(tmp_path)
