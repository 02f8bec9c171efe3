"""The account of one domain's run: what was seen, what was done, and whether everything is accounted for.

What belongs here: running a domain to its end and adding up what came of it. What does not: printing (`run`). Importing
this module imports Dagster: commands import it when they are called.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from logplatform.domains import BacklogInput, Parts, parts_of
from logplatform.orchestration.batches import Proposal
from logplatform.orchestration.discovery import Look
from logplatform.orchestration.drain import Drained, Progress, drain, drain_backlog
from logplatform.orchestration.figures import Arrow
from logplatform.orchestration.runs import Ran
from logplatform.settings.model import Domain
from logplatform.standing import WAITING, Standing
from logplatform.stores.schema import observation
from logplatform.tenancy import Tenancy

_OPEN = {WAITING, "pending", "processing"}


@dataclass(frozen=True, slots=True)
class Account:
    """What one run of a domain came to. `flow`, `results` and `now` speak of the whole store, the rest of this run.

    `unit` is what `listed`, `known`, `new` and `left` count. `failed_files` are those in error that this run touched;
    `problems` are what its Dagster runs failed of;
    `unreachable` maps a source that could not be listed to why; `left` counts what was left alone, by kind.
    """

    domain: Domain
    listed: int
    known: int
    new: int
    left: dict[str, int]
    runs: int
    failed_files: int
    problems: Sequence[str]
    unreachable: dict[str, str]
    flow: Sequence[Arrow]
    results: Sequence[Mapping[str, object]]
    now: Standing
    unit: str = "files"

    @property
    def conserved(self) -> bool:
        """Whether every arrow accounts for all that came in."""
        return not any(arrow.missing for arrow in self.flow)


def run_domain(
    definitions: dg.Definitions, instance: dg.DagsterInstance, tenancy: Tenancy, told: Callable[[str], object]
) -> Account:
    """Look at the domain's sources and run what is new to its end; `told` is given a line of progress at a time.

    Raises LeaseHeld if another process is proposing batches just now.
    """
    began = tenancy.now()
    parts = parts_of(tenancy.domain)

    def progress(proposal: Proposal, ran: Ran) -> None:
        state = "done" if ran.success else "failed"
        days = f"{proposal.first_day} to {proposal.last_day}"
        told(f"{tenancy.domain}: {proposal.items:,} {parts.unit} of {days} {state}")

    told(f"{tenancy.domain}: looking at its sources")
    taken_before = _taken(tenancy, parts)
    drained = _drained(definitions, instance, tenancy, parts, progress)
    failed = (observation.c.status == "error", observation.c.updated >= began)
    return Account(
        domain=tenancy.domain,
        listed=sum(look.listed for look in drained.found) + drained.items + taken_before,
        known=sum(look.known for look in drained.found) + taken_before,
        new=sum(look.new for look in drained.found) + drained.items,
        left=_left(drained.found),
        runs=len(drained.ran),
        failed_files=tenancy.ledger.count(*failed).get("error", 0),
        problems=[problem for ran in drained.ran if not ran.success for problem in ran.problems or (ran.run_id,)],
        unreachable=drained.unreachable,
        flow=list(parts.arrows(tenancy)),
        results=parts.results(tenancy),
        now=parts.standing(tenancy),
        unit=parts.unit,
    )


def _drained(
    definitions: dg.Definitions, instance: dg.DagsterInstance, tenancy: Tenancy, parts: Parts, progress: Progress
) -> Drained:
    if isinstance(parts.input, BacklogInput):
        return drain_backlog(definitions, instance, tenancy, parts.input.waits, progress)
    return drain(definitions, instance, tenancy, parts.input.watched(tenancy), progress)


def _taken(tenancy: Tenancy, parts: Parts) -> int:
    """What a domain with a backlog has taken in or refused; the files of the others are counted as they are listed."""
    if not isinstance(parts.input, BacklogInput):
        return 0
    done = sum(count for state, count in parts.standing(tenancy).files.items() if state not in _OPEN)
    return done + tenancy.ledger.count().get("error", 0)


def _left(looks: Sequence[Look]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for look in looks:
        counts.update({str(kind): count for kind, count in look.left.items()})
    return dict(counts)
