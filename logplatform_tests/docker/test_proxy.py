"""The proxy's configuration on a real nginx: TLS everywhere, a password before Dagster, the API's answers unchanged."""

import base64
import os
import socket
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from logplatform_tests.docker.places import DOCKER
from logplatform_tests.docker.programs import program

PORTS = {"alive": 8080, "dagster": 3443, "api": 5443, "kibana": 5643, "grafana": 3444}
BEHIND = ("webserver:3000", "api:5001", "kibana:5601", "grafana:3000")


class Behind(BaseHTTPRequestHandler):
    """Answers with what it was asked, as the servers behind the proxy see it."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"{self.path} {self.headers.get('Authorization')}".encode())

    def do_POST(self) -> None:
        # Who answers before all is read may leave the proxy with what nobody takes.
        size = len(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(str(size).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class names it so)
        return


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def behind() -> Generator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Behind)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.fixture
def proxy(tmp_path: Path, behind: int) -> Generator[dict[str, int]]:
    """nginx with the deployment's own configuration: only places and addresses are this test's."""
    nginx, environment = program("nginx", "usr/sbin/nginx")
    secrets = tmp_path / "secrets"
    subprocess.run([DOCKER / "make-secrets", secrets], capture_output=True, check=True, timeout=60)
    # The test's own user, whose password it knows.
    hashed = subprocess.run(
        ["openssl", "passwd", "-6", "open sesame"], capture_output=True, text=True, check=True, timeout=60
    )
    (secrets / "proxy_users").write_text(f"operator:{hashed.stdout}")
    text = (DOCKER / "proxy" / "nginx.conf").read_text()
    if os.getuid() == 0:
        # Its workers would be another user, whom the folders of tests keep out.
        text = f"user root;\n{text}"
    ports = {name: free_port() for name in PORTS}
    for name, port in PORTS.items():
        text = text.replace(f"listen 127.0.0.1:{port};", f"listen 127.0.0.1:{ports[name]};")
        text = text.replace(f"listen {port} ssl;", f"listen 127.0.0.1:{ports[name]} ssl;")
    for host in BEHIND:
        text = text.replace(host, f"127.0.0.1:{behind}")
    text = text.replace("/run/secrets", str(secrets)).replace("/run/nginx.pid", str(tmp_path / "nginx.pid"))
    temporary = "".join(
        f"  {kind}_temp_path {tmp_path / kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    text = text.replace("http {\n", f"http {{\n{temporary}").replace("/dev/stdout", str(tmp_path / "access.log"))
    configuration = tmp_path / "nginx.conf"
    configuration.write_text(text)
    command = [nginx, "-c", configuration, "-p", tmp_path, "-e", "stderr", "-g", "daemon off;"]
    with subprocess.Popen(command, env={**os.environ, **environment}, stderr=subprocess.PIPE) as process:
        try:
            wait_for(ports["alive"], process)
            yield ports
        finally:
            process.terminate()


def wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()[1].decode()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail("nginx does not answer")


def asked(port: int, path: str = "/", data: bytes | None = None, user: str = "", header: str = "") -> tuple[int, str]:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    request = urllib.request.Request(f"https://127.0.0.1:{port}{path}", data)
    if user:
        request.add_header("Authorization", f"Basic {base64.b64encode(user.encode()).decode()}")
    if header:
        request.add_header("Authorization", header)
    try:
        with urllib.request.urlopen(request, timeout=60, context=context) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""


def test_dagster_asks_for_a_password_and_never_sees_it(proxy: dict[str, int]) -> None:
    assert asked(proxy["dagster"])[0] == 401
    assert asked(proxy["dagster"], user="operator:wrong")[0] == 401
    assert asked(proxy["dagster"], "/runs?x=1", user="operator:open sesame") == (200, "/runs?x=1 None")


def test_the_api_gets_its_own_key(proxy: dict[str, int]) -> None:
    assert asked(proxy["api"], "/api/logs", header="Bearer of-a-key") == (200, "/api/logs Bearer of-a-key")


def test_a_large_file_passes(proxy: dict[str, int]) -> None:
    assert asked(proxy["api"], "/api/logs/upload", bytes(20 << 20)) == (200, str(20 << 20))


def test_without_tls_nothing_is_told(proxy: dict[str, int]) -> None:
    for name in ("dagster", "api", "kibana", "grafana"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"http://127.0.0.1:{proxy[name]}/", timeout=20)
        assert refused.value.code == 400


def test_it_tells_that_it_is_alive(proxy: dict[str, int]) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{proxy['alive']}/alive", timeout=20) as answer:
        assert answer.status == 204
