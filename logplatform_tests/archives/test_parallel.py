"""Work in threads: order, bounds, and what happens when one piece fails."""

import threading
import time
from collections.abc import Iterator

import pytest

from logplatform.archives.parallel import in_groups, in_parallel


def test_results_come_in_order_and_little_is_taken_ahead() -> None:
    """Which of two turns of a log is delivered must not depend on which thread was faster; a backlog stays outside."""
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    def work(number: int) -> int:
        time.sleep(0.002 * (number % 3))
        return number

    ahead = []
    results = []
    for result in in_parallel(items(), work, 4):
        ahead.append(len(taken) - len(results))
        results.append(result)
    assert results == list(range(100))
    assert max(ahead) <= 9


def test_a_failure_is_raised_and_nothing_further_begins() -> None:
    """The caller stops; work that had begun has ended by then, so no thread writes behind its back."""
    begun: list[int] = []

    def work(number: int) -> int:
        begun.append(number)
        if number == 3:
            raise ValueError("no")
        return number

    with pytest.raises(ValueError, match="no"):
        list(in_parallel(range(1_000), work, 2))
    assert len(begun) <= 8
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("archives")]


def test_groups_by_count_and_by_age() -> None:
    """A commit holds many small files, but a finished file does not wait long for others."""
    assert list(in_groups(range(5), 2, 60)) == [[0, 1], [2, 3], [4]]

    def slow() -> Iterator[int]:
        for number in range(3):
            time.sleep(0.03)
            yield number

    assert list(in_groups(slow(), 100, 0.02)) == [[0], [1], [2]]
