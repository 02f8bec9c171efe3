"""The queue of ingest jobs in Redis: the list that existing producers push to, claimed from instead of popped.

What belongs here: the Redis implementation of `JobQueue`, and the check of its server. What does not: the scripts
(`redis_scripts`), the connection (`redis_client`).

The list holds the jobs that wait: `LLEN` is their number, `DEL` clears them. A job that is claimed, or waits for a
later time, stands beside it, so that a killed worker loses none. Jobs are hints: should Redis lose them all, they are
made again from the ledger of uploads. All keys begin with the list's and hash to its slot of a cluster. Times are the
server's, for workers' clocks differ.
"""

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from logplatform.failures import PermanentFailure
from logplatform.settings.stores import QueueStore
from logplatform.stores import redis_scripts as scripts
from logplatform.stores.job_queue import CLAIM, Foreign, QueuedJob, UnreadableJob
from logplatform.stores.redis_client import OLDEST, redis_failures, redis_of, version_of
from logplatform.stores.redis_jobs import identity_of, job_of, mark_of, payload_of, unreadable_of

_PAGE = 1_000
_TIDY_SECONDS = 60.0
_ENDS = {
    "left": (b"LPUSH", b"RPOP", b"RPUSH", -1),
    "right": (b"RPUSH", b"LPOP", b"LPUSH", 1),
}
_NOTHING = Foreign()


class RedisJobQueue:
    """The queue of one tenant in Redis; see `JobQueue`. `now` dates the jobs that are pushed here."""

    def __init__(self, section: QueueStore, tenant: str, now: Callable[[], datetime]) -> None:
        self._section = section
        self._now = now
        # The client's answers are typed as bytes or text, and which is ours.
        self._client: Any = redis_of(section)
        self._list = section.key if tenant == "default" else f"{section.key}:{tenant}"
        names = ("known", "claimed", "delayed", "payloads", "marks", "unreadable")
        self._keys = [self._list, *(f"{self._list}:{{{self._list}}}:{name}" for name in names)]
        self._known, self._claimed, self._delayed, self._payloads, self._marks, self._unreadable = self._keys[1:]
        self._ends = _ENDS[section.pushed]
        self._taken_left = section.pushed == "right"
        self._tidied = time.monotonic()
        register = self._client.register_script
        self._push, self._claim, self._extend = (register(it) for it in (scripts.PUSH, scripts.CLAIM, scripts.EXTEND))
        self._acknowledge, self._hand_back = register(scripts.ACKNOWLEDGE), register(scripts.HAND_BACK)
        self._release, self._clear = register(scripts.RELEASE), register(scripts.CLEAR)

    def push(self, job_id: str, foreign: Foreign = _NOTHING) -> None:
        """With the fields that other consumers of the list know."""
        payload = payload_of(job_id, foreign, self._now())
        self._run(self._push, job_id, payload)

    def claim(self, lasting: timedelta = CLAIM, holder: str | None = None) -> QueuedJob | None:
        """One script a try: what cannot be read is set aside, and the next one is taken."""
        while True:
            token = uuid.uuid4().hex
            found = self._run(self._claim, _milliseconds(lasting), token, (holder or "").replace("\n", " "))
            if not found:
                return None
            if len(found) == 1:
                continue
            job_id, raw, claims, until = found
            job = job_of(job_id, raw, claims, until, token)
            if isinstance(job, QueuedJob):
                return job
            self._run(self._acknowledge, job_id, token, job)

    def release(self, is_dead: Callable[[str], bool]) -> int:
        """Ask of each claim's holder; claims are as many as workers' hands."""
        self._tidy()
        with redis_failures(self._section):
            claimed = self._client.zrange(self._claimed, 0, -1)
            marks = self._client.hmget(self._marks, claimed) if claimed else []
        freed: list[Any] = []
        for job_id, text in zip(claimed, marks, strict=True):
            _, token, holder = mark_of(text)
            if holder and is_dead(holder):
                freed += [job_id, token]
        return int(self._run(self._release, *freed)) if freed else 0

    def extend(self, job: QueuedJob, lasting: timedelta = CLAIM) -> None:
        """The claim's token tells whose it is."""
        self._run(self._extend, job.job_id, job.token, _milliseconds(lasting))

    def acknowledge(self, job: QueuedJob) -> None:
        """Forget it."""
        self._run(self._acknowledge, job.job_id, job.token, "")

    def hand_back(self, job: QueuedJob, delay: timedelta = timedelta()) -> None:
        """To the end of the list, or beside it until the delay is over."""
        self._run(self._hand_back, job.job_id, job.token, _milliseconds(delay))

    def waiting(self, limit: int) -> list[QueuedJob]:
        """The head of the list, then what is claimed or delayed, by the time from which it can be had."""
        with redis_failures(self._section), self._client.pipeline(transaction=True) as pipe:
            pipe.lrange(self._list, *((0, limit - 1) if self._taken_left else (-limit, -1)))
            pipe.zrange(self._claimed, 0, limit - 1, withscores=True)
            pipe.zrange(self._delayed, 0, limit - 1, withscores=True)
            head, claimed, delayed = pipe.execute()
            beside = sorted((*claimed, *delayed), key=lambda one: one[1])
            payloads = self._client.hmget(self._payloads, [one[0] for one in beside]) if beside else []
            found = [job_of(None, raw, 0, None, "") for raw in (head if self._taken_left else reversed(head))]
            found += [job_of(one[0], raw, 0, one[1], "") for one, raw in zip(beside, payloads, strict=True) if raw]
            jobs = [job for job in found if isinstance(job, QueuedJob)][:limit]
            marks = self._client.hmget(self._marks, [job.job_id for job in jobs]) if jobs else []
        return [replace(job, claims=mark_of(text)[0]) for job, text in zip(jobs, marks, strict=True)]

    def clear(self) -> int:
        """Remove all keys but what could not be read."""
        return int(self._run(self._clear))

    def unreadable(self, limit: int) -> list[UnreadableJob]:
        """The newest ones first."""
        with redis_failures(self._section):
            found = self._client.lrange(self._unreadable, -limit, -1)
        return [unreadable_of(text) for text in reversed(found)]

    def forget_unreadable(self) -> int:
        """Remove their list."""
        with redis_failures(self._section), self._client.pipeline(transaction=True) as pipe:
            return int(pipe.llen(self._unreadable).delete(self._unreadable).execute()[0])

    def __len__(self) -> int:
        with redis_failures(self._section), self._client.pipeline(transaction=True) as pipe:
            return sum(pipe.llen(self._list).zcard(self._claimed).zcard(self._delayed).execute())

    def _run(self, script: Any, *arguments: Any) -> Any:  # noqa: ANN401 (the client's scripts and answers have no type)
        with redis_failures(self._section):
            return script(keys=self._keys, args=[*self._ends, *arguments])

    def _tidy(self) -> None:
        """Forget jobs that are taken to be in the list, and are not: somebody has deleted it, and pushed since."""
        if time.monotonic() < self._tidied + _TIDY_SECONDS:
            return
        self._tidied = time.monotonic()
        with redis_failures(self._section):
            # In this order: what is pushed in between is in no way suspect.
            gone = set(self._client.smembers(self._known))
            for raw in self._listed() if gone else ():
                gone.discard(identity_of(raw))
            if gone:
                self._client.srem(self._known, *gone)

    def _listed(self) -> Iterator[bytes]:
        """All of the list, from the end where jobs are added: what is taken meanwhile moves nothing."""
        start = 0
        while True:
            last = start + _PAGE - 1
            bounds = (start, last) if not self._taken_left else (-last - 1, -start - 1)
            page: list[bytes] = list(self._client.lrange(self._list, *bounds))
            yield from page
            if len(page) < _PAGE:
                return
            start += _PAGE


def check_queue(section: QueueStore) -> None:
    """Try the server, its version and the user's rights on a list of its own, which is removed.

    Raises Unreachable or PermanentFailure, with what helps.
    """
    client: Any = redis_of(section)
    trial = section.model_copy(update={"key": f"{section.key}:check:{uuid.uuid4().hex}"})
    queue = RedisJobQueue(trial, "default", lambda: datetime.now(UTC))
    with redis_failures(section):
        client.ping()
        client.type(section.key)
        version = version_of(client.info("server").get("redis_version"))
    if version < OLDEST:
        raise PermanentFailure(
            f"stores.queue: Redis {version[0]}.{version[1]} is too old; {OLDEST[0]}.{OLDEST[1]} or newer is needed"
        )
    queue.push("check")
    job = queue.claim(timedelta(seconds=60))
    if job is not None:
        queue.acknowledge(job)
    queue.clear()
    len(RedisJobQueue(section, "default", lambda: datetime.now(UTC)))


def _milliseconds(span: timedelta) -> int:
    return round(span.total_seconds() * 1_000)
