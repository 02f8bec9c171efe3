"""The proxy passes bytes as they are, and cuts and slows when told to."""

import socket
import threading
import time
from collections.abc import Generator
from contextlib import suppress

import pytest

from logplatform_tests.servers.ports import LOOPBACK, wait_until
from logplatform_tests.servers.proxy import TcpProxy


class Echo:
    """Sends back what comes, and keeps it."""

    def __init__(self) -> None:
        self.listener = socket.create_server((LOOPBACK, 0))
        self.port = self.listener.getsockname()[1]
        self.got = b""
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        try:
            while piece := connection.recv(1000):
                self.got += piece
                connection.sendall(piece)
        except OSError:
            pass
        finally:
            connection.close()


@pytest.fixture
def echo() -> Generator[Echo]:
    server = Echo()
    yield server
    server.close()


@pytest.fixture
def proxy(echo: Echo) -> Generator[TcpProxy]:
    with TcpProxy(LOOPBACK, echo.port) as opened:
        yield opened


def _connect(proxy: TcpProxy) -> socket.socket:
    return socket.create_connection((LOOPBACK, proxy.port), timeout=10)


def _read(connection: socket.socket, count: int) -> bytes:
    got = b""
    while len(got) < count and (piece := connection.recv(count - len(got))):
        got += piece
    return got


def _is_cut(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


def test_everything_passes_both_ways(proxy: TcpProxy) -> None:
    sent = bytes(range(256)) * 4_000
    with _connect(proxy) as connection:
        writer = threading.Thread(target=connection.sendall, args=(sent,))
        writer.start()
        assert _read(connection, len(sent)) == sent
        writer.join()
        assert proxy.connections == 1
    assert wait_until(lambda: proxy.connections == 0, 5)


def test_the_end_of_a_request_reaches_the_server_and_its_answer_comes_back(proxy: TcpProxy) -> None:
    with _connect(proxy) as connection:
        connection.sendall(b"last words")
        connection.shutdown(socket.SHUT_WR)
        assert _read(connection, 100) == b"last words"


def test_dropped_connections_are_cut_and_new_ones_refused_until_resumed(proxy: TcpProxy) -> None:
    with _connect(proxy) as connection:
        connection.sendall(b"a")
        assert _read(connection, 1) == b"a"
        proxy.drop()
        assert _is_cut(connection)
    with pytest.raises(ConnectionRefusedError):
        _connect(proxy)
    proxy.resume()
    with _connect(proxy) as connection:
        connection.sendall(b"b")
        assert _read(connection, 1) == b"b"


def test_a_write_is_cut_in_its_middle(proxy: TcpProxy, echo: Echo) -> None:
    with _connect(proxy) as connection:
        proxy.drop_after(1_500)
        connection.sendall(b"x" * 4_000)
        # The answers to what went through may come before the cut.
        assert wait_until(lambda: proxy.connections == 0, 5)
    assert wait_until(lambda: len(echo.got) == 1_500, 5)


def test_an_answer_is_lost_and_the_network_is_back(proxy: TcpProxy, echo: Echo) -> None:
    with _connect(proxy) as connection:
        proxy.drop_at_answer(0.1)
        connection.sendall(b"asked")
        with suppress(ConnectionError):
            assert _read(connection, 1) == b""
    assert wait_until(lambda: bytes(echo.got) == b"asked", 5)
    assert wait_until(lambda: _echoes(proxy), 5)


def _echoes(proxy: TcpProxy) -> bool:
    with suppress(OSError), _connect(proxy) as connection:
        connection.sendall(b"a")
        return _read(connection, 1) == b"a"
    return False


def test_answers_wait(proxy: TcpProxy) -> None:
    with _connect(proxy) as connection:
        proxy.delay_seconds = 0.3
        began = time.monotonic()
        connection.sendall(b"a")
        assert _read(connection, 1) == b"a"
        assert 0.3 <= time.monotonic() - began < 5


def test_a_cut_ends_an_answer_that_waits(proxy: TcpProxy) -> None:
    with _connect(proxy) as connection:
        proxy.delay_seconds = 60
        connection.sendall(b"a")
        time.sleep(0.1)
        proxy.drop()
        assert _is_cut(connection)


def test_a_server_that_is_down_cuts_who_asks(echo: Echo) -> None:
    echo.close()
    with TcpProxy(LOOPBACK, echo.port) as proxy, _connect(proxy) as connection:
        assert _is_cut(connection)
