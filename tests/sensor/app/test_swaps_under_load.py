"""A hundred changes of rules while a rule is triggered a thousand times a second: nothing lost, nothing doubled.

Most changes leave the programs in the kernel as they are (other words, other rules in user space), as most do in
life; every tenth exchanges them. SWAPS_OF_PROGRAMS=100 (`make soak`) has every one exchange them.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from falcon_rules import bundle
from falcon_rules.loading import compilation
from falcon_rules.model import documents
from falcon_sensor.app import prepare, sensor
from falcon_sensor.kernel.plan import build
from falcon_sensor.settings import model

pytestmark = pytest.mark.kernel

CHANGES = 100
OF_PROGRAMS = int(os.environ.get("SWAPS_OF_PROGRAMS", "10"))

RULES = """
- rule: Numbered
  desc: d
  condition: evt.type in (open, openat) and fd.name startswith {directory}/
  output: "generation {number} %fd.name"
  priority: NOTICE
- rule: Other
  desc: what makes the programs others
  condition: evt.type in (open, openat) and fd.name = /nowhere/else{turn}
  output: "never"
  priority: NOTICE
"""

# Opens a name with the next number every millisecond, and catches up when it was held up, until its input ends.
ACTOR = """
import os, select, sys, time
directory, begin, number = sys.argv[1], time.monotonic(), 0
while not select.select([0], [], [], max(0.0, begin + number / 1000 - time.monotonic()))[0]:
    try:
        os.open(f"{directory}/{number}", os.O_RDONLY)
    except FileNotFoundError:
        pass
    number += 1
print(number)
"""


def rules(directory: Path, number: int) -> bundle.Bundle:
    """The number-th set. Two sorts of programs take turns, so that only the first of each must be compiled."""
    turn = number * OF_PROGRAMS // CHANGES % 2
    text = RULES.format(directory=directory, number=number, turn=turn)
    result = compilation.compile([documents.Document("rules.yaml", text)])
    assert not result.errors
    return result.bundle


@pytest.fixture
def running(tmp_path) -> Iterator[sensor.Sensor]:
    """Its alerts go to the file `alerts` alone."""
    settings = model.Settings(
        stdout_output=model.StdoutOutput(enabled=False),
        file_output=model.FileOutput(enabled=True, filename=str(tmp_path / "alerts")),
        json_output=True,
        ring_bytes=1 << 26,
        rate_limit=model.RateLimit(alerts=0),
        outputs_queue=model.OutputsQueue(capacity=10_000_000),
        output_timeout=30_000,
        program_cache=str(tmp_path / "programs"),
    )
    first = rules(tmp_path / "acts", 0)
    prepared = prepare.Prepared(settings, first, build.build(first))

    def again() -> prepare.Process:
        raise AssertionError("nobody asks for the rules of files")

    with contextlib.ExitStack() as stack:
        found = sensor.Sensor(prepared, stack, again, lambda: None)
        with sensor.loading() as child:
            found.start(prepared, child)
        found._consumer.start()
        yield found
        found.current.probes.detach()
        found._consumer.stop()


def drained(running: sensor.Sensor) -> None:
    """Waits until what the programs shipped has been read: a loaded machine is behind."""
    deadline = time.monotonic() + 120
    while running.current.probes.ring.backlog:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_hundred_changes_at_a_thousand_alerts_a_second(running, tmp_path):
    directory = tmp_path / "acts"
    exchanged = 0
    # In life another process compiles and plans.
    made = [rules(directory, number) for number in range(1, CHANGES + 1)]
    planned = [(each, build.build(each)) for each in made]
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", ACTOR, str(directory)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as actor:
        for found, plan in planned:
            new = running.workshop.make(found, plan, current=running.current)
            exchanged += new.probes is not running.current.probes
            running.exchange(new)
        output, _ = actor.communicate()
    counters = running._counters()
    running.current.probes.detach()
    drained(running)
    running._consumer.stop()
    running._outputs.close(30.0)

    told = [json.loads(line)["output_fields"]["fd.name"] for line in (tmp_path / "alerts").open()]
    texts = [json.loads(line)["output"] for line in (tmp_path / "alerts").open()]
    generations = [int(text.partition("generation ")[2].split()[0]) for text in texts]
    assert counters.dropped == 0
    assert [int(os.path.basename(name)) for name in told] == list(range(int(output)))
    assert generations == sorted(generations)
    assert exchanged == OF_PROGRAMS
    assert len(told) > 1000
