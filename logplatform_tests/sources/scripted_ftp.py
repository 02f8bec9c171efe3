"""An FTP server that does as a test says: which commands it knows, how it lists, where it breaks.

What belongs here: files in memory behind FTP's commands. What does not: real servers (`logplatform_tests.servers`).
"""

import socket
import socketserver
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from logplatform.sources.addresses import FtpAddress

Listing = Callable[[str, bytes], str]
"""The line of LIST for a file: its name and content."""


def unix_line(name: str, data: bytes) -> str:
    return f"-rw-r--r--    1 ftp      ftp      {len(data):8} Mar 01 10:00 {name}"


@dataclass
class Script:
    """`known`: commands besides the indispensable; `cut_after`: bytes after which one transfer breaks, once each."""

    files: dict[str, bytes]
    known: set[str] = field(default_factory=lambda: {"SIZE", "MDTM", "REST", "LIST", "NLST"})
    line: Listing = unix_line
    nlst_prefix: str = ""
    cut_after: list[int] = field(default_factory=list)
    silent_after: int | None = None
    offsets: list[int] = field(default_factory=list)
    sent: int = 0

    def facts(self, name: str) -> str:
        return f"type=file;size={len(self.files[name])};modify=20260301100000.123; {name}"


class _Session(socketserver.StreamRequestHandler):
    script: Script

    def handle(self) -> None:
        self.offset = 0
        self.passive: socket.socket | None = None
        self.say("220 scripted")
        for raw in self.rfile:
            command, _, argument = raw.decode().rstrip("\r\n").partition(" ")
            if not self.answer(command.upper(), argument):
                return

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())

    def answer(self, command: str, argument: str) -> bool:
        simple = {"USER": "331 password", "PASS": "230 in", "PWD": '257 "/"', "TYPE": "200 ok", "CWD": "250 ok"}
        if command in simple:
            self.say(simple[command])
        elif command == "FEAT":
            self.say("211-\r\n " + "\r\n ".join(sorted(self.script.known)) + "\r\n211 end")
        elif command == "PASV":
            self.passive = socket.create_server(("127.0.0.1", 0))
            port = self.passive.getsockname()[1]
            self.say(f"227 ok (127,0,0,1,{port >> 8},{port & 255})")
        elif command == "REST":
            self.offset = int(argument)
            self.say("350 ok")
        elif command == "RETR":
            return self.send_file(argument)
        elif command not in self.script.known:
            self.say("502 not implemented")
        else:
            self.tell(command, argument)
        return True

    def tell(self, command: str, argument: str) -> None:
        files = self.script.files
        listings = {
            "LIST": lambda: [self.script.line(name, data) for name, data in files.items()],
            "NLST": lambda: [self.script.nlst_prefix + name for name in files],
            "MLSD": lambda: [self.script.facts(name) for name in files],
        }
        if command in listings:
            self.send("".join(f"{line}\r\n" for line in listings[command]()).encode())
        elif argument not in files:
            self.say("550 failed")
        elif command == "SIZE":
            self.say(f"213 {len(files[argument])}")
        elif command == "MDTM":
            self.say("213 20260301100000")
        elif command == "MLST":
            self.say(f"250-\r\n {self.script.facts(argument)}\r\n250 end")

    def send(self, data: bytes) -> None:
        assert self.passive is not None
        self.say("150 here it comes")
        connection, _ = self.passive.accept()
        self.passive.close()
        with connection:
            connection.sendall(data)
        self.say("226 done")

    def send_file(self, name: str) -> bool:
        """False if the session ends with it."""
        if name not in self.script.files:
            self.say("550 failed")
            return True
        data, self.offset = self.script.files[name][self.offset :], self._noted(self.offset)
        if self.script.silent_after is not None:
            self._begin(data[: self.script.silent_after])
            time.sleep(30)
            return False
        if self.script.cut_after:
            piece = data[: self.script.cut_after.pop(0)]
            self.script.sent += len(piece)
            self._begin(piece)
            return False
        self.script.sent += len(data)
        self.send(data)
        return True

    def _noted(self, offset: int) -> int:
        self.script.offsets.append(offset)
        return 0

    def _begin(self, data: bytes) -> None:
        assert self.passive is not None
        self.say("150 here it comes")
        self.held, _ = self.passive.accept()
        self.held.sendall(data)

    def finish(self) -> None:
        for one in (getattr(self, "held", None), self.passive):
            if one is not None:
                one.close()
        self.connection.close()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    block_on_close = False


@contextmanager
def scripted(script: Script) -> Generator[FtpAddress]:
    """The server, running; its address."""
    with _Server(("127.0.0.1", 0), type("Session", (_Session,), {"script": script})) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield FtpAddress("plant", "127.0.0.1", "u", "p", server.server_address[1], timeout_seconds=2)
        server.shutdown()
