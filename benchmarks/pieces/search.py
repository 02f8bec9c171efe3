"""Work of searching: an index of documents, and questions to it.

What belongs here: one question each, as the routes ask it. What does not: HTTP around it.
"""

import subprocess
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from benchmarks.events import BEGIN
from benchmarks.pieces.uploads import indexed
from logplatform.landing.leases import utc_now
from logplatform.stores.dataset import Dataset
from logplatform.stores.files import LocalFiles
from logplatform.stores.log_index import LogIndex
from logplatform.stores.log_query import ALL, Filters, Search
from logplatform.stores.log_schema import DOCUMENTS
from logplatform.stores.parquet_index import COMPACTION_ORDER, DATASET, open_parquet_index
from logplatform.stores.sql import Database
from logplatform.uploads.completion import completions
from logplatform.uploads.figures import analytics, dashboard, fraud, performance
from logplatform.uploads.figures.histogram import histogram
from logplatform.uploads.fraud import FraudRules

Piece = Callable[[], dict[str, float]]

RUNS = 3

_DAY = Filters(since=BEGIN + timedelta(days=10), until=BEGIN + timedelta(days=11))
_PAID = Filters(terms=(("log_type", ("transaction",)),), ranges=(("amount", 19_000.0, None),))

QUESTIONS: dict[str, Callable[[LogIndex], object]] = {
    "newest": lambda index: index.search(Search()),
    "deep_page": lambda index: index.search(Search(page=500)),
    "thousand": lambda index: index.search(Search(size=1_000)),
    "user": lambda index: index.search(Search(filters=ALL.term("user_id", "USER777"))),
    "kind_and_amount": lambda index: index.search(Search(filters=_PAID)),
    "by_amount": lambda index: index.search(Search(sort_field="amount")),
    "one_day": lambda index: index.search(Search(filters=_DAY)),
    "text_one_day": lambda index: index.search(Search("checkout", _DAY)),
    "text": lambda index: index.search(Search("checkout")),
    "text_rare": lambda index: index.search(Search("12345")),
    "two_words": lambda index: index.search(Search("payment shoes")),
    "phrase": lambda index: index.search(Search('"GET /checkout 200"')),
    "misspelt": lambda index: index.search(Search("chekcout")),
    "histogram": lambda index: histogram(index, "", ALL),
    "completion": lambda index: completions(index, "pay"),
    "transactions": lambda index: analytics.transactions(index, ALL),
    "overview": lambda index: dashboard.overview(index, ALL),
    "performance": lambda index: performance.metrics(index, ALL),
    "fraud_one_day": lambda index: fraud.stats(index, _DAY, FraudRules()),
    "fraud": lambda index: fraud.stats(index, ALL, FraudRules()),
}


def index(path: str, folder: str) -> Piece:
    """The file's documents in an index that is kept in `folder`, its days merged; done once."""
    root = Path(folder)
    done = root / "done"
    if done.exists():
        return dict
    root.mkdir(parents=True, exist_ok=True)
    fill = indexed(path, folder)

    def run() -> dict[str, float]:
        found = fill()
        dataset = _dataset(root)
        for day in sorted({file.partition for file in dataset.visible()}):
            dataset.compact(day, COMPACTION_ORDER)
        done.touch()
        return found

    return run


def ask(folder: str) -> Piece:
    """All questions, each some times: the fewest seconds (`name`) and CPU seconds (`name cpu`) that it took."""
    dataset = _dataset(Path(folder))

    def run() -> dict[str, float]:
        found: dict[str, float] = {}
        with open_parquet_index(dataset) as opened:
            for name, question in QUESTIONS.items():
                found[name], found[f"{name} cpu"] = _fewest(opened, question)
        return found

    return run


def _fewest(opened: LogIndex, question: Callable[[LogIndex], object]) -> tuple[float, float]:
    seconds: list[float] = []
    cpu: list[float] = []
    for _ in range(RUNS):
        begun, spent = time.perf_counter(), time.process_time()
        question(opened)
        seconds.append(time.perf_counter() - begun)
        cpu.append(time.process_time() - spent)
    return min(seconds), min(cpu)


def scan(path: str) -> Piece:
    """Counting the lines that hold a text, by grep."""

    def run() -> dict[str, float]:
        done = subprocess.run(["grep", "-ic", "checkout", path], check=True, stdout=subprocess.PIPE)
        return {"documents": float(done.stdout)}

    return run


def _dataset(root: Path) -> Dataset:
    return Dataset(DATASET, "default", DOCUMENTS, LocalFiles(root), Database.at(root / "uploads.db"), utc_now)
