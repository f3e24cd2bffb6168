"""Rules whose full filter the kernel refuses still run, behind a coarser one."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys

import pytest

from falcon_rules import bundle
from falcon_rules.loading import compilation
from falcon_rules.model import documents
from falcon_sensor.app import working
from falcon_sensor.kernel import probes
from falcon_sensor.kernel.plan import build
from falcon_sensor.records import decode
from falcon_sensor.settings import model
from falcon_sensor.state import view

pytestmark = pytest.mark.kernel

ACT = """
import os, sys
for _ in range(23):
    os.close(os.open(sys.argv[1], os.O_RDONLY))
"""
RULES = """
- rule: Marked file opened
  desc: d
  condition: evt.type in (open, openat) and fd.name = {}
  output: opened %fd.name
  priority: NOTICE
"""


@pytest.fixture
def workshop():
    return working.Workshop(model.Settings(), view.State(), "host")


def compiled(path) -> bundle.Bundle:
    result = compilation.compile([documents.Document("rules.yaml", RULES.format(path))])
    assert not result.errors
    return result.bundle


def refused(plan):
    """The plan with a filter that reads where no program may."""
    body = r"(int falcon_want_open_early\(const struct falcon_facts \*f\)\s*\{)"
    text, changes = re.subn(body, r"\1 if (*(volatile u64 *)(f->result + 8)) return 1;", plan.filters)
    assert changes == 1
    return dataclasses.replace(plan, filters=text)


def test_a_refused_filter_is_replaced_by_a_coarser_one_and_nothing_is_lost(workshop, tmp_path, capfd):
    marked = tmp_path / "marked"
    marked.touch()
    rules = compiled(marked)
    plan = refused(build.build(rules))
    with pytest.raises(working.NotAttached) as refusal:
        workshop.attach(plan)
    assert refusal.value.refused
    made = workshop.make(rules, plan)
    assert isinstance(made.probes, probes.Probes)
    with made.probes:
        # In a process of its own: what the sensor's process does is left out.
        subprocess.run([sys.executable, "-I", "-S", "-c", ACT, str(marked)], check=True)
        records = [decode.Record(data) for data in made.probes.ring.records()]
    alerts = [alert for record in records for alert in made.engine.evaluate(record)]
    assert [alert.output for alert in alerts] == [f"opened {marked}"] * 23
    assert "kernel refuses the filter" in capfd.readouterr().err
