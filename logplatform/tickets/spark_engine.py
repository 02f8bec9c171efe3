"""The ticket engine on Spark, in this process or on a cluster.

What belongs here: the plan of a commit, as Spark computes it. What does not: rules (`judge.py`) and SQL
(`transform.py`), which are the same for every engine, and what runs on the workers (`spark_rows.py`).

The workers read and judge the messages, and keep them; this process gets the place of each message and the id of each
ticket (`spark_taken.py`), because ids are compared with those of earlier commits in the commit's transaction. What is a
duplicate is then told to the workers, who enrich the rest and write the tables' files under names that nobody knows
before the commit does. A commit small enough that its rows are written together with older ones gets them here.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from logplatform.failures import TransientFailure
from logplatform.settings.tickets import KafkaTopic
from logplatform.stores.file_places import open_files
from logplatform.stores.spark_failures import PY4J_ERRORS, translated
from logplatform.stores.spark_session import end, is_alive, open_session
from logplatform.tenancy import Tenancy
from logplatform.tickets.duplicates import Groups
from logplatform.tickets.engine import Made, Taken, Topic
from logplatform.tickets.files import ROW_GROUP_ROWS, SMALL_ROWS, Format
from logplatform.tickets.intake import Reject
from logplatform.tickets.judge import ROWS
from logplatform.tickets.letters import Ranges
from logplatform.tickets.spark_messages import judged_messages
from logplatform.tickets.spark_rows import JUDGED, WRITTEN_DDL, Judging, write_rows
from logplatform.tickets.spark_taken import COLUMNS, Places
from logplatform.tickets.transform import CLIENTS, COUNT, ENRICH, TICKETS, Fresh, Transformed, Written

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_FIELDS = [field.name for field in ROWS if field.name not in {"partition", "offset"}]
# Times are reported as they came.
_CONFLICT = [f"{'created_at_text AS ' if name == 'created_at' else ''}{name}" for name in _FIELDS]


@contextmanager
def open_spark_engine(tenancy: Tenancy) -> Generator["SparkEngine"]:
    """Spark as the settings have it; it is started by the first messages, and again if it died."""
    with ExitStack() as opened:
        yield SparkEngine(tenancy, opened)


class SparkEngine:
    """Takes messages in with one session of Spark, however many commits there are."""

    def __init__(self, tenancy: Tenancy, opened: ExitStack) -> None:
        self.tenancy = tenancy
        self.settings = tenancy.settings.tickets
        self._opened = opened
        self._session: SparkSession | None = None

    @property
    def session(self) -> "SparkSession":
        """The session; raises what `spark_session.check_spark` does."""
        if self._session is not None and not is_alive(self._session):
            end(self._session)
            self._session = None
        if self._session is None:
            self._session = self._open()
        return self._session

    def _open(self) -> "SparkSession":
        if self.tenancy.given_spark is not None:
            return self.tenancy.given_spark()
        kafka = any(isinstance(topic, KafkaTopic) for topic in self.settings.topics if topic.enabled)
        return self._opened.enter_context(open_session(self.tenancy.settings.stores.spark, kafka=kafka))

    @contextmanager
    def take(self, topic: Topic, wanted: Ranges, most_bytes: int | None) -> Generator[Taken]:
        """Read and judge on the workers; bytes are theirs, so `most_bytes` bounds what is refused alone."""
        for partition, (first, last) in wanted.items():
            # The log says best what is wrong with a beginning that it does not hold.
            next(iter(topic.log.read(partition, first, min(first, last), 0)), None)
        new = {partition: (first, last) for partition, (first, last) in wanted.items() if last > first}
        if not new:
            yield SparkTaken(self, None, Places.of(_NOTHING), {})
            return
        stores, landing = self.tenancy.settings.stores, self.tenancy.settings.landing
        judging = Judging(landing.max_line_bytes, self.tenancy.redactor)
        with translated():
            judged = judged_messages(self.session, topic, new, judging, stores.kafka).persist()
        try:
            with translated():
                places = Places.of(judged.select(*COLUMNS).toArrow())
            ranges = new if most_bytes is None else places.ends(new)
            yield SparkTaken(self, judged, places.within(ranges), ranges)
        finally:
            _forget(judged)


_NOTHING = JUDGED.empty_table().select(COLUMNS)


def _forget(judged: "DataFrame") -> None:
    try:
        judged.unpersist()
    except PY4J_ERRORS:
        # Spark died, and nothing of it is left.
        return


class SparkTaken:
    """Messages of one commit that workers keep; `judged` has the columns `spark_rows.JUDGED`."""

    def __init__(self, engine: SparkEngine, judged: "DataFrame | None", places: Places, ranges: Ranges) -> None:
        self.ranges = ranges
        self.messages, self.size = len(places.offsets), int(places.taken.sum())
        self._engine, self._judged, self._places = engine, judged, places

    @cached_property
    def rejects(self) -> Sequence[Reject]:
        """As many as one commit should have, so they are no burden here."""
        if self._judged is None or self._places.valid.all():
            return ()
        with translated():
            found = self._here("reasons IS NOT NULL").select("partition", "offset", "raw", "size", "reasons").toArrow()
        rows = found.sort_by([("partition", "ascending"), ("offset", "ascending")]).to_pylist()
        return [Reject(**(row | {"reasons": tuple(row["reasons"])})) for row in rows]

    @cached_property
    def _groups(self) -> Groups:
        return Groups.of(self._places.records)

    @property
    def ids(self) -> bytes:
        """Of the tickets before the commit's ends."""
        return self._groups.ids

    def make(self, known: Mapping[int, bytes], commit_id: int) -> Made:
        """Enrich and count what is new, on the workers."""
        parted = self._groups.part(known)
        accepted = int(parted.new.sum())
        if not accepted:
            rows = Transformed(TICKETS.empty_table(), TICKETS.empty_table(), {}, [])
        else:
            with translated():
                rows = self._transformed(self._new(parted.new), commit_id)
        if rows.tickets.num_rows != accepted:
            raise TransientFailure(f"Spark gave {rows.tickets.num_rows:,} rows of {accepted:,} tickets")
        return Made(rows, parted.duplicates, len(parted.conflicting), self._conflicts(parted.conflicting))

    def _here(self, condition: str) -> "DataFrame":
        assert self._judged is not None  # noqa: S101 (nothing is asked of no messages)
        ends = [f"(partition = {partition} AND offset < {end})" for partition, (_, end) in self.ranges.items()]
        return self._judged.where(f"{condition} AND ({' OR '.join(ends)})")

    def _new(self, new: Any) -> "DataFrame":  # noqa: ANN401 (a mask of numpy)
        tickets = self._here("reasons IS NULL")
        if new.all():
            return tickets
        return tickets.join(self._told(~new), ["partition", "offset"], "left_anti")

    def _told(self, chosen: Any) -> "DataFrame":  # noqa: ANN401 (a mask or places of numpy)
        from pyspark.sql.functions import broadcast  # noqa: PLC0415 (the extra `spark`)

        return broadcast(self._engine.session.createDataFrame(self._places.table(chosen)))

    def _transformed(self, new: "DataFrame", commit_id: int) -> Transformed:
        session, settings = self._engine.session, self._engine.settings
        new.selectExpr(*_FIELDS, f"{commit_id}L AS commit_id").createOrReplaceTempView("tickets")
        teams = session.createDataFrame(
            pa.table({"request_type": list(settings.teams), "assigned_team": list(settings.teams.values())})
        )
        teams.createOrReplaceTempView("teams")
        counts = {(row.request_type, row.priority): row.tickets for row in session.sql(COUNT).collect()}
        clients = [row.client_id for row in session.sql(CLIENTS).collect()]
        enriched = self._rows(session.sql(ENRICH), sum(counts.values()))
        tickets = enriched.fresh()
        if isinstance(tickets, pa.Table):
            high: Fresh = tickets.filter(pc.field("priority").isin(settings.high_priorities))
        else:
            high = self._high(enriched, counts)
        return Transformed(tickets, high, counts, clients)

    def _rows(self, rows: "DataFrame", count: int) -> "SparkRows":
        store, folder = self._engine.tenancy.settings.stores.files, self._engine.tenancy.settings.data_root
        return SparkRows(rows, count, partial(open_files, store, folder))

    def _high(self, enriched: "SparkRows", counts: Mapping[tuple[str, str], int]) -> Fresh:
        high = self._engine.settings.high_priorities
        count = sum(tickets for (_, priority), tickets in counts.items() if priority in high)
        return self._rows(enriched.rows.where(enriched.rows.priority.isin(*high)), count).fresh()

    def _conflicts(self, places: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 (numbers of numpy)
        if not len(places):
            return
        with translated():
            found = self._here("reasons IS NULL").join(self._told(places), ["partition", "offset"], "left_semi")
            rows = found.selectExpr("partition", "offset", *_CONFLICT).orderBy("partition", "offset")
            for row in rows.toLocalIterator():
                yield row.asDict()


@dataclass(frozen=True, slots=True)
class SparkRows:
    """Rows of a table that lie on the workers; `opened` opens the store of files there."""

    rows: "DataFrame"
    num_rows: int
    opened: Callable[[], Any]

    def fresh(self) -> Fresh:
        """These rows, or, if a file of them would be small, the rows here, to be written together with older ones."""
        return self.table() if self.num_rows <= SMALL_ROWS else self

    def table(self) -> pa.Table:
        """All of them here."""
        with translated():
            return self.rows.toArrow().cast(TICKETS) if self.num_rows else TICKETS.empty_table()

    def publish(self, folder: str, format_: Format) -> list[Written]:
        """Write them on the workers, about a row group's rows in a file."""
        files = -(-self.num_rows // ROW_GROUP_ROWS)
        with translated():
            told = self.rows.coalesce(files).mapInArrow(partial(write_rows, self.opened, folder, format_), WRITTEN_DDL)
            written = [Written(row.key, row.rows, row.bytes) for row in told.collect()]
        if (rows := sum(file.rows for file in written)) != self.num_rows:
            raise TransientFailure(f"Spark wrote {rows:,} rows of {self.num_rows:,}")
        return written
