"""`.env` files: what is read, and that what is written is read back."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logplatform.failures import PermanentFailure
from logplatform.settings.environment import dotenv_line, read_dotenv
from logplatform.settings.load import load
from logplatform.settings.mistakes import SettingsError


def test_the_forms_people_write() -> None:
    """The five existing systems' files use all of these."""
    text = """\
# comment
A=1
export B = two words
C="quoted # not a comment"  # a comment
D='single'
E=plain # comment
F=
G=a=b
not an assignment
"""
    variables, mistakes = read_dotenv(text, ".env")
    assert {v.name: v.value for v in variables} == {
        "A": "1",
        "B": "two words",
        "C": "quoted # not a comment",
        "D": "single",
        "E": "plain",
        "F": "",
        "G": "a=b",
    }
    assert variables[2].place == ".env:4"
    assert [mistake.place for mistake in mistakes] == [".env:9"]


@given(st.text(max_size=40))
def test_a_written_line_is_read_back_as_it_was(value: str) -> None:
    """A password that changed on its way into `.env` locks the user out; what cannot be written is refused."""
    try:
        line = dotenv_line("NAME", value)
    except PermanentFailure:
        assert "\n" in value or {'"', "'"} <= set(value)
        return
    variables, mistakes = read_dotenv(line, ".env")
    assert [(v.name, v.value) for v in variables] == [("NAME", value)]
    assert not mistakes


@pytest.mark.parametrize("value", ["it's", 'say "no"', "a #b", " padded ", "ends\\", "p@ss:w/rd", "# all", "''", "é"])
def test_passwords_of_every_kind_survive(value: str) -> None:
    """The ones that break naive quoting."""
    variables, _ = read_dotenv(dotenv_line("NAME", value), ".env")
    assert variables[0].value == value


def test_a_secret_is_read_from_the_file_that_a_variable_names(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("opens sesame\n")
    settings = load(None, {"LOGPLATFORM_STORES__SQL__PASSWORD_FILE": str(secret)}).settings
    assert settings.stores.sql.password is not None
    assert settings.stores.sql.password.get_secret_value() == "opens sesame"


def test_a_secret_file_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"stores\.sql\.password: .*/none cannot be read"):
        load(None, {"LOGPLATFORM_STORES__SQL__PASSWORD_FILE": str(tmp_path / "none")})
