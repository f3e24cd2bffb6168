"""Every metric the sensor and the operator export, as rows of docs/metrics.md.

python -m tests.sensor.api.support.metric_rows      prints them
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import prometheus_client
from prometheus_client import core

from falcon_operator.app import operator
from falcon_sensor.api import bundles, health, metrics, refusals

_NOT_OURS = ("python_", "process_")


def full() -> metrics.Sample:
    """A sample in which every metric has at least one row, so that labels show."""
    names = "matches suppressed rule_errors rule_seconds seen records drops internal_alerts trouble_seconds".split()
    every = {name: {"x": 1} for name in names}
    known = {each.name for each in dataclasses.fields(health.Health)}
    assert every.keys() <= known
    own = dict.fromkeys(metrics._OWN, 1)
    found = health.Health(
        **every,  # type: ignore[arg-type]
        alerts=(("x", "Notice", 1),),
        hooks={"x": (1, 1.0)},
        troubles=("x",),
        outputs=(health.Output("x", 1, 1, 1, own),),
    )
    return metrics.Sample(
        found,
        bundles.InForce("sha256:x", 1),
        refusals.Refusals({refusals.Reason.NO_TOKEN: 1}),
        {("GET", "200"): 1},
        "1",
        1,
    )


def sensor() -> list[str]:
    return sorted(_row(each) for each in metrics._Once(full()).collect())


def of_operator() -> list[str]:
    assert operator.Operator is not None  # its modules are where its metrics are made
    return sorted(_declared())


def _declared() -> Iterator[str]:
    for collector in set(prometheus_client.REGISTRY._collector_to_names):
        labels = getattr(collector, "_labelnames", None)
        if labels is None:
            continue
        for family in collector.collect():
            if family.name.startswith("falcon_operator_"):
                yield _text(family, tuple(labels))


def _row(family: core.Metric) -> str:
    return _text(family, tuple(family.samples[0].labels))


def _text(family: core.Metric, labels: tuple[str, ...]) -> str:
    name = family.name + ("_total" if family.type == "counter" else "")
    shown = ", ".join(f"`{label}`" for label in labels)
    return f"| `{name}` | {family.type} | {shown} | {family.documentation} |"


if __name__ == "__main__":
    print("\n".join([*sensor(), "", *of_operator()]))
