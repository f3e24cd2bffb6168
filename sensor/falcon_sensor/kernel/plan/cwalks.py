"""C that walks texts through the automata, and what else the filters need beside their tests."""

from __future__ import annotations

from collections.abc import Iterable

from falcon_sensor.kernel.plan import tables
from falcon_sensor.records import layout

MOST_NAME = 1024
"""Longer names are wanted unseen: the verifier walks every step of a loop, and names that long are rare."""


def scratch(paths: tables.Table | None, comms: tables.Table | None, reads: Iterable[str]) -> str:
    """What the filter remembers while it judges one event.

    Everything that several paths through the code set differently is kept here and not in variables:
    the verifier does not follow what memory holds, so the paths are alike to it again where they
    meet. With variables a filter of fifty rules is refused as too large. `volatile`, or the compiler
    would make variables of it.
    """
    path_words = paths.words if paths is not None else 1
    comm_words = comms.words if comms is not None else 1
    lines = [
        "struct falcon_scratch {",
        "    /* path tests that hold, and that may hold, for the name; the same for the name exactly as given */",
        f"    u64 hit[{path_words}], may[{path_words}], raw_hit[{path_words}], raw_may[{path_words}];",
        "    s64 last_slash;       /* its offset in the name, -1: none */",
        "    u64 slashes;          /* where the last eight bytes with a slash in them start */",
        "    u64 sure;             /* the name is known, so last_slash tells something */",
        "    u64 relative;         /* the name as given is */",
        "    u64 same, exact;      /* it surely is the opened path, made absolute; it is, byte for byte */",
        "    u64 skip, from;       /* bytes of the name and of the opened path before those compared */",
        "    u64 at, length;       /* bytes done, and all: as variables, each number would be walked by itself */",
        "    u64 text[2];          /* a comm */",
        "    /* tests that hold for the process's comm, for some ancestor's, for each ancestor's */",
        f"    u64 comm[{comm_words}], any[{comm_words}], parent[{layout.ANCESTORS}][{comm_words}];",
        "    u64 ancestors, many;  /* how many, at most 8; there are more */",
        f"    u64 {', '.join(reads)};",
        "};",
        '_Static_assert(sizeof(struct falcon_scratch) <= 8 * FALCON_SCRATCH_WORDS, "scratch");',
        "",
    ]
    return "\n".join(lines)


def table(name: str, given: tables.Table) -> str:
    """The map's value; `automaton.packed` gives its bytes.

    Members are arrays of char because bcc takes 0.1 ms for each element of other arrays.
    """
    machine = given.automaton
    slots, rows = machine.slots, machine.rows
    return (
        f"/* {machine.states} states, {len(given.bits)} tests; see kernel/plan/automaton.py */\n"
        f"struct falcon_{name}_table {{\n"
        f"    {_ALIGNED} char outputs[{8 * slots * given.words}]; /* u64 [{slots}][{given.words}] */\n"
        f"    {_ALIGNED} char next[{2 * rows << machine.shift}]; /* u16 [{rows}][{1 << machine.shift}] */\n"
        f"    {_ALIGNED} char slot_of[{2 * rows}]; /* u16 [{rows}] */\n"
        f"    {_ALIGNED} unsigned char classes[256];\n"
        f"}};\n"
        f"BPF_ARRAY(falcon_{name}, struct falcon_{name}_table, 1);\n\n"
        f"static __always_inline struct falcon_{name}_table *falcon_{name}_of(void)\n"
        f"{{\n"
        f"    u32 key = 0;\n"
        f"    return falcon_{name}.lookup(&key);\n"
        f"}}\n\n"
        f"static __always_inline u32 falcon_{name}_step(const struct falcon_{name}_table *table, u32 state, u8 byte)\n"
        f"{{\n"
        f"    u64 entry = (u64)state << {machine.shift} | table->classes[byte];\n"
        # Else clang bounds only the half that needs it, before they are joined: Linux 6.1 then knows no bound at all.
        f'    asm volatile("" : "+r"(entry));\n'
        f"    return ((const u16 *)table->next)[entry & {(rows << machine.shift) - 1:#x}];\n"
        f"}}\n\n"
        f"static __always_inline void falcon_{name}_output(const struct falcon_{name}_table *table, u32 state,\n"
        f"                                                  volatile u64 *hit)\n"
        f"{{\n"
        f"    u32 slot = ((const u16 *)table->slot_of)[state & {rows - 1:#x}] & {slots - 1:#x};\n"
        + "".join(
            f"    hit[{word}] |= ((const u64 *)table->outputs)[slot * {given.words} + {word}];\n"
            for word in range(given.words)
        )
        + "}\n"
    )


_ALIGNED = "__attribute__((aligned(8)))"


def walk_text(given: tables.Table, last_slash: bool) -> str:
    """last_slash: some test asks where the last slash is.

    Eight bytes at a time, and without a branch for each: the verifier walks a branch's both sides for a hundred
    instructions before it looks whether it has been there. Output is rare, so the bytes that gave some
    are walked once more.
    """
    machine = given.automaton
    words = range(given.words)
    return "\n".join(
        [
            "/* The bits of all path tests that hold for the text; all may hold when it is too long to look at. */",
            "static __always_inline void falcon_walk_text(const struct falcon_paths_table *table, const char *text,",
            "                                             u64 length, volatile struct falcon_scratch *s)",
            "{",
            *(f"    s->hit[{word}] = 0;" for word in words),
            *(f"    s->may[{word}] = ~0ULL;" for word in words),
            "    s->sure = 0;",
            *(["    s->last_slash = -1;", "    s->slashes = ~0ULL;"] if last_slash else []),
            f"    if (length > {MOST_NAME})",
            "        return;",
            f"    u32 state = {machine.start};",
            "    u32 at = 0;",
            "#pragma clang loop unroll(disable)",
            f"    for (u32 eight = 0; eight < {MOST_NAME // 8}; eight++) {{",
            "        if (at + 8 > length)",
            "            break;",
            "        u32 before = state;",
            "        u64 output = 0;",
            "#pragma unroll",
            "        for (u32 i = 0; i < 8; i++) {",
            "            state = falcon_paths_step(table, state, text[at + i]);",
            f"            output |= (u64)state - {len(machine.outputs)}; /* negative: a state with output */",
            "        }",
            "        if (output >> 63) {",
            "#pragma unroll",
            "            for (u32 i = 0; i < 8; i++) {",
            "                before = falcon_paths_step(table, before, text[at + i]);",
            "                falcon_paths_output(table, before, s->hit);",
            "            }",
            "        }",
            *(
                ["        if (falcon_has_slash(*(const u64 *)&text[at]))", "            s->slashes = at;"]
                if last_slash
                else []
            ),
            "        at += 8;",
            "    }",
            "    s->at = at;",
            "    s->length = length;",
            *(_FIND_SLASH if last_slash else []),
            "    /* The last bytes, and the NUL that ends every text for the automaton. */",
            "#pragma clang loop unroll(disable)",
            "    for (u32 i = 0; i < 8; i++) {",
            "        u8 byte = s->at < s->length ? text[s->at & 4095] : 0;",
            "        state = falcon_paths_step(table, state, byte);",
            "        falcon_paths_output(table, state, s->hit);",
            *(["        if (byte == '/')", "            s->last_slash = s->at;"] if last_slash else []),
            "        s->at += 1;",
            "    }",
            *(f"    s->may[{word}] = s->hit[{word}];" for word in words),
            "    s->sure = 1;",
            "}",
            "",
        ]
    )


def walk_comm(given: tables.Table) -> str:
    """All sixteen bytes, as a comm is padded with NUL, which ends the text and changes nothing after that."""
    machine = given.automaton
    return "\n".join(
        [
            "/* The bits of all tests that hold for the comm in `s->text`. */",
            "static __always_inline void falcon_walk_comm(const struct falcon_comms_table *table,",
            "                                             volatile struct falcon_scratch *s, volatile u64 *hit)",
            "{",
            "    volatile u8 *text = (volatile u8 *)s->text;",
            f"    u32 state = {machine.start};",
            *(f"    hit[{word}] = 0;" for word in range(given.words)),
            "#pragma clang loop unroll(disable)",
            "    for (u32 at = 0; at < 16; at++) {",
            "        state = falcon_comms_step(table, state, text[at]);",
            "        falcon_comms_output(table, state, hit);",
            "    }",
            "}",
            "",
        ]
    )


SAME_NAME = f"""\
/* Whether the opened path is the name as given, or ends in it where that is relative; a slash behind a directory's
 * name does not count. The opened path has no `.`, `..` or doubled slash in it, so such names differ from it. */
static __always_inline void falcon_compare_names(const struct falcon_names *n, volatile struct falcon_scratch *s)
{{
    s->same = 0;
    s->exact = 0;
    s->relative = n->name[0] != '/';
    s->skip = n->name[0] == '.' && n->name[1] == '/' ? 2 : 0;
    u64 skip = s->skip;
    u64 length = n->name_length - skip;
    s->length = length > 1 && n->name[(n->name_length - 1) & 4095] == '/' ? length - 1 : length;
    length = s->length;
    s->from = n->path_length - length;
    u64 from = s->from;
    if (n->name_length <= skip || length > n->path_length || length > {MOST_NAME})
        return;
    if (s->relative ? !from || n->path[(from - 1) & 4095] != '/' : from)
        return;
    u32 at = 0;
#pragma clang loop unroll(disable)
    for (u32 eight = 0; eight < {MOST_NAME // 8}; eight++) {{
        if (at + 8 > length)
            break;
        if (*(const u64 *)&n->name[(at + skip) & 4095] != *(const u64 *)&n->path[(at + from) & 4095])
            return;
        at += 8;
    }}
    s->at = at;
#pragma clang loop unroll(disable)
    for (u32 i = 0; i < 8; i++) {{
        if (s->at < s->length && n->name[(s->at + skip) & 4095] != n->path[(s->at + from) & 4095])
            return;
        s->at += 1;
    }}
    s->same = 1;
    s->exact = n->name_length == n->path_length;
}}
"""

HAS_SLASH = """\
/* Whether one of the eight bytes is a slash: the usual test for a zero byte, of the bytes' difference to it. */
static __always_inline u64 falcon_has_slash(u64 bytes)
{
    u64 differences = bytes ^ 0x2f2f2f2f2f2f2f2fULL;
    return (differences - 0x0101010101010101ULL) & ~differences & 0x8080808080808080ULL;
}
"""

_FIND_SLASH = (
    "    if (s->slashes != ~0ULL) {",
    "#pragma clang loop unroll(disable)",
    "        for (u32 i = 0; i < 8; i++) {",
    "            if (text[(s->slashes + i) & 4095] == '/')",
    "                s->last_slash = s->slashes + i;",
    "        }",
    "    }",
)

ADDRESSES = """\
static __always_inline u32 falcon_word(const volatile u8 *address, u32 index)
{
    return ((const volatile u32 *)address)[index];
}

/* An IPv4 address in IPv6 form is that IPv4 address. */
static __always_inline int falcon_is_mapped(const volatile u8 *address)
{
    return !falcon_word(address, 0) && !falcon_word(address, 1) && falcon_word(address, 2) == 0xffff0000U;
}

static __always_inline int falcon_is_ipv4(const volatile struct falcon_facts *f, const volatile u8 *address)
{
    return f->family == 2 || (f->family == 10 && falcon_is_mapped(address));
}

static __always_inline u32 falcon_ipv4(const volatile struct falcon_facts *f, const volatile u8 *address)
{
    return falcon_word(address, f->family == 2 ? 0 : 3);
}

static __always_inline int falcon_is_ipv6(const volatile struct falcon_facts *f, const volatile u8 *address)
{
    return f->family == 10 && !falcon_is_mapped(address);
}
"""
