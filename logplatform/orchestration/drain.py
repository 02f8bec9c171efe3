"""Everything that is new, run to its end in this process: what a command does where the daemon would do it bit by bit,
for domains that list files at sources (`drain`) and for those whose input announces itself (`drain_backlog`).

What belongs here: the loop of looking, proposing and running. What does not: printing (the commands), one tick
(`sensors`, `backlog_sensor`) and one run (`runs`).
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import dagster as dg

from logplatform.failures import LogplatformError
from logplatform.landing.leases import holder_name
from logplatform.orchestration.backlog import Waits, due
from logplatform.orchestration.batches import Proposal, propose
from logplatform.orchestration.discovery import BEGINNING, Look, Watched, look
from logplatform.orchestration.reconcile import close_dead_runs, reconcile
from logplatform.orchestration.runs import Ran, last_ended, open_batches, proposal_tags, run_here
from logplatform.orchestration.sensors import bounds_of
from logplatform.tenancy import Tenancy

Progress = Callable[[Proposal, Ran], object]


@dataclass(frozen=True, slots=True)
class Drained:
    """What a command found and ran.

    `found` are the looks at the sources of files, one a time budget. `items` are what waited in backlogs that were
    run, `trouble` the sources of a backlog that could not be looked at, with why.
    """

    found: Sequence[Look]
    ran: Sequence[Ran]
    items: int = 0
    trouble: Mapping[str, str] = field(default_factory=dict)

    @property
    def unreachable(self) -> dict[str, str]:
        """Sources that could not be listed or looked at, with why."""
        return {name: reason for one in self.found for name, reason in one.failures.items()} | dict(self.trouble)


def discover(tenancy: Tenancy, watched: Sequence[Watched]) -> Iterator[Look]:
    """Look at every source to its listing's end, one time budget after the other."""
    place = BEGINNING
    while True:
        found = look(tenancy.ledger, watched, tenancy.settings.batch.tick_seconds, place)
        yield found
        place = found.next
        if place == BEGINNING:
            return


def drain(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    tenancy: Tenancy,
    watched: Sequence[Watched],
    progress: Progress | None = None,
) -> Drained:
    """Look, then run one batch after the other until nothing is due; batches that other runs have are left to them.

    A batch that its run could not finish is not run a second time here. Raises LeaseHeld if another process is
    proposing just now.
    """
    # No daemon need be there to do it: what a killed command left is put right by the next one.
    close_dead_runs(instance)
    reconcile(instance, tenancy.days, late=lambda: False)
    found = list(discover(tenancy, watched))
    ran: dict[str, Ran] = {}
    while proposals := _next(tenancy, open_batches(instance, tenancy.domain) | ran.keys()):
        for proposal in proposals:
            done = run_here(definitions, instance, tenancy.domain, proposal_tags(tenancy.domain, proposal))
            ran[proposal.batch_id] = done
            if progress is not None:
                progress(proposal, done)
    return Drained(found, list(ran.values()))


def drain_backlog(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    tenancy: Tenancy,
    waits: Waits,
    progress: Progress | None = None,
) -> Drained:
    """Run what waits, one run after the other until nothing does; what other runs have in hand is left to them.

    Ends when a run fails, and when one leaves what it was asked for as it was.
    """
    close_dead_runs(instance)
    reconcile(instance, tenancy.days, late=lambda: False)
    ran: list[Ran] = []
    items, before = 0, None
    while True:
        try:
            found = waits(tenancy)
        except LogplatformError as failure:
            return Drained((), ran, items, {tenancy.domain: str(failure)})
        if found is None or not found.items or found.key == before or open_batches(instance, tenancy.domain):
            return Drained((), ran, items, {} if found is None else found.trouble)
        proposal = due(found, last_ended(instance, tenancy.domain), tenancy.now()).proposal
        done = run_here(definitions, instance, tenancy.domain, proposal_tags(tenancy.domain, proposal))
        ran.append(done)
        items, before = items + found.items, found.key
        if progress is not None:
            progress(proposal, done)
        if not done.success:
            return Drained((), ran, items, found.trouble)


def _next(tenancy: Tenancy, in_hand: Collection[str]) -> list[Proposal]:
    bounds = bounds_of(tenancy.settings)
    return propose(tenancy.ledger, bounds, in_hand, 1, holder_name("drain"), patient=False)
