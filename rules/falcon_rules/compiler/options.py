"""What the compiler is asked for besides the files: which rules, how urgent, what to add to outputs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from falcon_rules import bundle


@dataclass(frozen=True, slots=True)
class Selection:
    """Switches rules on or off: those whose name fits `rule` (`*` stands for anything), or that have `tag`."""

    enable: bool
    rule: str | None = None
    tag: str | None = None

    def matches(self, name: str, tags: Iterable[str]) -> bool:
        if self.rule is not None:
            pattern = ".*".join(map(re.escape, self.rule.split("*")))
            return re.fullmatch(pattern, name, re.DOTALL) is not None
        return any(tag == self.tag for tag in tags)


@dataclass(frozen=True, slots=True)
class ExtraOutput:
    """Text added to outputs, for rules that have the source, the name and all of the tags that are given."""

    format: str
    source: str | None = None
    tags: frozenset[str] = frozenset()
    rule: str | None = None

    def matches(self, name: str, source: str, tags: frozenset[str]) -> bool:
        return self.rule in (None, name) and self.source in (None, source) and self.tags <= tags


@dataclass(frozen=True, slots=True)
class Options:
    """selections apply in order, after the rules' own `enabled`; min_priority keeps less urgent rules inactive."""

    selections: tuple[Selection, ...] = ()
    min_priority: bundle.Priority = bundle.Priority.DEBUG
    extra_outputs: tuple[ExtraOutput, ...] = ()
    revision: int = 0
