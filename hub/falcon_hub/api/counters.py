"""What came in, for /metrics. The numbers of sinks are routing's."""

from __future__ import annotations

import collections
from collections.abc import Sequence
from dataclasses import dataclass, field

from falcon_hub import alerts
from falcon_hub.store import records


@dataclass(slots=True)
class Counters:
    """new: alerts by priority's name, repeats included, as they came. refused, unavailable: requests."""

    new: collections.Counter[str] = field(default_factory=collections.Counter)
    stored: int = 0
    duplicates: int = 0
    refused: int = 0
    unavailable: int = 0

    def accepted(self, found: Sequence[alerts.Alert], added: records.Added) -> None:
        self.new.update(each.priority.name.lower() for each in found)
        self.stored += added.new
        self.duplicates += added.duplicates
