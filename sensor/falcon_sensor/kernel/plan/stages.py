"""The order in which a filter asks: what costs nothing, what costs a read, what costs a walk.

    early    before any name is read: results and flags; then the container bit, users, comm
    late     with names: flags and path tests; then what costs a read; then ancestors

Each stage is the whole filter with all later questions taken as true, so most events leave at the
first, and a stage that would not ask anything new is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from falcon_sensor.kernel.plan import atoms, clauses, expression
from falcon_sensor.records import calls, layout


class Cost(IntEnum):
    FACT = 0
    """in the facts, or a bit of a text that is walked anyway"""
    READ = 1
    """one or two reads of kernel memory"""
    ANCESTORS = 2
    """a walk up the tree of processes"""


_ARGUMENTS = tuple(f"argument_{position}" for position in range(calls.ARGUMENTS))

_FACTS = frozenset(
    (
        "result",
        "last_slash",
        "open_flags",
        "mode",
        "flags",
        "fd",
        "family",
        "sock_type",
        "protocol",
        "source_port",
        "dest_port",
        *_ARGUMENTS,
    )
)
_EARLY = frozenset(
    ("result", "open_flags", "mode", "fd", "container", "uid", "gid", "pid", "vpid", "has_tty", *_ARGUMENTS)
)
_EARLY_BITS = _EARLY | {"caps_effective"}


@dataclass(frozen=True, slots=True)
class Filter:
    """The filter of the event types that share it. Stages are asked in order and each may refuse."""

    events: tuple[str, ...]
    alternatives: clauses.Clauses
    early: tuple[tuple[clauses.Branch, ...], ...]
    late: tuple[tuple[clauses.Branch, ...], ...]

    @property
    def kind(self) -> layout.Kind:
        return layout.KIND_OF[self.events[0]]


def cost(atom: atoms.Atom) -> Cost:
    if isinstance(atom, atoms.Text):
        if atom.subject in atoms.PATHS:
            return Cost.FACT
        return Cost.READ if atom.subject is atoms.Subject.COMM else Cost.ANCESTORS
    if isinstance(atom, atoms.Address) or atom.fact in _FACTS:
        return Cost.FACT
    return Cost.ANCESTORS if atom.fact == "ancestors" else Cost.READ


def is_early(leaf: expression.Leaf) -> bool:
    """Whether the question can be asked, and is worth asking, before names are known.

    "Is none of these programs" rarely refuses an event, so it can wait.
    """
    atom = leaf.atom
    if isinstance(atom, atoms.Text):
        return atom.subject is atoms.Subject.COMM and leaf.positive
    return not isinstance(atom, atoms.Address) and atom.fact in _EARLY_BITS


def arranged(events: tuple[str, ...], given: clauses.Clauses, *, merge: bool = True) -> Filter:
    """The filter with its stages. merge: as for `clauses.factored`."""
    # From the last stage backwards: each is what is left of the one after it.
    late = [given]
    for most in (Cost.READ, Cost.FACT):
        late.insert(0, clauses.changed(late[0], _asking(most, False)))
    early = [clauses.changed(stage, _asking(Cost.READ, True)) for stage in late[:2]]
    kept = _different([*early, *late])
    early, late = ([stage for stage in part if any(stage is each for each in kept)] for part in (early, late))
    return Filter(
        events,
        given,
        tuple(clauses.factored(stage, merge=merge) for stage in early),
        tuple(clauses.factored(stage, merge=merge) for stage in late),
    )


def _different(in_order: list[clauses.Clauses]) -> list[clauses.Clauses]:
    """Those that ask something else than the one before them."""
    found = []
    previous: set[expression.Expression] = {expression.TRUE}
    for stage in in_order:
        if set(stage) != previous:
            found.append(stage)
        previous = set(stage)
    return found


def _asking(most: Cost, early: bool) -> Callable[[expression.Leaf], expression.Expression]:
    def change(leaf: expression.Leaf) -> expression.Expression:
        return leaf if cost(leaf.atom) <= most and (is_early(leaf) or not early) else expression.TRUE

    return change
