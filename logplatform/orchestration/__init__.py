"""What the domains share in Dagster: days, batches, sensors, resources, checks, failures, reports.

What belongs here: everything about Dagster that is the same for every domain. What does not: any domain's work.
This module imports nothing, so that a pure module may use the Dagster-free parts (`figures`, `batches`).

How a domain lives in Dagster. It has three thin modules, and no other of its modules knows Dagster:

`assets.py` has `assets(group: DayGroup) -> list[dg.AssetsDefinition]`; each asset is a function that takes a `DayRun`
and yields a `DayReport` right after each day's commit, and nothing for a day without input:

    def assets(group: DayGroup) -> list[dg.AssetsDefinition]:
        @group.asset("machine_events", after=["raw_machine_logs"], kinds={"parquet"}, description="...")
        def machine_events(run: DayRun) -> Iterator[DayReport]:
            yield from Engine(run.tenancy).derive(run.days, run.batch_id, run.run_id)

        return [machine_events]

  `run.batch_id` is set: work on that batch (take its lease, `batch_lease(batch_id)`). It is None: somebody asked for
  `run.days`; derive them again from landed bytes, whatever the ledger says. The commit of a day records
  `tenancy.days.commit(connection, "machines/machine_events", day, run.run_id, report.counts(), batch_id)` in its own
  transaction; should the process die before Dagster is told, the reconciler builds the report again from these counts.
  `run.tenancy` stands on Dagster's resources; settings are `run.tenancy.settings`. PermanentFailure fails the step for
  good, TransientFailure lets it wait and try again.

  An asset of everything that there is (an aggregate table) has no days: `group.asset(..., whole=True)`; its report and
its commit stand under `figures.NO_DAY`, so there is one of them.

`checks.py` has `checks(group: DayGroup) -> list[dg.AssetChecksDefinition]`, made by `checks.conservation_check`
(blocking) and `checks.broken_check` (a warning) from functions `Tenancy -> Iterable[Arrow]` and `Tenancy -> Broken`.

`sensors.py` has `watched(tenancy: Tenancy) -> list[Watched]`: each source with a function that says which day an
entry belongs to, or why it is left alone (`Left`). The sensor itself is made by `sensors.watching_sensor`.

  A domain whose input announces itself (messages of a topic, uploads in a queue) has `waits(tenancy: Tenancy) ->
Backlog | None` in its place, which looks at what is not taken in yet; its sensor is made by
`backlog_sensor.backlog_sensor`. One run of such a domain is open at a time and takes all that waits when it starts;
`run.batch_id` being set means: do what is new.

`logplatform.definitions` names the domains (`assembly.DomainParts`); `assembly.assemble` makes the rest, among it the
sensor `upkeep`, which tells Dagster what it does not know yet: days of dead runs, and what is still broken by now.

A command that does a domain's work runs the same job on the Dagster instance:

    with opened_instance(settings) as instance, open_tenancy(settings, "machines") as tenancy:
        done = drain(build_defs(settings), instance, tenancy, watched(tenancy), progress)

(`drain_backlog` with `waits` for input that announces itself.) Work that is done without Dagster records its day
commits under an identity of its own; the reconciler tells Dagster of them.
"""
