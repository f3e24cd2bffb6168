"""The sensor's own act comes back whatever the filter says, nobody can imitate it, nobody can rewrite the tables."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import pytest
from tests.sensor.plan.support import worlds

from falcon_rules import bundle, typed
from falcon_sensor.kernel import bpf, probes
from falcon_sensor.kernel.plan import build, contract
from falcon_sensor.pipeline import canary as acts
from falcon_sensor.records import canary, decode, layout

pytestmark = pytest.mark.kernel

RING = 1 << 20
IMITATE = "from falcon_sensor.records import canary\nfor number in range(23): canary.act(number)"


def real_plan() -> contract.Plan:
    """With tables: its filter compares names and process names."""
    named = typed.All(
        (
            typed.Comparison("=", worlds.field("fd.name"), (b"/nowhere/at-all",)),
            typed.Comparison("in", worlds.field("proc.name"), (b"nobody", b"somebody")),
        )
    )
    return build.build(bundle.Bundle((worlds.rule(named, "r", ("open", "openat")),)))


@pytest.fixture(scope="module", params=["refusing", "real"])
def attached(request):
    plan = contract.Plan.nothing(("openat",)) if request.param == "refusing" else real_plan()
    with probes.load(plan, RING) as loaded:
        yield loaded


def opens(loaded: probes.Probes) -> list[decode.Record]:
    records = map(decode.Record, loaded.ring.records())
    return [record for record in records if record.kind is layout.Kind.OPEN]


def test_each_act_comes_back_once_and_says_which_it_is(attached):
    for number in range(23):
        canary.act(number)
    records = opens(attached)
    assert [canary.number_in(record.blob("name")) for record in records] == list(range(23))
    assert {record.head.flags & (layout.Flag.CANARY | layout.Flag.WANTED) for record in records} == {layout.Flag.CANARY}


def test_nobody_else_can_act_in_its_place(attached):
    subprocess.run([sys.executable, "-c", IMITATE], check=True)
    assert opens(attached) == []


def test_what_decides_in_the_kernel_cannot_be_rewritten_from_outside(attached):
    maps = {name: fd for name, fd in attached.maps.items() if name in ("ev_tails", "ev_host") or name[:7] == "falcon_"}
    assert {"ev_tails", "ev_host"} <= maps.keys()
    for descriptor in maps.values():
        size, _ = bpf.map_shape(descriptor)
        with pytest.raises(OSError) as refusal:
            bpf.update(descriptor, 0, bytes(size))
        assert refusal.value.errno == errno.EPERM


def test_where_only_programs_are_watched_one_is_started_and_comes_back():
    own = acts.Canary()
    with probes.load(contract.Plan.nothing(("execve",)), RING) as loaded:
        assert "sys_exit" not in loaded.hooks, "nothing is attached for the canary's sake"
        own.tend(acts.How.EXEC, 100.0)
        answers = 0
        while not answers:
            assert loaded.ring.wait(20)
            answers += sum(own.is_answer(decode.Record(data)) for data in loaded.ring.records())
    own.close()
    assert (answers, own.answered, own.oldest()) == (1, 1, None)


def test_what_was_taken_off_is_missed_and_what_took_its_number_is_not_closed():
    with probes.load(contract.Plan.nothing(("openat",)), RING) as loaded:
        assert loaded.lost() == ()
        link = loaded._loaded.links["sys_exit"]
        os.close(link)
        assert loaded.lost() == ("sys_exit",)
        stranger = os.open("/dev/null", os.O_RDONLY)
        assert stranger == link, "the lowest number that is free"
        assert loaded.lost() == ("sys_exit",)
    os.fstat(stranger)
    os.close(stranger)


def test_runs_of_programs_are_counted_by_hook_when_asked_for():
    with probes.load(contract.Plan.nothing(("openat",)), RING) as loaded:
        assert loaded.runs() == {}
        statistics = bpf.enable_statistics()
        for number in range(23):
            canary.act(number)
        os.close(statistics)
        runs = loaded.runs()["sys_exit"]
    assert runs.count >= 23
    assert runs.nanoseconds > 0
