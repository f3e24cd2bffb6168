"""What an installed sensor can tell about rules: the language itself knows no kernel.

The package of a sensor registers an object of this shape as an entry point; where none is
installed (in the operator's image, on a laptop) `falcon-rules` does without. So layers hold: the
sensor knows the language and not the reverse.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Protocol, cast

from falcon_rules import bundle, typed

GROUP = "falcon_rules.explain"
"""Group of the entry point. An object of it is a `Sensor`."""


@dataclass(frozen=True, slots=True)
class InKernel:
    """What the kernel does for a rule with events of one type.

    decided: comparisons because of which the kernel can refuse an event. left: those it leaves to user space. Each
    with whether it stands under a `not`. everything: it refuses no event on this rule's account, each is shipped.
    """

    event: str
    decided: tuple[tuple[typed.Comparison, bool], ...]
    left: tuple[tuple[typed.Comparison, bool], ...]
    everything: bool


class Sensor(Protocol):
    """What an installed sensor tells of itself."""

    def version(self) -> str:
        """Name and version: ``falcon-sensor 0.1.0``."""

    def explain(self, rule: bundle.Rule) -> Sequence[InKernel]:
        """By event type that the sensor watches and the rule can hold for; empty if there is none."""

    def c(self, rule: bundle.Rule) -> str:
        """The generated C of the kernel's filter, if this were the only rule."""

    def reason(self, field: typed.FieldRef) -> str | None:
        """Why it cannot fill the field; None if it can."""

    def events(self) -> frozenset[str]:
        """Event types that it watches."""

    def floods(self, rules: Iterable[bundle.Rule]) -> Mapping[str, tuple[str, ...]]:
        """By event type, names of the rules that force (nearly) every such event to user space."""


def installed() -> Sensor | None:
    """The sensor of this installation, None without one. A broken one is as good as none."""
    for entry in metadata.entry_points(group=GROUP):
        try:
            return cast(Sensor, entry.load())
        except ImportError:
            continue
    return None
