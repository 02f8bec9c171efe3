"""The section `alerts`: what may be set, and that nothing of it is shown."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from logplatform.cli import main
from logplatform.settings.check import check
from logplatform.settings.load import load
from logplatform.settings.mistakes import SettingsError

SECRET = "correct-horse-battery-staple"
URL = "https://hooks.example.org/services/T000/B000/very-private"


def alerts(tmp_path: Path, **values: str) -> dict[str, str]:
    """The variables that set these keys."""
    return {f"LOGPLATFORM_ALERTS__{key.upper()}": value for key, value in values.items()}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"webhook_url": URL}, r"alerts\.secret: needed to sign the messages"),
        ({"webhook_url": "ftp://x.example/", "secret": SECRET}, "begins with http:// or https://"),
        ({"webhook_url": "https://", "secret": SECRET}, "begins with http:// or https://"),
        ({"webhook_url": "https://x.example:99999/", "secret": SECRET}, "not an address"),
        ({"webhook_url": "https://me:pw123456@x.example/", "secret": SECRET}, "a user or password in an address"),
        ({"webhook_url": "https://x.example/a b", "secret": SECRET}, "without spaces"),
        ({"webhook_url": URL, "secret": "short"}, "a secret has at least 16 characters"),
        ({"webhook_url": URL, "secret": "whsec_not!base64!at-all"}, "is not base64"),
        ({"min_severity": "debug"}, "min_severity"),
        ({"timeout_seconds": "600"}, "timeout_seconds"),
    ],
)
def test_a_mistake_is_told_without_the_address_and_the_secret(
    tmp_path: Path, values: dict[str, str], message: str
) -> None:
    with pytest.raises(SettingsError, match=message) as raised:
        load(None, alerts(tmp_path, **values))
    text = str(raised.value)
    assert SECRET not in text
    assert "very-private" not in text
    assert "pw123456" not in text


def test_neither_address_nor_secret_is_shown(tmp_path: Path) -> None:
    """The address of a chat service's webhook is a key to it."""
    settings = load(None, alerts(tmp_path, webhook_url=URL, secret=SECRET)).settings
    assert settings.alerts.webhook_url is not None
    assert settings.alerts.webhook_url.get_secret_value() == URL
    assert "very-private" not in repr(settings)
    assert SECRET not in repr(settings)
    file = tmp_path / "logplatform.yaml"
    file.write_text(f"alerts: {{webhook_url: '{URL}', secret: {SECRET}}}\n", encoding="utf-8")
    for arguments in (["config", "show"], ["config", "show", "--json"], ["config", "check"]):
        result = CliRunner().invoke(main, ["--config", str(file), *arguments])
        assert result.exit_code == 0, result.output
        assert "very-private" not in result.output
        assert SECRET not in result.output


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://hooks.example.org/x", ["alerts.webhook_url"]),
        ("https://hooks.example.org/x", []),
        ("http://127.0.0.1:9/x", []),
        ("http://[::1]:9/x", []),
    ],
)
def test_an_address_over_which_others_can_read_is_told(tmp_path: Path, url: str, told: list[str]) -> None:
    loaded = load(None, alerts(tmp_path, webhook_url=url, secret=SECRET))
    found = [mistake for mistake in check(loaded) if mistake.key.startswith("alerts")]
    assert [(mistake.key, mistake.level) for mistake in found] == [(key, "warning") for key in told]
