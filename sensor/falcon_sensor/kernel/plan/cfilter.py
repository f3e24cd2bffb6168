"""The C text of the filters: six functions over the facts.

Of each filter every stage is a function of nested tests, one `return 1` for each way to be wanted,
with the rules that need it beside it:

    static __always_inline int falcon_open_0_late_0(...)
    {
        if ((f->open_flags & 03) == 01) {
            /* Log file cleared */
            if (may[0] & 0x4ULL)
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

from falcon_sensor.kernel.plan import atoms, clauses, ctext, cwalks, expression, stages, tables
from falcon_sensor.records import layout

NAMES_SHOWN = 6
"""Rules named in a comment; what many rules share says how many."""

_PARAMETERS = {
    layout.Kind.OPEN: "const u64 *hit, const u64 *may, const u64 *raw_hit, const u64 *raw_may",
    layout.Kind.EXEC: "const u64 *hit, const u64 *may",
    layout.Kind.CONNECT: "",
}
_ARGUMENTS = {
    layout.Kind.OPEN: ", hit, may, raw_hit, raw_may",
    layout.Kind.EXEC: ", hit, may",
    layout.Kind.CONNECT: "",
}


def generate(filters: Sequence[stages.Filter], paths: tables.Table | None, comms: tables.Table | None) -> str:
    """The contract's functions and what they need. A kind without filters wants nothing."""
    printer = ctext.Printer(paths, comms)
    text = [cwalks.ADDRESSES] if any(f.kind is layout.Kind.CONNECT for f in filters) else []
    if paths is not None:
        text += [cwalks.table("paths", paths), cwalks.walk_text(paths), cwalks.SAME_NAME]
    if comms is not None:
        text += [cwalks.table("comms", comms), cwalks.walk_comm(comms)]
    for number, each in enumerate(filters):
        for when, kept in (("early", each.early), ("late", each.late)):
            text += [
                _stage(_name(each, number, when, step), each.kind, when, branches, printer, comms)
                for step, branches in enumerate(kept)
            ]
    for kind in layout.Kind:
        own = [(number, each) for number, each in enumerate(filters) if each.kind is kind]
        text.append(_early(kind, own))
        text.append(_late(kind, own, paths))
    return "\n".join(text)


def _name(each: stages.Filter, number: int, when: str, step: int) -> str:
    return f"falcon_{each.kind.name.lower()}_{number}_{when}_{step}"


# Stages


def _stage(
    name: str,
    kind: layout.Kind,
    when: str,
    branches: Sequence[clauses.Branch],
    printer: ctext.Printer,
    comms: tables.Table | None,
) -> str:
    extra = _PARAMETERS[kind] if when == "late" else ""
    lines = [f"static __always_inline int {name}(const struct falcon_facts *f{', ' + extra if extra else ''})", "{"]
    lines += _reads(branches, comms)
    lines += _tests(branches, printer, 1)
    lines += ["    return 0;", "}", ""]
    return "\n".join(lines)


def _reads(branches: Sequence[clauses.Branch], comms: tables.Table | None) -> list[str]:
    """Variables for everything the stage asks that is not in the facts, each read once."""
    found = [leaf.atom for test in clauses.tests_of(branches) for leaf in expression.leaves(test)]
    facts = {atom.fact for atom in found if isinstance(atom, atoms.Number | atoms.Bits)}
    lines = [f"    u64 {name} = falcon_{name}(f);" for name in ctext.READS if name in facts]
    subjects = sorted({atom.subject for atom in found if isinstance(atom, atoms.Text) and not tables.is_path(atom)})
    words = comms.words if comms is not None else 1
    if atoms.Subject.COMM in subjects:
        lines += [f"    u64 comm[{words}] = {{}};", "    falcon_walk_own_comm(f, comm);"]
        subjects.remove(atoms.Subject.COMM)
    if subjects or "ancestors" in facts:
        lines += _ancestor_reads(subjects, words, "ancestors" in facts)
    return lines


def _ancestor_reads(subjects: Sequence[atoms.Subject], words: int, counted: bool) -> list[str]:
    every = atoms.Subject.ANY_ANCESTOR in subjects
    levels = [s - atoms.Subject.COMM for s in subjects if s is not atoms.Subject.ANY_ANCESTOR]
    lines = [f"    u64 {ctext.comm_variable(subject)}[{words}] = {{}};" for subject in subjects]
    lines += ["    u64 task = f->task;", "    u32 ancestors = 0;"]
    # One level beyond the last that is asked about would be walked for nothing; any and counts need all.
    deepest = layout.ANCESTORS if every or counted else max(levels)
    lines += [
        "#pragma clang loop unroll(disable)",
        f"    for (u32 level = 1; level <= {deepest}; level++) {{",
        "        task = falcon_parent(task);",
        "        if (!task)",
        "            break;",
        "        ancestors = level;",
    ]
    if subjects:
        lines += [f"        u64 bits[{words}] = {{}};", "        falcon_walk_task_comm(task, bits);"]
    for word in range(words):
        lines += [f"        any[{word}] |= bits[{word}];"] if every else []
        for level in levels:
            lines += [f"        if (level == {level})", f"            parent_{level}[{word}] = bits[{word}];"]
    lines.append("    }")
    if every:
        lines.append(f"    int many = ancestors == {layout.ANCESTORS} && falcon_parent(task);")
    return lines


def _tests(branches: Iterable[clauses.Branch], printer: ctext.Printer, depth: int) -> list[str]:
    indent = "    " * depth
    lines: list[str] = []
    for branch in sorted(branches, key=lambda branch: _key(branch, printer)):
        test = printer.all_of(branch.tests)
        if branch.children:
            lines.append(f"{indent}if ({test}) {{")
            lines += _tests(branch.children, printer, depth + 1)
            lines.append(f"{indent}}}")
        else:
            lines += [f"{indent}/* {_rules(branch.rules)} */", f"{indent}if ({test})", f"{indent}    return 1;"]
    return lines


def _key(branch: clauses.Branch, printer: ctext.Printer) -> tuple[int, str]:
    """Small tests first; then by text, so that equal rules give equal C."""
    return sum(map(expression.size, branch.tests)), " ".join(sorted(map(printer.condition, branch.tests)))


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
    for number, each in own:
        calls = [f"{_name(each, number, 'early', step)}(f)" for step in range(len(each.early))]
        lines += [f"    /* {', '.join(each.events)} */", f"    if ({_condition(each)})"]
        lines.append(f"        return {' && '.join(calls) or '1'};")
    return "\n".join([*lines, "    return 0;", "}", ""])


def _late(kind: layout.Kind, own: Sequence[tuple[int, stages.Filter]], paths: tables.Table | None) -> str:
    name = f"falcon_want_{kind.name.lower()}"
    head = f"static __always_inline int {name}(const struct falcon_facts *f, const struct falcon_names *n)"
    lines = [head, "{"]
    asked = [] if paths is None else [each for _, each in own if _asks_paths(each)]
    if kind is layout.Kind.OPEN and asked and paths is not None:
        return "\n".join([_decide(kind, own), *lines, *_both_names(paths, own), "}", ""])
    if kind is layout.Kind.EXEC and asked and paths is not None:
        return "\n".join([_decide(kind, own), *lines, *_executable(paths.words), "}", ""])
    words = 1 if paths is None else paths.words
    if own and _ARGUMENTS[kind]:
        lines += [f"    u64 {variable}[{words}] = {{}};" for variable in _ARGUMENTS[kind].strip(", ").split(", ")]
    lines.append(f"    return falcon_decide_{kind.name.lower()}(f{_ARGUMENTS[kind]});" if own else "    return 0;")
    return "\n".join([_decide(kind, own) if own else "", *lines, "}", ""])


def _asks_paths(each: stages.Filter) -> bool:
    tests = (test for branches in each.late for test in clauses.tests_of(branches))
    found = (leaf.atom for test in tests for leaf in expression.leaves(test))
    return any(isinstance(atom, atoms.Text) and tables.is_path(atom) for atom in found)


def _asks_raw(own: Sequence[tuple[int, stages.Filter]]) -> bool:
    tests = (test for _, each in own for branches in each.late for test in clauses.tests_of(branches))
    found = (leaf.atom for test in tests for leaf in expression.leaves(test))
    return any(isinstance(atom, atoms.Text) and atom.subject is atoms.Subject.RAW for atom in found)


def _decide(kind: layout.Kind, own: Sequence[tuple[int, stages.Filter]]) -> str:
    """The late stages of the kind's filters, with the bits of one name."""
    extra = _PARAMETERS[kind]
    name = f"falcon_decide_{kind.name.lower()}"
    lines = [f"static __always_inline int {name}(const struct falcon_facts *f{', ' + extra if extra else ''})", "{"]
    for number, each in own:
        calls = [f"{_name(each, number, 'late', step)}(f{_ARGUMENTS[kind]})" for step in range(len(each.late))]
        lines += [f"    if ({_condition(each)})", f"        return {' && '.join(calls) or '1'};"]
    return "\n".join([*lines, "    return 0;", "}", ""])


def _both_names(paths: tables.Table, own: Sequence[tuple[int, stages.Filter]]) -> list[str]:
    words = range(paths.words)
    raw = _asks_raw(own)
    odd, doubled = 1 << tables.ODD, 1 << tables.DOUBLED
    open_bits = [(1 << 64) - 1 & ~(paths.relative >> 64 * word) for word in words]
    lines = [f"    u64 {name}[{paths.words}] = {{}};" for name in ("raw_hit", "raw_may")]
    lines += [
        "    int relative = n->name[0] != '/';",
        "    /* The name as given, made absolute, is the opened path: nothing more to learn from it. */",
        "    int same = falcon_same_name(n, relative);",
        "#pragma clang loop unroll(disable)",
        "    for (u32 pass = 0; pass < 2; pass++) {",
        f"        u64 hit[{paths.words}] = {{}}, may[{paths.words}] = {{}};",
        "        u64 length = pass ? n->path_length : n->name_length;",
        "        const char *text = pass ? n->path : n->name;",
        f"        if (pass ? !length : same{' && !relative' if raw else ''})",
        "            continue;",
        "        falcon_walk_text(text, length, hit, may);",
    ]
    if raw:
        lines += [
            "        if (pass ? same && !relative : 1) {",
            *(f"            raw_hit[{w}] = hit[{w}], raw_may[{w}] = may[{w}];" for w in words),
            f"            if (hit[0] & {doubled}) {{",
            *(f"                raw_hit[{w}] = 0, raw_may[{w}] = ~0ULL;" for w in words),
            "            }",
            "        }",
            "        if (!pass && same)",
            "            continue;",
        ]
    lines += [
        f"        if (!pass && (relative || hit[0] & {odd})) {{",
        "            /* What cannot be told without the rest of the name may hold, and may not. */",
        *(f"            may[{w}] |= hit[0] & {odd} ? ~0ULL : {open_bits[w]:#x}ULL;" for w in words),
        *(f"            hit[{w}] = 0;" for w in words),
        "        }",
        f"        if (falcon_decide_open(f{_ARGUMENTS[layout.Kind.OPEN]}))",
        "            return 1;",
        "    }",
        "    return 0;",
    ]
    return lines


def _executable(words: int) -> list[str]:
    return [
        f"    u64 hit[{words}] = {{}}, may[{words}] = {{}};",
        "    falcon_walk_text(n->path, n->path_length, hit, may);",
        f"    if (!n->path_length || hit[0] & {1 << tables.ODD}) {{",
        *(f"        hit[{word}] = 0, may[{word}] = ~0ULL;" for word in range(words)),
        "    }",
        f"    return falcon_decide_exec(f{_ARGUMENTS[layout.Kind.EXEC]});",
    ]
