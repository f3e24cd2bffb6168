"""The door of this package: typed conditions in, functions of an event out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, cast

from falcon_rules import typed
from falcon_rules.evaluate import operands, source


class Rules(Protocol):
    """Indexes of the rules that hold for an event, in the order they were given.

    source: the generated Python, after one comment line for each name that stands for data.
    """

    source: str

    def __call__(self, event: Any, /) -> tuple[int, ...]: ...


class Predicate(Protocol):
    """Whether a condition holds for an event. source: as of `Rules`."""

    source: str

    def __call__(self, event: Any, /) -> bool: ...


def compile_rules(rules: Sequence[tuple[int, typed.Condition]], resolver: operands.Resolver, first: bool) -> Rules:
    """One function for many rules, each given with the index it shall report.

    first: stop at the first rule that holds (the result has at most one index). An extractor is
    called at most once per event, and only if a test that is reached needs it.
    """
    program = source.Program(rules, resolver, first)
    text = program.source()
    function = _run(text, program.bindings.namespace)["rules"]
    function.source = program.bindings.described() + text
    return cast(Rules, function)


def compile_condition(condition: typed.Condition, resolver: operands.Resolver) -> Predicate:
    """A single condition as a function of the event."""
    rules = compile_rules([(0, condition)], resolver, first=True)

    def holds(event: Any, /) -> bool:
        return bool(rules(event))

    holds.source = rules.source  # type: ignore[attr-defined]
    return cast(Predicate, holds)


def _run(text: str, namespace: dict[str, Any]) -> dict[str, Any]:
    """Define the functions of `text`, whose every word this package has chosen."""
    exec(compile(text, "<falcon rules>", "exec", dont_inherit=True), namespace)
    return namespace
