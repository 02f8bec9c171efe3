"""Everything measured, as Prometheus wants it.

What belongs here: asking the stores in turn, keeping the answer for some seconds, its form. What does not: what is
measured (`stores`), and the route (`api.metrics`).
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from logplatform.failures import LogplatformError
from logplatform.metrics.catalogue import CATALOGUE, Sample
from logplatform.metrics.stores import Ask, platform, stores
from logplatform.settings.model import Settings

KEEP_SECONDS = 5.0

_log = logging.getLogger(__name__)


class PlatformCollector(Collector):
    """Measures when it is asked, at most every `keep_seconds`; of several who ask at once, one measures.

    A store that cannot be asked is `logplatform_up` 0, and its reason stands in the log, once; the others are told.
    """

    def __init__(
        self,
        asks: Mapping[str, Ask],
        about: Sample,
        keep_seconds: float = KEEP_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._asks = asks
        self._about = about
        self._keep_seconds = keep_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._measured_at = float("-inf")
        self._families: list[Family] = []
        self._down: dict[str, str] = {}

    def collect(self) -> Iterable[Family]:
        """Every metric of the catalogue that has a value now."""
        with self._lock:
            if self._clock() - self._measured_at >= self._keep_seconds:
                self._families = families([self._about, *self._measured()])
                self._measured_at = self._clock()
            return self._families

    def _measured(self) -> Iterator[Sample]:
        for store, ask in self._asks.items():
            begun = time.perf_counter()
            try:
                found = ask()
            except (SQLAlchemyError, OSError, LogplatformError) as error:
                self._note(store, str(error))
                yield Sample("logplatform_up", (store,), 0)
                continue
            self._down.pop(store, None)
            if found is not None:
                yield Sample("logplatform_up", (store,), 1)
                yield Sample("logplatform_measure_seconds", (store,), time.perf_counter() - begun)
                yield from found

    def _note(self, store: str, reason: str) -> None:
        if self._down.get(store) != reason:
            self._down[store] = reason
            _log.warning("the metrics of %s cannot be measured: %s", store, reason, extra={"operation": "metrics"})


def families(samples: Iterable[Sample]) -> list[Family]:
    """Samples by metric, in the catalogue's order; a metric without any is left out."""
    grouped: dict[str, list[Sample]] = {}
    for sample in samples:
        grouped.setdefault(sample.name, []).append(sample)
    made: list[Family] = []
    for name, metric in CATALOGUE.items():
        if name not in grouped:
            continue
        kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
        family = kind(name, metric.help, labels=metric.labels)
        for sample in grouped[name]:
            family.add_metric(sample.labels, sample.value)
        made.append(family)
    return made


def registry_of(settings: Settings) -> CollectorRegistry:
    """What `/metrics` tells: the platform, and the process that tells it (`process_…`)."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(PlatformCollector(stores(settings), platform(settings)))
    ProcessCollector(registry=registry)
    return registry
