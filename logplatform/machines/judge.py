"""From sessions to their anomalies, stored by day.

What belongs here: the settings' rules, the centre's history, storing. What does not: finding anomalies (`anomalies`).
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date

from logplatform.machines.anomalies import Anomaly, find_anomalies, rate_anomalies, rates_of
from logplatform.machines.columns import moment
from logplatform.machines.day_session import DaySession, bytes_read, derived_days, load
from logplatform.machines.job import ANOMALIES, DayWork, Job
from logplatform.machines.rules import rules_of
from logplatform.orchestration.figures import PREVIEW_ROWS, Cell, DayReport
from logplatform.stores.sessions import StoredSession

Judged = tuple[str, list[Anomaly]]
"""A centre's name, and the anomalies of its session."""


def derive_anomalies(job: Job) -> Iterator[DayReport]:
    """Find and store the anomalies of the job's days; a report a day."""
    for day, accounts in derived_days(job):
        work = job.day(day)
        # One session at a time is in memory.
        judged = [_judged(job, load(job, account)) for account in accounts]
        report = _report(job, day, judged, work.seconds)
        _commit(work, judged, report)
        yield report


def _judged(job: Job, one: DaySession) -> Judged:
    return one.place.centre.nom, anomalies_of(job, one)


def anomalies_of(job: Job, one: DaySession) -> list[Anomaly]:
    """A session's own anomalies; of a whole day also its rates against the centre's earlier sessions."""
    settings = job.tenancy.settings.machines
    rules = rules_of(settings)
    found = find_anomalies(one.events, one.session, rules)
    if not one.account.final:
        return found
    earlier = job.sessions.earlier(one.place.centre.nom, one.account.day, settings.anomaly_history_days)
    history = [stored_rates(session) for session in earlier]
    return [*found, *rate_anomalies(rates_of(one.session), history, one.session.first_piece, rules)]


def stored_rates(stored: StoredSession) -> Mapping[str, float]:
    """The rates of an earlier session, by the names of `rates_of`; empty where it has no window."""
    duration = stored.duree_production_totale
    rates = (stored.taux_occupation, stored.taux_attente, stored.taux_arret_volontaire)
    if not duration or None in rates:
        return {}
    names = ("taux_occupation", "taux_attente", "taux_arret_volontaire")
    told = {name: float(rate) for name, rate in zip(names, rates, strict=True) if rate is not None}
    return {"pieces an hour": stored.total_pieces / duration, **told}


def _commit(work: DayWork, judged: list[Judged], report: DayReport) -> None:
    sessions = work.job.sessions
    stored = {nom: sessions.find(nom, work.day) for nom, _ in judged}
    with work.transaction() as connection:
        for nom, found in judged:
            session = stored[nom]
            if session is not None:
                told = [(anomaly.kind, moment(anomaly.at), anomaly.detail) for anomaly in found]
                sessions.replace_anomalies(connection, session.id, told)
        work.commit(connection, ANOMALIES, report)


def _report(job: Job, day: date, judged: list[Judged], seconds: float) -> DayReport:
    kinds: Counter[str] = Counter(anomaly.kind for _, found in judged for anomaly in found)
    rows: list[dict[str, Cell]] = [
        {
            "centre": nom,
            "kind": anomaly.kind,
            "at": str(moment(anomaly.at) or ""),
            "why": job.tenancy.redactor.text(anomaly.detail),
        }
        for nom, found in judged
        for anomaly in found
    ]
    return DayReport(
        day=day,
        unit="sessions",
        came=len(judged),
        out=kinds.total(),
        unit_out="records",
        used=len(judged),
        bytes=bytes_read(job, day),
        seconds=seconds,
        preview=rows[:PREVIEW_ROWS],
        facts={kind.replace("_", " "): count for kind, count in sorted(kinds.items())},
    )
