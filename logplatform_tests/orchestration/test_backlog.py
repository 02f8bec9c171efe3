"""Batches of a backlog: what names them, and how long one waits whose run failed."""

from datetime import UTC, date, datetime, timedelta

import dagster as dg

from logplatform.orchestration.backlog import Backlog, Ended, due
from logplatform.orchestration.batches import AGAIN, batch_name
from logplatform.orchestration.days import BATCH_TAG, DOMAIN_TAG
from logplatform.orchestration.runs import last_ended

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


def backlog(key: str) -> Backlog:
    return Backlog(key, date(2026, 1, 4), date(2026, 1, 5), 7, 700)


def test_the_first_batch_is_due_at_once() -> None:
    asked = due(backlog("a"), None, NOW)
    assert asked.at is None
    assert (asked.proposal.items, asked.proposal.bytes, asked.proposal.attempt) == (7, 700, 1)
    name = batch_name(asked.proposal.batch_id)
    assert name is not None
    assert (name.proposed_at, name.attempt) == (NOW, 1)


def test_failures_put_the_next_off_longer_and_longer_whatever_came_in() -> None:
    """A backlog that grows has another content each time; it must not be tried at every tick because of that."""
    last: Ended | None = None
    waits: list[timedelta] = []
    now = NOW
    for number in range(12):
        asked = due(backlog(str(number)), last, now)
        assert asked.proposal.attempt == number + 1
        if asked.at is not None:
            waits.append(asked.at - now)
            now = asked.at
        last = Ended(asked.proposal.batch_id, success=False, at=now)
    assert waits[:3] == [timedelta(seconds=30), timedelta(seconds=60), timedelta(seconds=120)]
    assert waits[-1] == timedelta(seconds=AGAIN.max_seconds)


def test_after_a_success_other_content_is_due_at_once_and_the_same_is_not() -> None:
    """A run that succeeded and left what it was asked for as it was would be asked for at every tick."""
    first = due(backlog("a"), None, NOW).proposal
    ended = Ended(first.batch_id, success=True, at=NOW)
    assert due(backlog("b"), ended, NOW).at is None
    again = due(backlog("a"), ended, NOW)
    assert (again.at, again.proposal.attempt) == (NOW + timedelta(seconds=30), 2)


def test_the_newest_ended_batch_is_found_among_other_runs() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert last_ended(instance, "tickets") is None
        _run(instance, "tickets", {BATCH_TAG: "first"}, dg.DagsterRunStatus.SUCCESS)
        _run(instance, "tickets", {BATCH_TAG: "second"}, dg.DagsterRunStatus.FAILURE)
        _run(instance, "tickets", {}, dg.DagsterRunStatus.SUCCESS)
        _run(instance, "uploads", {BATCH_TAG: "others"}, dg.DagsterRunStatus.SUCCESS)
        _run(instance, "tickets", {BATCH_TAG: "open"}, dg.DagsterRunStatus.STARTED)
        found = last_ended(instance, "tickets")
    assert found is not None
    assert (found.batch_id, found.success) == ("second", False)


def _run(instance: dg.DagsterInstance, domain: str, tags: dict[str, str], status: dg.DagsterRunStatus) -> None:
    instance.add_run(dg.DagsterRun(job_name=domain, tags={DOMAIN_TAG: domain, **tags}, status=status))
