"""Connections over SSH: logging in with strict host keys, and speaking asyncio from plain threads.

What belongs here: asyncssh, its event loop's thread, its failures as ours. What does not: files (`sftp`).
"""

import asyncio
import atexit
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from logplatform.failures import LogplatformError, PermanentFailure, Unreachable
from logplatform.sources.addresses import SshAddress

try:
    import asyncssh
except ImportError as missing:
    raise PermanentFailure("a source of type sftp needs asyncssh: pip install 'logplatform[server]'") from missing

Result = TypeVar("Result")

_KEEPALIVE_MISSED = 3
# AES in the processor; measured twice as fast as ChaCha20, which would be chosen first.
_CIPHERS = "^aes128-gcm@openssh.com,aes256-gcm@openssh.com"
_END_SECONDS = 2.0
_METHODS = ("publickey", "keyboard-interactive", "password")


class _Loop:
    """One event loop in a thread of its own, for every connection of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def submit(self, work: Coroutine[Any, Any, Result]) -> "Future[Result]":
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="ssh", daemon=True)
                self._thread.start()
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def soon(self, work: Any, *arguments: Any) -> None:  # noqa: ANN401
        if self._loop is not None:
            self._loop.call_soon_threadsafe(work, *arguments)

    def end(self) -> None:
        """Let the thread end by itself: one that is cut off with the process keeps all that it can reach from being
        freed, and some libraries tell people of that.
        """
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_END_SECONDS)


_loop = _Loop()
atexit.register(_loop.end)
# A forked child has the loop without its thread.
os.register_at_fork(after_in_child=_loop.__init__)

submit = _loop.submit
"""Begin a coroutine in the loop's thread; its Future belongs to the caller."""

soon = _loop.soon
"""Call something in the loop's thread."""


def connect(address: SshAddress) -> "asyncssh.SSHClientConnection":
    """Log in. Raises Unreachable where there is no answer, PermanentFailure for a key or a login that is refused."""
    known = _known_hosts(address)
    keys = _client_keys(address)
    work = asyncssh.connect(
        address.host,
        address.port,
        username=address.user,
        known_hosts=known,
        client_keys=keys,
        password=address.password,
        agent_path=os.environ.get("SSH_AUTH_SOCK") if keys == () else None,
        preferred_auth=_METHODS,
        config=None,
        encryption_algs=_CIPHERS,
        compression_algs=None,
        connect_timeout=address.connect_seconds,
        login_timeout=address.connect_seconds,
        keepalive_interval=address.timeout_seconds / _KEEPALIVE_MISSED,
        keepalive_count_max=_KEEPALIVE_MISSED,
    )
    try:
        return submit(_awaited(work)).result()
    except asyncssh.HostKeyNotVerifiable as error:
        raise _untrusted(address, known, error) from error
    except (asyncssh.PermissionDenied, asyncssh.IllegalUserName) as error:
        raise PermanentFailure(_login_refused(address)) from error
    except (asyncssh.KeyExchangeFailed, asyncssh.ProtocolNotSupported) as error:
        raise PermanentFailure(f"{address.place}: no common way to speak SSH: {error.reason}") from error
    except (OSError, asyncssh.Error, TimeoutError) as error:
        raise Unreachable(f"{address.place} cannot be reached: {_reason(error, address)}") from error


async def _awaited(work: Any) -> Any:  # noqa: ANN401 (asyncssh's connect is a coroutine and a context manager)
    return await work


def _known_hosts(address: SshAddress) -> Any:  # noqa: ANN401 (asyncssh takes several forms)
    if address.host_key is not None:
        try:
            return [asyncssh.import_public_key(address.host_key)], [], []
        except asyncssh.KeyImportError as error:
            message = f"{address.place}: host_key is no public key: write it as in known_hosts, `ssh-ed25519 AAAA…`"
            raise PermanentFailure(message) from error
    try:
        text = "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in _files(address))
        return asyncssh.import_known_hosts(text)
    except OSError as error:
        raise PermanentFailure(f"{address.place}: {error.filename}: {error.strerror}") from error
    except ValueError as error:
        raise PermanentFailure(f"{address.place}: {_file(address)}: {error}") from error


def _files(address: SshAddress) -> list[Path]:
    """The files of known hosts: all that are named must be there, of the usual ones those that are."""
    if address.known_hosts:
        return list(address.known_hosts)
    usual = (Path("~/.ssh/known_hosts").expanduser(), Path("/etc/ssh/ssh_known_hosts"))
    return [path for path in usual if path.is_file()]


def _file(address: SshAddress) -> Path:
    return next(iter(address.known_hosts), Path("~/.ssh/known_hosts").expanduser())


def _client_keys(address: SshAddress) -> Any:  # noqa: ANN401
    """What proves who we are besides a password: one key, nothing, or () for the agent and the user's own keys."""
    if address.key_file is None:
        return () if address.password is None else None
    try:
        return [asyncssh.read_private_key(address.key_file, address.key_passphrase)]
    except OSError as error:
        raise PermanentFailure(f"{address.place}: key file {address.key_file}: {error.strerror}") from error
    except asyncssh.KeyEncryptionError as error:
        message = f"{address.place}: key file {address.key_file}: wrong or missing passphrase; set `key_passphrase`"
        raise PermanentFailure(message) from error
    except asyncssh.KeyImportError as error:
        raise PermanentFailure(f"{address.place}: key file {address.key_file} is no private key") from error


def _untrusted(address: SshAddress, known: Any, error: Exception) -> LogplatformError:  # noqa: ANN401
    scan = f"`ssh-keyscan -p {address.port} {address.host}`"
    if address.host_key is not None:
        return PermanentFailure(
            f"{address.place}: its host key is not the one that `host_key` names: somebody may stand between; if the "
            f"server was set up anew, ask its owner and put the new key there ({scan} shows it)"
        )
    entry = f"[{address.host}]:{address.port}" if address.port != asyncssh.DEFAULT_PORT else address.host
    if any(known.match(address.host, "", address.port)[:2]):
        return PermanentFailure(
            f"{address.place}: its host key has CHANGED: it is not the one in {_file(address)}: somebody may stand "
            f"between; if the server was set up anew, ask its owner, then "
            f"`ssh-keygen -R '{entry}' -f {_file(address)}` and add the new key ({scan} shows it)"
        )
    return PermanentFailure(
        f"{address.place}: its host key is not known ({error}): compare {scan} with what its owner tells, then append "
        f"it to {_file(address)}, or set `host_key`"
    )


def _login_refused(address: SshAddress) -> str:
    if address.key_file is not None:
        tried = f"the key {address.key_file}" + (" and a password" if address.password else "")
    else:
        tried = "a password" if address.password else "the agent and the keys in ~/.ssh"
    return (
        f"{address.place}: login of {address.user} refused ({tried}): set `key_file`, or the password by "
        f"SSH_PASSWORD_<NAME> or SSH_PASSWORD; is the public key in the server's authorized_keys?"
    )


def _reason(error: BaseException, address: SshAddress) -> str:
    if isinstance(error, TimeoutError) or "timeout" in str(error).lower():
        return f"no answer in {address.connect_seconds:g} seconds"
    if isinstance(error, OSError):
        return error.strerror or str(error) or type(error).__name__
    return str(error) or type(error).__name__
