"""An object store that refuses, or is not there: the type of the failure, and what it says."""

import os
import socketserver
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from logplatform.failures import LogplatformError, PermanentFailure, TransientFailure, Unreachable
from logplatform.settings.stores import FilesStore
from logplatform.stores.file_places import check_files
from logplatform.stores.object_files import ObjectFiles

SECRET = "top-secret-value"


def _put(files: ObjectFiles, key: str, data: bytes) -> int:
    with files.part() as part:
        part.write(data)
        return part.publish(key)


def test_the_start_check_passes_and_leaves_nothing(s3_store: FilesStore, tmp_path: Path) -> None:
    check_files(s3_store)
    assert list(ObjectFiles(s3_store, tmp_path).keys("")) == []
    check_files(FilesStore())


def _wrong(store: FilesStore, **update: object) -> FilesStore:
    return store.model_copy(update={"secret_key": SecretStr(SECRET), **update})


def test_a_bucket_that_is_not_there_is_told(s3_store: FilesStore, tmp_path: Path) -> None:
    store = _wrong(s3_store, url="s3://nowhere-at-all")
    files = ObjectFiles(store, tmp_path)
    for ask in (lambda: check_files(store), lambda: _put(files, "k", b"1"), lambda: files.exists("k")):
        with pytest.raises(PermanentFailure, match=r"no bucket nowhere-at-all.*stores\.files\.url") as told:
            ask()
        assert SECRET not in str(told.value)


def test_an_address_where_nothing_listens_is_told(s3_store: FilesStore) -> None:
    store = _wrong(s3_store, endpoint_url="http://127.0.0.1:9")
    with pytest.raises(Unreachable, match=r"http://127\.0\.0\.1:9 cannot be reached.*stores\.files\.endpoint_url"):
        check_files(store)


def test_no_credentials_are_told(s3_store: FilesStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(PermanentFailure, match=r"no credentials; set stores\.files\.access_key"):
        check_files(s3_store.model_copy(update={"access_key": None, "secret_key": None}))


def _answer(status: int, code: str) -> bytes:
    body = f"<Error><Code>{code}</Code><Message>said so</Message></Error>".encode()
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    return head + body


@pytest.fixture
def refusing() -> Iterator[Callable[[int, str], str]]:
    """Starts a store that answers everything with one refusal; gives its address."""
    servers: list[socketserver.ThreadingTCPServer] = []

    def start(status: int, code: str) -> str:
        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                head = b""
                while b"\r\n\r\n" not in head:
                    piece = self.connection.recv(65_536)
                    if not piece:
                        return
                    head += piece
                self.wfile.write(_answer(status, code))

        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "code", "kind", "helps"),
    [
        (403, "AccessDenied", PermanentFailure, "stores.files.access_key"),
        (403, "InvalidAccessKeyId", PermanentFailure, "stores.files.secret_key"),
        (403, "SignatureDoesNotMatch", PermanentFailure, "stores.files.secret_key"),
        (403, "RequestTimeTooSkewed", PermanentFailure, "clock"),
        (400, "AuthorizationHeaderMalformed", PermanentFailure, "stores.files.region"),
        (503, "SlowDown", TransientFailure, "cannot do it now"),
        (507, "XMinioStorageFull", TransientFailure, "cannot do it now"),
        (400, "InvalidRequest", PermanentFailure, "check stores.files"),
    ],
)
def test_refusals_tell_what_helps(
    refusing: Callable[[int, str], str],
    s3_store: FilesStore,
    tmp_path: Path,
    status: int,
    code: str,
    kind: type[LogplatformError],
    helps: str,
) -> None:
    files = ObjectFiles(_wrong(s3_store, endpoint_url=refusing(status, code)), tmp_path)
    with pytest.raises(kind) as told:
        _put(files, "k", b"1")
    assert type(told.value) is kind
    assert helps in str(told.value)
    assert code in str(told.value)
    assert SECRET not in f"{told.value!r}{told.value.__cause__!r}"
    assert list((tmp_path / "tmp").iterdir()) == []
