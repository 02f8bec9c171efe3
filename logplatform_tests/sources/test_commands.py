"""Servers behind the commands: `archives run` over SSH, `machines run` over FTP, and what they say of a dead one."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from logplatform.cli import main
from logplatform.failures import PermanentFailure, Unreachable
from logplatform.file_sources import check_source
from logplatform.settings import ArchiveSsh, MachineFtp
from logplatform_tests.archives.platform import access_log
from logplatform_tests.servers.addresses import FileServer
from logplatform_tests.servers.ports import free_port

LOG = "20260302 08:00:00|@MachineStart\n20260302 08:01:00|@StukUitgevoerd: 1\n20260302 08:03:00|@StukUitgevoerd: 2\n"


def ssh_source(server: FileServer, **more: Any) -> dict[str, Any]:
    login = {"name": "web1", "type": "sftp", "host": server.host, "port": server.port, "user": server.username}
    keys = {"key_file": str(server.key_file), "known_hosts": str(server.known_hosts)}
    return {**login, **keys, "remote_path": f"{server.folder}/*.gz", **more}


def ftp_source(server: FileServer, **more: Any) -> dict[str, Any]:
    login = {"name": "plant", "type": "ftp", "host": server.host, "port": server.port, "user": server.username}
    return {**login, "path": server.folder.name, "folders": {"A (PVC)": "A"}, **more}


def run(tmp_path: Path, settings: dict[str, Any], *arguments: str, **variables: str) -> tuple[int, dict[str, Any]]:
    file = tmp_path / "logplatform.yaml"
    landing = {"disk_space_threshold_gb": 0, "disk_space_target_gb": 0}
    file.write_text(yaml.safe_dump({"data_root": str(tmp_path / "data"), "landing": landing, **settings}))
    done = CliRunner().invoke(main, ["--config", str(file), *arguments, "--json"], env=variables)
    return done.exit_code, json.loads(done.stdout)


def test_archives_are_collected_over_ssh_and_leave_it(sftp_server: FileServer, tmp_path: Path) -> None:
    """A server that is not there is told beside one that is, and costs it nothing."""
    for name in ("a", "b"):
        (sftp_server.folder / f"{name}.gz").write_bytes(gzip.compress(access_log(name, 20)))
    gone = ssh_source(sftp_server, name="gone", port=free_port(), remote_path="/x/*")
    sources = [ssh_source(sftp_server, delete_source=True), gone]
    settings = {"archives": {"settle_seconds": 0, "sources": sources}}
    code, outcome = run(tmp_path, settings, "archives", "run")
    assert code == 2, outcome
    assert outcome["files"] == {"processed": 2}
    assert "gone" in json.dumps(outcome["unreachable"])
    assert list(sftp_server.folder.iterdir()) == []
    settings["archives"]["sources"] = sources[:1]
    code, outcome = run(tmp_path, settings, "archives", "run")
    assert (code, outcome["files"]) == (0, {})


def test_machine_logs_are_read_over_ftp_and_leave_it(ftp_list_server: FileServer, tmp_path: Path) -> None:
    folder = ftp_list_server.folder / "A (PVC)"
    folder.mkdir()
    (folder / "20260302.LOG").write_text(LOG)
    section = {"settle_seconds": 0, "sources": [ftp_source(ftp_list_server, delete_source=True)]}
    code, outcome = run(tmp_path, {"machines": section}, "machines", "run", FTP_PASS=ftp_list_server.password)
    assert code == 0, outcome
    assert list(folder.iterdir()) == []


def test_a_source_is_asked_before_it_is_used(sftp_server: FileServer, ftp_server: FileServer) -> None:
    ssh = ArchiveSsh.model_validate(ssh_source(sftp_server, delete_source=True))
    check_source(ssh)
    plant = MachineFtp.model_validate(ftp_source(ftp_server, password=ftp_server.password, delete_source=True))
    check_source(plant)
    assert list(sftp_server.folder.iterdir()) == []
    with pytest.raises(Unreachable, match="web1"):
        check_source(ssh.model_copy(update={"remote_path": (f"{sftp_server.folder}/none/*",)}))
    (sftp_server.folder / "closed").mkdir(mode=0o755)
    with pytest.raises(PermanentFailure, match=r"nothing can be removed from .*closed"):
        check_source(ssh.model_copy(update={"remote_path": (f"{sftp_server.folder}/closed/*",)}))
    with pytest.raises(PermanentFailure, match="login of pipe refused"):
        check_source(plant.model_copy(update={"password": None}))
