"""What the kernel is given for the default rules: here, and by `make test-kernels` on other kernels."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from falcon_sensor.app import rulefiles
from falcon_sensor.kernel import choosing, probes
from falcon_sensor.kernel.plan import build
from falcon_sensor.records import decode, layout

pytestmark = pytest.mark.kernel

RULES = Path(__file__).resolve().parents[2] / "rules/default"


def test_their_filters_load_and_work(backend: choosing.Wish):
    plan = build.build(rulefiles.compiled((str(RULES),)))
    cache = os.environ.get("FALCON_TEST_PROGRAM_CACHE") or ""
    try:
        loaded = probes.load(plan, 1 << 20, backend=backend, cache=cache)
    except probes.ProbeError as error:
        if backend == "c" or "cannot be had here" not in str(error):
            raise
        pytest.skip(str(error))
    with loaded:
        with subprocess.Popen(["true"]) as process:
            process.wait()
        records = [decode.Record(data) for data in loaded.ring.records()]
        ours = [each for each in records if each.kind is layout.Kind.EXEC and each.head.pid == process.pid]
        assert [each.comm for each in ours if each.head.result == 0] == [b"true"]
        assert len(loaded.hooks) > 1
