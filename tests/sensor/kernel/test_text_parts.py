"""The C text in parts: each has what its programs need, and does not change with what none of them needs."""

from __future__ import annotations

import re

import pytest
from tests.kernel.support import any_kernel

from falcon_sensor.kernel import objectcache, parts, syscalls
from falcon_sensor.kernel.plan import contract
from falcon_sensor.records import layout

TEXT = """\
#define UNUSED 1
#define LIMIT 16 /* a limit */
#define READ(value)  \\
    ({               \\
        value + HIDDEN; \\
    })
#define HIDDEN 3
struct pair {
    int first;
    int second;
};
enum { RED, GREEN };
static long (*own_helper)(void *to, u32 size) = (void *)7;
BPF_ARRAY(numbers, struct pair, LIMIT);
BPF_TABLE("hash", u64, struct pair, pairs, 4);
BPF_ARRAY(others, u64, 4);
_Static_assert(1 + 1 == 2, "sums");

/* Of two:
 * the first */
static __always_inline u64 *first_of(struct pair *pair)
{
#pragma unroll
    for (int i = 0; i < GREEN; i++) {
        READ(i);
    }
    return 0;
}

#ifdef SOME
static __always_inline int in_one_line(void) { return own_helper(0, 0); }
#endif

int ev_a(void *ctx)
{
    numbers.lookup(first_of(0));
}

int ev_b(void *ctx)
{
    pairs.lookup(0);
    return in_one_line();
}

int ev_c(void *ctx) { return others.lookup(0); }
"""


def code(text: str) -> set[str]:
    return {line.strip() for line in text.splitlines() if line.strip()}


def test_a_part_has_what_its_programs_need_and_no_more():
    first, second = parts.split(TEXT, [["ev_a", "ev_c"], ["ev_b"]])
    assert {"struct pair {", "BPF_ARRAY(numbers, struct pair, LIMIT);", "#define LIMIT 16", "#define HIDDEN 3"} <= code(
        first
    )
    assert {
        "enum { RED, GREEN };",
        "#pragma unroll",
        "static __always_inline u64 *first_of(struct pair *pair)",
    } <= code(first)
    assert "BPF_ARRAY(others, u64, 4);" in code(first)
    assert not re.search("pairs|own_helper|in_one_line|ev_b|UNUSED", first)
    assert {
        'BPF_TABLE("hash", u64, struct pair, pairs, 4);',
        "static long (*own_helper)(void *to, u32 size) = (void *)7;",
    } <= code(second)
    assert not re.search("numbers|others|LIMIT|READ|HIDDEN|RED|first_of|ev_a|ev_c|UNUSED", second)


def test_what_has_no_known_form_is_in_every_part():
    for part in parts.split(TEXT + "typedef int number;\n", [["ev_a"], ["ev_b"], ["ev_c"]]):
        assert {'_Static_assert(1 + 1 == 2, "sums");', "#ifdef SOME", "#endif", "typedef int number;"} <= code(part)


def test_lines_keep_their_numbers():
    lines = [line.split("/*")[0].rstrip() for line in TEXT.split("\n")]
    for part in parts.split(TEXT, [["ev_a"], ["ev_b", "ev_c"]]):
        for number, line in enumerate(part.split("\n")):
            assert line.rstrip() in ("", lines[number])


def test_a_program_of_no_group_is_in_the_last_part():
    first, second = parts.split(TEXT, [["ev_a", "ev_gone", "numbers"], ["ev_elsewhere", "pairs"], ["ev_b"]])
    assert "int ev_c(" not in first
    assert "int ev_c(" in second


def test_maps_can_be_asked_for():
    first, _ = parts.split(TEXT, [["ev_a", "others"], ["ev_b", "ev_c"]])
    assert "BPF_ARRAY(others, u64, 4);" in first


@pytest.mark.parametrize("machine", syscalls.NUMBERS)
def test_each_program_is_in_one_part(machine: str):
    source = any_kernel.source(machine)
    found = [re.findall(r"^int (ev_\w+)\(", part, re.MULTILINE) for part in source.parts()]
    programs = re.findall(r"^int (ev_\w+)\(", source.text, re.MULTILINE)
    assert sorted(program for each in found for program in each) == sorted(programs)
    assert {tail.function for tail in source.tails} | {entry.function for entry in source.attach.values()} < set(
        programs
    )
    assert len(found) == 4


def keys(plan: contract.Plan) -> list[str]:
    return [objectcache.key(part) for part in any_kernel.source("x86_64", plan=plan).parts()]


@pytest.mark.parametrize(
    ("kind", "when", "changed"),
    [
        ("exec", "", {3}),
        ("open", "", {2}),
        ("open", "_early", {1, 2}),
        ("connect", "", {3}),
        ("names", "", {0}),
        ("plain", "_early", {0}),
        ("descriptor", "_early", {0, 1}),
    ],
)
def test_another_filter_changes_the_parts_that_ask_it(kind: str, when: str, changed: set[int]):
    events = frozenset(layout.EVENTS)
    filters = contract.constant_filters(True)
    name = f"falcon_want_{kind}{when}("
    start = filters.index("return", filters.index(name))
    other = filters[:start] + "/* rule */\n return !" + filters[start + len("return ") :]
    before, after = keys(contract.Plan(events, filters)), keys(contract.Plan(events, other))
    assert {number for number, pair in enumerate(zip(before, after, strict=True)) if pair[0] != pair[1]} == changed


def test_an_execs_filter_is_all_there_is_when_nothing_else_is_wanted():
    assert len(keys(contract.Plan.everything(["execve"]))) == 1
