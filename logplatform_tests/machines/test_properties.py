"""Properties that hold for every file, whatever it holds and however it comes."""

import dataclasses
import random
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from logplatform.machines.columns import session_columns
from logplatform.machines.count import LineCounter
from logplatform.machines.reading import ReadingLimits
from logplatform.machines.session import Session
from logplatform_tests.machines.reading import read_bytes

CLOCKS = st.integers(0, 86_399).map(lambda second: f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}")
EVENTS = st.sampled_from(
    [
        "StukUitgevoerd: 1",
        "StukUitgevoerd 2",
        "StukUitgevoerd",
        "MachineStop",
        "MachineStart",
        "MachineWait: 12.5 sec",
        "MachineWait: 7000",
        "MachineWait: ?",
        "JobProfiel: R:1 L:2 C:Grisé",
        "JobProfiel: C:x",
        "Anders: 5",
    ]
)
DATES = st.sampled_from(["20250512", "20250513", "20250511"])
LINES = st.builds(lambda date, clock, event: f"{date} {clock}|@{event}", DATES, CLOCKS, EVENTS)
FILES = st.lists(LINES, max_size=40)
NEAR = st.lists(st.builds(lambda s, event: f"20250512 06:00:{s:02}|@{event}", st.integers(0, 5), EVENTS), max_size=30)


def encoded(lines: list[str]) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1")


def same(left: Session, right: Session) -> bool:
    """Equal in every figure and every period; rows of events aside, they all come from the order in time."""
    for field in dataclasses.fields(Session):
        one, other = getattr(left, field.name), getattr(right, field.name)
        if isinstance(one, np.ndarray):
            if not np.array_equal(one, other):
                return False
        elif field.name in {"waits", "stops"}:
            if not (np.array_equal(one.start, other.start) and np.array_equal(one.end, other.end)):
                return False
        elif one != other:
            return False
    return True


@given(FILES)
def test_effective_lies_between_nothing_and_the_duration(lines: list[str]) -> None:
    totals = read_bytes([encoded(lines)]).session.totals
    if totals is not None:
        assert 0 <= totals.effective <= totals.duration
        assert totals.wait >= 0
        assert totals.stop >= 0
        assert totals.wait + totals.stop + totals.effective == totals.duration


@given(FILES)
def test_rates_are_percentages_or_none(lines: list[str]) -> None:
    columns = session_columns(read_bytes([encoded(lines)]).session, "20250512.LOG")
    for rate in (columns["taux_occupation"], columns["taux_attente"], columns["taux_arret_volontaire"]):
        assert rate is None if not columns["duree_production_totale"] and rate is None else rate is not None
        assert rate is None or 0 <= rate <= 100


@given(NEAR, st.randoms(use_true_random=False))
def test_any_order_that_keeps_the_order_within_a_second_gives_the_same_session(
    lines: list[str], chance: random.Random
) -> None:
    seconds = sorted({line[:17] for line in lines})
    groups = [[line for line in lines if line.startswith(second)] for second in seconds]
    mixed: list[str] = []
    while any(groups):
        mixed.append(chance.choice([group for group in groups if group]).pop(0))
    assert same(read_bytes([encoded(lines)]).session, read_bytes([encoded(mixed)]).session)


@given(FILES, st.sampled_from(["latin-1", "utf-8-sig", "utf-16"]), st.sampled_from(["\n", "\r\n", "\r"]), st.data())
def test_growth_cut_at_any_byte_gives_the_same_day(lines: list[str], codec: str, end: str, data: st.DataObject) -> None:
    """Every reading of the growing file holds a beginning of the day's events, and the last one all of them."""
    whole = "".join(f"{line}{end}" for line in lines).encode(codec)
    final = read_bytes([whole])
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    grown = 0
    for cut in cuts:
        read = read_bytes([whole[:cut]], final=False)
        assert read.dead == []
        assert len(read.events) >= grown
        grown = len(read.events)
    assert grown <= len(final.events) == len(lines)
    edges = [0, *cuts, len(whole)]
    pieces = [whole[first:last] for first, last in pairwise(edges)]
    assert same(read_bytes(pieces).session, final.session)


@settings(max_examples=200)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=60),
            LINES.map(lambda line: line.encode("latin-1")),
            st.sampled_from([b"\n", b"\r", b"\0"]),
        ),
        max_size=20,
    ),
    st.sampled_from([b"", b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf"]),
    st.booleans(),
)
def test_any_bytes_are_read_and_every_line_is_accounted_for(parts: list[bytes], bom: bytes, final: bool) -> None:
    """Never raises, however the bytes are cut, and events + dead letters = lines as the landing counts them."""
    chunks = [bom, *parts]
    read = read_bytes(chunks, final=final, limits=ReadingLimits(max_line_bytes=45))
    counter = LineCounter()
    for chunk in chunks:
        counter.update(chunk)
    counter.finish()
    assert len(read.events) + len(read.dead) == counter.ended + (counter.unended if final else 0)
    again = read_bytes([b"".join(chunks)], final=final, limits=ReadingLimits(max_line_bytes=45))
    assert same(read.session, again.session)
    assert read.dead == again.dead
