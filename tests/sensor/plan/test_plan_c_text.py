"""The generated C means what the expressions mean: compiled as plain C and compared with the interpreter."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from tests.sensor.plan.support import native, worlds

from falcon_rules import bundle, typed
from falcon_sensor.kernel.plan import build, interpret

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")

# Compiling costs more than asking, so few sets of rules and many events each; nothing is shrunk for the same reason.
COMPARED = settings(
    max_examples=25, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck), database=None
)


def differing(made, tmp_path, events):
    """Events that C and interpreter judge differently, and how many are wanted."""
    compiled = native.Filter(build.plan_of(made), tmp_path)
    answers = [
        (compiled.wanted(facts), interpret.wanted(made.filters, made.paths, made.comms, facts)) for facts in events
    ]
    return [facts for facts, (c, python) in zip(events, answers, strict=True) if c != python], sum(
        c for c, _ in answers
    )


@seed(23)
@COMPARED
@given(
    st.lists(worlds.RULES, min_size=1, max_size=12),
    st.lists(worlds.EVENTS, min_size=80, max_size=100),
)
def test_random_rules_mean_the_same_in_c(tmp_path_factory, rules, events):
    made = build.make(rules)
    found, _ = differing(made, tmp_path_factory.mktemp("c"), events)
    assert not found


def openings(count):
    """Opens of names around the interesting lengths, given and opened names alike and different."""
    chance = random.Random(5)
    found = []
    for _ in range(count):
        length = chance.choice([0, 1, 6, 7, 8, 9, 15, 16, 17, 31, 200, 1015, 1016, 1023, 1024, 1025, 3000])
        path = b"/" + bytes(chance.choice(b"ab/e") for _ in range(length)).replace(b"//", b"/a")
        path = chance.choice([path, path + b"/etc", b"/etc/" + path[1:], path + b"e"])
        tail = path[path.rfind(b"/", 0, len(path) // 2) + 1 :]
        name = chance.choice(
            [
                path,
                tail,
                b"./" + tail,
                path + b"x",
                b"x" + tail,
                path[:-1] + b"z",
                b"/" + tail,
                path + b"/",
                tail + b"/",
            ]
        )
        found.append(interpret.Facts("openat", result=3, name=name, path=chance.choice([path, path, b""])))
    return found


@pytest.mark.parametrize(
    ("op", "literal"),
    [("startswith", b"/etc/"), ("endswith", b"e"), ("contains", b"/e"), ("=", b"/ab"), ("contains", b"abe")],
)
@pytest.mark.parametrize("positive", [True, False])
def test_names_of_all_lengths_are_walked_to_their_end(tmp_path, op, literal, positive):
    comparison = typed.Comparison(op, worlds.field("fd.name"), (literal,))
    condition = comparison if positive else typed.Negation(comparison)
    made = build.make([worlds.rule(condition, event_types=("openat",))])
    found, wanted = differing(made, tmp_path, openings(400))
    assert not found
    assert wanted > 0
    # Nearly every name is not this or that one, but few are.
    assert wanted < 400 or not positive


@pytest.mark.parametrize("directory", [b"/etc", b"/", b"/ab"])
def test_directories_are_found_in_names_of_all_lengths(tmp_path, directory):
    condition = typed.Comparison("=", worlds.field("fd.directory"), (directory,))
    made = build.make([worlds.rule(condition, event_types=("openat",))])
    found, wanted = differing(made, tmp_path, openings(400))
    assert not found
    assert 0 < wanted < 400


def test_rule_names_cannot_leave_their_comment(tmp_path):
    condition = typed.Comparison("=", worlds.field("fd.name"), (b"/x",))
    rule = worlds.rule(condition, name='*/ #error "\\\n%s', event_types=("openat",))
    plan = build.build(bundle.Bundle((rule,)))
    assert "#error" not in plan.filters
    native.Filter(plan, tmp_path)


PRINT_FILTERS = """
from tests.sensor.plan.support import worlds
from falcon_rules import bundle, typed
from falcon_sensor.kernel.plan import build
rules = [worlds.rule(typed.All((
    typed.Comparison("in", worlds.field("fd.name"), (b"/a%d" % i, b"/b")),
    typed.Negation(typed.Comparison("in", worlds.field("proc.name"), (b"x", b"y%d" % (i % 3)))),
    typed.Comparison("=", worlds.field("user.uid"), (i % 2,)),
)), f"r{i}") for i in range(12)]
print(hash("a"), build.build(bundle.Bundle(tuple(rules))).filters)
"""


def test_the_same_rules_give_the_same_text_in_every_process():
    texts = set()
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(
            [sys.executable, "-c", PRINT_FILTERS], env=environment, capture_output=True, text=True, check=True
        )
        texts.add(done.stdout.split(" ", 1)[1])
    assert len(texts) == 1
