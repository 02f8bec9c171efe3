"""From landed logs to `machine_events`: which lines a day has, as rows and dead letters, committed by day.

What belongs here: a day's commit. What does not: reading one folder's day (`unit_events`), sessions (`deliver`).
"""

from collections.abc import Iterator
from itertools import islice

import sqlalchemy as sa

from logplatform.failures import LogplatformError, PermanentFailure
from logplatform.landing.dead_letters import Letter, Origin
from logplatform.landing.observations import Observation
from logplatform.machines.event_report import event_report
from logplatform.machines.job import EVENTS, DayWork, Job
from logplatform.machines.places import folder_and_name
from logplatform.machines.reading import EventReader
from logplatform.machines.unit_events import Derived, Part, derive_unit, events_dataset, limits_of, new_lines
from logplatform.machines.units import Unit, units_of
from logplatform.orchestration.figures import FIRST_FAILURES, DayReport, FailureNote
from logplatform.stores.schema import dead_letter
from logplatform.tenancy import Tenancy


def derive_events(job: Job) -> Iterator[DayReport]:
    """Derive the job's days; a report a day. A file that fails gets its reason and the others go on.

    Where days are derived again (no batch), raises PermanentFailure at the end if one of them could not be; what
    it had stays as it was.
    """
    refused: list[str] = []
    for day, found in job.by_day("copied", "extracted", "processed", "error"):
        wanted = {(one.source, folder_and_name(one.path)[0]) for one in found if _is_due(job, one)}
        units = units_of(job.tenancy, job.places, day, wanted, job.batch_id)
        if not units:
            continue
        work = job.day(day)
        derived, failures = _derive_all(work, units)
        if derived:
            yield _commit(work, derived)
        if job.batch_id is None:
            refused += [f"{day}: {failure}" for failure in failures]
    if refused:
        raise PermanentFailure("; ".join(refused))


def _is_due(job: Job, found: Observation) -> bool:
    """In a batch what is not done yet, else everything that is landed."""
    if found.status == "processed":
        return job.batch_id is None
    return found.sha256 is not None and found.error_type != "permanent"


def _derive_all(work: DayWork, units: list[Unit]) -> tuple[list[Derived], list[LogplatformError]]:
    derived: list[Derived] = []
    failures: list[LogplatformError] = []
    for unit in units:
        try:
            derived.append(derive_unit(work.job.tenancy, unit))
        except LogplatformError as failure:
            failures.append(failure)
            _fail(work, unit, failure)
    return derived, failures


def _commit(work: DayWork, derived: list[Derived]) -> DayReport:
    """Make a day's rows, dead letters and account visible, all at once."""
    job = work.job
    stale = {one.unit.origin: _stale_letters(job.tenancy, one.unit, len(one.parts)) for one in derived}
    accounts = {(one.source, one.folder): one for one in job.accounts.of_day(work.day)}
    accounts |= {(one.account.source, one.account.folder): one.account for one in derived}
    notes = [note for one in derived for note in _notes(job.tenancy, one)]
    size = sum(part.version.size for one in derived for part in one.parts)
    report = event_report(work.day, list(accounts.values()), notes, size, work.seconds)
    with work.transaction() as connection:
        for one in derived:
            _commit_unit(connection, job, one, stale[one.unit.origin])
        work.commit(connection, EVENTS, report)
    return report


def _commit_unit(connection: sa.Connection, job: Job, derived: Derived, stale: list[int]) -> None:
    unit, letters = derived.unit, job.tenancy.letters
    events_dataset(job.tenancy).apply(connection, derived.change)
    for number, part in enumerate(derived.parts, start=1):
        letters.replace(connection, _origin(unit, part.observation, number), _letters(job, part), job.batch_id)
    for number in stale:
        letters.replace(connection, _origin(unit, unit.newest, number), (), job.batch_id)
    job.accounts.record(connection, derived.account)
    job.tenancy.ledger.advance(connection, _mine(job, unit), "extracted", job.run_id)


def _notes(tenancy: Tenancy, derived: Derived) -> list[FailureNote]:
    """The first refused lines of a folder's day, for people."""
    redact = tenancy.redactor.text
    return [
        FailureNote(redact(f"{part.observation.source}/{part.observation.path} line {letter.line}"), letter.reason)
        for part in derived.parts
        for letter in part.first_dead
    ][:FIRST_FAILURES]


def _mine(job: Job, unit: Unit) -> list[Observation]:
    """The unit's files that this job may move: its batch's, or (days derived again) those nobody has finished."""
    return [
        found
        for found in unit.versions
        if found.status != "processed" and (job.batch_id is None or found.batch_id == job.batch_id)
    ]


def _fail(work: DayWork, unit: Unit, failure: LogplatformError) -> None:
    job = work.job
    policy = job.tenancy.settings.machines.retry.extracting()
    with work.transaction() as connection:
        for found in _mine(job, unit):
            if found.status == "extracted":
                # Its rows are there from an earlier derivation, and they stay.
                continue
            job.tenancy.ledger.fail(connection, found, "extract", failure, job.run_id, policy)


def _origin(unit: Unit, found: Observation, number: int) -> Origin:
    key = f"{unit.origin}#{number}"
    return Origin(key, found.source, found.path, found.sha256 or "", unit.day)


def _stale_letters(tenancy: Tenancy, unit: Unit, parts: int) -> list[int]:
    """The numbers beyond the day's versions that letters are still open under: there were more versions once."""
    numbers: list[int] = []
    while tenancy.letters.count(dead_letter.c.origin == f"{unit.origin}#{parts + len(numbers) + 1}"):
        numbers.append(parts + len(numbers) + 1)
    return numbers


def _letters(job: Job, part: Part) -> Iterator[Letter]:
    """The refused lines of a version, read again from its bytes: they are few, or too many to be kept."""
    if not part.dead:
        return
    limits = limits_of(job.tenancy)
    redact = job.tenancy.redactor.raw
    left = part.dead
    for _, dead in EventReader(limits, final=part.final).blocks(part.version.read()):
        new = new_lines(part, dead)
        for letter in islice(new, left):
            yield Letter(letter.line, redact(letter.raw), (letter.reason,), ("machine_line",))
        left -= len(new)
        if left <= 0:
            return
