"""How an option is written down: default, description, unit, constraints in one place (see `model`)."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

Priority = Literal["emergency", "alert", "critical", "error", "warning", "notice", "informational", "info", "debug"]
"""As rules and alerts name it, in lower case."""

STRICT: dict[str, Any] = {"extra": "forbid"}
"""For `__pydantic_config__`. A misspelt option that is silently ignored is an option that is not set."""

KIBI, MEBI = 1 << 10, 1 << 20


def option(default: Any, description: str, unit: str | None = None, **constraints: Any) -> Any:
    """A field: `unit` is for people, `constraints` are pydantic's (`ge`, `gt`, `le`, `multiple_of`)."""
    metadata = {"description": description, "unit": unit, **constraints}
    if callable(default):
        return dataclasses.field(default_factory=default, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def minimum_priority() -> Any:
    """The same option for every output."""
    return option("debug", "less urgent alerts do not go there")


def level(priority: Priority) -> str:
    """As `falcon_rules.bundle.Priority` names it."""
    return {"info": "INFORMATIONAL"}.get(priority, priority.upper())
