"""Redis: connecting, and what its failures mean.

What belongs here: one client a server, and turning the client's exceptions into the platform's. What does not: the
queue (`redis_queue`).
"""

from collections.abc import Generator
from contextlib import contextmanager
from functools import lru_cache
from urllib.parse import urlsplit

from logplatform.failures import PermanentFailure, TransientFailure, Unreachable
from logplatform.settings.stores import QueueStore

try:
    import redis
    from redis import exceptions
    from redis.backoff import NoBackoff
    from redis.retry import Retry
except ImportError as error:
    raise PermanentFailure(
        f"stores.queue.type: redis needs a package that is not installed ({error.name}): "
        "pip install 'logplatform[server]'"
    ) from error

OLDEST = (5, 0)
"""Before it a script that asks for the time may not write."""


def redis_of(section: QueueStore) -> "redis.Redis":
    """The client of this server; threads share it, and nothing is connected before it is asked.

    PermanentFailure if the address is none of Redis's.
    """
    password = None if section.password is None else section.password.get_secret_value()
    return _client(section.url, section.username, password, section.timeout_seconds)


@lru_cache(64)
def _client(url: str, username: str | None, password: str | None, timeout: float) -> "redis.Redis":
    # The client tries nothing again by itself: a claim whose answer was lost would be made a second time.
    try:
        return redis.Redis.from_url(
            url,
            username=username,
            password=password,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 0),
            health_check_interval=0,
            client_name="logplatform",
        )
    except ValueError as error:
        raise PermanentFailure(f"stores.queue.url: {error}") from error


@contextmanager
def redis_failures(section: QueueStore) -> Generator[None]:
    """Raise what the client raises as PermanentFailure, TransientFailure or Unreachable, naming the setting."""
    where = f"Redis at {address(section.url)} (stores.queue.url)"
    try:
        yield
    except (exceptions.NoPermissionError, exceptions.AuthenticationError) as error:
        raise PermanentFailure(f"{where} refuses: {_reason(error)}; {_advice(error)}") from error
    except (exceptions.OutOfMemoryError, exceptions.ReadOnlyError, exceptions.TryAgainError) as error:
        raise TransientFailure(f"{where} cannot write just now: {_reason(error)}") from error
    except (exceptions.ConnectionError, exceptions.TimeoutError, OSError) as error:
        raise Unreachable(
            f"{where} gives no answer: {_reason(error)}; is it running, and is the address right?"
        ) from error
    except exceptions.ResponseError as error:
        raise _answered(where, error) from error
    except exceptions.RedisError as error:
        raise TransientFailure(f"{where}: {_reason(error)}") from error


def address(url: str) -> str:
    """Host, port and database of an address, without a user."""
    parts = urlsplit(url)
    return f"{parts.hostname or 'localhost'}:{parts.port or 6379}{parts.path}"


def version_of(told: object) -> tuple[int, int]:
    """The first two numbers of a version as a server tells it; (0, 0) if it tells none."""
    numbers = str(told).split(".")
    return (
        (int(numbers[0]), int(numbers[1])) if len(numbers) > 1 and all(it.isdigit() for it in numbers[:2]) else (0, 0)
    )


def _answered(where: str, error: Exception) -> PermanentFailure | TransientFailure:
    reason = _reason(error)
    if "WRONGTYPE" in reason:
        return PermanentFailure(f"{where}: the key of the queue holds something else than a list (stores.queue.key)")
    if "NOAUTH" in reason or "WRONGPASS" in reason or "NOPERM" in reason or "DB index" in reason:
        return PermanentFailure(f"{where} refuses: {reason}; {_advice(error)}")
    busy = ("OOM", "MISCONF", "NOREPLICAS", "CLUSTERDOWN", "BUSY", "UNKILLABLE")
    kind = TransientFailure if reason.startswith(busy) else PermanentFailure
    return kind(f"{where}: {reason}")


def _reason(error: Exception) -> str:
    return str(error).partition("\n")[0][:300] or type(error).__name__


def _advice(error: Exception) -> str:
    if isinstance(error, exceptions.NoPermissionError) or "NOPERM" in str(error):
        return "give the user the keys of the queue and the commands of lists, sets, sorted sets, hashes and scripts"
    return "set stores.queue.username and stores.queue.password (LOGPLATFORM_STORES__QUEUE__PASSWORD)"
