"""Counters and histograms of the process, in Prometheus' words; labels come from closed sets only."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from kedai.db.storage import Refusal, StorageTrouble

CONTENT_TYPE = CONTENT_TYPE_LATEST
_VERSIONS = {"v1": "v1", "?": "unknown"}  # every other key id is one of the present format
_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Metrics:
    """One per app, so that tests never share counts; counted in plain dictionaries, read at a scrape."""

    def __init__(self) -> None:
        self._pushes: Counter[tuple[str, int]] = Counter()
        self._dropped: Counter[str] = Counter()
        self._requests: Counter[tuple[str, int]] = Counter()
        self._buckets = [0] * (len(_BOUNDS) + 1)
        self._seconds = 0.0
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def count_push(self, environment: str, status: int, seconds: float) -> None:
        """One delivery."""
        self._pushes[environment, status] += 1
        self._buckets[bisect_left(_BOUNDS, seconds)] += 1
        self._seconds += seconds

    def count_dropped(self, environment: str) -> None:
        """A push of the inactive environment that the installer chose to drop."""
        self._dropped[environment] += 1

    def count_request(self, method: str, status: int) -> None:
        """Any other request."""
        self._requests[method, status] += 1

    def render(
        self, secrets_by_key: Mapping[str, int], *, calls_dropped: int, storage_trouble: StorageTrouble | None
    ) -> bytes:
        """The text of `/metrics`; how many stored values are sealed with each key is the database's to say."""
        others = (_Secrets(secrets_by_key), _Calls(calls_dropped), _Storage(storage_trouble))
        return b"".join(generate_latest(one) for one in (self._registry, *others))

    def collect(self) -> Iterable[Metric]:
        """What the registry asks for at a scrape."""
        pushes = CounterMetricFamily(
            "kedai_pushes", "Push deliveries by environment and answer.", labels=["environment", "status"]
        )
        for (environment, status), count in sorted(self._pushes.items()):
            pushes.add_metric([environment, str(status)], count)
        requests = CounterMetricFamily(
            "kedai_requests", "Other requests by method and status.", labels=["method", "status"]
        )
        for (method, status), count in sorted(self._requests.items()):
            requests.add_metric([method, str(status)], count)
        dropped = CounterMetricFamily(
            "kedai_pushes_dropped", "Pushes of the inactive environment that were dropped.", labels=["environment"]
        )
        for environment, count in sorted(self._dropped.items()):
            dropped.add_metric([environment], count)
        return [pushes, dropped, self._histogram(), requests]

    def _histogram(self) -> HistogramMetricFamily:
        total, buckets = 0, []
        for bound, count in zip((*map(str, _BOUNDS), "+Inf"), self._buckets, strict=True):
            total += count
            buckets.append((bound, total))
        seconds = "From a push's first byte to its answer."
        return HistogramMetricFamily("kedai_push_seconds", seconds, buckets=buckets, sum_value=self._seconds)


@dataclass(frozen=True, slots=True)
class _Calls:
    """How many outgoing calls this process could not write into their log."""

    dropped: int

    def collect(self) -> Iterable[Metric]:
        """What a scrape asks for."""
        family = CounterMetricFamily("kedai_calls_dropped", "Outgoing calls that are missing in their log.")
        family.add_metric([], self.dropped)
        return [family]


@dataclass(frozen=True, slots=True)
class _Storage:
    """What keeps the database from storing what this process writes."""

    trouble: StorageTrouble | None

    def collect(self) -> Iterable[Metric]:
        """What a scrape asks for."""
        said = "Whether the database refuses what this process writes, by reason."
        family = GaugeMetricFamily("kedai_storage_trouble", said, labels=["reason"])
        for refusal in Refusal:
            family.add_metric([refusal], self.trouble is not None and self.trouble.refusal is refusal)
        return [family]


@dataclass(frozen=True, slots=True)
class _Secrets:
    """How many stored values are sealed with each key; of ``v1``, the older format, nothing should be left."""

    by_key: Mapping[str, int]

    def collect(self) -> Iterable[Metric]:
        """What a scrape asks for."""
        family = GaugeMetricFamily("kedai_secrets", "Stored secrets by format and key.", labels=["version", "key"])
        for kid, count in sorted(self.by_key.items()):
            family.add_metric([_VERSIONS.get(kid, "v2"), kid], count)
        return [family]
