"""GET /metrics for Prometheus: numbers, and names of sinks, but nothing of any alert. Made anew for each question."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator

import prometheus_client
from aiohttp import web
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from falcon_hub.api import counters
from falcon_hub.store import records, store

Source = Callable[[], Awaitable[Iterable[Metric]]]
"""Gives metrics of another part of the hub. Raises Unavailable."""


class Metrics:
    """more: what other parts have to tell."""

    def __init__(self, kept: store.Store, counted: counters.Counters, more: Source) -> None:
        self._store, self._counters, self._more = kept, counted, more

    async def show(self, _request: web.Request) -> web.Response:
        """GET /metrics."""
        try:
            size, more = await self._store.size(), await self._more()
        except records.Unavailable:
            size, more = None, ()
        registry = prometheus_client.CollectorRegistry()
        prometheus_client.ProcessCollector(namespace="falcon_hub", registry=registry)
        registry.register(_Collected([*self._families(size), *more]))
        text = prometheus_client.generate_latest(registry)
        return web.Response(body=text, headers={"Content-Type": prometheus_client.CONTENT_TYPE_LATEST})

    def _families(self, size: records.Size | None) -> Iterator[Metric]:
        counted = self._counters
        received = CounterMetricFamily("falcon_hub_alerts_received", "Alerts that came in", labels=["priority"])
        for name, number in sorted(counted.new.items()):
            received.add_metric([name], number)
        yield received
        yield CounterMetricFamily("falcon_hub_alerts_stored", "Alerts that were new", counted.stored)
        yield CounterMetricFamily("falcon_hub_alerts_duplicate", "Alerts that were there already", counted.duplicates)
        yield CounterMetricFamily(
            "falcon_hub_requests_refused", "Requests with bad or too many alerts", counted.refused
        )
        yield CounterMetricFamily(
            "falcon_hub_requests_unavailable", "Requests that the store could not take", counted.unavailable
        )
        yield GaugeMetricFamily("falcon_hub_store_available", "Whether the store answers", int(size is not None))
        if size is not None:
            yield GaugeMetricFamily("falcon_hub_store_alerts", "Alerts in the store", size.alerts)
            yield GaugeMetricFamily("falcon_hub_store_bytes", "About how much disk they take", size.bytes)


class _Collected(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        return self._families
