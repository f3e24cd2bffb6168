"""What is said of a resource that is about to be stored: refused, admitted, or admitted with warnings.

A rule is refused if it would not be in force as it is. A rule set is refused for what is wrong in
itself; that it takes away something that other rules use is a warning, because those rules stay in
force as they last were, and an order in which to change both must exist.

A macro that nobody has defined is a warning as well, unless it looks like a misspelt one: Helm and
`kubectl apply` of a directory store rules before the rule set that defines it, and a refusal would
end there. The rule comes into force when the macro is there; its status says so until then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from falcon_operator.admission import reviews
from falcon_operator.reconcile import catalog, compiling, resources, warnings
from falcon_rules.compiler import macros
from falcon_rules.diagnostics import Diagnostic, Severity


class Checker:
    """ready: whether everything in the cluster has been compiled once; before that nothing can be said."""

    def __init__(self, known: catalog.Catalog, ready: Callable[[], bool]) -> None:
        self._catalog = known
        self._ready = ready

    def check(self, resource: resources.Resource) -> reviews.Answer:
        """May take long; touches nothing, so that it can run in a thread."""
        if not self._ready():
            return reviews.Answer(warnings=("not checked: Falcon's operator is starting; see the resource's status",))
        outcomes, further = self._catalog.check(resource)
        found = _unique([*(each for outcome in outcomes for each in outcome.diagnostics), *further])
        awaited = [each for each in found if _may_follow(each)]
        errors = [each for each in found if each.is_error and each not in awaited]
        told = [f"{reviews.warning(each)}; not in force until a FalconRuleSet defines it" for each in awaited]
        told += [reviews.warning(each) for each in found if each.severity is Severity.WARNING]
        if not errors:
            suspicious = warnings.of(resource, outcomes, self._catalog.entries())
            told = [*map(_broken, self._catalog.breaks(resource)), *told, *map(reviews.warning, suspicious)]
        return reviews.Answer(errors, told)


def _may_follow(found: Diagnostic) -> bool:
    return macros.is_undefined(found) and not found.suggestion


def _broken(found: tuple[catalog.Entry, compiling.Outcome]) -> str:
    entry, outcome = found
    why = next((each.message for each in outcome.diagnostics if each.is_error), "it would not compile")
    return f"this breaks {entry.owner}, which stays in force as it is now: {why}"


def _unique(found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Each finding once: one about a macro comes with every rule that uses it."""
    keyed = {(each.place.file, each.place.line, each.place.column, each.code, each.message): each for each in found}
    return list(keyed.values())
