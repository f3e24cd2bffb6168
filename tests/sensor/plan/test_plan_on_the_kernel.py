"""Filters of real rules in the running kernel: what matches comes 23 times out of 23, near misses never."""

from __future__ import annotations

import collections
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.sensor.plan.support import worlds

from falcon_rules import bundle, typed
from falcon_rules.loading import compilation
from falcon_rules.model import documents
from falcon_sensor.kernel import probes
from falcon_sensor.kernel.plan import build
from falcon_sensor.records import decode, layout

pytestmark = pytest.mark.kernel

TIMES = 23
RING = 1 << 22

ACTOR = """
import json, os, sys
for name, flags, times, comm, uid in json.load(sys.stdin):
    with open("/proc/self/comm", "w") as own:
        own.write(comm)
    os.seteuid(uid)
    for _ in range(times):
        try:
            os.close(os.open(name, flags))
        except OSError:
            pass
    os.seteuid(0)
"""


@dataclass
class Step:
    """Opens of one name by a process that calls itself `comm`."""

    name: str
    flags: int = os.O_RDONLY
    times: int = TIMES
    comm: str = "actor"
    uid: int = 0


def acted(plan, steps, cwd, before=None):
    """How often each name (as given) came out of the kernel, from the steps' process, in which `before` was called."""
    given = json.dumps([[step.name, step.flags, step.times, step.comm, step.uid] for step in steps])
    with probes.load(plan, RING) as loaded:
        # -S and -I: the interpreter opens few files of its own, and none in the working directory.
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", ACTOR], stdin=subprocess.PIPE, text=True, cwd=cwd, preexec_fn=before
        )
        process.communicate(given)
        assert process.returncode == 0
        records = [decode.Record(data) for data in loaded.ring.records()]
        assert not any(counters.dropped for counters in loaded.counters().values())
    return collections.Counter(
        record.blob("name").decode()
        for record in records
        if record.kind is layout.Kind.OPEN and record.head.pid == process.pid
    )


@dataclass
class Case:
    """A rule, names that it is true of, and names it is not true of though nearly."""

    condition: typed.Condition
    matching: list[Step]
    near: list[Step] = field(default_factory=list)


def about(name, op, *values, modifier=None):
    return typed.Comparison(op, worlds.field(name), values, modifier)


def both(*parts):
    return typed.All(parts)


def cases(root):
    """Each about files of its own below `root`, which is the working directory."""

    def path(name):
        return os.fsencode(root / name)

    def full(name, **more):
        return Step(str(root / name), **more)

    tester = Path("/proc/self/comm").read_bytes().rstrip(b"\n")
    long = "long/" + "/".join(["n" * 100] * 6)
    return {
        "equal": Case(about("fd.name", "=", path("equal")), [full("equal")], [full("equal2"), full("Equal")]),
        "start": Case(about("fd.name", "startswith", path("start")), [full("start"), full("started")], [full("sta")]),
        "end": Case(about("fd.name", "endswith", b".the-end"), [full("a.the-end")], [full("a.the-end2")]),
        "contain": Case(about("fd.name", "contains", b"-within-"), [full("a-within-b")], [full("a-within")]),
        "glob": Case(about("fd.name", "glob", path("g*b/x")), [full("gab/x")], [full("gac/x")]),
        "below": Case(about("fd.name", "pmatch", path("pm")), [full("pm/a/b")], [full("pmx")]),
        "directory": Case(about("fd.directory", "=", path("dir")), [full("dir/x")], [full("dir/sub/x")]),
        "filename": Case(about("fd.filename", "=", b"unusual"), [full("dir/sub/unusual")], [full("unusual2")]),
        "raw": Case(about("fd.nameraw", "contains", b"/../raw"), [full("dir/../raw")], [full("raw")]),
        "write": Case(
            both(about("fd.name", "=", path("written")), about("evt.is_open_write", "=", True)),
            [full("written", flags=os.O_WRONLY)],
            [Step("written")],
        ),
        "truncate": Case(
            both(about("fd.name", "=", path("cut")), about("evt.arg.flags", "contains", b"O_TRUNC")),
            [full("cut", flags=os.O_WRONLY | os.O_TRUNC)],
            [Step("cut", flags=os.O_WRONLY)],
        ),
        "failed": Case(
            both(about("fd.name", "=", path("missing/x")), about("evt.res", "=", b"ENOENT")),
            [full("missing/x"), Step("missing/x")],
            [full("missing/y")],
        ),
        "relative": Case(
            about("fd.name", "=", path("rel")), [Step("rel"), Step("./rel")], [Step("rel2"), Step("./rel2")]
        ),
        "link": Case(about("fd.name", "=", path("link")), [full("link")], [full("linked")]),
        "target": Case(about("fd.name", "=", path("aim")), [full("to-aim"), Step("dir/../to-aim")], [full("to-other")]),
        "long": Case(about("fd.name", "endswith", b"n/far"), [full(f"{long}/far")], [full(f"{long}/fat")]),
        "name": Case(
            both(about("fd.name", "=", path("by-name")), about("proc.name", "in", b"tar", b"a-name-of-15-by")),
            [full("by-name", comm="a-name-of-15-by")],
            [Step("by-name", comm="a-name-of-15-b")],
        ),
        "parent": Case(
            both(about("fd.name", "=", path("by-parent")), about("proc.pname", "=", tester)), [full("by-parent")]
        ),
        "ancestor": Case(
            both(about("fd.name", "startswith", path("by-anc")), typed.Negation(about("proc.aname", "in", tester))),
            [],
            [full("by-ancestor")],
        ),
        "user": Case(
            both(about("fd.name", "=", path("by-user")), about("user.uid", "=", 4242)),
            [full("by-user", uid=4242)],
            [Step("by-user")],
        ),
        "capability": Case(
            both(about("fd.name", "=", path("able")), about("thread.cap_effective", "contains", b"CAP_SYS_ADMIN")),
            [full("able")],
            [Step("able", uid=4242)],
        ),
        "container": Case(
            both(about("fd.name", "=", path("inside")), about("container.id", "!=", b"host")), [], [full("inside")]
        ),
    }


@pytest.fixture
def root(tmp_path):
    """A tree in which every step finds its file, readable by all."""
    links = {"link": "linked", "to-aim": "aim", "to-other": "other"}
    for case in cases(tmp_path).values():
        for step in (*case.matching, *case.near):
            target = tmp_path / step.name
            if target.name in links or "missing" in step.name:
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.touch()
    for name, target in links.items():
        (tmp_path / target).touch()
        (tmp_path / name).symlink_to(target)
    for above in (tmp_path, *tmp_path.parents):
        if above.is_relative_to("/tmp") and above != Path("/tmp"):
            above.chmod(0o755)
    return tmp_path


def test_each_matching_open_comes_and_no_near_miss(root):
    every = cases(root)
    rules = [worlds.rule(case.condition, name, ("open", "openat")) for name, case in every.items()]
    steps = [step for case in every.values() for step in (*case.matching, *case.near)]
    came = acted(build.build(bundle.Bundle(tuple(rules))), steps, root)
    expected = collections.Counter({step.name: step.times for case in every.values() for step in case.matching})
    near = {step.name for case in every.values() for step in case.near}
    assert {name: came[name] for name in expected} == expected
    assert not near & came.keys() - expected.keys()


@pytest.fixture
def container_cgroup():
    """A control group named as runtimes name a container's, with one below it, as those in it may make."""
    hierarchy = next(
        path for path in map(Path, ("/sys/fs/cgroup", "/sys/fs/cgroup/cpu")) if (path / "cgroup.procs").exists()
    )
    outer = hierarchy / os.urandom(32).hex()
    inner = outer / "x"
    inner.mkdir(parents=True)
    yield inner
    inner.rmdir()
    outer.rmdir()


def test_who_entered_the_hosts_mounts_is_still_in_the_container(container_cgroup, tmp_path):
    """As after `nsenter -t 1 -m` from a privileged container: the host's mount namespace, the container's group."""
    (tmp_path / "inside").touch()
    condition = both(about("fd.name", "=", os.fsencode(tmp_path / "inside")), about("container.id", "!=", b"host"))
    plan = build.build(bundle.Bundle((worlds.rule(condition, "inside", ("open", "openat")),)))
    step = Step(str(tmp_path / "inside"))

    def enter():
        (container_cgroup / "cgroup.procs").write_text(str(os.getpid()))

    assert acted(plan, [step], tmp_path, enter) == {step.name: TIMES}
    assert acted(plan, [step], tmp_path) == {}


@pytest.fixture(scope="module")
def default_plan():
    files = sorted((Path(__file__).parents[3] / "rules" / "default").glob("*.yaml"))
    result = compilation.compile([documents.Document(str(path), path.read_text()) for path in files])
    assert not result.errors
    return build.build(result.bundle)


def test_default_rules_see_the_password_file_and_nothing_of_ordinary_life(default_plan, tmp_path):
    (tmp_path / "notes").touch()
    (tmp_path / "to-shadow").symlink_to("/etc/shadow")
    ordinary = [Step("/etc/hostname", times=2000), Step("notes", times=2000), Step("/etc/passwd"), Step("/usr/bin/env")]
    written = [Step("notes", flags=os.O_RDWR | os.O_CREAT | os.O_TRUNC, times=500)]
    wanted = [Step("/etc/shadow"), Step("to-shadow"), Step("/etc/../etc/shadow")]
    came = acted(default_plan, [*ordinary, *wanted, *written], tmp_path)
    assert came == {step.name: TIMES for step in wanted}


@pytest.mark.parametrize("count", [100, 1500])
def test_many_rules_are_accepted_by_the_kernel(count, tmp_path):
    rules = []
    for number in range(count):
        own = b"%d" % number
        tests = [
            both(about("fd.name", "startswith", b"/data/app" + own), about("user.uid", "=", number)),
            both(
                about("fd.directory", "in", b"/opt/x" + own, b"/srv"), about("proc.aname", "in", b"sv" + own, b"cron")
            ),
            both(about("fd.name", "glob", b"/home/*/p%s/*.key" % own), typed.Negation(about("proc.name", "=", own))),
        ]
        rules.append(worlds.rule(tests[number % 3], f"rule {number}", ("open", "openat")))
    wanted = Step(str(tmp_path / "x"))
    rules.append(worlds.rule(about("fd.name", "=", os.fsencode(wanted.name)), event_types=("open", "openat")))
    came = acted(build.build(bundle.Bundle(tuple(rules))), [wanted, Step("/etc/hostname", times=500)], tmp_path)
    assert came == {wanted.name: TIMES}
