"""What a plan's filters are told, as `plan.contract` promises it.

One filter holds all the questions; the last letter of the opened name says which one is asked, and
the record comes when its answer is true.
"""

from __future__ import annotations

import os
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from falcon_sensor.kernel import probes
from falcon_sensor.kernel.plan import contract
from falcon_sensor.records import layout

pytestmark = pytest.mark.kernel

ACTOR_WORDS = [int.from_bytes(b"falcon-actor".ljust(16, b"\0")[at : at + 8], "little") for at in (0, 8)]
RELATIVE = b"dir/x"


def effective(field: str) -> int:
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith(field)).split()[1], 16)


def own_comm() -> list[int]:
    comm = Path("/proc/self/comm").read_bytes().rstrip(b"\n").ljust(16, b"\0")
    return [int.from_bytes(comm[at : at + 8], "little") for at in (0, 8)]


TRUE = {
    "uid": f"falcon_uid(f) == {os.geteuid()}",
    "gid": f"falcon_gid(f) == {os.getegid()}",
    "effective": f"falcon_caps_effective(f) == {effective('CapEff')}ULL",
    "permitted": f"falcon_caps_permitted(f) == {effective('CapPrm')}ULL",
    "inheritable": f"falcon_caps_inheritable(f) == {effective('CapInh')}ULL",
    "host": "!falcon_container(f)",
    "no terminal": "!falcon_has_tty(f)",
    "pids": "falcon_pid(f) && falcon_pid(f) == falcon_vpid(f)",
    "comm": f"(falcon_comm(f, words), words[0] == {ACTOR_WORDS[0]}ULL && words[1] == {ACTOR_WORDS[1]}ULL)",
    "parent": f"(falcon_task_comm(falcon_parent(f->task), words), words[0] == {own_comm()[0]}ULL"
    f" && words[1] == {own_comm()[1]}ULL)",
    "no parent": "(falcon_task_comm(0, words), words[0] == 0 && words[1] == 0)",
    "result": "f->result >= 0 && f->result_known",
    "event": f"f->event == {layout.EVENTS.index('open')}",
    "open flags": f"f->open_flags == {os.O_RDONLY | os.O_CLOEXEC} && f->mode == 0 && f->dirfd == -100",
    "flags": "!(f->flags & (FALCON_FLAG_IA32 | FALCON_FLAG_IO_URING))",
    "name": "n->name_length == 5 && n->name[0] == 'd' && n->name[3] == '/'",
    "path": "n->path_length > 5 && n->path[0] == '/' && n->path[(n->path_length - 2) & 4095] == '/'",
}
LETTERS = dict(zip(TRUE, string.ascii_letters, strict=False))


@pytest.fixture(scope="module")
def attached() -> Iterator[probes.Probes]:
    cases = "".join(f"    case '{LETTERS[name]}': return {question};\n" for name, question in TRUE.items())
    asked = contract.constant_filters(True).replace(
        "int falcon_want_open(const struct falcon_facts *f, const struct falcon_names *n) { return 1; }",
        "int falcon_want_open(const struct falcon_facts *f, const struct falcon_names *n)\n{\n"
        f"    u64 words[2];\n    switch (n->name[{len(RELATIVE) - 1}]) {{\n{cases}    }}\n    return 0;\n}}",
    )
    with probes.load(contract.Plan(frozenset({"open"}), asked), 1 << 22) as loaded:
        yield loaded


@pytest.mark.parametrize("question", TRUE)
def test_filter_knows(act, tmp_path: Path, question: str):
    (tmp_path / "dir").mkdir()
    name = f"dir/{LETTERS[question]}"
    (tmp_path / name).write_text("")
    assert [record.blob("name") for record in act("open", 1, name, cwd=tmp_path).of("open")] == [name.encode()]


def test_filter_that_says_no(act, tmp_path: Path):
    (tmp_path / "dir").mkdir()
    assert act("open", 1, "dir/-", cwd=tmp_path).of("open") == []
