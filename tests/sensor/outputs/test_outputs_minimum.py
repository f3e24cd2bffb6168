"""Each output gets what is urgent enough for it, and the others all the same."""

from __future__ import annotations

import json

import pytest
from tests.sensor.outputs.support import examples

from falcon_rules import bundle
from falcon_sensor.outputs import build
from falcon_sensor.settings import model, options


@pytest.mark.parametrize(
    ("minimum", "expected"),
    [("emergency", 1), ("warning", 5), ("informational", 7), ("info", 7), ("debug", 8)],
)
def test_less_urgent_alerts_are_not_for_an_output(minimum: options.Priority, expected, tmp_path):
    settings = model.Settings(
        json_output=True,
        stdout_output=model.StdoutOutput(enabled=False),
        file_output=model.FileOutput(enabled=True, filename=str(tmp_path / "alerts"), minimum_priority=minimum),
    )
    outputs = build.outputs(settings).outputs
    for priority in bundle.Priority:
        outputs.put(examples.alert(priority, priority=priority))
    outputs.close(10)
    shown = [json.loads(line)["priority"] for line in (tmp_path / "alerts").read_text().splitlines()]
    assert shown == [priority.label for priority in bundle.Priority][:expected]
    (measures,) = outputs.measures().values()
    assert (measures["filtered"], measures["delivered"], measures["lost"]) == (8 - expected, expected, 0)
