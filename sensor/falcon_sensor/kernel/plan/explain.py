"""What the kernel decides of each rule, and what it must leave to user space.

For people who ask why a rule costs what it costs (`falcon-rules explain`), and for a rule's status
(`compiled.inKernel`). A comparison counts as decided by the kernel if the kernel can refuse an
event because of it, in the polarity in which the rule uses it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from falcon_rules import bundle, typed
from falcon_sensor.kernel.plan import atoms, clauses, decisions, expression, literals, residual, stages
from falcon_sensor.records import layout


@dataclass(frozen=True, slots=True)
class Explained:
    """One rule and one of its event types.

    decided, left: the rule's comparisons, in its order, each with whether it stands under a `not`.
    everything: no event of this type is refused on the rule's account: each is shipped.
    condition: what the kernel tests, for people.
    """

    rule: str
    event: str
    decided: tuple[tuple[typed.Comparison, bool], ...]
    left: tuple[tuple[typed.Comparison, bool], ...]
    everything: bool
    condition: expression.Expression

    @property
    def in_kernel(self) -> bool:
        """The kernel refuses some events on the rule's account."""
        return not self.everything


def explain(rules: Iterable[bundle.Rule]) -> list[Explained]:
    """Every rule with every recorded event type it can hold for, in the order of the rules."""
    listed = list(rules)
    found: list[tuple[int, Explained]] = []
    numbers = {id(rule): number for number, rule in enumerate(listed)}
    for event in layout.EVENTS:
        view = decisions.View(layout.KIND_OF[event], event)
        wishes = residual.wishes(listed, event)
        found += [(numbers[id(wish.rule)], _explained(wish, view)) for wish in wishes]
    found.sort(key=lambda each: each[0])
    return [each for _, each in found]


def floods(rules: Iterable[bundle.Rule]) -> dict[str, tuple[str, ...]]:
    """By event type, the rules that force (nearly) every such event to user space.

    Nearly: what remains is only how the call ended, and names that must not be (exceptions), which refuse few events.
    """
    found: dict[str, dict[str, None]] = {}
    for each in explain(rules):
        asked = {_fact(leaf) for leaf in expression.leaves(each.condition) if _selects(leaf)}
        if asked <= {"result"}:
            found.setdefault(each.event, {})[each.rule] = None
    return {event: tuple(names) for event, names in found.items()}


def _selects(leaf: expression.Leaf) -> bool:
    """Whether it lets only few events through, rather than keep few away."""
    return leaf.positive or not isinstance(leaf.atom, atoms.Text)


def _fact(leaf: expression.Leaf) -> str:
    return getattr(leaf.atom, "fact", "text")


def _explained(wish: residual.Wish, view: decisions.View) -> Explained:
    decided: dict[tuple[typed.Comparison, bool], None] = {}
    left: dict[tuple[typed.Comparison, bool], None] = {}
    for comparison, negated in _comparisons(wish.rule.condition):
        found = literals.decide(comparison, view)
        answer = found.fails if negated else found.holds
        (left if answer == expression.TRUE and found != decisions.ALWAYS else decided)[comparison, negated] = None
    everything = wish.condition == expression.TRUE
    return Explained(wish.rule.name, view.event, tuple(decided), tuple(left), everything, wish.condition)


def _comparisons(condition: typed.Condition) -> Iterable[tuple[typed.Comparison, bool]]:
    """All comparisons in reading order, with whether an odd number of `not` stands above them."""
    pending: list[tuple[typed.Condition, bool]] = [(condition, False)]
    while pending:
        node, negated = pending.pop()
        if isinstance(node, typed.Comparison):
            yield node, negated
        elif isinstance(node, typed.Negation):
            pending.append((node.child, not negated))
        elif isinstance(node, typed.All | typed.Some):
            pending += [(child, negated) for child in reversed(node.children)]


def costs(filters: Iterable[stages.Filter]) -> dict[str, tuple[int, ...]]:
    """By event type, how many tests each stage has: what an event costs that gets that far."""
    return {
        event: tuple(
            sum(expression.size(test) for test in clauses.tests_of(stage)) for stage in (*each.early, *each.late)
        )
        for each in filters
        for event in each.events
    }
