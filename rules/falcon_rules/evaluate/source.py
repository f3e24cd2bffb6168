"""Conditions of many rules as the source of one Python function.

What the function promises: each field is read at most once per event and only when a test that
was reached needs it, a part that several rules share is evaluated at most once, and no text of a
rule is ever source, only data behind a generated name.

Python limits how deep source may nest, and copying a shared part to each of its places could
double the source at every level. So parts that are deep, or shared and large, become functions of
their own ("outlined"); those keep what they found in a list `c` that lives for one event.

    def rules(e):                                  def rules(e):
        f1 = ...                                       c = [...] * 3
        if (f0 := x3(e)) == k4 and ...:                if h0(e, c) and (f1 := g1(e, c)) == k4: ...
            return (0,)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

from falcon_rules import sharing, typed
from falcon_rules.evaluate import comparisons, merging, operands, scope

_MAX_HEIGHT: Final = 24
"""Levels of one expression. A level takes up to four parentheses, and Python's parser refuses 200."""

_MAX_INLINE: Final = 12
"""Comparisons of a shared part that is still written out at each of its places."""

_CHEAP: Final = frozenset({"exists", "=", "!=", "<", "<=", ">", ">=", "in"})
"""Comparisons that cost no more than looking up whether they were made before."""

_Written: TypeAlias = tuple[str, scope.Known, scope.Known]
_NOTHING: scope.Known = frozenset()


class Program:
    """Collects rules, then writes the source; `bindings` are the names it needs."""

    def __init__(self, rules: Sequence[tuple[int, typed.Condition]], resolver: operands.Resolver, first: bool) -> None:
        self.bindings = operands.Bindings()
        self._slots = operands.Slots(resolver, self.bindings)
        self._comparisons = comparisons.Comparisons(self.bindings)
        self._first = first
        shared = sharing.Sharing()
        self._rules = [(index, merging.merge(condition, shared)) for index, condition in rules]
        self._uses: dict[int, int] = {}
        self._outlined: dict[int, int] = {}
        self._measure()
        self._pending: list[typed.Condition] = []

    def _measure(self) -> None:
        """Count the uses of each part and choose what becomes a function."""
        height: dict[int, int] = {}
        size: dict[int, int] = {}
        for _, condition in self._rules:
            self._uses[id(condition)] = self._uses.get(id(condition), 0) + 1
            for part in typed.postorder(condition):
                if id(part) in height:
                    continue
                below = typed.children(part)
                for child in below:
                    self._uses[id(child)] = self._uses.get(id(child), 0) + 1
                height[id(part)] = 1 + max((height[id(child)] for child in below), default=-1)
                size[id(part)] = sum(size[id(child)] for child in below) or 1
                if height[id(part)] > _MAX_HEIGHT:
                    self._outline(part, height, size)
        # Which parts are shared is known only now.
        large = [key for key, count in self._uses.items() if count > 1 and size[key] > _MAX_INLINE]
        for key in large:
            self._outlined.setdefault(key, len(self._outlined))

    def _outline(self, part: typed.Condition, height: dict[int, int], size: dict[int, int]) -> None:
        self._outlined[id(part)] = len(self._outlined)
        height[id(part)] = 0
        size[id(part)] = 1

    def source(self) -> str:
        """The text of a module that defines `rules(e)`: a tuple of the indexes of rules that hold."""
        split = bool(self._outlined)
        main = self._main(split)
        functions = []
        written: set[int] = set()
        while self._pending:
            part = self._pending.pop()
            if id(part) not in written:
                written.add(id(part))
                functions.append(self._function(part))
        fetchers = self._fetchers() if split else []
        if split:
            main.insert(1, f"    c = [...] * {len(self._slots.operands) + len(self._outlined)}")
        return "\n\n".join([*fetchers, *functions, "\n".join(main)]) + "\n"

    def _main(self, split: bool) -> list[str]:
        at = self._scope(split)
        known = _NOTHING
        body: list[str] = [] if self._first else ["m = ()"]
        for index, condition in self._rules:
            if condition == typed.Truth(False):
                continue
            test, when_true, when_false = self._write(condition, at, known)
            if self._first:
                body.append(f"if {test}: return ({index},)")
                known = when_false
            else:
                body.append(f"if {test}: m += ({index},)")
                known = when_true & when_false
        body.append("return ()" if self._first else "return m")
        return ["def rules(e):", *(f"    {line}" for line in [*at.prologue(), *body])]

    def _scope(self, split: bool) -> scope.Scope:
        return scope.Scope(self._slots, self._fetched if split else None)

    def _fetched(self, number: int) -> str:
        return f"g{number}(e, c)"

    def _function(self, part: typed.Condition) -> str:
        """One outlined part: evaluated at first use, its truth kept in the list."""
        number = self._outlined[id(part)]
        cell = f"c[-{number + 1}]"
        at = self._scope(True)
        test, _, _ = self._write_inside(part, at, _NOTHING)
        return "\n".join(
            [
                f"def h{number}(e, c):",
                f"    v = {cell}",
                "    if v is not ...: return v",
                *(f"    {line}" for line in at.prologue()),
                f"    v = {cell} = {test}",
                "    return v",
            ]
        )

    def _fetchers(self) -> list[str]:
        """The functions that read each slot, for programs that share slots between functions."""
        texts = []
        number = 0
        while number < len(self._slots.operands):  # calls may add the slots of their arguments
            computation = self._slots.computation(
                self._slots.operands[number], lambda part: self._fetched(self._slots.number(part))
            )
            body = f"    v = c[{number}]\n    if v is ...: v = c[{number}] = {computation}\n    return v"
            texts.append(f"def g{number}(e, c):\n{body}")
            number += 1
        return texts

    def _write(self, part: typed.Condition, at: scope.Scope, known: scope.Known) -> _Written:
        number = self._outlined.get(id(part))
        if number is not None:
            self._pending.append(part)
            return f"h{number}(e, c)", known, known
        test, when_true, when_false = self._write_inside(part, at, known)
        if self._uses.get(id(part), 0) > 1 and not _is_cheap(part):
            test = at.once(f"s{self.bindings.serial(id(part))}", test)
        return test, when_true, when_false

    def _write_inside(self, part: typed.Condition, at: scope.Scope, known: scope.Known) -> _Written:
        match part:
            case typed.Truth(value=value):
                return str(value), known, known
            case typed.Comparison():
                return self._comparisons.write(part, at, known)
            case typed.Negation(child=child):
                test, when_true, when_false = self._write(child, at, known)
                return f"(not {test})", when_false, when_true
            case typed.All(children=children):
                return self._chain(children, "and", at, known)
            case typed.Some(children=children):
                test, when_true, when_false = self._chain(children, "or", at, known)
                return test, when_false, when_true

    def _chain(self, children: tuple[typed.Condition, ...], word: str, at: scope.Scope, known: scope.Known) -> _Written:
        """(expression, known after running to its end, known after stopping early)."""
        if not children:
            return str(word == "and"), known, known
        tests = []
        early: scope.Known | None = None
        for child in children:
            test, when_true, when_false = self._write(child, at, known)
            tests.append(test)
            going, stopping = (when_true, when_false) if word == "and" else (when_false, when_true)
            early = stopping if early is None else early & stopping
            known = going
        return "(" + f" {word} ".join(tests) + ")", known, early if early is not None else known


def _is_cheap(part: typed.Condition) -> bool:
    if isinstance(part, typed.Negation):
        part = part.child
    if isinstance(part, typed.Truth):
        return True
    return isinstance(part, typed.Comparison) and part.op in _CHEAP and part.modifier is None and not part.left.many
