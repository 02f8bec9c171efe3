"""Moments as text are what Python's own datetimes say of them."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from logplatform.machines.moments import moment_texts
from logplatform.machines.timestamps import EARLIEST_MS, LATEST_MS, as_datetime

moments = st.integers(EARLIEST_MS, LATEST_MS) | st.integers(-200_000, 200_000).map(lambda second: second * 1000)


@given(st.lists(moments | st.sampled_from([EARLIEST_MS, LATEST_MS, 0]), max_size=30), st.sampled_from(" T"))
@settings(max_examples=100, deadline=None)
def test_every_moment_is_told_as_datetime_tells_it(found: list[int], separator: str) -> None:
    """Milliseconds are there only where there are any; equal neighbours are not lost."""
    told = moment_texts(np.array(found, np.int64), separator)
    exact = [as_datetime(one).isoformat(separator, "milliseconds" if one % 1000 else "seconds") for one in found]
    assert told == exact
