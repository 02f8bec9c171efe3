"""The section `api`: an address that others reach needs a key, wherever the two are set."""

from pathlib import Path

import pytest

from logplatform.settings.load import load
from logplatform.settings.mistakes import SettingsError

KEY = "correct-horse-battery"


def loaded(folder: Path, text: str, **env: str) -> object:
    file = folder / "logplatform.yaml"
    file.write_text(text, encoding="utf-8")
    return load(file, env).settings.api.host


def test_an_address_that_others_reach_needs_a_key(tmp_path: Path) -> None:
    text = "api: {host: 0.0.0.0}\n"
    with pytest.raises(SettingsError) as found:
        loaded(tmp_path, text)
    (mistake,) = found.value.mistakes
    assert mistake.key == "api.host"
    assert mistake.place.endswith("logplatform.yaml:1:7")
    assert "no API key is set" in mistake.message
    assert loaded(tmp_path, text, LOGPLATFORM_API__API_KEY=KEY) == "0.0.0.0"
    (tmp_path / ".env").write_text(f"LOGPLATFORM_API__API_KEY={KEY}\n", encoding="utf-8")
    assert loaded(tmp_path, text) == "0.0.0.0"


@pytest.mark.parametrize("key", ["short", "with a space in it", "ümlaut-ümlaut", "x" * 7])
def test_a_key_that_no_header_can_carry_or_anybody_can_guess_is_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(SettingsError, match="at least 8 characters") as found:
        loaded(tmp_path, f"api: {{api_key: {key!r}}}\n")
    assert key not in str(found.value)
