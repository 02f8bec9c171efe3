"""Elasticsearch 8, one node, from the distribution for integration tests.

What belongs here: getting and running Elasticsearch. What does not: indices of single tests (`isolation`).

That distribution is the server itself without its modules: no painless, ILM, reindex, delete-by-query, ingest
processors, security. It answers 404 to `GET /`, which clients ask first: a plugin (RestRootPlugin.java) does that.
"""

import os
import shutil
import subprocess
import zipfile
from pathlib import Path
from urllib.request import urlopen

from logplatform_tests.servers.java import get_artifact, java_home
from logplatform_tests.servers.place import NotHad, cache_folder, locked
from logplatform_tests.servers.ports import LOOPBACK, free_port
from logplatform_tests.servers.processes import Launch
from logplatform_tests.servers.server import Server

VERSION = "8.19.21"
_HEAP = "512m"
_PLUGIN = "rest-root"
_DESCRIPTOR = f"""description=GET / for the distribution of integration tests
version=1.0
name={_PLUGIN}
classname=itest.RestRootPlugin
java.version=17
elasticsearch.version={VERSION}
"""


class Elasticsearch(Server):
    name = "elasticsearch"
    variable = "LOGPLATFORM_TEST_ELASTICSEARCH"
    patience_seconds = 240

    def get(self) -> None:
        home = _home()
        if home.exists():
            return
        with locked(cache_folder() / "elasticsearch.lock"):
            if not home.exists():
                _make(home)

    def prepare(self, folder: Path, port: int) -> Launch:
        config = folder / "config"
        if not config.exists():
            shutil.copytree(_home() / "config", config)
            for made in ("data", "logs", "tmp"):
                (folder / made).mkdir()
            _quiet(config / "jvm.options")
            (config / "jvm.options.d").mkdir(exist_ok=True)
            (config / "jvm.options.d" / "heap.options").write_text(f"-Xms{_HEAP}\n-Xmx{_HEAP}\n")
        (config / "elasticsearch.yml").write_text(_configuration(folder, port))
        environment = {
            "ES_JAVA_HOME": str(java_home()),
            "ES_PATH_CONF": str(config),
            "ES_TMPDIR": str(folder / "tmp"),
        }
        return Launch([str(_home() / "bin" / "elasticsearch")], environment)

    def ready(self, folder: Path, port: int) -> bool:
        try:
            with urlopen(
                f"http://{LOOPBACK}:{port}/_cluster/health?wait_for_status=yellow&timeout=2s", timeout=5
            ) as got:
                return got.status == 200
        except OSError:
            return False

    def address(self, folder: Path, port: int) -> str:
        return f"http://{LOOPBACK}:{port}"


def _home() -> Path:
    return cache_folder() / f"elasticsearch-{VERSION}"


def _configuration(folder: Path, port: int) -> str:
    settings = {
        "cluster.name": "itest",
        "node.name": "itest-1",
        "network.host": LOOPBACK,
        "http.port": port,
        "transport.port": free_port(),
        "discovery.type": "single-node",
        "path.data": folder / "data",
        "path.logs": folder / "logs",
        "xpack.security.enabled": "false",
        "cluster.routing.allocation.disk.threshold_enabled": "false",
    }
    return "".join(f"{name}: {value}\n" for name, value in settings.items())


def _quiet(options: Path) -> None:
    """No logs of the garbage collector and no heap dumps."""
    noisy = ("-Xlog:gc", "-XX:+HeapDump", "17-:-Xlog:gc", "9-:-Xlog:gc")
    lines = options.read_text().splitlines()
    options.write_text("\n".join(f"# {line}" if line.startswith(noisy) else line for line in lines) + "\n")


def _make(home: Path) -> None:
    archive = get_artifact(f"org.elasticsearch.distribution.integ-test-zip:elasticsearch:{VERSION}:zip")
    part = home.with_name(f"{home.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(part)
    inside = part / home.name
    _build_plugin(inside, part / "build")
    for path in inside.rglob("*"):
        # Archives unpacked by Python have lost who may run what.
        runs = path.is_dir() or path.parent.name == "bin"
        path.chmod(0o755 if runs else 0o644)
    inside.rename(home)
    shutil.rmtree(part)


def _build_plugin(home: Path, build: Path) -> None:
    target = home / "plugins" / _PLUGIN
    target.mkdir(parents=True)
    (target / "plugin-descriptor.properties").write_text(_DESCRIPTOR)
    source = Path(__file__).with_name("RestRootPlugin.java")
    tools = java_home() / "bin"
    commands = (
        [tools / "javac", "--release", "17", "-proc:none", "-cp", f"{home}/lib/*", "-d", build, source],
        [tools / "jar", "cf", target / f"{_PLUGIN}.jar", "-C", build, "."],
    )
    for command in commands:
        done = subprocess.run(
            [os.fspath(part) for part in command], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
        )
        if done.returncode != 0:
            raise NotHad(f"{Path(command[0]).name} could not build the plugin: {done.stderr[-500:]}")
