"""Which variables hold secrets: too few shown, too many hidden are both faults."""

import pytest

from logplatform.settings.secrecy import is_secret, secret_part


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("SSH_PASSWORD", "hunter22", "hunter22"),
        ("SSH_PASSWORD_WEB1", "hunter22", "hunter22"),
        ("FTP_PASS", "hunter22", "hunter22"),
        ("db_pwd", "hunter22", "hunter22"),
        ("LOGPLATFORM_REDACTION__HASH_KEY", "the-salt", "the-salt"),
        ("MONGODB_URI", "mongodb://user:p@ss@host/db", "p@ss"),
        ("ANYTHING", "redis://:secret@host", "secret"),
        ("AWS_SECRET_ACCESS_KEY", "abcdef", "abcdef"),
        ("JWT_SECRET", "abcdef", "abcdef"),
    ],
)
def test_secrets_are_known(name: str, value: str, part: str) -> None:
    """The names of the five systems, and passwords within addresses."""
    assert is_secret(name, value)
    assert secret_part(name, value) == part


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PWD", "/srv/logs"),
        ("OLDPWD", "/srv/logs"),
        ("HOME", "/home/me"),
        ("KEYBOARD", "azerty"),
        ("COMPASS", "north"),
        ("MONGODB_URI", "mongodb://host/db"),
        ("PROXY", "http://proxy:3128/a@b"),
    ],
)
def test_what_is_no_secret_stays_readable(name: str, value: str) -> None:
    """A log in which every path is masked is worth nothing: PWD is the working directory."""
    assert not is_secret(name, value)
    assert secret_part(name, value) == ""


@pytest.mark.parametrize("value", ["abc", "true", "None"])
def test_what_occurs_everywhere_is_not_hidden_in_texts(value: str) -> None:
    """Masking each `true` in a log hides nothing and destroys it."""
    assert secret_part("USE_TOKEN", value) == ""
