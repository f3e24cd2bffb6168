"""Every resource, and what it compiles to.

Resources go in one by one as they change; `compile` then does what they ask for all at once,
and only that: a rule is compiled again when it changed, or when a macro or list that it uses
(or a word in it that has just become the name of one) did. A rule that breaks leaves the last
version that compiled in force.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from falcon_rules import bundle
from falcon_rules.diagnostics import Diagnostic

from falcon_operator.reconcile import resources


class Verdict(StrEnum):
    """What the compiler said about a rule as it is now."""

    INVALID = "invalid"
    """the spec is malformed"""
    COMPILE_ERROR = "compile error"
    TEST_FAILED = "test failed"
    GOOD = "good"


@dataclass(frozen=True, slots=True)
class Entry:
    """What one rule came to.

    uid: in the bundle. owner: the resource it stands in (a rule set holds several). generation: of the owner,
    that was compiled. enabled: false keeps it out of bundles. good: the version to be in force, which is of
    an earlier generation if `verdict` is not GOOD; None if no version ever compiled.
    """

    uid: str
    owner: resources.Ref
    generation: int
    verdict: Verdict
    enabled: bool
    diagnostics: tuple[Diagnostic, ...] = ()
    good: bundle.Rule | None = None
    hash: str = ""
    node_selector: Mapping[str, str] = field(default_factory=dict)
    test_failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Changes:
    """What a `compile` did. rules: uids whose entry changed or vanished. resources: owners whose status may differ."""

    rules: frozenset[str]
    resources: frozenset[resources.Ref]


class Catalog:
    """put and remove as watch events come (cheap), then compile (may take seconds; run it in a thread, and
    touch nothing of the catalog meanwhile)."""

    def put(self, resource: resources.Resource) -> bool:
        """Takes a new or changed resource; whether there is something to compile."""
        ...

    def remove(self, ref: resources.Ref) -> bool: ...

    def remove_namespace(self, namespace: str) -> bool:
        """All resources of a namespace that was deleted."""
        ...

    def compile(self) -> Changes: ...

    def entries(self) -> Sequence[Entry]:
        """In the order in which rules are tried."""
        ...

    def of(self, ref: resources.Ref) -> Sequence[Entry]:
        """The rules of one resource: one, or those of a rule set."""
        ...

    def resource(self, ref: resources.Ref) -> resources.Resource | None: ...

    def diagnostics(self, ref: resources.Ref) -> Sequence[Diagnostic]:
        """What was found about the resource, beyond its rules' own entries."""
        ...
