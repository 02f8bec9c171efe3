"""The ids of named events: whoever was first keeps one, whatever comes at once."""

import uuid
from hashlib import sha256

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from logplatform.failures import Conflict
from logplatform.stores.event_ids import EventIds
from logplatform.stores.sql import Database

ORIGINS = [sha256(bytes([number])).hexdigest() for number in range(3)]
IDS = [f"{number:032x}" for number in range(6)]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(ORIGINS), st.lists(st.lists(st.sampled_from(IDS), max_size=4), max_size=3))))
def test_ids_are_as_a_plain_dictionary_would_hold_them(
    database: Database, steps: list[tuple[str, list[list[str]]]]
) -> None:
    """Whoever was first keeps an id until it is no longer among its own."""
    events = EventIds(database, uuid.uuid4().hex)
    owner: dict[str, str] = {}
    for origin, blocks in steps:
        seen: set[str] = set()
        with events.claiming(origin) as claim:
            for block in blocks:
                expected = {one for one in block if one not in seen and owner.get(one, origin) == origin}
                assert claim.take(block) == expected
                seen |= set(block)
            with database.write() as connection:
                claim.commit(connection)
        mine = {one for one in seen if owner.get(one, origin) == origin}
        owner = {one: who for one, who in owner.items() if who != origin} | dict.fromkeys(mine, origin)


def test_two_that_bring_the_same_event_at_once(database: Database) -> None:
    """One of them is told, and finds on its second try that the event is there."""
    events = EventIds(database, "default")
    with events.claiming(ORIGINS[0]) as one, events.claiming(ORIGINS[1]) as other:
        assert one.take(IDS) == other.take(IDS[:1]) | set(IDS[1:])
        with database.write() as connection:
            one.commit(connection)
        with pytest.raises(Conflict), database.write() as connection:
            other.commit(connection)
    with events.claiming(ORIGINS[1]) as again:
        assert again.take(IDS[:1]) == set()
        with events.claiming(ORIGINS[0]) as gives_up, database.write() as connection:
            gives_up.commit(connection)
        with pytest.raises(Conflict), database.write() as connection:
            again.commit(connection)
