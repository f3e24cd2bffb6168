"""C that walks texts through the automata, and what else the filters need beside their tests."""

from __future__ import annotations

from falcon_sensor.kernel.plan import tables

MOST_NAME = 1024
"""Longer names are wanted unseen: the verifier walks every step of a loop, and names that long are rare."""


def table(name: str, given: tables.Table) -> str:
    """The map's value; `automaton.packed` gives its bytes."""
    machine = given.automaton
    return (
        f"/* {machine.states} states, {len(given.bits)} tests; see kernel/plan/automaton.py */\n"
        f"struct falcon_{name}_table {{\n"
        f"    u64 outputs[{machine.output_slots}][{given.words}];\n"
        f"    u16 next[{machine.entries}];\n"
        f"    u8 classes[256];\n"
        f"}};\n"
        f"BPF_ARRAY(falcon_{name}, struct falcon_{name}_table, 1);\n"
    )


def _step(given: tables.Table, symbol: str, indent: str) -> list[str]:
    machine = given.automaton
    lines = [f"{indent}state = table->next[(state << {machine.shift} | {symbol}) & {machine.entries - 1:#x}];"]
    lines += [f"{indent}if (state < {len(machine.outputs)}) {{"]
    lines += [
        f"{indent}    hit[{word}] |= table->outputs[state & {machine.output_slots - 1:#x}][{word}];"
        for word in range(given.words)
    ]
    return [*lines, f"{indent}}}"]


def walk_text(given: tables.Table) -> str:
    machine = given.automaton
    last = [machine.last >> 64 * word & (1 << 64) - 1 for word in range(given.words)]
    forget = [f"            hit[{word}] &= ~{bits:#x}ULL;" for word, bits in enumerate(last) if bits]
    every = [f"        may[{word}] = ~0ULL;" for word in range(given.words)]
    lines = [
        "/* The bits of all path tests that hold for the text; all may hold when it is too long to look at. */",
        "static __always_inline void falcon_walk_text(const char *text, u64 length, u64 *hit, u64 *may)",
        "{",
        "    u32 key = 0;",
        "    struct falcon_paths_table *table = falcon_paths.lookup(&key);",
        f"    if (!table || length > {MOST_NAME}) {{",
        *every,
        "        return;",
        "    }",
        f"    u32 state = {machine.start};",
        "#pragma clang loop unroll(disable)",
        f"    for (u32 at = 0; at < {MOST_NAME}; at++) {{",
        "        if (at >= length)",
        "            break;",
        "        u8 byte = text[at];",
        *(["        if (byte == '/') {", *forget, "        }"] if forget else []),
        *_step(given, "table->classes[byte]", "        "),
        "    }",
        *_step(given, str(machine.end), "    "),
        *(f"    may[{word}] = hit[{word}];" for word in range(given.words)),
        "}",
        "",
    ]
    return "\n".join(lines)


def walk_comm(given: tables.Table) -> str:
    machine = given.automaton
    lines = [
        "static __always_inline void falcon_walk_comm(const u64 *words, u64 *hit)",
        "{",
        "    u32 key = 0;",
        "    struct falcon_comms_table *table = falcon_comms.lookup(&key);",
        "    if (!table)",
        "        return;",
        f"    u32 state = {machine.start};",
        "#pragma clang loop unroll(disable)",
        "    for (u32 at = 0; at < 16; at++) {",
        "        u8 byte = words[at >> 3] >> (at & 7) * 8;",
        "        if (!byte)",
        "            break;",
        *_step(given, "table->classes[byte]", "        "),
        "    }",
        *_step(given, str(machine.end), "    "),
        "}",
        "",
        "static __always_inline void falcon_walk_own_comm(const struct falcon_facts *f, u64 *hit)",
        "{",
        "    u64 words[2];",
        "    falcon_comm(f, words);",
        "    falcon_walk_comm(words, hit);",
        "}",
        "",
        "static __always_inline void falcon_walk_task_comm(u64 task, u64 *hit)",
        "{",
        "    u64 words[2];",
        "    falcon_task_comm(task, words);",
        "    falcon_walk_comm(words, hit);",
        "}",
        "",
    ]
    return "\n".join(lines)


SAME_NAME = f"""\
/* Whether the opened path is the name as given, or ends in it where that is relative. The opened path has no
 * `.`, `..` or doubled slash in it, so such names differ from it. */
static __always_inline int falcon_same_name(const struct falcon_names *n, int relative)
{{
    u64 skip = relative && n->name[0] == '.' && n->name[1] == '/' ? 2 : 0;
    u64 length = n->name_length - skip;
    u64 from = n->path_length - length;
    if (n->name_length <= skip || length > n->path_length || length > {MOST_NAME})
        return 0;
    if (relative ? !from || n->path[(from - 1) & 4095] != '/' : from)
        return 0;
#pragma clang loop unroll(disable)
    for (u32 at = 0; at < {MOST_NAME}; at++) {{
        if (at >= length)
            break;
        if (n->name[(at + skip) & 4095] != n->path[(at + from) & 4095])
            return 0;
    }}
    return 1;
}}
"""

ADDRESSES = """\
static __always_inline u32 falcon_word(const u8 *address, u32 index)
{
    return ((const u32 *)address)[index];
}

/* An IPv4 address in IPv6 form is that IPv4 address. */
static __always_inline int falcon_is_mapped(const u8 *address)
{
    return !falcon_word(address, 0) && !falcon_word(address, 1) && falcon_word(address, 2) == 0xffff0000U;
}

static __always_inline int falcon_is_ipv4(const struct falcon_facts *f, const u8 *address)
{
    return f->family == 2 || (f->family == 10 && falcon_is_mapped(address));
}

static __always_inline u32 falcon_ipv4(const struct falcon_facts *f, const u8 *address)
{
    return falcon_word(address, f->family == 2 ? 0 : 3);
}

static __always_inline int falcon_is_ipv6(const struct falcon_facts *f, const u8 *address)
{
    return f->family == 10 && !falcon_is_mapped(address);
}
"""
