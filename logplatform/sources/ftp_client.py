"""Speaking FTP: logging in, with TLS where it is asked for, and commands whose failures are ours.

What belongs here: `ftplib`, sockets and replies (RFC 959, 2428, 4217). What does not: what is asked (`ftp`), the forms
of answers (`ftp_listing`).
"""

import ftplib
import socket
import ssl
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress

from logplatform.failures import PermanentFailure, TransientFailure, Unreachable
from logplatform.sources.addresses import FtpAddress
from logplatform.sources.links import LinkLost

WIRE = "latin-1"
"""Every byte is one sign of it, so nothing that comes or goes is lost; names have an encoding of their own."""
_KEEPALIVE_SECONDS = 30


class Refused(TransientFailure):
    """The server answered 5xx; `code` is the number."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.code = text[:3]


class _Tls(ftplib.FTP_TLS):
    """Data connections go on with the control connection's TLS session: many servers refuse any other."""

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[socket.socket, int | None]:
        connection, size = ftplib.FTP.ntransfercmd(self, cmd, rest)  # noqa: S321
        session = self.sock.session if isinstance(self.sock, ssl.SSLSocket) else None
        try:
            return self.context.wrap_socket(connection, server_hostname=self.host, session=session), size
        except OSError:
            connection.close()
            raise


def logged_in(address: FtpAddress) -> ftplib.FTP:
    """A connection with a login. Raises Unreachable where there is no answer, PermanentFailure for what is refused."""
    client = _Tls(context=_context(address), encoding=WIRE) if address.tls else ftplib.FTP(encoding=WIRE)  # noqa: S321
    with ExitStack() as unless_well:
        unless_well.callback(client.close)
        _begin(client, address)
        unless_well.pop_all()
    return client


def _begin(client: ftplib.FTP, address: FtpAddress) -> None:
    """Connect, encrypt, log in; raises as `logged_in`."""
    try:
        client.connect(address.host, address.port, timeout=address.connect_seconds)
        if isinstance(client, ftplib.FTP_TLS):
            _encrypt(client, address)
        _login(client, address)
        client.set_pasv(address.passive)
        _settle(client, address)
    except ssl.SSLCertVerificationError as error:
        raise PermanentFailure(
            f"{address.place}: its certificate is not trusted ({error.verify_message}): name its issuer's, or its own, "
            "in `ca_file`"
        ) from error
    except ftplib.error_perm as error:
        raise PermanentFailure(f"{address.place}: refused: {_line(error)}") from error
    except (OSError, EOFError, ftplib.Error) as error:
        raise Unreachable(f"{address.place} cannot be reached: {reason(error, address.connect_seconds)}") from error


def _context(address: FtpAddress) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=address.ca_file)
    except OSError as error:
        raise PermanentFailure(f"{address.place}: ca_file {address.ca_file}: {error.strerror or error}") from error


def _encrypt(client: ftplib.FTP_TLS, address: FtpAddress) -> None:
    try:
        client.auth()
    except ftplib.error_perm as error:
        message = f"{address.place}: offers no FTPS ({_line(error)}); `tls: false` would send the password in clear"
        raise PermanentFailure(message) from error


def _login(client: ftplib.FTP, address: FtpAddress) -> None:
    if any(sign in f"{address.user}{address.password}" for sign in "\r\n"):
        raise PermanentFailure(f"{address.place}: user or password holds a line break")
    try:
        user, password = (text.encode(address.encoding).decode(WIRE) for text in (address.user, address.password))
        # ftplib would show the command, password and all, in the failure that a strange answer makes.
        answer = client.sendcmd(f"USER {user}")
        if answer[0] == "3":
            answer = client.sendcmd(f"PASS {password}")
    except ftplib.error_perm as error:
        raise PermanentFailure(
            f"{address.place}: login of {address.user} refused ({_line(error)}): set `user`, and the password by "
            "FTP_PASS_<NAME> or FTP_PASS"
        ) from error
    except UnicodeEncodeError as error:
        raise PermanentFailure(f"{address.place}: user or password cannot be told in {address.encoding}") from error
    if answer[0] != "2":
        raise PermanentFailure(f"{address.place}: the server asks for more than user and password")


def _settle(client: ftplib.FTP, address: FtpAddress) -> None:
    if isinstance(client, ftplib.FTP_TLS):
        client.prot_p()
    client.timeout = address.timeout_seconds
    control = client.sock
    assert control is not None  # noqa: S101
    control.settimeout(address.timeout_seconds)
    control.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    # A long transfer leaves the control connection without a word; what stands between would forget it.
    if hasattr(socket, "TCP_KEEPIDLE"):
        control.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEPALIVE_SECONDS)
        control.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _KEEPALIVE_SECONDS)


@contextmanager
def spoken(address: FtpAddress) -> Generator[None]:
    """Commands in it fail as `Refused` (5xx), TransientFailure (4xx) or LinkLost (no answer, or one of no sense)."""
    try:
        yield
    except ftplib.error_perm as error:
        raise Refused(_line(error)) from error
    except ftplib.error_temp as error:
        text = _line(error)
        # 421: the server ends the session; 425, 426: the transfer's own connection failed.
        if text[:3] in {"421", "425", "426"}:
            raise LinkLost(f"{address.place}: {text}") from error
        raise TransientFailure(text) from error
    except (OSError, EOFError, ftplib.Error) as error:
        raise LinkLost(f"{address.place}: connection lost: {reason(error, address.timeout_seconds)}") from error


def hang_up(client: ftplib.FTP) -> None:
    """Close without a word: the server may be silent."""
    with suppress(OSError, EOFError, ftplib.Error):
        client.close()


def end_data(connection: socket.socket) -> None:
    """Close a data connection; TLS says so first, since some servers wait for it."""
    if isinstance(connection, ssl.SSLSocket):
        with suppress(OSError, ValueError):
            connection.settimeout(2)
            connection.unwrap()
    with suppress(OSError):
        connection.close()


def reason(error: BaseException, seconds: float) -> str:
    """Why a connection failed, in words."""
    if isinstance(error, TimeoutError):
        return f"no answer in {seconds:g} seconds"
    if isinstance(error, EOFError):
        return "the server hung up"
    if isinstance(error, ftplib.Error):
        return f"the server answered {_line(error)!r}"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
