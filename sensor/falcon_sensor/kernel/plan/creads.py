"""The tests of a stage as nested C, each read made as late as it can be, and at most once on any way through.

Facts that cost a read (user, container, comm, ...) are asked for only when what costs nothing has not settled it.
Most events pass or leave before any; reading them all at the beginning was 0.8 us of the 1.9 us an open cost:

    if (f->result <= -1)                                  first what costs nothing,
        return 1;
    if ((f->open_flags & 0x3) == 0x1) {
        if ((f->open_flags & 0x200) == 0x200)
            return 1;
        s->uid = falcon_uid(...);                         then the read, where only this branch needs it
        if (s->uid == 0)
            return 1;
    }

What several branches beside each other need is read before the first of them, so that no code is written twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from falcon_sensor.kernel.plan import atoms, clauses, ctext, expression, stages
from falcon_sensor.records import layout

_COMM, _ABOVE = "comm", "ancestors"
"""Reads beside those of `ctext.READS`: the process's name, and everything about its ancestors."""


class Writer:
    """Of one stage. words: of the comms' bits. rules: names as they stand in comments."""

    def __init__(self, printer: ctext.Printer, words: int, rules: Callable[[Iterable[str]], str]) -> None:
        self._printer = printer
        self._words = words
        self._rules = rules
        self._subjects: frozenset[atoms.Subject] = frozenset()
        self._counted = False

    def tests(self, branches: Sequence[clauses.Branch]) -> list[str]:
        """Lines, one level deep."""
        found = list(_atoms(branches))
        self._subjects = frozenset(atom.subject for atom in found if _asks_above(atom) and isinstance(atom, atoms.Text))
        self._counted = any(isinstance(atom, atoms.Number) and atom.fact == "ancestors" for atom in found)
        settled, rest = _split(branches)
        return self._level(settled, frozenset(), 1) + self._level(rest, frozenset(), 1)

    def _level(self, branches: Iterable[clauses.Branch], known: frozenset[str], depth: int) -> list[str]:
        lines: list[str] = []
        ordered = sorted(branches, key=self._key)
        users = Counter(read for branch in ordered for read in _needed((branch,)))
        for branch in ordered:
            # What others need, too, is read here for all of them.
            common = {read for read in _needed((branch,)) if users[read] > 1} - known
            lines += self._read(common, depth)
            known |= common
            lines += self._branch(branch, known, depth)
        return lines

    def _branch(self, branch: clauses.Branch, known: frozenset[str], depth: int) -> list[str]:
        missing = {read for test in branch.tests for read in _needed_by(test)} - known
        cheap = frozenset(test for test in branch.tests if not set(_needed_by(test)) & missing)
        if missing and cheap:
            inner = clauses.Branch(branch.tests - cheap, branch.rules, branch.children)
            return self._nested(cheap, self._branch(inner, known, depth + 1), depth)
        lines = self._read(missing, depth)
        if branch.children:
            return lines + self._nested(branch.tests, self._level(branch.children, known | missing, depth + 1), depth)
        indent = "    " * depth
        test = self._printer.all_of(branch.tests)
        lines += [f"{indent}/* {self._rules(branch.rules)} */", f"{indent}if ({test})", f"{indent}    return 1;"]
        return lines

    def _nested(self, tests: frozenset[expression.Expression], inner: list[str], depth: int) -> list[str]:
        indent = "    " * depth
        return [f"{indent}if ({self._printer.all_of(tests)}) {{", *inner, f"{indent}}}"]

    def _key(self, branch: clauses.Branch) -> tuple[int, int, str]:
        """What needs no read first, small tests first; then by text, so that equal rules give equal C."""
        reads = _needed((branch,))
        size = sum(map(expression.size, branch.tests))
        return len(reads), size, " ".join(sorted(map(self._printer.condition, branch.tests)))

    def _read(self, reads: Iterable[str], depth: int) -> list[str]:
        wanted = set(reads)
        lines = [
            f"s->{name} = falcon_{name}((const struct falcon_facts *)f);" for name in ctext.READS if name in wanted
        ]
        if _COMM in wanted:
            lines += _COMM_LINES
        if _ABOVE in wanted:
            lines += ["{", *("    " + line if line[:1] != "#" else line for line in self._ancestors()), "}"]
        return ["    " * depth + line if line[:1] != "#" else line for line in lines]

    def _ancestors(self) -> list[str]:
        asks_any = atoms.Subject.ANY_ANCESTOR in self._subjects
        levels = [each - atoms.Subject.COMM for each in self._subjects if each is not atoms.Subject.ANY_ANCESTOR]
        words = range(self._words)
        # Levels beyond the last that is asked about would be walked for nothing; any and counts need all.
        deepest = layout.ANCESTORS if asks_any or self._counted else max(levels)
        lines = list(_COMMS_TABLE) if levels or asks_any else []
        lines += ["u64 task = f->task;", "s->ancestors = 0;", "s->many = 0;"]
        lines += [f"s->any[{word}] = 0;" for word in words]
        lines += [f"s->parent[{level - 1}][{word}] = 0;" for level in sorted(levels) for word in words]
        lines += [
            "#pragma clang loop unroll(disable)",
            f"for (u32 level = 0; level < {deepest}; level++) {{",
            "    task = falcon_parent(task);",
            "    if (!task)",
            "        break;",
            "    s->ancestors += 1;",
        ]
        if levels or asks_any:
            lines += ["    falcon_task_comm(task, (u64 *)s->text);"]
            lines += ["    falcon_walk_comm(comms, s, s->parent[level]);"]
            lines += [f"    s->any[{word}] |= s->parent[level][{word}];" for word in words]
        lines.append("}")
        if asks_any:
            lines += [f"if (s->ancestors == {layout.ANCESTORS})", "    s->many = falcon_parent(task);"]
        return lines


# The table is always there, but the verifier wants to be told what else.
_COMMS_TABLE = ("struct falcon_comms_table *comms = falcon_comms_of();", "if (!comms)", "    return 1;")
_COMM_LINES = (
    "{",
    *(f"    {line}" for line in _COMMS_TABLE),
    "    falcon_comm((const struct falcon_facts *)f, (u64 *)s->text);",
    "    falcon_walk_comm(comms, s, s->comm);",
    "}",
)


def _split(branches: Iterable[clauses.Branch]) -> tuple[list[clauses.Branch], list[clauses.Branch]]:
    """Ways to be wanted that need no read at all, and the others."""
    settled, rest = list[clauses.Branch](), list[clauses.Branch]()
    for branch in branches:
        if any(True for test in branch.tests for _ in _needed_by(test)):
            rest.append(branch)
        elif not branch.children:
            settled.append(branch)
        else:
            for part, into in zip(_split(branch.children), (settled, rest), strict=True):
                if part:
                    into.append(clauses.Branch(branch.tests, branch.rules, tuple(part)))
    return settled, rest


def _needed(branches: Iterable[clauses.Branch]) -> frozenset[str]:
    return frozenset(read for test in clauses.tests_of(branches) for read in _needed_by(test))


def _needed_by(test: expression.Expression) -> Iterator[str]:
    for leaf in expression.leaves(test):
        atom = leaf.atom
        if _asks_above(atom):
            yield _ABOVE
        elif isinstance(atom, atoms.Text):
            if atom.subject is atoms.Subject.COMM:
                yield _COMM
        elif isinstance(atom, atoms.Number | atoms.Bits) and atom.fact in ctext.READS:
            yield atom.fact


def _asks_above(atom: atoms.Atom) -> bool:
    return stages.cost(atom) is stages.Cost.ANCESTORS


def _atoms(branches: Iterable[clauses.Branch]) -> Iterator[atoms.Atom]:
    for test in clauses.tests_of(branches):
        yield from (leaf.atom for leaf in expression.leaves(test))
