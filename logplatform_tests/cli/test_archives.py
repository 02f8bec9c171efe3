"""`logplatform archives`: the commands as people type them, on real stores and a real Dagster instance."""

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from click.testing import CliRunner, Result

from logplatform.cli import main
from logplatform_tests.archives.platform import access_log


class Shell:
    """A folder with a settings file for two servers, and the command line in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.servers = root / "servers"
        sources = [{"name": name, "type": "folder", "path": str(self.servers / name)} for name in ("web1", "web2")]
        for source in sources:
            Path(source["path"]).mkdir(parents=True)
        archives = {"settle_seconds": 0, "sources": sources, "retry": {"retry_delay_base": 0}}
        settings = {"data_root": str(root / "data"), "archives": archives}
        (root / "logplatform.yaml").write_text(yaml.safe_dump(settings))

    def put(self, server: str, path: str, data: bytes) -> Path:
        file = self.servers / server / path
        file.write_bytes(data)
        return file

    def archives(self, *arguments: str) -> Result:
        config = ["--config", str(self.root / "logplatform.yaml")]
        return CliRunner().invoke(main, [*config, "archives", *arguments], catch_exceptions=False)

    def json(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        result = self.archives(*arguments, "--json")
        return result.exit_code, json.loads(result.stdout)


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    return Shell(tmp_path)


def test_verify_tells_exactly_the_promised_fields(shell: Shell) -> None:
    """Scripts read these seven fields and no others; nothing is written anywhere."""
    content = access_log("app")
    data = gzip.compress(content)
    file = shell.put("web1", "app.log.gz", data)
    before = sorted(shell.root.rglob("*"))
    code, found = shell.json("verify", str(file))
    assert code == 0
    assert found == {
        "ok": True,
        "format": "gzip",
        "compressed_bytes": len(data),
        "extracted_bytes": len(content),
        "sha256": hashlib.sha256(data).hexdigest(),
        "content_sha256": hashlib.sha256(content).hexdigest(),
        "error": None,
    }
    assert sorted(shell.root.rglob("*")) == before


def test_verify_exit_codes(shell: Shell) -> None:
    """1: corrupt, with the reason; 2: it cannot be read at all. The table is for people."""
    cut = shell.put("web1", "cut.log.gz", gzip.compress(access_log("app"))[:-3])
    code, found = shell.json("verify", str(cut))
    assert (code, found["ok"], found["content_sha256"]) == (1, False, None)
    assert "is cut at byte" in found["error"]
    table = shell.archives("verify", str(cut))
    assert table.exit_code == 1
    assert "is cut at byte" in table.stdout
    assert CliRunner().invoke(main, ["archives", "verify", str(cut.with_name("none.gz"))]).exit_code == 2


def test_run_recover_and_their_exit_codes(shell: Shell) -> None:
    """0 all well, 1 some files failed, 2 a server unreachable; recover never deletes what fails again."""
    shell.put("web1", "good.log.gz", gzip.compress(access_log("good")))
    bad = shell.put("web2", "bad.log.gz", b"no archive")
    code, outcome = shell.json("run")
    assert code == 1
    assert (outcome["files"], outcome["failures"]) == ({"error": 1, "processed": 1}, 1)
    assert outcome["failed"][0]["file"] == "web2/bad.log.gz"
    assert (outcome["totals"]["events"], outcome["totals"]["lines"]) == (3, 3)

    code, outcome = shell.json("recover", "--error-type", "quarantine", "--file", "bad.*")
    assert (code, outcome["looked"], outcome["failures"]) == (1, {"failed before": 1}, 1)
    assert (shell.root / "data" / "error" / "quarantine" / "web2" / "bad.log.gz").read_bytes() == b"no archive"
    assert shell.json("recover", "--server", "web1")[1]["looked"] == {"failed before": 0}

    bad.write_bytes(gzip.compress(access_log("sent again")))
    assert shell.json("run", "--sequential")[0] == 0
    for file in (shell.servers / "web2").iterdir():
        file.unlink()
    (shell.servers / "web2").rmdir()
    code, outcome = shell.json("run", "--no-incoming")
    assert (code, list(outcome["unreachable"])) == (2, ["web2"])
    with dg.DagsterInstance.get() as instance:
        key = dg.AssetKey(["archives", "archive_events"])
        assert instance.get_materialized_partitions(key)
        assert all(run.is_success for run in instance.get_runs())


def test_collect_and_extract_one_file(shell: Shell) -> None:
    """`collect` only fetches; `extract` finishes it; an archive from elsewhere needs to be told whose it is."""
    shell.put("web1", "app.log.gz", gzip.compress(access_log("app")))
    shell.put("web1", "other.log.gz", gzip.compress(access_log("other")))
    code, outcome = shell.json("collect", "web1", str(shell.servers / "web1" / "app.log.gz"))
    assert (code, outcome["files"], outcome["totals"]["events"]) == (0, {"copied": 1}, 0)
    assert (shell.root / "data" / "incoming" / "web1" / "app.log.gz").is_symlink()
    code, outcome = shell.json("extract", "app.log.gz", "web1")
    assert (code, outcome["files"], outcome["totals"]["events"]) == (0, {"processed": 1}, 3)
    assert shell.json("extract", "app.log.gz")[1]["files"] == {"processed": 1}

    elsewhere = shell.root / "mail.log.gz"
    elsewhere.write_bytes(gzip.compress(access_log("mail")))
    assert shell.archives("extract", str(elsewhere)).exit_code == 2
    code, outcome = shell.json("extract", str(elsewhere), "web2")
    assert (code, outcome["files"]) == (0, {"processed": 1})
    assert elsewhere.exists()
    with dg.DagsterInstance.get() as instance:
        assert instance.get_materialized_partitions(dg.AssetKey(["archives", "raw_archives"]))


@pytest.mark.parametrize(
    "arguments",
    [("collect", "nobody", "app.log"), ("collect", "web1", "none.gz"), ("extract", "none.gz")],
    ids=["unknown server", "no such remote file", "no such file"],
)
def test_what_does_not_exist_is_told_in_one_line(shell: Shell, arguments: tuple[str, ...]) -> None:
    """A user's mistake is a line on stderr and exit code 2, never a traceback."""
    result = shell.archives(*arguments)
    assert result.exit_code == 2
    assert len(result.stderr.strip().splitlines()) == 1
