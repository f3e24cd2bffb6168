"""One generated function while it is being written: which locals it has and which are filled.

Source is written in the order it runs, so the first time a local is written about it cannot be
filled yet and needs no test; and along a path on which it was certainly read (`Known`), later
readers need none either.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from falcon_rules.evaluate import operands

Known: TypeAlias = frozenset[int]
"""Slots that are certainly filled where an expression stands."""


class Scope:
    """Locals of one function. `compute` writes how a slot's value is computed in it."""

    def __init__(self, slots: operands.Slots, fetch: Callable[[int], str] | None = None) -> None:
        self._slots = slots
        self._fetch = fetch
        self._seen: set[str] = set()
        self._tested: dict[str, str] = {}

    def read(self, operand: operands.Slotted, known: Known) -> tuple[str, str, Known]:
        """(expression that fills and gives the value, name to use after it, slots known after it)."""
        number = self._slots.number(operand)
        name = f"f{number}"
        if number in known:
            return name, name, known
        after = known
        if self._fetch is not None:
            computation = self._fetch(number)
        else:

            def read_part(part: operands.Slotted) -> str:
                nonlocal after
                expression, _, after = self.read(part, after)
                return expression

            computation = self._slots.computation(operand, read_part)
        return self._filled(name, computation, "..."), name, after | {number}

    def once(self, name: str, expression: str) -> str:
        """`expression` (a bool) evaluated at most once per call, kept in the local `name`."""
        return self._filled(name, expression, "None")

    def _filled(self, name: str, expression: str, empty: str) -> str:
        if name not in self._seen:
            self._seen.add(name)
            return f"({name} := {expression})"
        self._tested[name] = empty
        return f"({name} if {name} is not {empty} else ({name} := {expression}))"

    def prologue(self) -> list[str]:
        """Statements that mark as empty what is tested for emptiness."""
        lines = []
        for empty in ("...", "None"):
            names = [name for name, mark in self._tested.items() if mark == empty]
            # A chain of targets nests in the parser, so it is kept short.
            lines += [" = ".join([*names[i : i + 20], empty]) for i in range(0, len(names), 20)]
        return lines
