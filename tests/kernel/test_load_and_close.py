"""Loading, and that closing leaves nothing behind; what goes wrong while loading is one message."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from falcon_sensor.kernel import bpf, csource, probes
from falcon_sensor.kernel.plan import contract
from falcon_sensor.records import decode, layout

pytestmark = pytest.mark.kernel

RING = 1 << 16
BUSY_RING = 1 << 22
"""Holds what the rest of the machine does during a test, too."""


def objects_of(pid: int, sort: bpf.Objects) -> set[int]:
    """Ids of the maps, programs or links that a process holds descriptors of."""
    label = {bpf.Objects.PROGRAMS: "prog_id", bpf.Objects.MAPS: "map_id", bpf.Objects.LINKS: "link_id"}[sort]
    found = set()
    for entry in Path(f"/proc/{pid}/fdinfo").iterdir():
        try:
            lines = entry.read_text().splitlines()
        except FileNotFoundError:  # the directory's own descriptor
            continue
        found |= {int(line.split(":")[1]) for line in lines if line.startswith(label + ":")}
    return found


@pytest.mark.parametrize("events", [["execve"], ["openat"], ["connect"], list(layout.EVENTS)])
@pytest.mark.parametrize("failed_execs", [False, True])
def test_every_combination_of_programs_loads(events: list[str], failed_execs: bool):
    with probes.load(contract.Plan.everything(events, failed_execs=failed_execs), RING) as loaded:
        assert "sched_process_exec" in loaded.hooks
        assert ("sys_exit" in loaded.hooks) == (events != ["execve"] or failed_execs)
        assert ("io_uring_submit_req" in loaded.hooks) == (events != ["execve"])


def test_the_hosts_network_namespace_is_known():
    # The tests run in it, as host processes of a usual machine do.
    with probes.load(contract.Plan.nothing(["execve"]), RING) as loaded:
        assert loaded.host_net_ns() == os.stat("/proc/self/ns/net").st_ino


def test_nothing_is_left_after_close():
    descriptors = set(os.listdir("/proc/self/fd"))
    loaded = probes.load(contract.Plan.everything(), RING)
    held = {sort: objects_of(os.getpid(), sort) for sort in bpf.Objects}
    assert all(held.values())
    assert all(held[sort] <= set(bpf.ids(sort)) for sort in bpf.Objects)
    loaded.close()
    loaded.close()
    assert set(os.listdir("/proc/self/fd")) == descriptors
    subprocess.run([sys.executable, "-c", _WAIT_UNTIL_GONE, repr({int(sort): held[sort] for sort in held})], check=True)


# The kernel frees objects a moment after the last descriptor is closed: after a grace period.
_WAIT_UNTIL_GONE = """
import ast, sys, time
from falcon_sensor.kernel import bpf
held = ast.literal_eval(sys.argv[1])
deadline = time.monotonic() + 20
while any(ids & set(bpf.ids(bpf.Objects(sort))) for sort, ids in held.items()):
    if time.monotonic() > deadline:
        sys.exit("still there")
    time.sleep(0.05)
"""


def test_nothing_is_left_after_a_violent_end():
    script = (
        "from falcon_sensor.kernel import probes\n"
        "from falcon_sensor.kernel.plan import contract\n"
        f"loaded = probes.load(contract.Plan.everything(), {RING})\n"
        "print('loaded', flush=True)\n"
        "input()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "loaded\n"
        held = {int(sort): objects_of(process.pid, sort) for sort in bpf.Objects}
        assert all(held.values())
        process.kill()
    subprocess.run([sys.executable, "-c", _WAIT_UNTIL_GONE, repr(held)], check=True)


def pids_in(loaded: probes.Probes) -> list[int]:
    return [decode.Record(data).head.pid for data in loaded.ring.records()]


def test_two_generations_side_by_side():
    plan = contract.Plan.everything(["execve"])
    with probes.load(plan, BUSY_RING) as old, probes.load(plan, BUSY_RING) as new:
        pids_in(old)
        child = subprocess.Popen(["/bin/true"])
        child.wait()
        assert pids_in(old).count(child.pid) == 1
        assert pids_in(new).count(child.pid) == 1
        old.detach()
        child = subprocess.Popen(["/bin/true"])
        child.wait()
        assert child.pid not in pids_in(old)
        assert pids_in(new).count(child.pid) == 1


def test_refused_program_is_one_message():
    filters = contract.constant_filters(True).replace(
        "int falcon_want_exec_early(const struct falcon_facts *f) { return 1; }",
        "int falcon_want_exec_early(const struct falcon_facts *f) { return *(int *)f->task; }",
    )
    with pytest.raises(probes.ProbeError) as refused:
        probes.load(contract.Plan(frozenset({"execve"}), filters), RING)
    message = str(refused.value)
    assert message.startswith("the kernel refused the program ev_exec: Permission denied")
    assert "invalid mem access 'scalar'" in message
    assert len(message.splitlines()) < 20


def test_refused_c_text_is_one_message():
    plan = contract.Plan(frozenset({"execve"}), "this is not C;")
    with pytest.raises(probes.ProbeError, match="the compiler refused the generated programs") as refused:
        probes.load(plan, RING)
    assert "unknown type name 'this'" in str(refused.value)
    assert "Traceback" not in str(refused.value)


def test_missing_bcc_is_one_message():
    hidden = (
        "import sys; sys.modules['bcc'] = None; from falcon_sensor.kernel import loader; loader.main(int(sys.argv[1]))"
    )
    with pytest.raises(probes.ProbeError, match=r"bcc cannot be imported.*install python3-bpfcc") as refused:
        probes.load(contract.Plan.everything(), RING, command=[sys.executable, "-c", hidden])
    assert "Traceback" not in str(refused.value)


def test_dying_loader_is_one_message():
    with pytest.raises(probes.ProbeError, match="the loader ended without an answer"):
        probes.load(contract.Plan.everything(), RING, command=[sys.executable, "-c", "raise SystemExit('no')"])


def test_without_privileges_it_says_so():
    command = ["setpriv", "--reuid=65534", "--clear-groups", sys.executable, "-m", "falcon_sensor.kernel.loader"]
    with pytest.raises(probes.ProbeError, match=r"Operation not permitted|Permission denied"):
        probes.load(contract.Plan.everything(["execve"]), RING, command=command)


@pytest.mark.parametrize("size", [0, 2048, 3 * 4096])
def test_ring_sizes_that_cannot_be(size: int):
    with pytest.raises(probes.ProbeError, match="must be a power of two"):
        probes.load(contract.Plan.everything(), size)


def test_tables_are_filled():
    filters = (
        "BPF_ARRAY(table, u32, 4);\n"
        + contract.constant_filters(True).split("static", 1)[0]
        + contract.constant_filters(True).replace(
            "int falcon_want_exec_early(const struct falcon_facts *f) { return 1; }",
            "int falcon_want_exec_early(const struct falcon_facts *f)"
            "{ u32 key = 2; u32 *value = table.lookup(&key); return value && *value == 4711; }",
        )
    )
    for content, wanted in ((4711, True), (4712, False)):
        plan = contract.Plan(frozenset({"execve"}), filters, tables={"table": struct.pack("<3I", 1, 2, content)})
        with probes.load(plan, BUSY_RING) as loaded:
            child = subprocess.Popen(["/bin/true"])
            child.wait()
            records = map(decode.Record, loaded.ring.records())
            (record,) = [record for record in records if record.head.pid == child.pid]
            assert bool(record.head.flags & layout.Flag.WANTED) == wanted


@pytest.mark.parametrize(("name", "content"), [("other", bytes(4)), ("table", bytes(3)), ("table", bytes(20))])
def test_tables_that_do_not_fit(name: str, content: bytes):
    filters = "BPF_ARRAY(table, u32, 4);\n" + contract.constant_filters(True)
    plan = contract.Plan(frozenset({"execve"}), filters, tables={name: content})
    with pytest.raises(probes.ProbeError, match="the plan"):
        probes.load(plan, RING)


def test_counters_of_a_ring_that_is_full(actor: Path):
    plan = contract.Plan.everything(["openat"])
    with probes.load(plan, 4096) as loaded:
        subprocess.run([actor, "path_only", "200", "/"], stdout=subprocess.DEVNULL, check=True)
        counters = loaded.counters()[layout.Kind.OPEN]
        assert counters.seen >= 200
        assert counters.dropped > 0
        assert counters.records + counters.dropped <= counters.seen
        assert counters.bytes >= counters.records * layout.blobs_start(layout.Kind.OPEN)


def test_layouts_agree():
    """The C text asserts every member's offset when it is compiled: here, that those asserts are there."""
    host = probes.this_host()
    assert host.machine == os.uname().machine
    structs = "\n".join(csource.structs())
    for members in (layout.HEAD, layout.ANCESTOR, *layout.BODIES.values()):
        for member in members:
            assert f", {member.name}) == " in structs


def test_programs_from_the_cache_see_the_same(tmp_path: Path):
    # Without bcc: what comes from the cache needs no compiler.
    hidden = (
        "import sys; sys.modules['bcc'] = None; from falcon_sensor.kernel import loader; loader.main(int(sys.argv[1]))"
    )
    plan = contract.Plan.everything(["execve"])
    with probes.load(plan, BUSY_RING, cache=str(tmp_path)):
        pass
    with probes.load(plan, BUSY_RING, cache=str(tmp_path), command=[sys.executable, "-c", hidden]) as loaded:
        children = [subprocess.Popen(["/bin/true"]) for _ in range(23)]
        for child in children:
            child.wait()
        seen = [record.head.pid for record in map(decode.Record, loaded.ring.records())]
        started = sorted(child.pid for child in children)
        assert sorted(pid for pid in seen if pid in started) == started


def test_a_change_of_one_filter_compiles_one_part(tmp_path: Path):
    events = ["execve", "openat", "connect", "symlink"]
    first = contract.Plan.everything(events)
    name = "int falcon_want_names(const struct falcon_facts *f, const struct falcon_names *n)"
    other = first.filters.replace(f"{name} {{ return 1; }}", f"{name} {{ return f->result == 0; }}")
    assert other != first.filters
    with probes.load(first, RING, cache=str(tmp_path)):
        kept = set(os.listdir(tmp_path))
    with probes.load(contract.Plan(first.events, other), RING, cache=str(tmp_path)):
        assert kept < set(os.listdir(tmp_path))
    assert len(kept) == 4
    assert len(set(os.listdir(tmp_path)) - kept) == 1


def test_what_a_loader_has_forked_ends_with_it():
    script = "import os, signal; os.fork(); print(os.getpid(), flush=True); signal.pause()"
    with probes.Child([sys.executable, "-c", script]) as child:
        while len(pids := child.complaints().split()) < 2:
            time.sleep(0.01)
    while any(map(is_running, pids)):
        time.sleep(0.01)


def is_running(pid: str) -> bool:
    """A zombie that nobody has waited for is not."""
    try:
        return Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
