"""Settings from the environment, and all of them as text."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Mapping
from typing import Any

import pydantic

from falcon_operator.settings import Settings

_PREFIX = "FALCON_OPERATOR_"


def settings(given: Mapping[str, Any]) -> Settings | None:
    """From the environment and, going before it, `given`; None, with all errors told, if they are no good."""
    try:
        return Settings(**given)
    except pydantic.ValidationError as error:
        for each in error.errors(include_url=False):
            name = f"{_PREFIX}{'_'.join(map(str, each['loc'])).upper()}"
            print(f"falcon-operator: {name}={each['input']!r}: {each['msg']}", file=sys.stderr)
        return None


def text() -> str:
    """What can be set, with descriptions and defaults, to be read by a shell."""
    lines = []
    for name, each in Settings.model_fields.items():
        lines += textwrap.wrap(each.description or "", 100, initial_indent="# ", subsequent_indent="#   ")
        default = each.default
        shown = "" if default is None else str(default).lower() if isinstance(default, bool) else str(default)
        lines.append(f"{_PREFIX}{name.upper()}={shown}")
    return "\n".join(lines) + "\n"
