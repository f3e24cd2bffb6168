"""All options with their defaults as commented YAML: what `falcon-hub settings` prints and docs/hub-settings.md shows.
Written from `model`, so it cannot be out of date."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from typing import Any

import pydantic

from falcon_hub.settings import model

_WIDTH = 100


def text(kind: type[pydantic.BaseModel] = model.Settings) -> str:
    """A YAML document that, given back with `-c`, sets exactly the defaults."""
    return "\n".join(_lines(kind, "")) + "\n"


def _lines(kind: type[pydantic.BaseModel], indent: str) -> Iterator[str]:
    secret = model.secret_names(kind)
    for name, each in kind.model_fields.items():
        comment = (each.description or "") + (f"; or {name}_file, {name}_env" if name in secret else "")
        yield from textwrap.wrap(
            comment, _WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}#   ", break_on_hyphens=False
        )
        if isinstance(each.annotation, type) and issubclass(each.annotation, pydantic.BaseModel):
            yield f"{indent}{name}:"
            yield from _lines(each.annotation, indent + "  ")
        else:
            yield f"{indent}{name}: {json.dumps(_plain(each.default))}"


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def markdown() -> str:
    """docs/hub-settings.md as a whole."""
    return f"""# Settings of falcon-hub

Generated from `hub/falcon_hub/settings/model.py`; `falcon-hub settings` prints the YAML below. Options of sinks are
in [hub-sinks.md](hub-sinks.md).

Give a file with `-c hub.yaml`, single options with `-o section.option=value` (the value is YAML), or environment
variables (`FALCONHUB_LISTEN__PORT=2801`). The file is read first, then the environment, then `-o`; later ones win. A
key that is no option is an error.

```yaml
{text()}```
"""
