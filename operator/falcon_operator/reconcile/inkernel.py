"""What the kernel does for a rule, for its status: told by the sensor's own package, where one is installed.

The operator does not know the sensor: it asks what registered itself (`falcon_rules.sensors`), which in
the images is the sensor of the same release. So the answer is the plan's, for the rule by itself; a
node whose kernel takes only a coarser filter says so in its sensor's log.
"""

from __future__ import annotations

import collections
import functools
from typing import Final

from falcon_rules import bundle, explaining, sensors

_KEPT: Final = 8192
"""Answers remembered, a kilobyte each. One takes 5 ms, and statuses are made anew with every step of a rollout."""

_answers: collections.OrderedDict[str, explaining.Summary | None] = collections.OrderedDict()


def summary(rule: bundle.Rule, digest: str) -> explaining.Summary | None:
    """None where no sensor can tell. digest: the rule's hash."""
    sensor = _sensor()
    if sensor is None:
        return None
    if digest not in _answers:
        try:
            _answers[digest] = explaining.summary(rule, sensor)
        except Exception:  # a status without it is better than none
            _answers[digest] = None
        if len(_answers) > _KEPT:
            _answers.popitem(last=False)
    return _answers[digest]


@functools.cache
def _sensor() -> sensors.Sensor | None:
    return sensors.installed()
