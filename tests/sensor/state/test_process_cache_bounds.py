"""The process cache stays small, and forgets the dead first."""

from __future__ import annotations

import os

from falcon_sensor.state import cache, images, packing, processes, procfs, view


def observe_many(known, records, count, first=1000, env=b"HOME=/root\0" * 100):
    for number in range(first, first + count):
        start = number / 10
        known.observe(
            records.exec(number, start, start + 0.05, b"/usr/bin/cc1", (b"%d.c" % number,), blobs={"env": env})
        )


def test_entries_are_bounded(records, proc_tree):
    known = processes.Processes(procfs.Procfs(str(proc_tree.root)), 100, 1 << 20)
    observe_many(known, records, 1000)
    assert 50 <= len(known) <= 100


def test_the_last_ones_are_kept(records, proc_tree):
    state = view.State(proc=str(proc_tree.root), host_root=str(proc_tree.root), max_processes=100)
    observe_many(state, records, 1000)
    assert state.process(records.open(1999, 199.9, 200.0, b"cc1")).args == (b"1999.c",)
    assert state.process(records.open(1960, 196.0, 200.0, b"cc1")).args == (b"1960.c",)
    assert state.process(records.open(1000, 100.0, 200.0, b"cc1")).args is None


def test_what_is_used_stays(records, proc_tree):
    state = view.State(proc=str(proc_tree.root), host_root=str(proc_tree.root), max_processes=100)
    state.observe(records.exec(50, 20.0, 21.0, b"/usr/bin/bash", (b"-l",)))
    for first in range(1000, 3000, 20):
        observe_many(state, records, 20, first)
        child = records.open(first, first / 10, first / 10 + 0.06, b"cc1", ancestors=[(50, 20.0, b"bash")])
        assert [each.args for each in state.ancestors(child)] == [(b"-l",)]


def test_living_processes_outlast_dead_ones(records, proc_tree):
    state = view.State(proc=str(proc_tree.root), host_root=str(proc_tree.root), max_processes=100)
    state.observe(records.exec(50, 20.0, 21.0, b"/usr/bin/nginx", (b"-g", b"daemon off")))
    # Still there, but by now it calls itself something else: only the exec record tells the truth.
    proc_tree.add(50, 20.0, b"nginx", exe=b"/usr/bin/nginx", args=(b"kworker/0:1",))
    observe_many(state, records, 2000)
    assert state.process(records.open(50, 20.0, 300.0, b"nginx")).args == (b"-g", b"daemon off")


def test_bytes_are_bounded_even_for_records_that_do_not_pack(records, proc_tree):
    budget = 600_000
    known = processes.Processes(procfs.Procfs(str(proc_tree.root)), 100_000, budget)
    for number in range(1000, 1400):
        noise = os.urandom(4096).replace(b"\0", b"x")
        known.observe(records.exec(number, 10.0, 10.5, b"/bin/x", blobs={"env": noise, "args": noise}))
        assert known.packed_bytes <= budget // 3 + packing.BLOCK_BYTES
    assert len(known) < 200


def test_one_process_that_execs_without_end_does_not_pin_old_blocks(records, proc_tree):
    proc_tree.add(50, 20.0, b"loop")
    known = processes.Processes(procfs.Procfs(str(proc_tree.root)), 100, 90_000)
    blocks = set()
    for number in range(600):
        noise = os.urandom(1000).replace(b"\0", b"x")
        known.observe(records.exec(50, 20.0, 21.0 + number, b"/bin/x", blobs={"env": noise}))
    for image in known._images.values():
        at: images.Image | None = image
        while at is not None:
            blocks.add(id(at._where))
            at = at.older
    assert len(blocks) <= images.HISTORY
    assert len(known) == 1


def test_packing_leaves_little_of_similar_records(records):
    raws = [
        records.exec(number, 1.0, 2.0, b"/usr/bin/cc1", (b"%d.c" % number,), blobs={"env": b"SOME=value\0" * 180}).data
        for number in range(packing.BLOCK_RECORDS)
    ]
    block = packing.Block(raws)
    assert [block.at(index) for index in (0, 17, 63)] == [raws[0], raws[17], raws[63]]
    assert len(block) < sum(map(len, raws)) / 10


def test_packed_images_read_as_fresh_ones(records, proc_tree):
    state = view.State(proc=str(proc_tree.root), host_root=str(proc_tree.root))
    observe_many(state, records, 500)
    for number in (1000, 1001, 1300, 1000, 1499):
        assert state.process(records.open(number, number / 10, 200.0, b"cc1")).args == (b"%d.c" % number,)


def test_decoded_images_do_not_pile_up(records, proc_tree):
    state = view.State(proc=str(proc_tree.root), host_root=str(proc_tree.root))
    observe_many(state, records, 500)
    for number in range(1000, 1500):
        assert state.process(records.open(number, number / 10, 200.0, b"cc1")).args
    decoded = [image for image in state._processes._images.values() if image._facts is not None]
    assert len(decoded) == images.READ


def test_generations_keep_what_is_asked_for():
    kept: cache.Generations[int, str] = cache.Generations(4)
    kept.put(0, "zero")
    for number in range(1, 50):
        kept.put(number, str(number))
        assert kept.get(0) == "zero"
        assert len(kept) <= 4
    assert kept.get(1) is None
    kept.discard(0)
    assert kept.get(0) is None
