"""Many pieces of work at once, with bounded memory, and their results in groups.

What belongs here: threads and grouping. What does not: the work.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_parallel(items: Iterable[Item], work: Callable[[Item], Result], workers: int) -> Iterator[Result]:
    """`work` of every item, in the items' order; at most twice `workers` items are taken ahead.

    An exception of `work` is raised here, after the work that has begun has ended. One worker means no thread.
    """
    if workers <= 1:
        yield from map(work, items)
        return
    rest = iter(items)
    with ThreadPoolExecutor(workers, thread_name_prefix="archives") as pool:
        running = deque(pool.submit(work, item) for item in islice(rest, 2 * workers))
        try:
            while running:
                result = running.popleft().result()
                running.extend(pool.submit(work, item) for item in islice(rest, 1))
                yield result
        finally:
            for future in running:
                future.cancel()


def in_groups(items: Iterable[Item], count: int, seconds: float) -> Iterator[list[Item]]:
    """`items` in lists of at most `count`; one that is `seconds` old is given with the next item that comes."""
    group: list[Item] = []
    begun = time.monotonic()
    for item in items:
        group.append(item)
        if len(group) >= count or time.monotonic() - begun >= seconds:
            yield group
            group = []
            begun = time.monotonic()
    if group:
        yield group
