"""The C text of the filters: six functions over the facts.

Of each filter every stage is a function of nested tests, one `return 1` for each way to be wanted,
with the rules that need it beside it:

    static __always_inline int falcon_open_0_late_0(...)
    {
        if ((f->open_flags & 0x3) == 0x1) {
            /* Log file cleared */
            if (s->may[0] & 0x4ULL)
                return 1;
        }
        return 0;
    }

The two names of an opened file go through the same code, in a loop: the name as given first, for
it is there, then the opened path. A name as given that is the opened path (made absolute) is not
asked about twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from falcon_sensor.kernel.plan import atoms, clauses, creads, ctext, cwalks, expression, stages, tables
from falcon_sensor.records import calls, layout

NAMES_SHOWN = 6
"""Rules named in a comment; what many rules share says how many."""


def generate(filters: Sequence[stages.Filter], paths: tables.Table | None, comms: tables.Table | None) -> str:
    """The contract's functions and what they need. A kind without filters wants nothing."""
    printer = ctext.Printer(paths, comms)
    text = [cwalks.scratch(paths, comms, ctext.READS)]
    text += [cwalks.ADDRESSES] if any(f.kind in _WITH_ADDRESSES for f in filters) else []
    if paths is not None:
        text += [cwalks.table("paths", paths), cwalks.HAS_SLASH, cwalks.SAME_NAME]
        text += [cwalks.walk_text(paths, _asks_slash(list(enumerate(filters))))]
    if comms is not None:
        text += [cwalks.table("comms", comms), cwalks.walk_comm(comms)]
    for number, each in enumerate(filters):
        for when, kept in (("early", each.early), ("late", each.late)):
            text += [
                _stage(_name(each, number, when, step), branches, printer, comms) for step, branches in enumerate(kept)
            ]
    for kind in layout.Kind:
        own = [(number, each) for number, each in enumerate(filters) if each.kind is kind]
        text.append(_early(kind, own))
        text.append(_late(kind, own, paths))
    return "\n".join(text)


_WITH_ADDRESSES = (layout.Kind.CONNECT, layout.Kind.DESCRIPTOR)


def _name(each: stages.Filter, number: int, when: str, step: int) -> str:
    return f"falcon_{each.kind.name.lower()}_{number}_{when}_{step}"


# Stages


def _stage(name: str, branches: Sequence[clauses.Branch], printer: ctext.Printer, comms: tables.Table | None) -> str:
    lines = [f"static __always_inline int {name}({_PARAMETERS})", "{"]
    lines += creads.Writer(printer, comms.words if comms is not None else 1, _rules).tests(branches)
    lines += ["    return 0;", "}", ""]
    return "\n".join(lines)


_PARAMETERS = "const volatile struct falcon_facts *f, volatile struct falcon_scratch *s"
"""Volatile: what a test has shown about a variable would make the verifier walk the rest once more for it."""


def _rules(names: Iterable[str]) -> str:
    listed = sorted(names)
    shown = ", ".join(listed[:NAMES_SHOWN]) + (f" and {len(listed) - NAMES_SHOWN} more" if listed[NAMES_SHOWN:] else "")
    # A rule's name is data, wherever it comes from: it must not end the comment, start another or join lines.
    return "".join(c if c.isalnum() or c in " ,.:;()_-'" else "?" for c in shown)


# The contract's functions


def _condition(each: stages.Filter) -> str:
    return " || ".join(f"f->event == {layout.EVENTS.index(event)}" for event in each.events)


def _early(kind: layout.Kind, own: Sequence[tuple[int, stages.Filter]]) -> str:
    lines = [f"static __always_inline int falcon_want_{kind.name.lower()}_early(const struct falcon_facts *f)", "{"]
    lines += [_SCRATCH] if any(each.early for _, each in own) else []
    for number, each in own:
        calls = [f"{_name(each, number, 'early', step)}(f, s)" for step in range(len(each.early))]
        lines += [f"    /* {', '.join(each.events)} */", f"    if ({_condition(each)})"]
        lines.append(f"        return {' && '.join(calls) or '1'};")
    return "\n".join([*lines, "    return 0;", "}", ""])


_SCRATCH = "    volatile struct falcon_scratch *s = (struct falcon_scratch *)falcon_scratch(f);"
_PATHS_TABLE = ("    struct falcon_paths_table *table = falcon_paths_of();", "    if (!table)", "        return 1;")


def _late(kind: layout.Kind, own: Sequence[tuple[int, stages.Filter]], paths: tables.Table | None) -> str:
    name = kind.name.lower()
    head = f"static __always_inline int falcon_want_{name}(const struct falcon_facts *f, const struct falcon_names *n)"
    if not own:
        return "\n".join([head, "{", "    return 0;", "}", ""])
    subjects = _path_subjects(own)
    body = [f"    return falcon_decide_{name}(f, s);"]
    if paths is not None and subjects:
        if kind is layout.Kind.OPEN:
            body = _both_names(paths, atoms.Subject.RAW in subjects)
        else:
            body = _two_names(paths) if kind is layout.Kind.NAMES else _executable(paths.words)
    return "\n".join([_decide(kind, own), head, "{", _SCRATCH, *body, "}", ""])


def _path_subjects(own: Sequence[tuple[int, stages.Filter]]) -> set[atoms.Subject]:
    return {atom.subject for atom in _late_atoms(own) if isinstance(atom, atoms.Text) and tables.is_path(atom)}


def _late_atoms(own: Sequence[tuple[int, stages.Filter]]) -> Iterable[atoms.Atom]:
    tests = (test for _, each in own for branches in each.late for test in clauses.tests_of(branches))
    return (leaf.atom for test in tests for leaf in expression.leaves(test))


def _decide(kind: layout.Kind, own: Sequence[tuple[int, stages.Filter]]) -> str:
    """The late stages of the kind's filters, for the name whose bits are in the scratch memory."""
    lines = [f"static __always_inline int falcon_decide_{kind.name.lower()}({_PARAMETERS})", "{"]
    for number, each in own:
        calls = [f"{_name(each, number, 'late', step)}(f, s)" for step in range(len(each.late))]
        lines += [f"    if ({_condition(each)})", f"        return {' && '.join(calls) or '1'};"]
    return "\n".join([*lines, "    return 0;", "}", ""])


def _asks_slash(own: Sequence[tuple[int, stages.Filter]]) -> bool:
    return any(isinstance(atom, atoms.Number) and atom.fact == "last_slash" for atom in _late_atoms(own))


def _both_names(paths: tables.Table, raw: bool) -> list[str]:
    """raw: some test asks about the name exactly as given, so its bits are needed with either name."""
    words = range(paths.words)
    odd, doubled = 1 << tables.ODD, 1 << tables.DOUBLED
    unsure = [(1 << 64) - 1 & ~(paths.relative >> 64 * word) for word in words]
    lines = [
        *_PATHS_TABLE,
        "    falcon_compare_names(n, s);",
        "#pragma clang loop unroll(disable)",
        "    for (u32 pass = 0; pass < 2; pass++) {",
        "        u64 length = pass ? n->path_length : n->name_length;",
        "        const char *text = pass ? n->path : n->name;",
        "        /* The name as given, made absolute, is the opened path: nothing more to learn from it. */",
        f"        if (pass ? !length : s->{'exact' if raw else 'same'})",
        "            continue;",
        "        falcon_walk_text(table, text, length, s);",
    ]
    if raw:
        lines += [
            "        if (!pass || s->exact) {",
            *(f"            s->raw_hit[{w}] = s->hit[{w}];" for w in words),
            *(f"            s->raw_may[{w}] = s->may[{w}];" for w in words),
            f"            if (s->hit[0] & {doubled}) {{",
            *(f"                s->raw_hit[{w}] = 0;" for w in words),
            *(f"                s->raw_may[{w}] = ~0ULL;" for w in words),
            "            }",
            "        }",
            "        if (!pass && s->same)",
            "            continue;",
        ]
    lines += [
        "        /* What cannot be told without the rest of the name may hold, and may not. */",
        f"        if (!pass && s->hit[0] & {odd}) {{",
        "            s->sure = 0;",
        *(f"            s->may[{w}] = ~0ULL;" for w in words),
        *(f"            s->hit[{w}] = 0;" for w in words),
        "        } else if (!pass && s->relative) {",
        "            s->sure = 0;",
        *(f"            s->may[{w}] |= {unsure[w]:#x}ULL;" for w in words),
        *(f"            s->hit[{w}] = 0;" for w in words),
        "        }",
        "        if (falcon_decide_open(f, s))",
        "            return 1;",
        "    }",
        "    return 0;",
    ]
    return lines


def _executable(words: int) -> list[str]:
    return [
        *_PATHS_TABLE,
        "    falcon_walk_text(table, n->path, n->path_length, s);",
        f"    if (!n->path_length || s->hit[0] & {1 << tables.ODD}) {{",
        *(f"        s->may[{word}] = ~0ULL;" for word in range(words)),
        *(f"        s->hit[{word}] = 0;" for word in range(words)),
        "    }",
        "    return falcon_decide_exec(f, s);",
    ]


def _two_names(paths: tables.Table) -> list[str]:
    """Of NAMES events: the first name's bits are kept beside the second's, and both are asked about at once."""
    words = range(paths.words)
    unsure = [(1 << 64) - 1 & ~(paths.relative >> 64 * word) for word in words]
    exact = " || ".join(f"f->event == {layout.EVENTS.index(event)}" for event in calls.TARGETS)
    return [
        *_PATHS_TABLE,
        "#pragma clang loop unroll(disable)",
        "    for (u32 pass = 0; pass < 2; pass++) {",
        "        u64 length = pass ? n->path_length : n->name_length;",
        "        const char *text = pass ? n->path : n->name;",
        "        falcon_walk_text(table, text, length, s);",
        f"        s->relative = text[0] != '/' && (pass || !({exact}));",
        f"        if (s->hit[0] & {1 << tables.ODD} && (pass || !({exact}))) {{",
        *(f"            s->may[{w}] = ~0ULL;" for w in words),
        *(f"            s->hit[{w}] = 0;" for w in words),
        "        } else if (s->relative) {",
        *(f"            s->may[{w}] |= {unsure[w]:#x}ULL;" for w in words),
        *(f"            s->hit[{w}] = 0;" for w in words),
        "        }",
        "        if (!pass) {",
        *(f"            s->raw_hit[{w}] = s->hit[{w}];" for w in words),
        *(f"            s->raw_may[{w}] = s->may[{w}];" for w in words),
        "        }",
        "    }",
        "    return falcon_decide_names(f, s);",
    ]
