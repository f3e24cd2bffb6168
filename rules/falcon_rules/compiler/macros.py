"""Macros go into conditions as subtrees, after parsing.

Each macro is parsed once and expanded once; every use shares its tree. A macro sees the macros
that were defined before its own last definition, a rule sees all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from falcon_rules import diagnostics, tree
from falcon_rules.compiler import addresses, substitution
from falcon_rules.diagnostics import Code, Diagnostic, Severity
from falcon_rules.model import reading
from falcon_rules.model.definitions import MacroDefinition
from falcon_rules.model.documents import Text
from falcon_rules.syntax import errors, measures, parser, walking

MAX_CHECKS = 200_000
"""What one condition may expand to, every use counted. The largest real ones have some hundred."""


_UNDEFINED = "undefined macro"


def is_undefined(found: Diagnostic) -> bool:
    """Whether this refuses the name of a macro that nobody has defined, here or later."""
    return (
        found.code is Code.ERR_VALIDATE and found.message.startswith(_UNDEFINED) and found.message.endswith(("'", '"'))
    )


@dataclass(frozen=True, slots=True)
class Expanded:
    """A tree without macro names, how many levels it has, and how many checks."""

    node: tree.Node
    depth: int
    checks: int


class BrokenMacro(Exception):
    """A condition uses a macro that has an error of its own, reported with the macro."""


class Conditions:
    """Parses texts of conditions and expands them with the macros at hand."""

    def __init__(
        self,
        macros: Mapping[str, MacroDefinition],
        lists: substitution.Lists,
        places: addresses.Addresses,
        found: list[Diagnostic],
    ) -> None:
        self._macros = macros
        self._own = macros
        self._lists = lists
        self._places = places
        self._found = found
        self._parsed: dict[str, tree.Node] = {}
        self._expanded: dict[str, Expanded] = {}
        self.used: set[str] = set()

    def extended(
        self, macros: Mapping[str, MacroDefinition], lists: substitution.Lists, found: list[Diagnostic]
    ) -> Conditions:
        """With further macros and lists, which go before those of the same name; what the others mean stays.

        `prepare` of the result prepares the further macros only.
        """
        result = Conditions({**self._macros, **macros}, lists, self._places, found)
        result._own = macros
        result._expanded = {name: each for name, each in self._expanded.items() if name not in macros}
        return result

    def prepare(self) -> None:
        """Parses and expands every macro; those with errors are reported and stay broken."""
        for macro in self._own.values():
            try:
                self._parsed[macro.name] = self.parse(macro.condition, macro.entry)
            except diagnostics.Refusal as refusal:
                self._found.append(refusal.diagnostic)
        looping = self._report_loops()
        for name in self._in_order():
            if name not in looping:
                self._expand_macro(self._macros[name])

    def parse(self, text: Text, entry: reading.Entry) -> tree.Node:
        """The tree of a text with its lists substituted. Raises Refusal."""
        try:
            text = self._lists.apply(text)
        except substitution.ExpansionError as error:
            entry.refuse(Code.ERR_VALIDATE, str(error), entry.place("condition"))
        base = self._places.add(text)
        try:
            return parser.parse(text.string, base)
        except errors.ConditionSyntaxError as error:
            place = text.place(error.span.start, error.span.end - error.span.start)
            entry.refuse(Code.ERR_COMPILE_CONDITION, error.message, place, error.suggestion)

    def expand(self, node: tree.Node, entry: reading.Entry, before: int | None = None) -> tree.Node:
        """The tree with macros in place of their names.

        before: only macros first defined before this entry are seen; None sees all.
        Raises Refusal, or BrokenMacro when the error is the macro's.
        """
        return self._expand(node, entry, before).node

    def _expand_macro(self, macro: MacroDefinition) -> None:
        try:
            node = self._parsed[macro.name]
            self._expanded[macro.name] = self._expand(node, macro.entry, macro.last)
        except diagnostics.Refusal as refusal:
            self._found.append(refusal.diagnostic)
        except BrokenMacro as broken:
            message = f"the macro {macro.name!r} is left out because {broken}"
            self._found.append(macro.entry.finding(Severity.NOTE, Code.DEPENDS, message))

    def _expand(self, node: tree.Node, entry: reading.Entry, before: int | None) -> Expanded:
        for reference in walking.macros(node):
            self._check_reference(reference, entry, before)
        expanded = self._substitute(node)
        if expanded.depth > measures.MAX_DEPTH or expanded.checks > MAX_CHECKS:
            message = measures.TOO_DEEP
            if expanded.checks > MAX_CHECKS:
                message = f"with its macros the condition has more than {MAX_CHECKS:,} checks"
            entry.refuse(Code.ERR_COMPILE_CONDITION, message, entry.place("condition"))
        return expanded

    def _check_reference(self, reference: tree.MacroRef, entry: reading.Entry, before: int | None) -> None:
        macro = self._macros.get(reference.name)
        if macro is None or (before is not None and macro.first >= before):
            seen = [name for name, each in self._macros.items() if before is None or each.first < before]
            message = f"{_UNDEFINED} {reference.name!r}"
            if macro is not None and macro.entry is entry:
                message += ": a macro cannot use itself"
            elif macro is not None:
                message += ": it is defined only later, and a macro sees only those before it"
            suggestion = diagnostics.suggest(reference.name, seen)
            entry.refuse(Code.ERR_VALIDATE, message, self._places.place(reference.span), suggestion)
        self.used.add(reference.name)
        if reference.name not in self._expanded:
            raise BrokenMacro(f"the macro {reference.name!r} has an error")

    def _substitute(self, node: tree.Node) -> Expanded:
        match node:
            case tree.MacroRef(name):
                return self._expanded[name]
            case tree.Not(child, span):
                below = self._substitute(child)
                same = below.node is child
                return Expanded(node if same else tree.Not(below.node, span), below.depth + 1, below.checks)
            case tree.And(children, span) | tree.Or(children, span):
                # A loop, not a comprehension: one Python frame for each level of the tree.
                parts = []
                for each in children:
                    parts.append(self._substitute(each))  # noqa: PERF401
                depth, checks = max(part.depth for part in parts) + 1, sum(part.checks for part in parts)
                if all(part.node is child for part, child in zip(parts, children, strict=True)):
                    return Expanded(node, depth, checks)
                return Expanded(type(node)(tuple(part.node for part in parts), span), depth, checks)
            case tree.Check():
                return Expanded(node, 0, 1)

    def _uses(self, name: str) -> list[str]:
        """The parsed macros that a macro refers to and may see."""
        macro = self._macros[name]
        names = dict.fromkeys(reference.name for reference in walking.macros(self._parsed[name]))
        return [each for each in names if each in self._parsed and self._macros[each].first < macro.last]

    def _in_order(self) -> Iterator[str]:
        """Parsed macros so that each comes after those it uses; loops are broken anywhere."""
        done: set[str] = set()
        for root in self._parsed:
            stack = [(root, False)]
            while stack:
                name, ready = stack.pop()
                if ready:
                    yield name
                elif name not in done:
                    done.add(name)
                    stack.append((name, True))
                    stack += [(used, False) for used in self._uses(name)]

    def _report_loops(self) -> set[str]:
        """The macros that contain themselves, each loop reported once."""
        looping: set[str] = set()
        clean: set[str] = set()
        for root in self._parsed:
            path: list[str] = []
            on_path: set[str] = set()
            stack = [(root, False)]
            while stack:
                name, leaving = stack.pop()
                if leaving:
                    on_path.discard(path.pop())
                    clean.add(name)
                elif name in on_path:
                    loop = path[path.index(name) :]
                    if not looping.issuperset(loop):
                        self._report_loop([*loop, name])
                    looping.update(loop)
                elif name not in clean:
                    path.append(name)
                    on_path.add(name)
                    stack.append((name, True))
                    stack += [(used, False) for used in self._uses(name)]
        return looping

    def _report_loop(self, loop: list[str]) -> None:
        entry = self._macros[loop[0]].entry
        message = f"reference loop in macro {loop[0]!r}: {' -> '.join(loop)}"
        self._found.append(entry.finding(Severity.ERROR, Code.ERR_VALIDATE, message, entry.place("condition")))
