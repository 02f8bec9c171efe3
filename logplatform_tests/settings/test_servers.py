"""Servers of files in the settings: how they are written, where logins come from, what is told of them."""

from pathlib import Path

import pytest

from logplatform.file_sources import enabled_sources, open_source
from logplatform.orchestration.resources import domain_resources
from logplatform.settings import ArchiveSsh, MachineFtp, Settings
from logplatform.settings.check import check
from logplatform.settings.load import Loaded, load
from logplatform.settings.mistakes import SettingsError
from logplatform.sources.remote import RemoteSource

SERVERS = """\
archives:
  sources:
    - {name: web-1, type: sftp, host: h1, user: u, remote_path: /var/log/apps/*.gz}
    - {name: web-2, type: sftp, host: h2, user: u, remote_path: [logs/*.gz, "~/more/"], key_file: key}
machines:
  sources: [{name: plant, type: ftp, path: /prod/, folders: {"DEM12 (PVC)": DEM12, ".": ROOT}}]
uploads:
  inboxes: [{name: partner, type: ftp, host: h3, user: v, password: own, remote_path: /out/*.csv}]
"""


def loaded(tmp_path: Path, text: str, **variables: str) -> Loaded:
    file = tmp_path / "logplatform.yaml"
    file.write_text(text, encoding="utf-8")
    return load(file, variables)


def secret(source: object) -> str | None:
    password = getattr(source, "password", None)
    return password and password.get_secret_value()


def test_logins_come_from_the_variables_that_users_have(tmp_path: Path) -> None:
    """A server's own password first; one for all is not told to a server that a key opens."""
    logins = {"SSH_PASSWORD": "all", "SSH_PASSWORD_WEB_1": "one", "FTP_HOST": "f", "FTP_USER": "m", "FTP_PASS": "ftp"}
    settings = loaded(tmp_path, SERVERS, **logins).settings
    web1, web2 = settings.archives.sources
    (plant,) = settings.machines.sources
    (partner,) = settings.uploads.inboxes
    assert [secret(source) for source in (web1, web2, plant, partner)] == ["one", None, "ftp", "own"]
    assert isinstance(plant, MachineFtp)
    assert (plant.host, plant.user, plant.path) == ("f", "m", "/prod")
    later = loaded(tmp_path, SERVERS, **logins, LOGPLATFORM_ARCHIVES__SOURCES__0__PASSWORD="ours")
    assert secret(later.settings.archives.sources[0]) == "ours"
    assert loaded(tmp_path, SERVERS, **logins).origins["machines.sources[0].host"] == "FTP_HOST"


def test_each_opens_its_source(tmp_path: Path) -> None:
    settings = loaded(tmp_path, SERVERS, FTP_HOST="f", FTP_USER="m").settings
    opened = [
        open_source(source)
        for domain in ("archives", "machines", "uploads")
        for source in enabled_sources(settings, domain)
    ]
    found = [(one.root, one.globs, one.named_must_exist) for one in opened if isinstance(one, RemoteSource)]
    assert found == [
        ("/", ("var/log/apps/*.gz",), True),
        ("", ("logs/*.gz", "more/*"), True),
        ("/prod", ("DEM12 (PVC)/*", "????????.[lL][oO][gG]"), False),
        ("/", ("out/*.csv",), True),
    ]


def test_no_secret_is_in_what_dagster_shows(tmp_path: Path) -> None:
    """The UI shows every resource's configuration to whoever may open it."""
    settings = loaded(tmp_path, SERVERS, SSH_PASSWORD="hidden-1", FTP_HOST="f", FTP_USER="m", FTP_PASS="hidden-2")
    for domain in ("archives", "machines", "uploads"):
        shown = repr(domain_resources(settings.settings, domain)) + repr(settings.settings)
        assert "hidden" not in shown
        assert "own" not in repr(settings.settings.uploads.inboxes[0].model_dump(mode="json"))


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("remote_path: ../x", "a path at the server without `..`"),
        ("remote_path: []", "at least 1 item"),
        ("remote_path: [/a/*, b/*]", "begin all paths with / or none"),
        ("remote_path: x, host: 'u@h'", "the host's name or address alone"),
        ("remote_path: x, port: 70000", "less than or equal to 65535"),
        ("remote_path: x, passwd: y", "unknown key 'passwd'; did you mean 'password'?"),
        ("remote_path: x, path: y", "unknown key 'path'; it belongs to `type: folder`"),
    ],
)
def test_mistakes_are_told_at_their_place(tmp_path: Path, field: str, told: str) -> None:
    host = "" if "host" in field else "host: h, "
    with pytest.raises(SettingsError) as caught:
        loaded(tmp_path, f"archives:\n  sources: [{{name: a, type: sftp, user: u, {host}{field}}}]\n")
    assert told in str(caught.value)
    assert "logplatform.yaml:2:" in str(caught.value)


def test_a_key_of_servers_in_a_folder_is_told_with_the_types_that_have_it(tmp_path: Path) -> None:
    """Who leaves out `type: sftp` has written a folder."""
    with pytest.raises(SettingsError) as caught:
        loaded(tmp_path, "archives:\n  sources: [{name: a, host: h, path: x, zz: 1}]\n")
    assert "unknown key 'host'; it belongs to `type: ftp` or `type: sftp`" in str(caught.value)
    assert "unknown key 'zz'; known: delete_source, enabled, name, path, " in str(caught.value)
    assert "remote_path" not in str(caught.value)


def test_the_check_tells_what_a_login_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    (tmp_path / "key").touch(mode=0o644)
    (tmp_path / "key").chmod(0o644)
    told = [str(mistake) for mistake in check(loaded(tmp_path, SERVERS, FTP_HOST="f", FTP_USER="m"))]
    for key, words in (
        ("archives.sources[0].key_file", "SSH_PASSWORD_WEB_1"),
        ("archives.sources[0].known_hosts", "no host key is known"),
        ("archives.sources[1].key_file", "can be read by others"),
        ("machines.sources[0].password", "FTP_PASS_PLANT"),
        ("machines.sources[0].tls", "unencrypted"),
        ("uploads.inboxes[0].tls", "unencrypted"),
    ):
        assert any(f"{key}: " in line and words in line and "logplatform.yaml:" in line for line in told), (key, told)
    assert "own" not in "".join(told).replace("known", "")


def test_a_source_made_in_python_is_the_same() -> None:
    settings = Settings.model_validate(
        {"archives": {"sources": [ArchiveSsh(name="a", host="h", user="u", remote_path=("/x/*",))]}}
    )
    assert isinstance(settings.archives.sources[0], ArchiveSsh)
