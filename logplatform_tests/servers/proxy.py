"""A TCP proxy that tests cut, slow and restore: the network between a store and its server.

What belongs here: bytes passing or not. What does not: any protocol.
"""

import socket
import threading
from contextlib import suppress
from types import TracebackType

from logplatform_tests.servers.ports import LOOPBACK, free_port


class TcpProxy:
    """Listens on `port` and passes everything to `host`:`target` and back.

    delay_seconds: each piece of an answer waits so long.
    """

    def __init__(self, host: str, target: int, delay_seconds: float = 0.0) -> None:
        self.port = free_port()
        self.delay_seconds = delay_seconds
        self._target = (host, target)
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self._cut = threading.Event()
        self._left: int | None = None
        self._loses_answer = False
        self._away_seconds: float | None = None

    def __enter__(self) -> "TcpProxy":
        self.resume()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.drop()

    @property
    def connections(self) -> int:
        """How many are open now."""
        with self._lock:
            return len(self._open) // 2

    def drop(self) -> None:
        """Cut all connections now, as a network that fails, and refuse new ones."""
        with self._lock:
            self._cut.set()
            ended, self._open = self._open, set()
            listener, self._listener = self._listener, None
        if listener is not None:
            # Closing alone would leave the thread in accept, and with it the port.
            _shut(listener)
        for connection in ended:
            _shut(connection)

    def drop_after(self, count: int, away_seconds: float | None = None) -> None:
        """Drop once so many more bytes went to the server: in the middle of a write; back after `away_seconds`."""
        with self._lock:
            self._left, self._away_seconds = count, away_seconds

    def drop_at_answer(self, away_seconds: float | None = None) -> None:
        """Drop when the server answers next: what it was asked is done, and nobody hears; back after `away_seconds`."""
        with self._lock:
            self._loses_answer, self._away_seconds = True, away_seconds

    def resume(self) -> None:
        """Take connections again, on the same port."""
        with self._lock:
            if self._listener is not None:
                return
            self._cut = threading.Event()
            self._left, self._loses_answer = None, False
            self._listener = socket.create_server((LOOPBACK, self.port))
            listener, cut = self._listener, self._cut
        threading.Thread(target=self._accept, args=(listener, cut), daemon=True).start()

    def _accept(self, listener: socket.socket, cut: threading.Event) -> None:
        while not cut.is_set():
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._target, timeout=10)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            if not self._registered(client, server, cut):
                return
            for source, sink, answers in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._pass, args=(source, sink, answers, cut), daemon=True).start()

    def _registered(self, client: socket.socket, server: socket.socket, cut: threading.Event) -> bool:
        with self._lock:
            if not cut.is_set():
                self._open |= {client, server}
                return True
        client.close()
        server.close()
        return False

    def _pass(self, source: socket.socket, sink: socket.socket, answers: bool, cut: threading.Event) -> None:
        try:
            while piece := source.recv(65_536):
                if answers:
                    if self._loses_answer:
                        self._fail()
                        return
                    if self.delay_seconds and cut.wait(self.delay_seconds):
                        return
                    sink.sendall(piece)
                else:
                    allowed = self._allowed(piece)
                    sink.sendall(allowed)
                    if len(allowed) < len(piece):
                        self._fail()
                        return
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        finally:
            self._ended(source, sink)

    def _fail(self) -> None:
        self.drop()
        if self._away_seconds is not None:
            back = threading.Timer(self._away_seconds, self.resume)
            back.daemon = True
            back.start()

    def _allowed(self, piece: bytes) -> bytes:
        with self._lock:
            if self._left is None:
                return piece
            allowed = piece[: self._left]
            self._left -= len(allowed)
            return allowed

    def _ended(self, source: socket.socket, sink: socket.socket) -> None:
        """A pair is closed when both directions have ended."""
        with self._lock:
            known = {source, sink} & self._open
            self._open -= {source}
            over = sink not in self._open
        if known and over:
            source.close()
            sink.close()


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
