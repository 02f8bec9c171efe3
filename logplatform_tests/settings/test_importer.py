"""Taking over the existing systems' configuration: nothing lost, nothing shown, nothing that cannot be used."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logplatform.failures import PermanentFailure
from logplatform.settings import MachineFtp, Settings
from logplatform.settings.credentials import password_name
from logplatform.settings.document import read_document
from logplatform.settings.environment import dotenv_line
from logplatform.settings.homes import home_of
from logplatform.settings.importer import import_legacy
from logplatform.settings.legacy import LegacyFiles, read_legacy, read_pipeline, read_sources
from logplatform.settings.load import load
from logplatform.settings.template import render

SOURCES = """\
# our servers
{"servers": [
  # the first
  {"name": "web 1", "host": "10.0.0.1", "port": 22, "user": "logs", "remote_path": "/var/log/apps/*.gz",
   "enabled": true, "password": "pw-web1"},
  {"name": "db", "host": "10.0.0.2", "user": "logs", "remote_path": ["/a/*.gz"], "key_file": "~/.ssh/id"}
]}
"""
# Every name of the five systems, with the kind of home it has.
ALL_NAMES = {
    "MAX_RETRY_COPY": "setting",
    "max_retry_extract": "setting",
    "retry_delay_base": "setting",
    "disk_space_threshold_gb": "setting",
    "disk_space_target_gb": "setting",
    "RETENTION_DAYS_PROCESSED": "setting",
    "keep_error_days": "setting",
    "tmp_retention": "setting",
    "LOG_LEVEL": "setting",
    "SSH_PASSWORD": "secret",
    "SSH_PASSWORD_WEB1": "secret",
    "FTP_HOST": "part",
    "FTP_USER": "part",
    "FTP_PASS": "secret",
    "POSTGRES_HOST": "part",
    "POSTGRES_PORT": "part",
    "POSTGRES_DB": "part",
    "POSTGRES_USER": "part",
    "POSTGRES_PASSWORD": "secret",
    "REDIS_HOST": "part",
    "MAX_FILE_SIZE_MB": "setting",
    "ALLOWED_EXTENSIONS": "later",
    "UPLOAD_FOLDER": "later",
    "API_PORT": "setting",
    "FLASK_ENV": "later",
    "JWT_SECRET_KEY": "secret",
    "TOPIC_NAME": "later",
    "PRODUCER_RATE": "later",
    "OUTPUT_FORMAT": "setting",
    "SPARK_MEMORY": "setting",
    "KAFKA_BROKERS": "setting",
    "SECRET_KEY": "secret",
    "FAVOURITE_COLOUR": "unknown",
}


def folder_with(tmp_path: Path, **files: str) -> LegacyFiles:
    for name, text in files.items():
        path = tmp_path / name.replace("__", "/").replace("_conf", ".conf").replace("env", ".env")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return read_legacy(tmp_path)


@pytest.mark.parametrize(("name", "kind"), ALL_NAMES.items())
def test_every_known_name_has_a_home(name: str, kind: str) -> None:
    """A name without a home would end as "unknown", which the user must then look up."""
    home = home_of(name, "30")
    assert home.kind == kind
    assert home.target or kind in ("unknown", "secret")


def test_an_address_with_a_password_is_taken_apart(tmp_path: Path) -> None:
    """MONGODB_URI often holds user and password, and no address here may."""
    text = "MONGODB_URI=mongodb://us%40er:p%3Aw@host:27018/db?x=1\nDATABASE_URL=postgres://u:pw@pg/prod\n"
    imported = import_legacy(folder_with(tmp_path, env=text))
    assert imported.values == {
        "stores": {
            "uploads": {"url": "mongodb://host:27018/db?x=1", "username": "us@er"},
            "sql": {"url": "postgresql://u@pg/prod"},
        }
    }
    assert imported.secrets == {
        "LOGPLATFORM_STORES__UPLOADS__PASSWORD": "p:w",
        "LOGPLATFORM_STORES__SQL__PASSWORD": "pw",
    }


def test_parts_of_an_address_are_put_together(tmp_path: Path) -> None:
    """What stood in five variables is one address here; the password has its own place."""
    found = folder_with(
        tmp_path,
        env="POSTGRES_HOST=pg\nPOSTGRES_PORT=5433\nPOSTGRES_DB=prod\nPOSTGRES_USER=u\nPOSTGRES_PASSWORD=secret\n"
        "REDIS_HOST=r\nES_HOST=http://es:9200\nKAFKA_BROKERS=k:9092\nSPARK_MEMORY=2G\nMONGO_PORT=5\n",
    )
    imported = import_legacy(found)
    assert imported.values == {
        "stores": {
            "sql": {"url": "postgresql://u@pg:5433/prod"},
            "queue": {"url": "redis://r:6379/0"},
            "index": {"url": "http://es:9200"},
            "kafka": {"bootstrap_servers": "k:9092"},
            "spark": {"memory": "2g"},
        }
    }
    assert imported.secrets == {"LOGPLATFORM_STORES__SQL__PASSWORD": "secret"}
    assert [taken.name for taken in imported.taken if taken.fate == "kept"] == ["MONGO_PORT"]


def test_an_ftp_server_becomes_a_source(tmp_path: Path) -> None:
    text = "FTP_HOST=ftp.example\nFTP_USER=mach\nFTP_PASS=secret\nFTP_PORT=2121\n"
    imported = import_legacy(folder_with(tmp_path, env=text))
    file = tmp_path / "out.yaml"
    file.write_text(render(imported), encoding="utf-8")
    (source,) = load(file, imported.secrets).settings.machines.sources
    assert isinstance(source, MachineFtp)
    assert (source.host, source.port, source.user) == ("ftp.example", 2121, "mach")
    assert source.password is not None
    assert source.password.get_secret_value() == "secret"


def test_servers_are_read_with_comment_lines_and_their_passwords_go_to_env(tmp_path: Path) -> None:
    """`sources.conf` as the existing system reads it."""
    imported = import_legacy(folder_with(tmp_path, sources_conf=SOURCES))
    assert imported.secrets == {"SSH_PASSWORD_WEB_1": "pw-web1"}
    assert imported.servers == []
    archives = imported.values["archives"]
    assert isinstance(archives, dict)
    assert archives["sources"] == [
        {
            "name": "web-1",
            "type": "sftp",
            "host": "10.0.0.1",
            "port": 22,
            "user": "logs",
            "remote_path": "/var/log/apps/*.gz",
            "enabled": True,
        },
        {
            "name": "db",
            "type": "sftp",
            "host": "10.0.0.2",
            "user": "logs",
            "remote_path": ["/a/*.gz"],
            "key_file": "~/.ssh/id",
        },
    ]
    assert password_name("web-1.example") == "SSH_PASSWORD_WEB_1_EXAMPLE"


def test_what_has_a_key_is_set_and_the_rest_is_kept_in_the_file(tmp_path: Path) -> None:
    """The written file sets what this version knows, and a user finds every other value in it again."""
    found = folder_with(
        tmp_path,
        sources_conf=SOURCES,
        pipeline_conf="[retry]\nmax_retry_copy = 5\nmax_retry_extract: lots\n; comment\nRETENTION_PROCESSED_DAYS=14\n",
        ftp__env="FTP_HOST=ftp.example\nFTP_PASS=secret-ftp\nLOG_LEVEL=warn\nODD_NAME=x\n",
        web__env="MONGODB_URI=mongodb://u:secret-mongo@h\nLOG_LEVEL=DEBUG\nTOPIC_NAME=client_tickets\n",
    )
    imported = import_legacy(found)
    text = render(imported)
    file = tmp_path / "out" / "logplatform.yaml"
    file.parent.mkdir()
    file.write_text(text, encoding="utf-8")
    settings = load(file, {}).settings
    assert settings.archives.retry.max_retry_copy == 5
    assert settings.archives.retry.max_retry_extract == 3
    assert settings.landing.retention.processed_days == 14
    assert settings.logs.level == "WARNING"
    for kept in ("ftp.example", "10.0.0.1", "/a/*.gz", "max_retry_extract=lots", "LOG_LEVEL=DEBUG", "client_tickets"):
        assert kept in text
    assert "ODD_NAME=x" in text
    assert not any(secret in text for secret in ("pw-web1", "secret-ftp", "secret-mongo"))
    assert imported.secrets["FTP_PASS"] == "secret-ftp"
    shown = "".join(map(repr, imported.taken)) + repr(imported)
    assert "secret-" not in shown


def test_each_value_has_exactly_one_fate(tmp_path: Path) -> None:
    """Conservation holds here too: what was read is what was taken, kept or refused."""
    text = "".join(f"{name}={number}\n" for number, name in enumerate(ALL_NAMES, start=1))
    found = folder_with(tmp_path, env=text)
    imported = import_legacy(found)
    assert sorted(taken.name for taken in imported.taken) == sorted(ALL_NAMES)


def test_a_threshold_and_its_target_are_taken_together(tmp_path: Path) -> None:
    """30 GiB alone would be above the default target; with a target of 50 both are right."""
    both = import_legacy(folder_with(tmp_path, env="DISK_SPACE_THRESHOLD_GB=30\nDISK_SPACE_TARGET_GB=50\n"))
    assert both.values == {"landing": {"disk_space_threshold_gb": 30.0, "disk_space_target_gb": 50.0}}
    alone = import_legacy(folder_with(tmp_path, env="DISK_SPACE_THRESHOLD_GB=30\nMAX_RETRY_COPY=1\n"))
    assert alone.values == {"archives": {"retry": {"max_retry_copy": 1}}}
    refused = [taken for taken in alone.taken if taken.fate == "refused"]
    assert "disk_space_target_gb would be below" in refused[0].note


def test_two_secrets_of_one_name_are_both_kept(tmp_path: Path) -> None:
    """Two systems with a POSTGRES_PASSWORD each: neither may vanish."""
    found = folder_with(tmp_path, a__env="POSTGRES_PASSWORD=one\n", b__env="POSTGRES_PASSWORD=two\n")
    assert import_legacy(found).secrets == {
        "LOGPLATFORM_STORES__SQL__PASSWORD": "one",
        "POSTGRES_PASSWORD_2": "two",
    }


@pytest.mark.parametrize(
    ("text", "place", "told"),
    [
        ("{", "s:1:2", "not JSON"),
        ('# c\n{"servers": [\n# c\n{]}', "s:4:2", "not JSON"),
        ("[]", "s", "no list of servers"),
        ('{"servers": 5}', "s", "no list of servers"),
        ('{"servers": [5, {"port": 1}, {"name": "x"}]}', "s: server 1", "needs a name"),
        ("[" * 100_000, "s", "not JSON"),
    ],
)
def test_a_broken_sources_conf_is_told_with_its_place(text: str, place: str, told: str) -> None:
    """The line is the file's own, comment lines counted."""
    _, mistakes = read_sources(text, "s")
    assert mistakes[0].place == place
    assert told in mistakes[0].message


@given(st.text(alphabet=st.characters(), max_size=200))
def test_any_text_can_be_imported(text: str) -> None:
    """Whatever the old files hold, the written file is a valid settings file that sets nothing by accident."""
    servers, wrong = read_sources(json.dumps({"servers": [{"name": "x" + text, "host": text, text: text}]}), "s")
    variables, mistakes = read_pipeline(f"{text}\nupload_x={text}", "p")
    found = LegacyFiles((), tuple(servers), tuple(variables), (*wrong, *mistakes))
    imported = import_legacy(found)
    document = read_document(render(imported).encode("utf-8"), "f")
    assert document.mistakes == ()
    assert Settings.model_validate(document.value).archives.sources == ()


def test_a_secret_that_no_env_file_can_hold_is_refused() -> None:
    """Writing something else in its place would lock the user out."""
    for value in ("two\nlines", "lone \ud800 surrogate"):
        with pytest.raises(PermanentFailure, match="SSH_PASSWORD_X cannot be written"):
            dotenv_line("SSH_PASSWORD_X", value)
