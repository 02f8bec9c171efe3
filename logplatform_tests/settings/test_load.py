"""One file, then `.env`, then the environment: what wins, where it came from, and how mistakes are told."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logplatform.settings import ArchiveFolder
from logplatform.settings.load import Loaded, load
from logplatform.settings.mistakes import SettingsError


def write(folder: Path, text: str) -> Path:
    file = folder / "logplatform.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def mistakes(file: Path | None, **env: str) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        load(file, env)
    return [str(mistake).replace(f"{file}:", "FILE:") for mistake in raised.value.mistakes]


def test_the_environment_wins_over_dotenv_and_dotenv_over_the_file(tmp_path: Path) -> None:
    """Each layer can change the one before, and `origins` tells which did."""
    file = write(tmp_path, "machines:\n  gap_minutes: 1\n  settle_seconds: 1\n  interval_seconds: 60\n")
    (tmp_path / ".env").write_text(
        "LOGPLATFORM_MACHINES__SETTLE_SECONDS=2\nLOGPLATFORM_MACHINES__INTERVAL_SECONDS='70' # a\n", encoding="utf-8"
    )
    loaded = load(file, {"LOGPLATFORM_MACHINES__INTERVAL_SECONDS": "80"})
    machines = loaded.settings.machines
    assert (machines.gap_minutes, machines.settle_seconds, machines.interval_seconds) == (1, 2, 80)
    assert loaded.origins["machines.gap_minutes"] == f"{file}:2:3"
    assert loaded.origins["machines.settle_seconds"] == f"{tmp_path / '.env'}:1"
    assert loaded.origins["machines.interval_seconds"] == "LOGPLATFORM_MACHINES__INTERVAL_SECONDS"
    assert loaded.origins["machines.anomaly_threshold"] == "default"


def test_without_a_file_the_defaults_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A first try needs no configuration; the data then lies in the working directory."""
    monkeypatch.chdir(tmp_path)
    loaded = load(None, {})
    assert loaded.file is None
    assert loaded.settings.data_root == tmp_path / "data"
    assert set(loaded.origins.values()) == {"default"}


def test_the_file_is_found_by_name_variable_or_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--config wins over LOGPLATFORM_CONFIG, and that over logplatform.yaml in the working directory."""
    monkeypatch.chdir(tmp_path)
    for name in ("logplatform.yaml", "b.yaml", "c.yaml"):
        Path(name).write_text(f"tenant: {name}\n", encoding="utf-8")
    assert load(None, {}).settings.tenant == "logplatform.yaml"
    assert load(None, {"LOGPLATFORM_CONFIG": "b.yaml"}).settings.tenant == "b.yaml"
    assert load(Path("c.yaml"), {"LOGPLATFORM_CONFIG": "b.yaml"}).settings.tenant == "c.yaml"


def test_a_named_file_that_is_missing_is_a_mistake(tmp_path: Path) -> None:
    """Running on defaults instead would write into the wrong place."""
    found = mistakes(tmp_path / "no.yaml")
    assert len(found) == 1
    assert "No such file" in found[0]
    assert "logplatform init" in found[0]


def test_relative_paths_stand_under_the_settings_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same file means the same folders, whatever directory a command is started in."""
    home = tmp_path / "etc"
    home.mkdir()
    file = write(
        home, "data_root: ../var\narchives:\n  sources:\n    - {name: w, path: logs}\n    - {name: x, path: /l}\n"
    )
    monkeypatch.chdir(tmp_path)
    settings = load(Path("etc/logplatform.yaml"), {}).settings
    assert settings.data_root.resolve() == tmp_path / "var"
    folders = [source for source in settings.archives.sources if isinstance(source, ArchiveFolder)]
    assert [source.path for source in folders] == [file.parent / "logs", Path("/l")]
    assert settings.dagster_home.resolve() == tmp_path / "var" / "dagster"


def test_every_mistake_is_told_at_once_with_place_and_fix(tmp_path: Path) -> None:
    """Somebody with ten mistakes should not have to start ten times."""
    file = write(
        tmp_path,
        """\
tenant: 007
data_rot: x
timezone: Europe/Pari
archives:
  sources:
    - name: web1
      path: logs
      type: ssh
    - name: WEB1
      pth: x
  retry: {max_retry_copy: many}
machines:
  sources:
    - {name: p, path: p, folders: {A: saw}}
    - {name: q, path: q, folders: {B: saw}}
logs:
  format: jsn
  format: json
dagster:
  start_date: 2020-99-99
""",
    )
    assert mistakes(file) == [
        "FILE:1:1: tenant: must be a valid string; put the value in quotes",
        "FILE:2:1: data_rot: unknown key 'data_rot'; did you mean 'data_root'?",
        "FILE:3:1: timezone: 'Europe/Pari' is not an IANA time zone (examples: UTC, Europe/Paris, Africa/Tunis)",
        "FILE:6:7: archives.sources[0]: type 'ssh' is not known here; write `type: sftp`",
        "FILE:9:7: archives.sources[1].path: is missing; add `path:`",
        "FILE:9:7: archives.sources[1].name: the name 'WEB1' is taken by source 1 already",
        "FILE:10:7: archives.sources[1].pth: unknown key 'pth'; did you mean 'path'?",
        (
            "FILE:11:11: archives.retry.max_retry_copy: must be a valid integer, unable to parse string as an integer; "
            "write a whole number"
        ),
        (
            "FILE:15:36: machines.sources[1].folders.B: the centre 'saw' is already 'p/A'; give this one another "
            "`nom`, such as 'q-saw'"
        ),
        "FILE:18:3: logs.format: given before at FILE:17:3; keep one of the two",
        "FILE:20:15: dagster.start_date: cannot be read: month must be in 1..12",
    ]


def test_mistakes_in_variables_name_the_variable(tmp_path: Path) -> None:
    """A typing error in a variable would otherwise have no effect and no message."""
    file = write(tmp_path, "archives:\n  sources: [{name: w, path: p}]\n")
    found = mistakes(
        file,
        LOGPLATFORM_BATCH__MAX_FILES="many",
        LOGPLATFORM_MACHINE__GAP_MINUTES="1",
        LOGPLATFORM_DATAROOT="/x",
        LOGPLATFORM_ARCHIVES__SOURCES__5__PATH="/x",
        LOGPLATFORM_LANDING__RETENTION="{tmp_days: [}",
    )
    assert [line.split(":")[0] for line in found] == [
        "LOGPLATFORM_ARCHIVES__SOURCES__5__PATH",
        "LOGPLATFORM_BATCH__MAX_FILES",
        "LOGPLATFORM_DATAROOT",
        "LOGPLATFORM_LANDING__RETENTION",
        "LOGPLATFORM_MACHINE__GAP_MINUTES",
    ]
    assert "did you mean 'data_root'?" in found[2]
    assert "did you mean 'machines'?" in found[4]


def test_variables_that_are_no_settings_are_left_alone(tmp_path: Path) -> None:
    """Other programs and the tests have LOGPLATFORM_ names of their own; an empty variable counts as not set."""
    file = write(tmp_path, "tenant: t\n")
    loaded = load(file, {"LOGPLATFORM_SAMPLES": "/s", "LOGPLATFORM_TENANT": "", "PATH": "/bin"})
    assert loaded.settings.tenant == "t"


def test_variables_reach_into_lists_and_may_hold_yaml(tmp_path: Path) -> None:
    """A container's whole configuration can be given by its environment."""
    file = write(tmp_path, "archives:\n  sources: [{name: w, path: p}]\n")
    loaded = load(
        file,
        {
            "LOGPLATFORM_ARCHIVES__SOURCES__0__PATH": "/logs",
            "LOGPLATFORM_ARCHIVES__SOURCES__1": "{name: x, path: /more, patterns: ['*.gz']}",
            "LOGPLATFORM_MACHINES__SOURCES": "[{name: m, path: /m, folders: {A: null}}]",
            "LOGPLATFORM_TENANT": "007",
        },
    )
    first, second = loaded.settings.archives.sources
    assert isinstance(first, ArchiveFolder)
    assert isinstance(second, ArchiveFolder)
    assert (first.name, first.path, second.name, second.patterns) == ("w", Path("/logs"), "x", ("*.gz",))
    assert loaded.settings.machines.sources[0].folders["A"].nom == "A"
    assert loaded.settings.tenant == "007"
    assert loaded.origins["archives.sources[0].name"] == f"{file}:2:14"
    assert loaded.origins["archives.sources[0].path"] == "LOGPLATFORM_ARCHIVES__SOURCES__0__PATH"
    assert loaded.origins["archives.sources[1].path"] == "LOGPLATFORM_ARCHIVES__SOURCES__1"
    assert loaded.origins["archives.sources[1].enabled"] == "default"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [", "FILE:1:5: this is not YAML here"),
        ("\ta: 1", "FILE:1:1: this is not YAML here"),
        ("- a\n- b\n", "the file must hold `key: value` lines"),
        ("just text", "the file must hold `key: value` lines"),
        ("tenant: &a x\ndata_root: *a\n", "FILE:2:12: this is not YAML here: aliases are not allowed"),
        ("a: " + "[" * 30, "nested too deep"),
        ("a: 1\n---\nb: 1\n", "FILE:2:1: this is not YAML here"),
        ("tenant: !!python/object:os.system x\n", "FILE:1:9: tenant: cannot be read"),
        ("tenant: \x00\n", "this is not YAML"),
        ("? [a]\n: b\n", "a key must be a single word"),
        ("archives: 5\n", "FILE:1:1: archives: "),
        ("archives:\n  sources:\n", "write a list"),
    ],
)
def test_text_that_is_no_settings_file_is_told_in_one_line(tmp_path: Path, text: str, told: str) -> None:
    """Hostile or broken files give a clear message with a place, never a traceback."""
    found = mistakes(write(tmp_path, text))
    assert any(told in line for line in found), found


def test_a_file_too_large_or_not_text_is_refused(tmp_path: Path) -> None:
    """Memory stays bounded, and a binary named by accident is told as such."""
    file = tmp_path / "logplatform.yaml"
    file.write_bytes(b"#" * (1024**2 + 1))
    assert "larger than" in mistakes(file)[0]
    file.write_bytes(b"\xff\xfe\x00\x01")
    assert "not YAML" in mistakes(file)[0]


def test_a_section_of_comments_only_is_a_section_of_defaults(tmp_path: Path) -> None:
    """That is how the file looks that `init` writes."""
    assert load(write(tmp_path, "logs:\n  #level: DEBUG\n"), {}).settings.logs.level == "INFO"


def test_a_mistake_never_shows_a_value_that_may_be_secret(tmp_path: Path) -> None:
    """Mistakes end up in logs and tickets."""
    (tmp_path / ".env").write_text("hunter2 without a name\n", encoding="utf-8")
    file = write(tmp_path, "redaction:\n  hash_key: [hunter2]\n  has_key: hunter2\n")
    found = mistakes(file)
    assert len(found) == 3
    assert "hunter2" not in "".join(found)


def test_loaded_settings_do_not_print_the_environment(tmp_path: Path) -> None:
    """A repr in a log would otherwise print every variable."""
    loaded = load(write(tmp_path, ""), {"SSH_PASSWORD": "hunter2"})
    assert "hunter2" not in repr(loaded)
    assert loaded.variables["SSH_PASSWORD"].value == "hunter2"


@given(st.text(alphabet=st.sampled_from("abc:-[]{}#&*!|>'\"%@`,? \n\tarchivestenant0"), max_size=60))
def test_any_text_gives_settings_or_mistakes(text: str) -> None:
    """Whatever the file says, the outcome is one of two."""
    outcome = outcome_of(text.encode("utf-8"))
    assert isinstance(outcome, Loaded) or outcome.mistakes


@given(st.binary(max_size=40))
def test_any_bytes_give_settings_or_mistakes(data: bytes) -> None:
    """The same for bytes that are no text."""
    outcome = outcome_of(data)
    assert isinstance(outcome, Loaded) or outcome.mistakes


def outcome_of(data: bytes) -> Loaded | SettingsError:
    import tempfile  # noqa: PLC0415 (a fixture's folder is shared by all of Hypothesis' examples)

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "logplatform.yaml"
        file.write_bytes(data)
        try:
            return load(file, {})
        except SettingsError as error:
            return error
