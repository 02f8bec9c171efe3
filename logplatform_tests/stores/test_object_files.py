"""Files in an object store: what a network, a wrong setting and a full cache do to them."""

import multiprocessing
import os
import resource
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from logplatform.failures import TransientFailure, Unreachable
from logplatform.settings.stores import FilesStore
from logplatform.stores import object_files, object_upload
from logplatform.stores.object_files import ObjectFiles
from logplatform_tests.servers.proxy import TcpProxy

SPAWN = multiprocessing.get_context("spawn")
FORK = multiprocessing.get_context("fork")
MIB = 1 << 20
SECRET = "top-secret-value"


def _put(files: ObjectFiles, key: str, data: bytes) -> int:
    with files.part() as part:
        part.write(data)
        return part.publish(key)


def _get(files: ObjectFiles, key: str) -> bytes:
    with files.open(key) as file:
        return file.read()


@pytest.fixture
def files(s3_store: FilesStore, tmp_path: Path) -> ObjectFiles:
    return ObjectFiles(s3_store, tmp_path / "data")


@pytest.fixture
def proxy(s3_store: FilesStore) -> Iterator[TcpProxy]:
    parts = urlsplit(s3_store.endpoint_url or "")
    with TcpProxy(parts.hostname or "", parts.port or 0) as proxy:
        yield proxy


@pytest.fixture
def shaky(s3_store: FilesStore, proxy: TcpProxy, tmp_path: Path) -> ObjectFiles:
    """The same bucket, by a network that can be cut and slowed."""
    through = {"endpoint_url": f"http://127.0.0.1:{proxy.port}", "timeout_seconds": 2}
    return ObjectFiles(s3_store.model_copy(update=through), tmp_path / "shaky")


def test_a_connection_cut_in_mid_put_shows_nothing_and_the_put_can_be_repeated(
    files: ObjectFiles, shaky: ObjectFiles, proxy: TcpProxy
) -> None:
    data = os.urandom(8 * MIB)
    with shaky.part() as part:
        part.write(data)
        proxy.drop_after(3 * MIB)
        with pytest.raises(Unreachable, match=r"stores\.files\.endpoint_url"):
            part.publish("a/b")
        assert not files.exists("a/b")
        proxy.resume()
        assert part.publish("a/b") == len(data)
    assert _get(files, "a/b") == data


def test_a_put_in_parts_that_is_cut_shows_nothing_and_is_swept(
    files: ObjectFiles, shaky: ObjectFiles, proxy: TcpProxy
) -> None:
    with shaky.part() as part:
        part.write(b"x" * (object_upload.ONE_PUT + MIB))
        proxy.drop_after(40 * MIB)
        with pytest.raises(Unreachable):
            part.publish("large")
    assert not files.exists("large")
    # (That a younger one is left alone is not seen here: moto gives every upload the same old date.)
    assert files.sweep_parts(-1) == 1
    assert files.sweep_parts(-1) == 0


def test_a_read_goes_on_where_the_connection_broke(files: ObjectFiles, shaky: ObjectFiles, proxy: TcpProxy) -> None:
    data = os.urandom(24 * MIB)
    _put(files, "k", data)
    proxy.delay_seconds = 0.001
    with shaky.open("k") as reader:
        got = reader.read(MIB)
        proxy.drop()
        threading.Timer(0.3, proxy.resume).start()
        assert got + reader.read() == data


def test_a_read_from_a_store_that_is_gone_is_told(files: ObjectFiles, shaky: ObjectFiles, proxy: TcpProxy) -> None:
    _put(files, "k", os.urandom(24 * MIB))
    with shaky.open("k") as reader:
        reader.read(10)
        proxy.drop()
        with pytest.raises(Unreachable, match="cannot be reached"):
            reader.read()
    with pytest.raises(Unreachable):
        shaky.uri("k")
    assert list((shaky.cache.root / "tmp").iterdir()) == []


def test_slow_answers_are_waited_for_and_too_slow_ones_may_pass(shaky: ObjectFiles, proxy: TcpProxy) -> None:
    proxy.delay_seconds = 0.3
    _put(shaky, "k", b"slow")
    assert _get(shaky, "k") == b"slow"
    proxy.delay_seconds = 30
    with pytest.raises(TransientFailure, match="cannot be reached"):
        shaky.exists("k")


def test_what_was_replaced_while_it_was_read_is_told_and_never_mixed(
    files: ObjectFiles, shaky: ObjectFiles, proxy: TcpProxy
) -> None:
    _put(files, "k", b"a" * 24 * MIB)
    with shaky.open("k") as reader:
        reader.read(10)
        _put(files, "k", b"b" * 24 * MIB)
        proxy.drop()
        proxy.resume()
        with pytest.raises(TransientFailure, match="replaced or removed while it was read"):
            reader.read()


def _peak_of_large_put(store: FilesStore, folder: Path) -> None:
    files, block = ObjectFiles(store, folder), os.urandom(MIB)
    _put(files, "warm", block)
    list(files.keys(""))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with files.part() as part:
        for _ in range(100):
            part.write(block)
        assert part.publish("large") == 100 * MIB
    with files.open("large") as reader:
        while reader.read(MIB):
            pass
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    # One part of 16 MiB is mapped at a time.
    assert grown < 48 * 1024, f"{grown} KiB"


def test_large_objects_are_put_and_read_in_bounded_memory(s3_store: FilesStore, tmp_path: Path) -> None:
    child = SPAWN.Process(target=_peak_of_large_put, args=(s3_store, tmp_path))
    child.start()
    child.join()
    assert child.exitcode == 0
    assert ObjectFiles(s3_store, tmp_path).size("large") == 100 * MIB


@pytest.mark.parametrize("total", [1, 5 * MIB, 16 * MIB * 9_000, 5 << 40])
def test_parts_are_few_enough_and_begin_at_pages(total: int) -> None:
    length = object_upload._part_bytes(total)
    assert length % 4_096 == 0
    assert -(-total // length) <= 10_000


def test_a_forked_process_has_a_connection_of_its_own(files: ObjectFiles) -> None:
    """A child that used its parent's sockets would read the parent's answers."""
    _put(files, "k", b"1" * 100_000)

    def read_often() -> None:
        assert all(_get(files, "k") == b"1" * 100_000 for _ in range(8))

    children = [FORK.Process(target=read_often) for _ in range(3)]
    for child in children:
        child.start()
    read_often()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0, 0, 0]


def test_threads_share_a_store(files: ObjectFiles) -> None:
    wrong: list[str] = []

    def work(number: int) -> None:
        for turn in range(4):
            _put(files, f"{number}/{turn}", f"{number} {turn}".encode())
            if _get(files, f"{number}/{turn}") != f"{number} {turn}".encode():
                wrong.append(f"{number}/{turn}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (wrong, len(list(files.keys("")))) == ([], 32)


def test_long_lists_come_whole(files: ObjectFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_files, "LIST_PAGE", 3)
    for number in range(10):
        _put(files, f"a/{number}", b"x")
    assert sorted(files.keys("a")) == [f"a/{number}" for number in range(10)]
    assert files.usage("a") == (10, 10)


def test_two_folders_of_one_bucket_do_not_see_each_other(s3_store: FilesStore, tmp_path: Path) -> None:
    bucket = s3_store.url.split("/")[2]
    one, other = (
        ObjectFiles(s3_store.model_copy(update={"url": f"s3://{bucket}/{name}"}), tmp_path) for name in ("one", "one2")
    )
    _put(one, "k", b"1")
    assert not other.exists("k")
    assert (list(other.keys("")), list(one.keys(""))) == ([], ["k"])
    assert one.address("k") == f"s3://{bucket}/one/k"
    _put(other, "k", b"2")
    assert [Path(it.uri("k")).read_bytes() for it in (one, other)] == [b"1", b"2"]


def test_a_file_is_fetched_once_for_all_readers(files: ObjectFiles, s3_store: FilesStore, tmp_path: Path) -> None:
    _put(files, "d/x.parquet", b"rows")
    uri = files.uri("d/x.parquet")
    assert uri.endswith(".parquet")
    assert Path(uri).read_bytes() == b"rows"
    files.store.client.delete_object(Bucket=files.store.bucket, Key=files.name("d/x.parquet"))
    other = ObjectFiles(s3_store, tmp_path / "data")
    assert other.uri("d/x.parquet") == uri


def test_a_file_published_again_is_fetched_again(files: ObjectFiles) -> None:
    _put(files, "k", b"first")
    files.uri("k")
    _put(files, "k", b"second")
    with files.local_path("k") as path:
        assert path.read_bytes() == b"second"


def test_bytes_that_were_changed_on_the_way_are_not_kept(files: ObjectFiles) -> None:
    _put(files, "k", b"rows")
    name = files.name("k")
    files.store.client.put_object(
        Bucket=files.store.bucket, Key=name, Body=b"rowz", Metadata={object_upload.DIGEST: "0" * 32}
    )
    with pytest.raises(TransientFailure, match="other bytes came"):
        files.uri("k")
    assert not [path for path in (files.cache.root / "cache").rglob("*") if path.is_file() and path.name != ".lock"]
