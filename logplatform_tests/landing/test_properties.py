"""Properties of the landing's pure parts: whatever is listed, tried again or redacted."""

import tempfile
from collections.abc import Generator
from contextlib import ExitStack, closing
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logplatform.failures import PermanentFailure, TransientFailure
from logplatform.landing.ledger import Ledger
from logplatform.landing.observations import fingerprint
from logplatform.landing.publish import Landing
from logplatform.landing.redaction import MASK, Redactor
from logplatform.landing.retry import RetryPolicy
from logplatform.settings.policies import RedactionSettings
from logplatform.sources.base import Entry
from logplatform.stores.files import LocalFiles
from logplatform.stores.places import Place, PostgresSchema, SqliteFile
from logplatform.stores.sql import Database
from logplatform_tests.databases import SCHEMA, made

DAY = date(2026, 1, 5)
PATHS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=30)
ENTRIES = st.builds(Entry, PATHS, st.integers(0, 2**62), st.integers(-(2**40), 2**62))


TENANTS = count()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest) -> Generator[Database]:
    with ExitStack() as stack:
        if request.param == "sqlite":
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="logplatform-ledger-"))
            place: Place = SqliteFile(Path(folder) / "x.db")
        else:
            place = PostgresSchema(stack.enter_context(made(request.getfixturevalue("postgres"))), SCHEMA)
        yield stack.enter_context(closing(place.open()))


@settings(max_examples=60, deadline=None)
@given(known=st.lists(ENTRIES, max_size=20), listed=st.lists(ENTRIES, max_size=20))
def test_unknown_is_what_was_listed_less_what_was_recorded(
    shared: Database, known: list[Entry], listed: list[Entry]
) -> None:
    ledger = Ledger(shared, "archives", f"tenant {next(TENANTS)}")
    with ledger.transaction() as connection:
        assert ledger.record(connection, "web1", [(entry, DAY) for entry in known], None) == len(set(known))
    both = [*listed, *known[::2]]
    expected = [entry for entry in dict.fromkeys(both) if entry not in set(known)]
    assert list(ledger.unknown("web1", both)) == expected
    assert list(ledger.unknown("web2", both)) == list(dict.fromkeys(both))
    assert [found.entry for found in ledger.find()] == list(dict.fromkeys(known))


@given(one=ENTRIES, other=ENTRIES, source=st.sampled_from(["a", "b"]))
def test_a_fingerprint_tells_observations_apart(one: Entry, other: Entry, source: str) -> None:
    same = (one, "a") == (other, source)
    assert (fingerprint("d", "t", "a", one) == fingerprint("d", "t", source, other)) is same


POLICIES = st.builds(
    RetryPolicy,
    attempts=st.integers(1, 1000),
    base_seconds=st.floats(0, 1e6),
    multiplier=st.floats(1, 100),
    max_seconds=st.floats(0, 1e6),
    jitter=st.floats(0, 1),
)


@given(policy=POLICIES, attempt=st.integers(1, 1 << 40), draw=st.floats(0, 1, exclude_max=True))
def test_waits_stay_between_their_bounds_for_ever(policy: RetryPolicy, attempt: int, draw: float) -> None:
    """2.0 ** 1100 once was an OverflowError, in the hour a file had failed 1,100 times."""
    plain, jittered = policy.wait(attempt, 0).total_seconds(), policy.wait(attempt, draw).total_seconds()
    assert plain <= policy.max_seconds + 1e-6
    assert plain <= jittered <= plain * (1 + policy.jitter) + 1e-5
    assert policy.wait(attempt + 1, 0) >= policy.wait(attempt, 0)


@given(policy=POLICIES)
def test_attempts_end(policy: RetryPolicy) -> None:
    assert [policy.exhausted(n) for n in (policy.attempts - 1, policy.attempts, policy.attempts + 1)] == [
        False,
        True,
        True,
    ]


def test_the_waits_of_the_existing_system_are_kept() -> None:
    """60 s, then twice as long each time, at most an hour, and up to a quarter more by chance."""
    waits = [RetryPolicy().wait(n, 0).total_seconds() for n in range(1, 9)]
    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert RetryPolicy().wait(1, 0.999).total_seconds() == pytest.approx(75, abs=0.1)


def test_copying_does_not_use_up_the_attempts_of_extracting(ledger: Ledger, files: LocalFiles) -> None:
    """A file that was hard to fetch once was given up at its first failure after that."""
    policy = RetryPolicy(attempts=3)
    with ledger.transaction() as connection:
        ledger.record(connection, "web1", [(Entry("a", 1, 1), DAY)], "b1")
    for _ in range(2):
        (found,) = ledger.find()
        with ledger.transaction() as connection:
            ledger.fail(connection, found, "copy", TransientFailure("lost"), "r", policy)
    (found,) = ledger.find()
    with Landing(files, "archives", "default").receive() as receiver:
        receiver.write(b"1")
    assert receiver.landed is not None
    with ledger.transaction() as connection:
        ledger.land(connection, files, found, receiver.landed, "r")
    (copied,) = ledger.find()
    assert (copied.attempts, copied.error, copied.error_kind, copied.next_attempt_at) == (0, None, None, None)


def test_a_permanent_failure_is_never_tried_again(ledger: Ledger) -> None:
    with ledger.transaction() as connection:
        ledger.record(connection, "web1", [(Entry("a", 1, 1), DAY)], "b1")
    (found,) = ledger.find()
    with ledger.transaction() as connection:
        ledger.fail(connection, found, "copy", PermanentFailure("web1: a: may not be read"), "r", RetryPolicy())
    later = Ledger(ledger.database, "archives", "default", now=lambda: datetime.now(UTC) + timedelta(days=9_999))
    assert list(later.waiting()) == []
    with ledger.transaction() as connection:
        ledger.reopen(connection, list(ledger.find()))
    assert [(found.path, found.attempts) for found in ledger.waiting()] == [("a", 0)]


REDACTOR = RedactionSettings().redactor()


@pytest.mark.parametrize(
    "text",
    [
        "login password=hunter2 ok",
        "Password: hunter2",
        '{"password": "hunter2"}',
        "{'api_key':'hunter2'",
        '{"user":"x","token":"hunter2","cut',
        "Authorization: Bearer hunter2hunter2",
        "url?secret=hunter2&x=1",
    ],
)
def test_what_looks_like_a_secret_leaves_no_parser(text: str) -> None:
    """A JSON line that was cut once kept its password in the dead letter: the quote stood in the pattern's way."""
    assert "hunter2" not in REDACTOR.text(text)
    assert b"hunter2" not in REDACTOR.raw(b"\xff\xfe" + text.encode())


@given(data=st.binary(max_size=200))
def test_bytes_without_a_match_stay_as_they_are(data: bytes) -> None:
    assert Redactor({}, REDACTOR.patterns).raw(b"x" + data) == b"x" + data or MASK.encode() in REDACTOR.raw(b"x" + data)


def test_fields_are_redacted_at_any_depth_and_in_any_case() -> None:
    redactor = Redactor({"password": "mask", "user": "hash", "trace": "drop"}, salt="s")
    record = {"Password": "p", "User": 7, "TRACE": 1, "n": {"password": ["p"], "ok": [{"user": 7, "x": None}]}}
    redacted = redactor.record(record)
    hashed = redacted["User"]
    assert redacted == {"Password": MASK, "User": hashed, "n": {"password": MASK, "ok": [{"user": hashed, "x": None}]}}
    assert hashed != Redactor({"user": "hash"}, salt="t").record({"user": 7})["user"]
    assert isinstance(hashed, str)
    assert len(hashed) == 16
