"""kill -9 at any moment, then a restart: nothing lost, nothing twice.

Each case runs the same input as an undisturbed run, is killed once or several times where a seed says, is run to its
end, and must then hold exactly what the undisturbed run holds: rows, dead letters, statuses, bytes, views, reports.
`make faults` prints the table of the full count.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from logplatform.settings.model import Domain
from logplatform_tests.faults import inputs
from logplatform_tests.faults.killing import Course, Kill
from logplatform_tests.faults.snapshot import Snapshot, differences, snapshot
from logplatform_tests.faults.stage import KILLED, Stage, course_of, run

pytestmark = pytest.mark.slow

INPUTS: dict[Domain, Callable[[Path], Stage]] = {"archives": inputs.archives, "machines": inputs.machines}
SEED = 20260105


@dataclass
class Table:
    """What happened, for people to read."""

    rows: list[tuple[str, int, int, int, int]] = field(default_factory=list)

    def show(self) -> None:
        """Print it."""
        print(f"\n{'domain':10} {'kills':>6} {'restarts':>9} {'lost':>5} {'doubled':>8}  where")  # noqa: T201
        for where, kills, restarts, lost, doubled in self.rows:
            domain, _, places = where.partition(" ")
            print(f"{domain:10} {kills:6} {restarts:9} {lost:5} {doubled:8}  {places}")  # noqa: T201


@pytest.fixture(scope="module")
def table() -> Iterator[Table]:
    table = Table()
    yield table
    table.show()


def _kills(course: Course, draw: random.Random, count: int) -> Iterator[Kill]:
    """Half at a step, weighted to the rare ones; a third in a line, each line as likely; the rest by the clock."""
    nth_of: dict[str, list[int]] = {}
    for nth, name in enumerate(course.steps, 1):
        nth_of.setdefault(name, []).append(nth)
    for number in range(count):
        if number % 6 < 3:
            name = draw.choice(sorted(nth_of))
            yield Kill("step", draw.choice(nth_of[name]), name)
        elif number % 6 < 5:
            place = draw.choice(sorted(course.lines))
            yield Kill("line", draw.randint(1, course.lines[place]), place)
        else:
            # A recorded course is slower than a run that is not watched.
            yield Kill("clock", draw.randint(1, max(2, course.milliseconds // 2)), "any moment")


def _until_done(stage: Stage, kills: Sequence[Kill]) -> tuple[int, Stage]:
    """Kill a run, restart it and kill it again, at last let it end; how many died, and the stage as it is then."""
    died = 0
    for kill in kills:
        code = run(stage, kill)
        assert code in {0, KILLED}, f"a run that was to die at {kill} failed by itself"
        died += code == KILLED
        stage = stage.again()
    assert run(stage) == 0
    return died, stage.again()


def _where(kills: Counter[str]) -> str:
    return ", ".join(f"{count} {place}" for place, count in kills.most_common(12))


def _check_kills(domain: Domain, folder: Path, count: int, table: Table) -> None:
    clean = INPUTS[domain](folder / "clean")
    expected = _undisturbed(clean, folder)
    course = course_of(INPUTS[domain](folder / "course"), folder / "course.json")
    draw = random.Random(f"{SEED} {domain}")
    died, restarts, places, case = 0, 0, Counter[str](), 0
    while died < count:
        kills = list(_kills(course, draw, 6))[case % 6 : case % 6 + 1 + (case % 3 == 2)]
        stage = INPUTS[domain](folder / f"case {case}")
        done, stage = _until_done(stage, kills)
        lost, doubled = differences(expected, snapshot(stage))
        restarts += len(kills)
        died += done
        places.update(kill.kind if kill.kind != "step" else kill.place for kill in kills)
        told = f"seed {SEED}, case {case}, kills {kills}, folder {stage.folder}"
        assert not lost, f"lost after {told}: {lost[:5]}"
        assert not doubled, f"more than was there after {told}: {doubled[:5]}"
        case += 1
        assert case < 3 * count + 10, "the kills no longer hit"
    table.rows.append((f"{domain} {_where(places)}", died, restarts, 0, 0))


def _undisturbed(stage: Stage, folder: Path) -> Snapshot:
    assert run(stage) == 0
    expected = snapshot(stage.again())
    assert run(stage.again()) == 0
    assert differences(expected, snapshot(stage.again().again())) == ([], []), "a second run of the same input"
    return expected


@pytest.mark.parametrize("domain", sorted(INPUTS))
def test_a_few_kills_lose_and_double_nothing(domain: Domain, tmp_path: Path, table: Table) -> None:
    _check_kills(domain, tmp_path, 5, table)


@pytest.mark.faults
@pytest.mark.timeout(3_000)
@pytest.mark.parametrize("domain", sorted(INPUTS))
def test_fifty_kills_lose_and_double_nothing(domain: Domain, tmp_path: Path, table: Table) -> None:
    _check_kills(domain, tmp_path, 50, table)
