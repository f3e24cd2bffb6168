"""What the operator has counted in this process."""

from __future__ import annotations

from collections.abc import Iterator

import prometheus_client
from prometheus_client.samples import Sample


def total(counter: prometheus_client.Counter, **labels: str) -> int:
    """The sum over everything that carries these labels."""
    return sum(int(each.value) for each in _samples(counter) if labels.items() <= each.labels.items())


def _samples(counter: prometheus_client.Counter) -> Iterator[Sample]:
    for metric in counter.collect():
        yield from (each for each in metric.samples if each.name.endswith("_total"))
