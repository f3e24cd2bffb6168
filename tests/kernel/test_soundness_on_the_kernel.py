"""The same alerts with the prefilter as without it: random rules, random acts of real processes, the real kernel.

One set of programs ships everything those processes do; others, attached beside it, ship what the filters of random
rules let through. The engine must find the same in both.
"""

from __future__ import annotations

import collections
import shutil
import subprocess
import sys
from pathlib import Path

import hypothesis
import pytest
from tests.sensor.plan.support import worlds

from falcon_rules import bundle
from falcon_sensor.engine import engine
from falcon_sensor.kernel import probes
from falcon_sensor.kernel.plan import build, contract, explain
from falcon_sensor.records import decode, layout
from falcon_sensor.state import view

pytestmark = pytest.mark.kernel

SEEDS = (1, 2)
RULES = 20
ACTS = 2000
RING = 1 << 25
DRIVER = "soundness-main"

# Nothing is refused but what other processes of this machine do.
UNFILTERED = """
static __always_inline int is_driven(const struct falcon_facts *f)
{
    u64 words[2], task = f->task;
    for (u32 level = 0; level < 3 && task; level++) {
        falcon_task_comm(task, words);
        if (words[0] == DRIVER_COMM)
            return 1;
        task = falcon_parent(task);
    }
    return 0;
}
""".replace("DRIVER_COMM", str(int.from_bytes(DRIVER.encode()[:8], "little")))
for kind in layout.Kind:
    UNFILTERED += """
static __always_inline int falcon_want_KIND_early(const struct falcon_facts *f) { return is_driven(f); }
static __always_inline int falcon_want_KIND(const struct falcon_facts *f, const struct falcon_names *n) { return 1; }
""".replace("KIND", kind.name.lower())


def drawn(seed: int) -> list[bundle.Rule]:
    """Rules that the kernel can refuse something for, the same for the same seed."""
    found: list[bundle.Rule] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=40 * RULES,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(worlds.RULES)
    def draw(rule: bundle.Rule) -> None:
        if len(found) < RULES:
            explained = explain.explain([rule])
            if explained and not any(each.everything for each in explained):
                name = f"rule {len(found)}"
                found.append(worlds.rule(rule.condition, name, None, rule.scope))

    draw()
    assert len(found) == RULES
    return found


@pytest.fixture
def root(tmp_path: Path, actor: Path) -> Path:
    """What the driver finds where it lives."""
    root = tmp_path / "root"
    for name in ("etc/shadow", "etc/passwd", "etc/pam.d/su", "root/.ssh/id_rsa", "tmp/a.log", "var/log/auth.log"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    (root / "tmp" / "link").symlink_to("/etc/shadow")
    for name in ("bin/sh", "bin/nginx", "tmp/bash"):
        (root / name).parent.mkdir(exist_ok=True)
        shutil.copy(actor, root / name)
    for each in (root, *root.rglob("*")):
        if each.is_dir():
            each.chmod(0o777)
    return root


def driven(records: list[decode.Record], driver: int) -> list[decode.Record]:
    """Of the driver's children. The driver itself has the name by which the unfiltered programs know it only late."""
    return [each for each in records if driver in (above.pid for above in each.ancestors)]


def alerts(
    rules: list[bundle.Rule], records: list[decode.Record], host: Path
) -> collections.Counter[tuple[str, object]]:
    """What the engine finds, by rule and by what the record says; as the consumer has it judge."""
    state = view.State(proc=str(host / "proc"), host_root=str(host))
    options = engine.Options(rule_matching="all", rate_limit=None, hostname="node")
    judge = engine.Engine(bundle.Bundle(tuple(rules)), state, options)
    found: collections.Counter[tuple[str, object]] = collections.Counter()
    for record in records:
        if record.kind is layout.Kind.EXEC and not record.head.result:
            state.observe(record)
        if record.head.flags & layout.Flag.WANTED:
            found.update((alert.rule, said(record)) for alert in judge.evaluate(record))
    return found


def said(record: decode.Record) -> tuple[object, ...]:
    """All but when, and whose filter wanted it."""
    head = record.head._replace(time=0, flags=record.head.flags & ~int(layout.Flag.WANTED))
    blobs = [record.blob(each.name) for each in (*layout.COMMON_BLOBS, *layout.BLOBS[record.kind])]
    return (head, record.ancestors, record.body, *blobs)


def test_the_prefilter_loses_no_alert(root, tmp_path):
    host = tmp_path / "host"
    (host / "proc").mkdir(parents=True)
    sets = [drawn(seed) for seed in SEEDS]
    plans = [build.build(bundle.Bundle(tuple(rules))) for rules in sets]
    everything = contract.Plan(frozenset(layout.EVENTS), UNFILTERED, failed_execs=True)
    attached = [probes.load(plan, RING) for plan in (everything, *plans)]
    driver = Path(__file__).with_name("soundness_driver.py")
    try:
        acting = subprocess.Popen([sys.executable, "-I", "-S", driver, str(root), "7", str(ACTS)])
        assert acting.wait() == 0
        shipped = [driven(list(map(decode.Record, each.ring.records())), acting.pid) for each in attached]
        lost = [sum(counters.dropped for counters in each.counters().values()) for each in attached]
    finally:
        for each in attached:
            each.close()
    assert lost == [0] * len(attached)
    assert len(shipped[0]) > ACTS / 2
    for seed, rules, records in zip(SEEDS, sets, shipped[1:], strict=True):
        without, having = alerts(rules, shipped[0], host), alerts(rules, records, host)
        missing = without - having
        assert not missing, (seed, [rule for rule in rules if rule.name in {name for name, _ in missing}], missing)
        assert having == without, "neither set of programs may see what the other does not"
        assert without.total() > 100, seed
        wanted = sum(bool(each.head.flags & layout.Flag.WANTED) for each in records)
        assert wanted < len(shipped[0]), "a filter that refuses nothing proves nothing"
        print(f"seed {seed}: {len(shipped[0])} events, {wanted} shipped, {without.total()} alerts")
