"""One comparison as a Python expression.

Simple operators become Python's own on the local variable, the others a call of a test that is
bound as data. An unavailable value (None) makes every comparison false, `!=` included; where
Python's operator already says so (`None == b"x"`, `None in {...}`) no test is written.
"""

from __future__ import annotations

from typing import Final

from falcon_rules import typed
from falcon_rules.evaluate import operands, predicates, scope
from falcon_rules.fields import table

_METHODS: Final = {
    "contains": "{right} in {left}",
    "bcontains": "{right} in {left}",
    "icontains": "{right}.lower() in {left}.lower()",
    "startswith": "{left}.startswith({right})",
    "bstartswith": "{left}.startswith({right})",
    "endswith": "{left}.endswith({right})",
}
_SYMBOLS: Final = {"=": "==", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_EXPRESSIONS: Final = _METHODS | {op: f"{{left}} {symbol} {{right}}" for op, symbol in _SYMBOLS.items()}


class Comparisons:
    """Writes comparisons; `write` gives the expression and the slots known after true and after false."""

    def __init__(self, bindings: operands.Bindings) -> None:
        self._bindings = bindings

    def write(
        self, part: typed.Comparison, at: scope.Scope, known: scope.Known
    ) -> tuple[str, scope.Known, scope.Known]:
        first, name, after = at.read(part.left, known)
        any_of = table.any_of(part.left.name, part.left.argument) if isinstance(part.left, typed.FieldRef) else None
        if part.op == "exists":
            return (f"{first} is not None" if any_of is None else f"bool({first})"), after, after
        if not isinstance(part.right, tuple):
            second, other, after_both = at.read(part.right, after)
            test = self._with_operand(part, name, other)
            return f"({first} is not None and {second} is not None and {test})", after_both, after
        if any_of is not None:
            return self._with_candidates(part, any_of, first, name), after, after
        if part.left.many:
            return self._with_list(part, first, name), after, after
        return self._with_literals(part, first, name), after, after

    def _with_operand(self, part: typed.Comparison, left: str, right: str) -> str:
        if part.left.many:
            return self._call(predicates.subset if part.op == "in" else predicates.common, left, right)
        if part.op in ("glob", "iglob"):
            return self._call(predicates.like if part.op == "glob" else predicates.like_ignoring_case, left, right)
        op = "=" if part.op in ("in", "intersects") else part.op
        return _EXPRESSIONS[op].format(left=left, right=right)

    def _call(self, function: predicates.Relation, left: str, right: str) -> str:
        name = self._bindings.bind("r", function, lambda: function, function.__name__)
        return f"{name}({left}, {right})"

    def _with_list(self, part: typed.Comparison, first: str, name: str) -> str:
        assert isinstance(part.right, tuple)
        right = part.right
        test = self._bind_test(part, lambda: predicates.list_test(part.op, right))
        return f"({first} is not None and {test}({name}))"

    def _with_candidates(self, part: typed.Comparison, any_of: table.AnyOf, first: str, name: str) -> str:
        assert isinstance(part.right, tuple)
        right = part.right
        if part.modifier is None and part.left.kind is not typed.Kind.NETWORK:
            if part.op == "=":
                return f"({first} is not None and {self._bindings.value(right[0])} in {name})"
            if part.op in ("in", "intersects"):
                return f"({first} is not None and not {self._set(right)}.isdisjoint({name}))"
        test = self._bind_test(part, lambda: predicates.candidates_test(any_of, part.op, right, part.modifier))
        return f"({first} is not None and {test}({name}))"

    def _with_literals(self, part: typed.Comparison, first: str, name: str) -> str:
        assert isinstance(part.right, tuple)
        right = part.right
        network = part.left.kind is typed.Kind.NETWORK
        if part.modifier is None and not network:
            if part.op == "=" or (part.op in ("in", "intersects") and len(right) == 1):
                return f"{first} == {self._bindings.value(right[0])}"
            if part.op in ("in", "intersects"):
                return f"{first} in {self._set(right)}"
            if part.op == "icontains":
                needle = self._bindings.value(_lowered(right[0]))
                return f"({first} is not None and {needle} in {name}.lower())"
            if part.op in _EXPRESSIONS:
                test = _EXPRESSIONS[part.op].format(left=name, right=self._bindings.value(right[0]))
                return f"({first} is not None and {test})"
        if part.modifier == "anyof" and part.op in ("startswith", "endswith"):
            choices = self._bindings.bind("k", ("tuple", right), lambda: right, ascii(right))
            return f"({first} is not None and {name}.{part.op}({choices}))"
        test = self._bind_test(part, lambda: predicates.literal_test(part.op, right, part.modifier))
        return f"({first} is not None and {test}({name}))"

    def _set(self, right: tuple[typed.Value, ...]) -> str:
        values = frozenset(right)
        return self._bindings.bind("k", ("set", tuple(map(type, right)), values), lambda: values, ascii(right))

    def _bind_test(self, part: typed.Comparison, make: operands.MakeTest) -> str:
        note = f"{part.op} {part.modifier or ''} {part.right!a}"
        kind = (part.left.kind, part.left.many)
        named = part.left.name if isinstance(part.left, typed.FieldRef) and part.left.argument is None else None
        any_of = table.any_of(named, None) if named else None
        return self._bindings.bind("p", (part.op, part.modifier, part.right, kind, any_of), make, note)


def _lowered(value: typed.Value) -> bytes:
    assert isinstance(value, bytes)
    return value.lower()
