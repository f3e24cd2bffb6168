"""What this sensor tells `falcon-rules` about rules, fields and events, see `falcon_rules.sensors`.

Registered in pyproject.toml as an entry point: the language does not know the sensor.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import metadata

from falcon_rules import bundle, sensors, typed
from falcon_sensor.engine.fields import registry
from falcon_sensor.kernel.plan import build
from falcon_sensor.kernel.plan import explain as plans
from falcon_sensor.records import layout


class Description:
    """A `sensors.Sensor`."""

    def version(self) -> str:
        return f"falcon-sensor {metadata.version('falcon-k8s')}"

    def explain(self, rule: bundle.Rule) -> tuple[sensors.InKernel, ...]:
        return tuple(
            sensors.InKernel(each.event, each.decided, each.left, each.everything) for each in plans.explain([rule])
        )

    def c(self, rule: bundle.Rule) -> str:
        return build.build(bundle.Bundle((rule,))).filters

    def reason(self, field: typed.FieldRef) -> str | None:
        return registry.reason(field)

    def events(self) -> frozenset[str]:
        return frozenset(layout.EVENTS)

    def floods(self, rules: Iterable[bundle.Rule]) -> Mapping[str, tuple[str, ...]]:
        return plans.floods(rules)


SENSOR: sensors.Sensor = Description()
